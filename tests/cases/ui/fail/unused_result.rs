//! Does a `fail_result!` that nobody looks at warn?
#![deny(unused_must_use)]

use failpoint::fail_result;

pub fn results() {
    fail_result!("result"); //~ both: unused `Result` that must be used
    fail_result!("result", n = 1); //~ both: unused `Result` that must be used
}
