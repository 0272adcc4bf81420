//! `failpoint-tester bench`: how long does a checker take?

use std::time::Instant;

use clap::{Args, ValueEnum, value_parser};
use failpoint_tester::checks::linearizable::{self, Budget};
use failpoint_tester::checks::{Verdict, order, watch};
use failpoint_tester::history::History;
use failpoint_tester::report::output::Output;
use failpoint_tester::simulate::Simulation;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The checker.
    #[arg(ignore_case = true)]
    check: Check,
    /// How many operations the history has.
    #[arg(value_parser = value_parser!(u32).range(1..=10_000_000))]
    operations: u32,
    /// How many keys.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..))]
    keys: u32,
    /// How many clients at once.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// Of 1,000 operations, how many have an unknown outcome.
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(0..=1_000))]
    unknown: u32,
    /// Where the draws start.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Check {
    Order,
    Linearizable,
    Watch,
}

impl Check {
    /// Prints the verdict, and gives the exit status for it.
    fn run(self, history: &History, output: &Output) -> u8 {
        match self {
            Self::Order => say(output, "ORDER", &order::check(history).verdict),
            Self::Linearizable => {
                say(output, "LINEARIZABLE", &linearizable::check(history, Budget::default()))
            }
            Self::Watch => say(output, "WATCH", &watch::check(history)),
        }
    }
}

fn say<V: std::fmt::Display, N: std::fmt::Display>(
    output: &Output,
    name: &str,
    verdict: &Verdict<V, N>,
) -> u8 {
    output.line(format_args!("{name} {verdict}"));
    match verdict {
        Verdict::Holds => 0,
        Verdict::Violated(_) => 3,
        Verdict::NotDecided(_) => 4,
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> u8 {
    let &Arguments { check, operations, keys, clients, unknown, seed } = arguments;
    // LINEARIZABLE is for stores without revisions, whose requests concern one key.
    let (operations, clients, keys) = (operations as usize, clients as usize, keys as usize);
    let revisions = !matches!(check, Check::Linearizable);
    let simulation =
        Simulation { seed, operations, clients, keys, unknown, joined: revisions, revisions };
    let history = simulation.run();
    let start = Instant::now();
    let status = check.run(&history, output);
    let seconds = start.elapsed().as_secs_f64();
    output.line(format_args!("{operations} operations in {seconds:.3} s"));
    status
}
