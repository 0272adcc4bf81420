//! How do `fail`'s points and verbs go together with ours?

use crate::{SOON, until};
use fail::{FailScenario, fail_point};
use failpoint::{Ending, Error, InjectedPanic, Scope, Simulation};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
fn a_simulation_takes_fails_points_over() {
    #[derive(Default)]
    struct Slept(AtomicU64);
    impl Simulation for Slept {
        fn sleep(&self, point: &str, length: Duration) {
            assert_eq!(point, "together-statement");
            self.0.fetch_add(length.as_secs(), Ordering::Relaxed);
        }
    }
    let _scenario = FailScenario::setup();
    let (scope, slept) = (Scope::new(), Arc::new(Slept::default()));
    scope.simulate(slept.clone());
    let crash = || {
        let payload = catch_unwind(scope.wrap_fn(statement)).unwrap_err();
        let crash = InjectedPanic::of(&*payload).unwrap();
        (crash.point().to_owned(), crash.ending(), crash.text().map(str::to_owned))
    };
    let name = || "together-statement".to_owned();
    scope.arm("together-statement", "sleep(1h)&exit(3)").unwrap();
    assert_eq!(crash(), (name(), Some(Ending::Exit(3)), None));
    scope.reset();
    fail::cfg("together-statement", "1*sleep(3600000)->1*panic(gone)->pause").unwrap();
    scope.wrap_fn(statement)();
    assert_eq!(crash(), (name(), None, Some("gone".to_owned())));
    assert_eq!(slept.0.load(Ordering::Relaxed), 2 * 3600);
    // Armed past the scope, which would refuse it: it is passed by.
    scope.wrap_fn(statement)();
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
