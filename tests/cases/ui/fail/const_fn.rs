//! Are points refused in a const fn, in every form?

use failpoint::{fail_point, fail_result, fail_value};

pub const fn statement() {
    fail_point!("const"); //~ both: in constant functions
}

pub const fn context(n: u64) {
    fail_point!("const", n = n); //~ both: in constant functions
}

pub const fn closure() -> u64 {
    fail_point!("const", |_| 1); //~ both: in constant functions
    0
}

pub const fn typed() -> u64 {
    fail_point!("const", |v: u64| v); //~ both: in constant functions
    0
}

pub const fn value() -> bool {
    fail_value!("const").is_some() //~ both: in constant functions
}

pub const fn result() -> bool {
    fail_result!("const").is_ok() //~ both: in constant functions
}
