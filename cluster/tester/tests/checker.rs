//! LINEARIZABLE in a process of its own says what it says in this one, and keeps its limits.

use std::process::{Command, Stdio};
use std::time::Duration;

use failpoint_tester::checks::Verdict;
use failpoint_tester::checks::linearizable::{self, Budget, NotDecided};
use failpoint_tester::history::{History, Operation, Outcome, Request, Response};
use failpoint_tester::process::checker::{Limits, linearizable};
use failpoint_tester::simulate::Simulation;

fn write(client: u64, key: &str, start: u64, end: u64) -> Operation {
    let request = Request::Put { key: key.to_owned(), value: client.to_string() };
    let outcome = Outcome::Done { response: Response::Put, revision: None };
    Operation { client, start, end, request, outcome }
}

fn read(key: &str, value: Option<&str>, start: u64) -> Operation {
    let request = Request::Get { key: key.to_owned(), stale: false };
    let response = Response::Value(value.map(str::to_owned));
    let outcome = Outcome::Done { response, revision: None };
    Operation { client: 0, start, end: start + 1, request, outcome }
}

/// A hundred writes at once, then a read that no order explains: there are 2^100 sets to try. The key
/// `b` beside it is wrong in a simple way if asked.
fn exploding(wrong: bool) -> History {
    let mut history = History::new(0);
    let operations = &mut history.epochs[0].operations;
    operations.extend((1..=100).map(|client| write(client, "a", 1, 100)));
    operations.push(read("a", None, 150));
    operations.push(read("b", wrong.then_some("9"), 10));
    history
}

#[test]
fn a_child_says_what_this_process_says() {
    for seed in 0..5 {
        let settings =
            Simulation { seed, clients: 4, unknown: 10, revisions: false, ..Simulation::default() };
        for joined in [false, true] {
            let mut history = Simulation { joined, ..settings }.run();
            assert_eq!(linearizable(&history, Limits::default()).to_string(), "holds");
            let reads = history.epochs[0].operations.iter_mut().filter(|operation| {
                matches!(
                    (&operation.request, &operation.outcome),
                    (Request::Get { .. }, Outcome::Done { .. })
                )
            });
            let read = reads.last().expect("a read");
            let response = Response::Value(Some("never written".to_owned()));
            read.outcome = Outcome::Done { response, revision: None };
            let here = linearizable::check(&history, Budget::default());
            let there = linearizable(&history, Limits::default());
            assert!(here.violation().is_some(), "{here}");
            assert_eq!(there.to_string(), here.to_string());
        }
    }
}

#[test]
fn a_check_that_explodes_keeps_its_memory() {
    let limits = Limits { time: Duration::from_secs(600), memory: 32 << 20 };
    let verdict = linearizable(&exploding(false), limits);
    let memory = NotDecided::Memory { key: "a".to_owned(), operations: 101 };
    assert_eq!(verdict, Verdict::NotDecided(memory));
    assert_eq!(
        verdict.to_string(),
        "not decided: the memory ran out for the 101 operations of key \"a\""
    );
    // The other key is checked all the same.
    let verdict = linearizable(&exploding(true), limits);
    assert_eq!(verdict.violation().map(|found| found.operation.number), Some(102));
}

#[test]
fn a_check_that_explodes_keeps_its_time() {
    let limits = Limits { time: Duration::from_millis(200), memory: 4 << 30 };
    let verdict = linearizable(&exploding(false), limits);
    let time = NotDecided::Time { key: "a".to_owned(), operations: 101 };
    // A small machine may have less memory than the limit.
    let memory = NotDecided::Memory { key: "a".to_owned(), operations: 101 };
    assert!(
        [Verdict::NotDecided(time), Verdict::NotDecided(memory)].contains(&verdict),
        "{verdict}"
    );
}

#[test]
fn what_cannot_be_checked_is_said() {
    let mut history = History::new(0);
    history.epochs[0].operations.extend((0..130).map(|client| write(client, "a", 1, 100)));
    let verdict = linearizable(&history, Limits::default());
    assert_eq!(
        verdict.to_string(),
        "not decided: more than 128 operations were in flight at once for the 130 operations of key \"a\""
    );
}

#[test]
fn the_child_ends_when_its_parent_is_another() {
    let agent = env!("CARGO_BIN_EXE_failpoint-agent");
    // Process 1 did not start it.
    let output = Command::new(agent)
        .args(["check-linearizable", "1", "1000000000"])
        .stdin(Stdio::piped())
        .output()
        .expect("the agent");
    assert!(output.stdout.is_empty());
    let output = Command::new(agent).arg("check-linearizable").output().expect("the agent");
    assert_eq!(output.status.code(), Some(2));
}
