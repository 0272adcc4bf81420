//! Are conditions, context and closures left alone where nothing is armed?
#![allow(clippy::assertions_on_constants)]

use failpoint::{fail_point, fail_result, fail_value};

fn no<T>() -> T {
    panic!("it was evaluated")
}

fn every_form() -> u64 {
    fail_point!("point", if no());
    fail_point!("point", n = no::<u64>());
    fail_point!("point", if no(), n = no::<u64>(), |_| no());
    fail_point!("point", n = no::<u64>(), |_: u64| no());
    fail_point!("point", no(), |_| no());
    fail_point!("point", no::<fn(Option<String>) -> u64>());
    assert!(fail_value!("point", if no(), n = no::<u64>()).is_none());
    assert!(fail_value!("point", u64, if no(), n = no::<u64>()).is_none());
    assert!(fail_result!("point", if no(), n = no::<u64>()).is_ok());
    1
}

fn armed_but_not_here() -> u64 {
    // False, so no context, no hit, no closure.
    fail_point!("condition", if std::hint::black_box(false), n = no::<u64>(), |_| no());
    // `off` acts without the closure.
    fail_point!("off", |_| no());
    2
}

fn main() {
    assert_eq!(every_form(), 1);
    // Once more: a site's first evaluation goes another way.
    assert_eq!(every_form(), 1);
    assert_eq!(armed_but_not_here(), 2);
    if let Ok(armed) = failpoint::arm_all("condition=return;off=off") {
        assert!(cfg!(on));
        assert_eq!(armed_but_not_here(), 2);
        assert_eq!((armed[0].hits(), armed[1].hits()), (0, 1));
    } else {
        assert!(!cfg!(on));
    }
}
