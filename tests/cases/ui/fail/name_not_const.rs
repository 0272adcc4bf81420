//! Must a name be a constant?

use failpoint::fail_point;

pub fn names(parameter: &'static str) {
    let local = "local";
    fail_point!(parameter); //~ both: attempt to use a non-constant value in a constant
    fail_point!(local); //~ both: attempt to use a non-constant value in a constant
}
