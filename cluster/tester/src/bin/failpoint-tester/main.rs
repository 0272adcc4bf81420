//! The command `failpoint-tester`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use failpoint_tester::checks::linearizable::{self, Budget};
use failpoint_tester::checks::{order, watch};
use failpoint_tester::history::History;

mod bench;
mod cases;
mod run;
mod validate;

/// Injects faults into a running store under load, and checks that it keeps its promises.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Validate(validate::Arguments),
    Cases(cases::Arguments),
    /// Check a history of JSON lines. The exit status is 0 if all rules hold, 3 if one is violated,
    /// 4 if one is not decided, 1 if the file cannot be read.
    Check {
        /// The file.
        file: PathBuf,
        /// The checkers to run. ORDER needs revisions, so it is not right for every store.
        #[arg(long, value_delimiter = ',', default_values = ["order", "watch"])]
        checks: Vec<Check>,
        /// How many seconds LINEARIZABLE may take.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// How many configurations LINEARIZABLE may hold at once.
        #[arg(long, default_value_t = 1_000_000)]
        configurations: usize,
    },
    /// Measure a checker on the history of a simulated, correct store.
    Bench(bench::Arguments),
}

#[derive(Clone, Copy, ValueEnum)]
enum Check {
    Order,
    Linearizable,
    Watch,
}

impl Check {
    /// Prints the verdict, and gives the exit status for it.
    fn run(self, history: &History, budget: Budget) -> u8 {
        match self {
            Self::Order => {
                let order = order::check(history);
                let status = status(&order.verdict);
                println!("ORDER {}", order.verdict);
                if order.discarded > 0 {
                    println!(
                        "ORDER discarded by a restore: {} acknowledged writes",
                        order.discarded
                    );
                }
                status
            }
            Self::Linearizable => {
                let verdict = linearizable::check(history, budget);
                println!("LINEARIZABLE {verdict}");
                status(&verdict)
            }
            Self::Watch => {
                let verdict = watch::check(history);
                println!("WATCH {verdict}");
                status(&verdict)
            }
        }
    }
}

fn status<V, N>(verdict: &failpoint_tester::checks::Verdict<V, N>) -> u8 {
    match verdict {
        failpoint_tester::checks::Verdict::Holds => 0,
        failpoint_tester::checks::Verdict::Violated(_) => 3,
        failpoint_tester::checks::Verdict::NotDecided(_) => 4,
    }
}

fn main() -> ExitCode {
    if let Some(status) = failpoint_tester::process::launch::main_if_asked() {
        return status;
    }
    match Arguments::parse().command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Validate(arguments) => validate::main(&arguments),
        Command::Cases(arguments) => cases::main(&arguments),
        Command::Check { file, checks, seconds, configurations } => {
            let opened = File::open(&file).map_err(failpoint_tester::history::ReadError::Io);
            match opened.and_then(|opened| History::read(BufReader::new(opened))) {
                Ok(history) => {
                    let budget = Budget { time: Duration::from_secs(seconds), configurations };
                    let statuses: Vec<u8> =
                        checks.into_iter().map(|check| check.run(&history, budget)).collect();
                    // A violation weighs more than what is not decided.
                    let worst = if statuses.contains(&3) {
                        3
                    } else {
                        statuses.into_iter().max().unwrap_or(0)
                    };
                    ExitCode::from(worst)
                }
                Err(error) => {
                    eprintln!("{}: {error}", file.display());
                    ExitCode::FAILURE
                }
            }
        }
        Command::Bench(arguments) => bench::run(&arguments),
    }
}
