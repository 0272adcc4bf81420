//! `FailScenario` has a lifetime, wipes, reads `FAILPOINTS`, and is alone.

use crate::{SOON, child};
use fail::{FailScenario, fail_point};
use std::sync::mpsc;
use std::thread;

struct Fixture {
    scenario: FailScenario<'static>,
}

fn fixture() -> Fixture {
    Fixture { scenario: started() }
}

fn started() -> FailScenario<'static> {
    FailScenario::setup()
}

fn borrowed<'a>(_: &'a str) -> FailScenario<'a> {
    FailScenario::setup()
}

fn site() -> bool {
    fail_point!("p01", |_| true);
    false
}

#[test]
fn has_a_lifetime_and_stands_in_fields_and_return_types() {
    let fixture = fixture();
    fail::cfg("p01", "return").unwrap();
    assert!(site());
    fixture.scenario.teardown();
    drop(borrowed("a lifetime"));
}

#[test]
fn wipes_before_and_after() {
    let scenario = FailScenario::setup();
    assert_eq!(fail::list(), []);
    fail::cfg("p01", "return").unwrap();
    fail::cfg("p01 of nobody", "return").unwrap();
    assert!(site());
    drop(scenario);
    let _scenario = FailScenario::setup();
    assert_eq!(fail::list(), []);
    assert!(!site());
}

#[test]
fn is_alone_until_dropped() {
    let scenario = FailScenario::setup();
    let (tx, rx) = mpsc::channel();
    let other = thread::spawn(move || {
        let _scenario = FailScenario::setup();
        tx.send(()).unwrap();
    });
    thread::yield_now();
    assert!(rx.try_recv().is_err());
    scenario.teardown();
    rx.recv_timeout(SOON).unwrap();
    other.join().unwrap();
}

#[test]
fn survives_a_scenario_that_panicked() {
    let panicked = thread::spawn(|| {
        let _scenario = FailScenario::setup();
        fail::cfg("p01", "return").unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    let _scenario = FailScenario::setup();
    assert!(!site());
}

#[test]
fn reads_the_environment_anew_each_time() {
    child::pass("p01_scenario::child_armed_by_the_environment", "p01=return;p01-more = 5%1*off;");
}

#[test]
#[ignore = "a child process runs it"]
fn child_armed_by_the_environment() {
    for _ in 0..2 {
        let scenario = FailScenario::setup();
        assert!(site());
        let mut list = fail::list();
        list.sort();
        let expected = [("p01", "return"), ("p01-more ", " 5%1*off")];
        assert_eq!(list, expected.map(|(name, terms)| (name.to_owned(), terms.to_owned())));
        fail::remove("p01");
        assert!(!site());
        scenario.teardown();
        assert!(!site());
    }
}

#[test]
fn panics_where_the_environment_is_wrong() {
    for (config, why) in [
        ("p01=return;nothing", "invalid failpoint: \"nothing\""),
        ("p01=return(", "unable to configure failpoint \"p01\": parentheses do not match"),
        ("p01=sleep(10ms)", "unable to configure failpoint \"p01\": failed to parse timeout"),
    ] {
        let said = child::fail("p01_scenario::child_begins_a_scenario", config);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
#[ignore = "a child process runs it"]
fn child_begins_a_scenario() {
    drop(FailScenario::setup());
}
