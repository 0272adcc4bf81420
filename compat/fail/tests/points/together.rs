//! How do `fail`'s points and verbs go together with ours?

use crate::{SOON, until};
use fail::{FailScenario, fail_point};
use failpoint::Error;

fn closure() -> bool {
    fail_point!("together", |_| true);
    false
}

fn statement() {
    fail_point!("together-statement");
}

fn ours() -> Option<u64> {
    failpoint::fail_value!("together-ours", u64)
}

#[test]
fn our_verbs_arm_fails_points_in_our_language() {
    let _scenario = FailScenario::setup();
    let armed = failpoint::arm("together", "nth(2):return").unwrap();
    assert_eq!([closure(), closure(), closure()], [false, true, false]);
    armed.wait_hits(3, SOON).unwrap();
    assert_eq!(armed.fires(), 1);
    let list = fail::list();
    assert_eq!(list, [("together".to_owned(), "nth(2):return".to_owned())]);
}

#[test]
fn our_door_is_strict_and_fails_is_not() {
    let _scenario = FailScenario::setup();
    let refusal = failpoint::arm("together-statement", "return").unwrap_err();
    assert!(matches!(refusal, Error::CannotReturn { .. }), "{refusal}");
    fail::cfg("together-statement", "return").unwrap();
    assert!(std::panic::catch_unwind(statement).is_err());
}

#[test]
fn fails_verbs_arm_our_points() {
    let _scenario = FailScenario::setup();
    fail::cfg("together-ours", "1*return(\"5\")->1*return(x)").unwrap();
    // That site takes no `x`: it passes by, whatever the terms hold.
    assert_eq!((ours(), ours()), (None, None));
    fail::cfg("together-ours", "1*return(\"5\")").unwrap();
    assert_eq!((ours(), ours()), (Some(5), None));
}

#[test]
fn fails_verbs_check_no_errno() {
    fn result() -> std::io::Result<()> {
        Ok(failpoint::fail_result!("together-result")?)
    }
    let _scenario = FailScenario::setup();
    assert!(matches!(
        failpoint::arm("together-result", "return(EXPIRED)").unwrap_err(),
        Error::BadValue { .. }
    ));
    fail::cfg("together-result", "return(EXPIRED)").unwrap();
    assert!(result().unwrap_err().to_string().contains("EXPIRED"));
}

#[test]
fn a_scope_holds_for_fails_points() {
    let _scenario = FailScenario::setup();
    let scope = failpoint::Scope::new();
    scope.arm("together", "return").unwrap();
    assert!(!closure());
    assert!(scope.wrap_fn(closure)());
    // What is armed for one scope is not globally.
    assert_eq!(fail::list(), []);
}

#[test]
fn a_pause_has_no_limit() {
    let _scenario = FailScenario::setup();
    fail::cfg("together", "pause").unwrap();
    let paused = std::thread::spawn(closure);
    until(|| failpoint::point("together").unwrap().paused == 1);
    fail::remove("together");
    assert!(!paused.join().unwrap());
}
