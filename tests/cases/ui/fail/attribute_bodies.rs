//! Is what an attribute says held against the function it stands on, as if it were said in its body?

use failpoint::{FromTerm, failpoint};
use std::future::Future;
use std::pin::Pin;

#[failpoint(UNKNOWN)] //~ both: cannot find value `UNKNOWN` in this scope
pub fn unknown() {}

#[failpoint(before = UNKNOWN)] //~ both: cannot find value `UNKNOWN` in this scope
pub fn unknown_before() {}

#[failpoint(after = UNKNOWN)] //~ both: cannot find value `UNKNOWN` in this scope
pub fn unknown_after() {}

#[failpoint("body", region = region)] //~ both: cannot find value `region` in this scope
pub async fn unknown_context() {}

#[failpoint("body", |v: Unknown| v)] //~ both: cannot find type `Unknown` in this scope
pub fn unknown_type() {}

#[failpoint(in text, "body")] //~ both: mismatched types
pub fn scope(text: &str) {}

#[failpoint("body", |v: T| v)] //~ both: can't use generic parameters from outer item
pub fn generic<T: Default + FromTerm>() -> T {
    T::default()
}

pub struct Own;

impl Own {
    const NAME: &'static str = "own";

    #[failpoint(Self::NAME)] //~ both: can't use `Self` from outer item
    pub fn method(&self) {}
}

#[failpoint("body", err)] //~ both: `?` couldn't convert the error to `Own`
pub fn boxed() -> Pin<Box<dyn Future<Output = Result<(), Own>>>> {
    Box::pin(async move { Ok(()) })
}

#[failpoint("body", |_| 1)]
pub fn future() -> impl Future<Output = bool> {
    //~^ both: to be a future that resolves to `bool`
    async move { true } //~ both: mismatched types
}
