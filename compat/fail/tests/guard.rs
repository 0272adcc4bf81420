//! `FailGuard`, which 0.5 has and 0.4 has not.

use fail::{FailGuard, FailScenario, fail_point};
use std::panic::catch_unwind;

fn site() -> bool {
    fail_point!("guarded", |_| true);
    false
}

#[test]
fn disarms_on_drop() {
    let _scenario = FailScenario::setup();
    {
        let _guard = FailGuard::new("guarded", "return").unwrap();
        assert!(site());
    }
    assert!(!site());
    let guard = FailGuard::with_callback("guarded", || panic!("called")).unwrap();
    assert!(catch_unwind(site).is_err());
    drop(guard);
    assert!(!site());
    assert!(FailGuard::new(String::from("guarded"), "bogus").is_err());
}
