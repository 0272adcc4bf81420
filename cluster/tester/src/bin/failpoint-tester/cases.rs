//! `failpoint-tester cases`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use failpoint_tester::cases::{Availability, CASES};
use failpoint_tester::config::{self, Config};
use failpoint_tester::run::schedule::Schedule;

/// List all cases, and whether the subject of a configuration can be put through them.
#[derive(Args)]
pub(super) struct Arguments {
    /// The configuration. Without one, the names are listed.
    config: Option<PathBuf>,
    /// Only these cases, in this order: names, and patterns such as `SIGTERM_*`, as in the configuration.
    #[arg(long, value_delimiter = ',', value_name = "CASES", requires = "config")]
    cases: Vec<String>,
    /// Print the schedule of this seed instead: the cases in their order, and where the draws of each
    /// start.
    #[arg(long, requires = "config")]
    seed: Option<u64>,
    /// How many rounds of the schedule.
    #[arg(long, default_value_t = 1, requires = "seed")]
    rounds: u64,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Some(path) = &arguments.config else {
        for case in CASES {
            println!("{}", case.name);
        }
        return ExitCode::SUCCESS;
    };
    match load(path, &arguments.cases) {
        Ok(config) => {
            match arguments.seed {
                Some(seed) => schedule(&config, seed, arguments.rounds),
                None => list(&config),
            }
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            ExitCode::FAILURE
        }
    }
}

fn load(path: &Path, cases: &[String]) -> Result<Config, String> {
    let mut config = config::load(path).map_err(|mistakes| mistakes.to_string())?;
    if !cases.is_empty() {
        config.choose_cases(cases)?;
    }
    Ok(config)
}

fn list(config: &Config) {
    let longest = CASES.iter().map(|case| case.name.len()).max().unwrap_or_default();
    for case in CASES {
        let available = match config.availability(case) {
            Availability::Available if config.cases.contains(&case) => "available".to_owned(),
            Availability::Available => "left out".to_owned(),
            Availability::NotApplicable(reason) => format!("not applicable: {reason}"),
            Availability::NotAvailable(reason) => format!("not available: {reason}"),
        };
        println!("{:longest$}  {available}", case.name);
    }
}

fn schedule(config: &Config, seed: u64, rounds: u64) {
    let schedule = Schedule::new(config, seed);
    for round in 1..=rounds {
        let round = schedule.round(round);
        println!("round {}, load from {}", round.number, round.seed);
        for planned in round.cases {
            print!("{:>4} {} from {}", planned.number, planned.case.name, planned.seed);
            match planned.availability {
                Availability::Available => println!(),
                Availability::NotApplicable(reason) => println!("  not applicable: {reason}"),
                Availability::NotAvailable(reason) => println!("  not available: {reason}"),
            }
        }
    }
}
