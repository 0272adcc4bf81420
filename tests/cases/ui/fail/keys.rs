//! Are the built-in keys of the context refused, and keys that are given twice?

use failpoint::{fail_point, fail_result, fail_value};

pub fn keys(n: u64) -> u64 {
    fail_point!("key", thread = n); //~ both: `thread` is built in
    fail_point!("key", if n > 1, other = n, scope = n); //~ both: `scope` is built in
    fail_point!("key", thread = n, |_| 1); //~ both: `thread` is built in
    fail_point!("key", scope = n, |v: u64| v); //~ both: `scope` is built in
    let _ = fail_value!("key", scope = n); //~ both: `scope` is built in
    let _ = fail_value!("key", u64, thread = n); //~ both: `thread` is built in
    let _ = fail_result!("key", thread = n); //~ both: `thread` is built in
    fail_point!("key", r#thread = n); //~ both: `thread` is built in
    fail_point!("key", id = n, other = n, id = n); //~ both: a context key is given twice
    let _ = fail_value!("key", u64, r#type = n, type = n); //~ both: a context key is given twice
    let _ = fail_result!("key", if n > 1, id = n, id = n); //~ both: a context key is given twice
    n
}
