//! User code runs with no lock held.

use fail::{FailScenario, fail_point};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn site() {
    fail_point!("p05");
}

#[test]
fn a_callback_removes_its_own_point() {
    let _scenario = FailScenario::setup();
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    fail::cfg_callback("p05", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        fail::remove("p05");
        assert_eq!(fail::list(), []);
    })
    .unwrap();
    site();
    site();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_callback_arms_its_own_point() {
    let _scenario = FailScenario::setup();
    fail::cfg_callback("p05", || fail::cfg("p05", "panic(next)").unwrap()).unwrap();
    site();
    let payload = std::panic::catch_unwind(site).unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "next");
}

#[test]
fn a_callback_hits_other_points_and_its_own() {
    let _scenario = FailScenario::setup();
    let depth = Arc::new(AtomicU64::new(0));
    let entered = depth.clone();
    fail::cfg_callback("p05", move || {
        if entered.fetch_add(1, Ordering::Relaxed) < 3 {
            site();
        }
    })
    .unwrap();
    site();
    assert_eq!(depth.load(Ordering::Relaxed), 4);
}

#[test]
fn a_closure_arms_and_lists() {
    let _scenario = FailScenario::setup();
    let site = || {
        fail_point!("p05-closure", |value| {
            fail::cfg("p05-closure", "return(2)").unwrap();
            assert_eq!(fail::list().len(), 1);
            value
        });
        None
    };
    fail::cfg("p05-closure", "return(1)").unwrap();
    assert_eq!((site(), site()), (Some("1".to_owned()), Some("2".to_owned())));
}

#[test]
fn a_panic_leaves_nothing_locked() {
    let _scenario = FailScenario::setup();
    fail::cfg_callback("p05", || panic!("on purpose")).unwrap();
    assert!(std::panic::catch_unwind(site).is_err());
    fail::cfg("p05", "off").unwrap();
    site();
}
