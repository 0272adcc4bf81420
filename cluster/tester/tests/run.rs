//! A run that tested nothing is no pass.

use failpoint_tester::checks::coverage::{reached, some_succeeded};
use failpoint_tester::history::{History, Outcome};
use failpoint_tester::simulate::Simulation;

#[test]
fn a_kind_that_never_succeeded_is_named() {
    let mut history = Simulation::default().run();
    assert_eq!(some_succeeded(&history), Ok(()));
    let mut puts = 0;
    for operation in &mut history.epochs[0].operations {
        if operation.request.to_string().starts_with("put") {
            operation.outcome = if puts % 2 == 0 { Outcome::Failed } else { Outcome::Unknown };
            puts += 1;
        }
    }
    let none = some_succeeded(&history).expect_err("no put succeeded");
    assert_eq!(none.to_string(), format!("none of {puts} requests of kind put succeeded"));
}

#[test]
fn a_run_without_requests_is_no_pass() {
    let none = some_succeeded(&History::new(1)).expect_err("there are no requests");
    assert_eq!(none.to_string(), "none of 0 requests of kind any succeeded");
}

#[test]
fn a_point_that_never_fired_is_named() {
    assert_eq!(reached([("a", 0), ("a", 1), ("b", 2)]), Ok(()));
    let missed = reached([("b", 0), ("a", 0), ("c", 1)]).expect_err("two points never fired");
    assert_eq!(missed.to_string(), "points that were armed and never fired: a, b");
}
