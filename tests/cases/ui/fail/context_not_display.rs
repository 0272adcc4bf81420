//! Must context be `Display`?

use failpoint::{fail_point, fail_value};

pub struct Opaque;

pub fn context(bytes: &[u8]) -> u64 {
    fail_point!("context", opaque = Opaque); //~ both: `Opaque` doesn't implement
    fail_point!("context", bytes = bytes, |_| 1); //~ both: doesn't implement
    let _ = fail_value!("context", opaque = Opaque); //~ both: `Opaque` doesn't implement
    0
}
