//! Must a name be a `&str`?

use failpoint::{fail_point, fail_value};

pub fn names() -> u64 {
    fail_point!(7); //~ both: expected `&str`, found integer
    fail_point!("a".to_owned(), |_| 1); //~ both: expected `&str`, found `String`
    let _ = fail_value!(b"a"); //~ both: expected `&str`, found `&[u8; 1]`
    0
}
