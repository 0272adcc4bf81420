//! May the type of a value depend on a generic parameter?

use failpoint::{fail_point, fail_value};

use failpoint::FromTerm;

pub fn function<T: FromTerm>() -> Option<T> {
    fail_point!("type", |v: T| Some(v)); //~ both: can't use generic parameters from outer item
    fail_point!("type", |v: Option<T>| v); //~ both: can't use generic parameters from outer item
    let _ = fail_value!("type", T); //~ both: can't use generic parameters from outer item
    None
}

pub struct Wrapper<T>(T);

impl<T: FromTerm> Wrapper<T> {
    pub fn method(self) -> Self {
        fail_point!("type", |v: Self| v); //~ both: can't use `Self` from outer item
        //~^ on: a failpoint cannot hand a value of type `Wrapper<T>`
        self
    }
}
