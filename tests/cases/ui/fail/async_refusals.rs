//! Do the async forms refuse what the others refuse?

use failpoint::{fail_point_async, fail_result_async, fail_value_async};

pub async fn refused<T: failpoint::FromTerm>(n: u64) -> u64 {
    fail_point_async!("a b"); //~ both: bad failpoint name
    fail_point_async!("async", thread = n); //~ both: `thread` is built in
    fail_point_async!("async", n > 1); //~ both: for a condition write
    fail_point_async!("async", |_| 1, n = n); //~ both: the closure comes last
    let _ = fail_value_async!("async", T); //~ both: can't use generic parameters from outer item
    n
}
