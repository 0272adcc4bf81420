//! Must a condition be a `bool`?

use failpoint::{fail_point, fail_value};

pub fn conditions(n: u64) -> u64 {
    fail_point!("condition", if n); //~ both: expected `bool`, found `u64`
    fail_point!("condition", if Some(n), |_| 1); //~ both: expected `bool`, found `Option<u64>`
    fail_point!("condition", n, |_| 1); //~ both: expected `bool`, found `u64`
    let _ = fail_value!("condition", u64, if n); //~ both: expected `bool`, found `u64`
    n
}
