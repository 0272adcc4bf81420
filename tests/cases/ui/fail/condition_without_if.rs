//! Does a condition without `if` and without a closure say what to write?

use failpoint::fail_point;

pub fn conditions(n: u64, flag: bool) -> u64 {
    fail_point!("condition", n > 1); //~ both: for a condition write fail_point!("name", if CONDITION)
    fail_point!("condition", flag); //~ both: `bool` is not a closure that a failpoint can call
    fail_point!("condition", n = n, flag,); //~ both: for a condition write
    n
}

pub fn unit(flag: bool) {
    fail_point!("condition", flag); //~ both: neither a condition nor a closure
}
