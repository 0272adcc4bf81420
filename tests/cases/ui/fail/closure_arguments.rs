//! Must a closure take one argument?

use failpoint::fail_point;

pub fn closures(n: u64) -> u64 {
    fail_point!("closure", || n); //~ both: closure is expected to take 1 argument, but it takes 0 arguments
    fail_point!("closure", |_, _| n); //~ both: closure is expected to take 1 argument, but it takes 2 arguments
    fail_point!("closure", n); //~ both: `u64` is not a closure that a failpoint can call
    n
}
