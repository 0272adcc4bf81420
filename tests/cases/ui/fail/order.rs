//! Does a wrong order say what is right?

use failpoint::{fail_point, fail_result, fail_value};

pub fn orders(n: u64) -> u64 {
    fail_point!("order", n = n, if n > 1); //~ both: `if CONDITION` is given once, right after the name
    fail_point!("order", if n > 1, if n > 2); //~ both: `if CONDITION` is given once
    fail_point!("order", |_| 1, n = n); //~ both: the closure comes last
    fail_point!("order", |v: u64| v, if n > 1); //~ both: the closure comes last
    fail_point!("order", n > 1, |_| 1, n = n); //~ both: the closure comes last
    let _ = fail_value!("order", if n > 1, u64); //~ both: in this order
    let _ = fail_value!("order", u64, |_| 1); //~ both: write fail_value!(NAME, Type,
    let _ = fail_result!("order", |_| 1); //~ both: write fail_result!(NAME,
    let _ = fail_result!("order", n = n, if n > 1); //~ both: in this order
    n
}
