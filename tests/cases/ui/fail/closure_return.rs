//! Must a closure give what the function returns?

use failpoint::fail_point;

pub fn text() -> u64 {
    fail_point!("return", |_| "text"); //~ both: expected `u64`, found `&str`
    0
}

pub fn typed() -> u64 {
    fail_point!("return", |v: String| v); //~ both: expected `u64`, found `String`
    0
}

pub fn nothing() -> u64 {
    fail_point!("return", |_| {}); //~ both: expected `u64`, found `()`
    0
}

pub fn unit() {
    fail_point!("return", |_| 1); //~ both: expected `()`, found integer
}

pub fn opaque() -> impl Iterator<Item = u64> {
    fail_point!("return", |_| std::iter::empty());
    0..1 //~ both: expected `Empty<u64>`, found `Range
}

pub async fn future() -> u64 {
    fail_point!("return", |_| async { 1 }); //~ both: expected `u64`, found `async` block
    1
}
