//! `failpoint-tester check`: is what was recorded in a run still judged the same way?

use std::fmt::Display;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use failpoint_tester::checks::{Check, Verdict, coverage, order, watch};
use failpoint_tester::history::History;
use failpoint_tester::process::checker::{self, Limits};
use failpoint_tester::report::files::FileError;
use failpoint_tester::report::output::Output;
use failpoint_tester::report::recheck::Recorded;
use failpoint_tester::report::terminal::tell;

/// Check the histories of a report again, or one history of JSON lines.
///
/// The exit status is 0 if all rules hold, 3 if one is violated, 4 if one is not decided, 1 if a
/// file cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The directory of a report, its `report.json`, or a history.
    #[arg(value_name = "REPORT_OR_HISTORY")]
    path: PathBuf,
    /// The checks to make. The default: those that the report had; of a history, order and watch.
    /// ORDER needs revisions, so it is not right for every store.
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    checks: Vec<Checker>,
    /// How many seconds LINEARIZABLE may take.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many MiB of memory LINEARIZABLE may take.
    #[arg(long, default_value_t = 1024)]
    memory: u64,
}

/// The checks that need only a history, with the names that they have in a configuration.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum Checker {
    Order,
    Linearizable,
    Watch,
    #[value(alias = "some-succeeded")]
    SomeSucceeded,
}

impl Checker {
    fn of(check: Check) -> Option<Self> {
        match check {
            Check::Order => Some(Self::Order),
            Check::Linearizable => Some(Self::Linearizable),
            Check::Watch => Some(Self::Watch),
            Check::SomeSucceeded => Some(Self::SomeSucceeded),
            _ => None,
        }
    }
}

const VIOLATED: u8 = 3;

pub(crate) fn main(arguments: Arguments, output: &Output) -> u8 {
    match check(arguments, output) {
        // A violation weighs more than what is not decided.
        Ok(statuses) if statuses.contains(&VIOLATED) => VIOLATED,
        Ok(statuses) => statuses.into_iter().max().unwrap_or(0),
        Err(message) => {
            tell(&message);
            1
        }
    }
}

fn check(arguments: Arguments, output: &Output) -> Result<Vec<u8>, String> {
    let Arguments { path, checks, seconds, memory } = arguments;
    let recorded = Recorded::find(&path).map_err(|error| error.to_string())?;
    let checkers = if checks.is_empty() {
        let needs_more = recorded.checks.iter().filter(|check| Checker::of(**check).is_none());
        let needs_more: Vec<&str> = needs_more.map(|check| check.name()).collect();
        if !needs_more.is_empty() {
            let names = needs_more.join(", ");
            tell(&format!("not made again, because a history is not enough: {names}"));
        }
        recorded.checks.iter().copied().filter_map(Checker::of).collect()
    } else {
        checks
    };
    if checkers.is_empty() {
        return Err(
            "the report has no check that can be made again; name some with --checks".to_owned()
        );
    }
    let memory = memory.saturating_mul(1 << 20);
    let limits = Limits { time: Duration::from_secs(seconds), memory };
    let mut statuses = Vec::new();
    for path in &recorded.histories {
        let file = File::open(path)
            .map_err(|error| FileError { path: path.clone(), verb: "read", error }.to_string())?;
        let history = History::read(BufReader::new(file))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let prefix = match recorded.is_report {
            true => format!("{}: ", path.file_name().unwrap_or_default().display()),
            false => String::new(),
        };
        let say = Say { output, prefix: &prefix };
        statuses.extend(checkers.iter().map(|checker| checker.run(&history, limits, &say)));
    }
    Ok(statuses)
}

impl Checker {
    /// Prints the verdict, and gives the exit status for it.
    fn run(self, history: &History, limits: Limits, say: &Say<'_>) -> u8 {
        match self {
            Self::Order => {
                let order = order::check(history);
                let status = say.verdict(Check::Order, &order.verdict);
                if order.discarded > 0 {
                    say.output.line(format_args!(
                        "{}ORDER discarded by a restore: {} acknowledged writes",
                        say.prefix, order.discarded
                    ));
                }
                status
            }
            Self::Linearizable => {
                say.verdict(Check::Linearizable, &checker::linearizable(history, limits))
            }
            Self::Watch => say.verdict(Check::Watch, &watch::check(history)),
            Self::SomeSucceeded => {
                let verdict: Verdict<_, &str> = match coverage::some_succeeded(history) {
                    Ok(()) => Verdict::Holds,
                    Err(none) => Verdict::Violated(none),
                };
                say.verdict(Check::SomeSucceeded, &verdict)
            }
        }
    }
}

/// Where verdicts are printed, and what stands in front of them.
struct Say<'a> {
    output: &'a Output,
    prefix: &'a str,
}

impl Say<'_> {
    /// Prints a verdict, and gives the exit status for it.
    fn verdict<V: Display, N: Display>(&self, check: Check, verdict: &Verdict<V, N>) -> u8 {
        self.output.line(format_args!("{}{check} {verdict}", self.prefix));
        match verdict {
            Verdict::Holds => 0,
            Verdict::Violated(_) => VIOLATED,
            Verdict::NotDecided(_) => 4,
        }
    }
}
