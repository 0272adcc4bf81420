//! Is what stands in the arguments checked at all?

use failpoint::{fail_point, fail_value};

pub fn arguments(n: u64) -> u64 {
    fail_point!("unknown", if missing()); //~ both: cannot find function `missing`
    fail_point!("unknown", n = missing); //~ both: cannot find value `missing`
    fail_point!("unknown", |_| missing()); //~ both: cannot find function `missing`
    fail_point!("unknown", |v: Missing| n); //~ both: cannot find type `Missing`
    fail_point!(MISSING); //~ both: cannot find value `MISSING`
    let _ = fail_value!("unknown", Missing); //~ both: cannot find type `Missing`
    n
}
