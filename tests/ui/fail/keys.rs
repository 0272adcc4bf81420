//! Are the built-in keys of the context refused?

use failpoint::{fail_point, fail_result, fail_value};

pub fn keys(n: u64) -> u64 {
    fail_point!("key", thread = n); //~ both: `thread` is built in
    fail_point!("key", if n > 1, other = n, scope = n); //~ both: `scope` is built in
    fail_point!("key", thread = n, |_| 1); //~ both: `thread` is built in
    fail_point!("key", scope = n, |v: u64| v); //~ both: `scope` is built in
    let _ = fail_value!("key", scope = n); //~ both: `scope` is built in
    let _ = fail_value!("key", u64, thread = n); //~ both: `thread` is built in
    let _ = fail_result!("key", thread = n); //~ both: `thread` is built in
    n
}
