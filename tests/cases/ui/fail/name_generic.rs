//! May a name depend on a generic parameter?

use failpoint::fail_point;

pub trait Named {
    const NAME: &'static str;

    fn method(&self) {
        fail_point!(Self::NAME); //~ both: can't use `Self` from outer item
    }
}

pub fn function<T: Named>() -> u64 {
    fail_point!(T::NAME); //~ both: can't use generic parameters from outer item
    fail_point!(T::NAME, |_| 1); //~ both: can't use generic parameters from outer item
    0
}

pub struct Log;

impl Log {
    const NAME: &'static str = "log";

    pub fn method(&self) {
        fail_point!(Self::NAME); //~ both: can't use `Self` from outer item
    }
}
