//! Are the async forms refused outside of a future?

use failpoint::{fail_point_async, fail_result_async, fail_value_async};

pub fn function(n: u64) -> u64 {
    fail_point_async!("async"); //~ both: `await` is only allowed inside `async` functions and blocks
    fail_point_async!("async", n = n, |_| 1); //~ both: `await` is only allowed inside `async`
    let _ = fail_value_async!("async", u64); //~ both: `await` is only allowed inside `async`
    let _ = fail_result_async!("async", if n > 1); //~ both: `await` is only allowed inside `async`
    n
}
