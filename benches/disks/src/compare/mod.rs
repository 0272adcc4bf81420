//! A log and three wrong ones, under the explorer and under two other crates. Each crate is used as its
//! documentation recommends.

mod explorer;
mod power_cut;
mod table;
mod turmoil;
mod watched;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How many records the logs append.
const RECORDS: usize = 3;

const MISTAKES: [&str; 4] = ["correct", "no-sync", "torn-tail", "no-dir-sync"];

/// What a crate found in one log.
struct Found {
    /// Whether it says that data was lost or invented.
    is_lost: bool,
    /// How it says so, or what it tried where it found nothing.
    how: String,
    took: Duration,
}

impl Found {
    fn of(look: impl FnOnce() -> (bool, String)) -> Self {
        let begun = Instant::now();
        let (is_lost, how) = look();
        Self { is_lost, how, took: begun.elapsed() }
    }
}

/// A crate's answer about the log with this mistake.
type Subject = (&'static str, fn(&str, u64) -> Found);

const SUBJECTS: [Subject; 3] = [
    ("failpoint-disk", explorer::look),
    ("turmoil-fs", turmoil::look),
    ("powercut", power_cut::look),
];

pub(crate) fn run(seed: u64) -> ExitCode {
    let mut rows = Vec::new();
    for mistake in MISTAKES {
        rows.push((mistake, SUBJECTS.map(|(_, look)| look(mistake, seed))));
    }
    table::print(&rows, seed);
    ExitCode::SUCCESS
}

fn record(number: usize) -> Vec<u8> {
    vec![b'a' + number as u8; 20]
}

/// Nothing that was acknowledged is lost, and nothing is there that was not written.
fn check(found: &[Vec<u8>], acked: usize) -> Result<(), String> {
    let written: Vec<Vec<u8>> = (0..RECORDS).map(record).collect();
    if found.len() < acked {
        return Err(format!("{acked} records were acknowledged, {} are there", found.len()));
    }
    match written.starts_with(found) {
        true => Ok(()),
        false => Err("a record is there that was not written".to_owned()),
    }
}

/// The log of the examples, on the module `fs` of the place of use.
macro_rules! the_log {
    () => {
        #[path = "../../../../examples/src/explore/wrong_log.rs"]
        #[allow(
            dead_code,
            clippy::duplicate_mod,
            reason = "each peer has it on a file system of its own"
        )]
        mod wrong_log;

        fn mistake(name: &str) -> wrong_log::Mistake {
            use wrong_log::Mistake;
            match name {
                "no-sync" => Mistake::NoSync,
                "torn-tail" => Mistake::TornTail,
                "no-dir-sync" => Mistake::NoDirSync,
                _ => Mistake::None,
            }
        }
    };
}
use the_log;
