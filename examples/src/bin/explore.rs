//! Crashes a log everywhere, and prints what was found.

#![forbid(unsafe_code)]

use std::process::ExitCode;

const USAGE: &str = "\
usage: explore wal [--variant no-sync|torn-tail|no-dir-sync] [--steps 2] [--states N] [--seed 0]
       explore syncs

wal    crashes the log of wal_server everywhere, in every sequence of up to so many steps; with
       --variant, a log with that mistake. Prints progress, the report, and one line of JSON.
       Exit status: 0 held, 3 lost, 1 not measured or harness broken, 2 bad arguments
syncs  lets each sync of that log lie in turn, and says which of them are needed";

fn main() -> ExitCode {
    match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command.run(),
        Err(error) => {
            eprintln!("explore: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

enum Command {
    Wal(Options),
    Syncs,
    Help,
}

#[cfg_attr(not(feature = "failpoints"), allow(dead_code))] // there is nothing to explore
struct Options {
    variant: Option<String>,
    steps: usize,
    states: u64,
    seed: u64,
}

impl Command {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options { variant: None, steps: 2, states: u64::MAX, seed: 0 };
        let what = arguments.next().ok_or("say what to explore")?;
        let command = match &*what {
            "wal" => "wal",
            "syncs" => "syncs",
            "--help" | "-h" | "help" => return Ok(Command::Help),
            other => return Err(format!("{other:?} cannot be explored")),
        };
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or(format!("{option} needs a value"))?;
            let bad = |expected| format!("{option} {value}: expected {expected}");
            match &*option {
                _ if command == "syncs" => return Err(format!("syncs takes no {option}")),
                "--variant" => match &*value {
                    "no-sync" | "torn-tail" | "no-dir-sync" => options.variant = Some(value),
                    _ => return Err(bad("no-sync, torn-tail or no-dir-sync")),
                },
                "--steps" => {
                    let steps = value.parse().ok().filter(|steps| (1..=4).contains(steps));
                    options.steps = steps.ok_or_else(|| bad("a number from 1 to 4"))?;
                }
                "--states" => {
                    let states = value.parse().ok().filter(|&states| states > 0);
                    options.states = states.ok_or_else(|| bad("a number from 1 on"))?;
                }
                "--seed" => options.seed = value.parse().map_err(|_| bad("a number"))?,
                _ => return Err(format!("there is no option {option}")),
            }
        }
        Ok(if command == "wal" { Command::Wal(options) } else { Command::Syncs })
    }

    fn run(self) -> ExitCode {
        match self {
            Command::Help => {
                println!("{USAGE}");
                ExitCode::SUCCESS
            }
            Command::Wal(options) => wal(options),
            Command::Syncs => syncs(),
        }
    }
}

#[cfg(feature = "failpoints")]
fn wal(options: Options) -> ExitCode {
    use failpoint_disk::{Explore, Verdict};
    use failpoint_examples::explore::{self, Mistake};

    let explore = Explore::new().max_states(options.states).seed(options.seed);
    let report = match options.variant.as_deref() {
        Some("no-sync") => explore::wrong_log(&explore, Mistake::NoSync),
        Some("torn-tail") => explore::wrong_log(&explore, Mistake::TornTail),
        Some(_) => explore::wrong_log(&explore, Mistake::NoDirSync),
        None => explore::wal(&explore, options.steps),
    };
    println!("{report}");
    let schedule_length = report
        .failure
        .as_ref()
        .map_or("null".to_owned(), |failure| failure.schedule_length.to_string());
    println!(
        "{{\"states\":{},\"states_per_second\":{:.0},\"verdict\":\"{}\",\"exhaustive\":{},\
         \"schedule_length\":{schedule_length},\"seed\":{}}}",
        report.states,
        report.states_per_second(),
        report.verdict,
        report.exhaustive,
        report.seed,
    );
    match report.verdict {
        Verdict::Held => ExitCode::SUCCESS,
        Verdict::Lost => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(feature = "failpoints")]
fn syncs() -> ExitCode {
    let report = failpoint_examples::explore::wal_syncs(&failpoint_disk::Explore::new());
    println!("{report}");
    let is_held = report.baseline.verdict == failpoint_disk::Verdict::Held;
    if is_held && report.unnoticed().count() == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

#[cfg(not(feature = "failpoints"))]
fn wal(_: Options) -> ExitCode {
    syncs()
}

#[cfg(not(feature = "failpoints"))]
fn syncs() -> ExitCode {
    eprintln!("explore: failpoints were compiled out; build with --features failpoints");
    ExitCode::FAILURE
}
