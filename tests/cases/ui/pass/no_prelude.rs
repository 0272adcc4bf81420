//! Does an expansion need the prelude?
#![no_implicit_prelude]
#![deny(warnings)]
#![forbid(unsafe_code)]

use ::failpoint::{fail_point, fail_result, fail_value};
use ::std::option::Option;
use ::std::result::Result;
use ::std::string::String;

pub fn statements(n: u64) {
    fail_point!("plain");
    fail_point!("condition", if n > 1);
    fail_point!("context", n = n);
    ::failpoint::fail_point!("path", if n > 1, n = n);
}

pub fn closures(n: u64) -> Option<String> {
    fail_point!("text", |text| text);
    fail_point!("text", if n > 1, n = n, |text| text);
    fail_point!("typed", |text: Option<String>| text);
    fail_point!("three", n > 1, |_| Option::None);
    Option::None
}

pub fn values() -> Option<u64> {
    if fail_value!("unit").is_some() {
        return Option::None;
    }
    fail_value!("value", u64)
}

pub fn results() -> Result<(), ::failpoint::Injected> {
    fail_result!("result")?;
    fail_result!("result")
}

pub async fn asynchronous() -> Result<(), ::failpoint::Injected> {
    fail_point!("async");
    fail_result!("async")
}

pub async fn awaited(scope: &::failpoint::Scope) -> Result<(), ::failpoint::Injected> {
    ::failpoint::fail_point_async!(in scope, "async", if true, n = 1);
    let _ = ::failpoint::fail_value_async!("async", String);
    ::failpoint::fail_result_async!("async")
}

pub fn scoped(scope: &::failpoint::Scope) {
    fail_point!(in scope, "scope", |_| ());
}

#[::failpoint::failpoint("attribute", if n > 1, n = n, |text| text)]
#[::failpoint::failpoint(before = "attribute", after = "attribute")]
pub fn attributes(n: u64) -> Option<String> {
    Option::None
}

#[::failpoint::failpoint("attribute", err)]
pub fn attribute_that_fails() -> Result<(), ::failpoint::Injected> {
    Result::Ok(())
}

#[::failpoint::failpoint("attribute", n = n, err)]
#[::failpoint::failpoint(before = "attribute", after = "attribute")]
pub async fn awaited_attributes(n: u64) -> Result<u64, ::failpoint::Injected> {
    Result::Ok(n)
}

#[derive(Debug, ::failpoint::FromTerm)]
pub enum Derived {
    Unit,
    Value(u64),
}
