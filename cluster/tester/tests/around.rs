//! The lines around a violation: what disagrees is marked, and its keys come first.

use failpoint_tester::checks::around::{Evidence, around};
use failpoint_tester::checks::linearizable::{self, Budget};
use failpoint_tester::checks::{order, watch};
use failpoint_tester::history::{Change, Event, History, Operation, Outcome, Request, Response};
use failpoint_tester::simulate::Simulation;

fn write(time: u64, key: &str, value: &str, revision: u64) -> Operation {
    let request = Request::Put { key: key.to_owned(), value: value.to_owned() };
    let outcome = Outcome::Done { response: Response::Put, revision: Some(revision) };
    Operation { client: 1, start: time, end: time + 5, request, outcome }
}

fn change(revision: u64, key: &str, value: &str) -> Change {
    let events = vec![Event::Put { key: key.to_owned(), value: value.to_owned() }];
    Change { revision, events }
}

fn marked(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("> ")).collect()
}

#[test]
fn the_same_keys_come_first_and_what_disagrees_is_marked() {
    let mut history = History::new(1);
    let epoch = &mut history.epochs[0];
    for n in 0..100_u64 {
        let key = if n % 10 == 5 { "a" } else { "b" };
        epoch.operations.push(write(10 * n, key, &n.to_string(), n + 2));
        epoch.changes.push(change(n + 2, key, &n.to_string()));
    }
    let request = Request::Get { key: "a".to_owned(), stale: false };
    let response = Response::Value(Some("45".to_owned()));
    let outcome = Outcome::Done { response, revision: Some(57) };
    epoch.operations.push(Operation { client: 2, start: 556, end: 557, request, outcome });

    let order = order::check(&history).verdict;
    let lines = around(&history, order.violation().expect("a wrong answer"), 6);
    assert_eq!(
        marked(&lines),
        [
            "operation 56 (client 1, from 550 to 555: put \"a\" = \"55\", answer: written at revision 57)",
            "operation 101 (client 2, from 556 to 557: get \"a\", answer: \"45\" at revision 57)",
        ]
    );
    assert_eq!(lines.len(), 8);
    assert!(lines.iter().all(|line| line.contains("\"a\"")), "{lines:#?}");
    // There are only twenty lines of this key.
    let lines = around(&history, order.violation().expect("a wrong answer"), 40);
    assert_eq!(lines.iter().filter(|line| line.contains("\"a\"")).count(), 21);
    assert_eq!(lines.len(), 42);
}

#[test]
fn a_range_is_about_the_keys_that_are_wrong_in_it() {
    let mut history = History::new(1);
    let epoch = &mut history.epochs[0];
    for (n, key) in (0..).zip(["a", "b", "a", "b"]) {
        epoch.operations.push(write(10 * n, key, &n.to_string(), n + 2));
        epoch.changes.push(change(n + 2, key, &n.to_string()));
    }
    let request = Request::Range { from: "a".to_owned(), to: "c".to_owned(), stale: false };
    let entries = [("a", "2"), ("b", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let outcome = Outcome::Done { response: Response::Values(entries.to_vec()), revision: Some(5) };
    epoch.operations.push(Operation { client: 2, start: 50, end: 51, request, outcome });
    let order = order::check(&history).verdict;
    let violation = order.violation().expect("a wrong answer");
    assert_eq!(violation.keys(), ["b", "b"]);
    let lines = around(&history, violation, 3);
    assert_eq!(marked(&lines).len(), 2);
    assert!(lines.iter().all(|line| line.contains("\"b\"")), "{lines:#?}");
}

#[test]
fn an_event_that_comes_twice_is_marked_beside_the_change() {
    let mut history = Simulation::default().run();
    let deliveries =
        &mut history.epochs[0].watches.get_mut(&0).expect("the watch of all keys").deliveries;
    let twice = deliveries[20].clone();
    deliveries.insert(21, twice);
    let verdict = watch::check(&history);
    let violation = verdict.violation().expect("an event came twice");
    let lines = around(&history, violation, 10);
    let marked = marked(&lines);
    assert!(marked.iter().any(|line| line.starts_with("watch 0, message 22: ")), "{lines:#?}");
    assert!(marked.iter().any(|line| line.starts_with("the store: ")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("  watch 0, message 21: ")), "{lines:#?}");
}

#[test]
fn the_epoch_of_the_violation_is_shown() {
    let mut history = Simulation::default().run();
    let operations = history.epochs[0].operations.len();
    let revision = history.epochs[0].changes.last().expect("a change").revision;
    let mut next = History::new(revision).epochs.remove(0);
    next.operations = vec![write(5, "x", "1", revision + 1), write(15, "x", "2", revision + 1)];
    history.epochs.push(next);
    let verdict = order::check(&history).verdict;
    let lines = around(&history, verdict.violation().expect("a shared revision"), 0);
    let numbers = [operations + 1, operations + 2].map(|n| format!("operation {n} "));
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(&numbers[0]) && lines[1].contains(&numbers[1]), "{lines:#?}");
}

#[test]
fn long_values_and_long_answers_are_shortened() {
    let mut history = History::new(0);
    let value = format!("1-7é{}", "x".repeat(100_000));
    let request = Request::Put { key: "a".to_owned(), value };
    let outcome = Outcome::Done { response: Response::Put, revision: None };
    history.epochs[0].operations.push(Operation { client: 1, start: 1, end: 2, request, outcome });
    let entries = (0..500).map(|n| (n.to_string(), "1".to_owned())).collect();
    let request = Request::Range { from: "0".to_owned(), to: "a~".to_owned(), stale: false };
    let outcome = Outcome::Done { response: Response::Values(entries), revision: None };
    history.epochs[0].operations.push(Operation { client: 1, start: 3, end: 4, request, outcome });
    let verdict = linearizable::check(&history, Budget::default());
    let lines = around(&history, verdict.violation().expect("a wrong answer"), 10);
    assert!(lines[0].contains("\"1-7éxxx") && lines[0].contains("(100005 bytes)"), "{lines:#?}");
    assert!(lines[1].contains("… (500 keys)}"), "{lines:#?}");
    assert!(lines.iter().all(|line| line.chars().count() < 1_500), "{lines:#?}");
}
