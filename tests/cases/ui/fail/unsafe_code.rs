//! Does an unsafe call in the arguments need `unsafe`?

use failpoint::fail_point;

unsafe fn dangerous() -> bool {
    true
}

pub fn arguments() -> u64 {
    fail_point!("unsafe", if dangerous()); //~ both: call to unsafe function `dangerous`
    fail_point!("unsafe", n = dangerous()); //~ both: call to unsafe function `dangerous`
    fail_point!("unsafe", |_| { dangerous(); 1 }); //~ both: call to unsafe function `dangerous`
    0
}
