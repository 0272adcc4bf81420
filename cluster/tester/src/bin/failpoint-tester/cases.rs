//! `failpoint-tester cases`.

use std::path::{Path, PathBuf};

use clap::Args;
use failpoint_tester::cases::{Availability, CASES};
use failpoint_tester::config::{self, Config};
use failpoint_tester::report::output::Output;
use failpoint_tester::report::terminal::tell;
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

pub(super) fn main(arguments: &Arguments, output: &Output) -> u8 {
    let Some(path) = &arguments.config else {
        for case in CASES {
            output.line(case.name);
        }
        return 0;
    };
    match load(path, &arguments.cases) {
        Ok(config) => {
            match arguments.seed {
                Some(seed) => schedule(&config, seed, arguments.rounds, output),
                None => list(&config, output),
            }
            0
        }
        Err(mistakes) => {
            tell(&mistakes);
            1
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

fn list(config: &Config, output: &Output) {
    let longest = CASES.iter().map(|case| case.name.len()).max().unwrap_or_default();
    for case in CASES {
        let available = match config.availability(case) {
            Availability::Available if config.cases.contains(&case) => "available".to_owned(),
            Availability::Available => "left out".to_owned(),
            Availability::NotApplicable(reason) => format!("not applicable: {reason}"),
            Availability::NotAvailable(reason) => format!("not available: {reason}"),
        };
        output.line(format_args!("{:longest$}  {available}", case.name));
    }
}

fn schedule(config: &Config, seed: u64, rounds: u64, output: &Output) {
    let schedule = Schedule::new(config, seed);
    for round in 1..=rounds {
        if output.has_no_reader() {
            return;
        }
        let round = schedule.round(round);
        output.line(format_args!("round {}, load from {}", round.number, round.seed));
        for planned in round.cases {
            let available = match planned.availability {
                Availability::Available => String::new(),
                Availability::NotApplicable(reason) => format!("  not applicable: {reason}"),
                Availability::NotAvailable(reason) => format!("  not available: {reason}"),
            };
            let (number, name, seed) = (planned.number, planned.case.name, planned.seed);
            output.line(format_args!("{number:>4} {name} from {seed}{available}"));
        }
    }
}
