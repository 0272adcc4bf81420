//! Points 2 and 10 where failpoints are compiled out: the verbs live, the macro vanishes.

use fail::{FailGuard, FailScenario, fail_point};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

// Neither evaluated nor looked at: there is no such name, and no such type.
fn site() -> u64 {
    fail_point!("off");
    fail_point!(no_such_name, |n: NoSuchType| no_such_function(n)?);
    fail_point!("off", panic!("evaluated"), |_| 1);
    fail::fail_point!("off", |_| 1);
    0
}

#[test]
fn the_macro_vanishes() {
    const { assert!(!fail::has_failpoints()) };
    let _scenario = FailScenario::setup();
    fail::cfg("off", "return").unwrap();
    assert_eq!(site(), 0);
}

#[test]
fn the_verbs_live() {
    let _scenario = FailScenario::setup();
    let eval = || fail::eval("off", |value| value);
    assert_eq!(eval(), None);
    fail::cfg("off", "1*off->return(\"1\")").unwrap();
    assert_eq!(fail::list(), [("off".to_owned(), "1*off->return(\"1\")".to_owned())]);
    assert_eq!((eval(), eval()), (None, Some(Some("\"1\"".to_owned()))));
    assert!(fail::cfg("off", "bogus").is_err());
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let guard = FailGuard::with_callback("off", move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(eval(), None);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(fail::list(), [("off".to_owned(), "callback".to_owned())]);
    drop(guard.unwrap());
    assert_eq!((eval(), fail::list()), (None, Vec::new()));
    fail::cfg("off", "panic").unwrap();
    assert!(std::panic::catch_unwind(eval).is_err());
    fail::remove("off");
    assert_eq!(eval(), None);
}
