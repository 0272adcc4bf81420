//! Do programs that were written for `fail` run on ours?
//!
//! Downloads published packages by cargo alone, unpacks them below `target/consumers`, edits nothing
//! but their manifests, runs their failpoint tests once on `fail` and once on the packages in
//! `compat`, and prints a table. A test that passes with `fail` and fails with ours is a failure.
//! Behind the table: a program on top of raft-engine, whose points are listed and armed over HTTP,
//! and what an idle point costs.

mod consumer;
// One client for all that asks a control plane; here not all of it is needed.
#[allow(dead_code)]
#[path = "../../../../examples/src/curl.rs"]
mod curl;
mod idle;
mod outcome;
mod server;
mod source;

use consumer::{CONSUMERS, Consumer};
use outcome::{Outcome, Outcomes};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whatever went wrong, for `main` to print.
pub type Failure = Box<dyn std::error::Error>;

/// Where everything is.
pub struct Rooms {
    /// The repository.
    pub repository: PathBuf,
    /// Where everything is unpacked and built.
    pub work: PathBuf,
}

/// On whose points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Fail,
    Ours,
}

struct Row {
    consumer: &'static Consumer,
    fail: Outcomes,
    ours: Outcomes,
    files: usize,
}

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let repository = PathBuf::from(arguments.next().ok_or("run it by tests/suites/consumers/run")?);
    let wanted: Vec<String> = arguments.collect();
    let rooms = Rooms { work: repository.join("target/consumers"), repository };
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if let Some(unknown) = wanted.iter().find(|wanted| {
        let others = ["server", "idle"].contains(&wanted.as_str());
        !others && CONSUMERS.iter().all(|consumer| consumer.key() != **wanted)
    }) {
        return Err(format!("nothing here is called {unknown}").into());
    }

    let mut rows = Vec::new();
    for consumer in CONSUMERS.iter().filter(|consumer| asked(&consumer.key())) {
        rows.push(run(&rooms, consumer)?);
    }
    let regressions = table(&rows);
    if asked("server") {
        server::run(&rooms)?;
    }
    if asked("idle") {
        idle::run(&rooms)?;
    }
    if regressions.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\npass with `fail` and not with ours:");
    regressions.iter().for_each(|test| eprintln!("  {test}"));
    Ok(ExitCode::FAILURE)
}

fn run(rooms: &Rooms, consumer: &'static Consumer) -> Result<Row, Failure> {
    let source = source::fetch(rooms, consumer)?;
    let mut sides = [Side::Fail, Side::Ours].into_iter().map(|side| {
        let copy = source::unpack(rooms, consumer, &source, side)?;
        let outcomes = outcome::run(rooms, consumer, &copy, side)?;
        source::assert_side(consumer, &copy, side)?;
        let files = source::assert_untouched(consumer, &source, &copy)?;
        Ok::<(Outcomes, usize), Failure>((outcomes, files))
    });
    let (fail, _) = sides.next().expect("there are two")?;
    let (ours, files) = sides.next().expect("there are two")?;
    if !fail.values().any(|outcome| *outcome == Outcome::Passed) {
        let logs = outcome::logs(rooms, consumer, Side::Fail);
        let why =
            format!("{}: no test passes on `fail` itself; see {}", consumer.key(), logs.display());
        return Err(why.into());
    }
    Ok(Row { consumer, fail, ours, files })
}

/// Prints the table; gives the tests that pass with `fail` and not with ours.
fn table(rows: &[Row]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    println!(
        "\n{:<22} {:>5}  {:>14}  {:>14}  files untouched",
        "package", "tests", "with fail", "with ours"
    );
    let mut regressions = Vec::new();
    for Row { consumer, fail, ours, files } in rows {
        let passed = |all: &BTreeMap<String, Outcome>| {
            all.values().filter(|outcome| **outcome == Outcome::Passed).count()
        };
        let counts = |all| format!("{} passed", passed(all));
        println!(
            "{:<22} {:>5}  {:>14}  {:>14}  {files}",
            consumer.key(),
            fail.len(),
            counts(fail),
            counts(ours)
        );
        let lost = fail.iter().filter(|(test, outcome)| {
            **outcome == Outcome::Passed && ours.get(*test) != Some(&Outcome::Passed)
        });
        regressions.extend(lost.map(|(test, _)| format!("{}: {test}", consumer.key())));
    }
    regressions
}

/// One line of progress.
pub fn progress(what: impl std::fmt::Display) {
    println!("== {what}");
}

/// `path` as cargo takes it in a manifest.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
