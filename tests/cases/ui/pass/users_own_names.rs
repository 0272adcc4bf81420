//! Do the names of an expansion meet those of the user?
#![allow(dead_code, non_camel_case_types, non_upper_case_globals, unused_variables)]
#![deny(unused_macros)]

pub mod core {}
pub mod std {}
pub mod alloc {}
pub mod failpoint_ {}
pub mod linkme {}
pub mod __private {}

pub struct Option;
pub struct Some;
pub struct None;
pub struct Ok;
pub struct Err;
pub struct Result;
pub struct String;
pub struct Site;
pub struct Accepts;
pub struct Injected;
pub struct Display;
pub struct Scope;
pub struct Future;
pub struct Borrow;
pub struct FnOnce;
pub struct u8;
pub struct str;
pub struct bool;
pub static SITE: &::core::primitive::str = "";
pub static FAILPOINT_SITES_0_1: () = ();
pub const site: () = ();
pub const value: () = ();
pub const never: () = ();
pub fn evaluate() {}
pub fn call() {}

macro_rules! concat { () => {}; }
macro_rules! stringify { () => {}; }
macro_rules! file { () => {}; }
macro_rules! line { () => {}; }
macro_rules! module_path { () => {}; }
macro_rules! option_env { () => {}; }
macro_rules! compile_error { () => {}; }
macro_rules! assert { () => {}; }
macro_rules! panic { () => {}; }
macro_rules! matches { () => {}; }
concat!();
stringify!();
file!();
line!();
module_path!();
option_env!();
compile_error!();
assert!();
panic!();
matches!();

pub fn statements(n: u64) {
    failpoint::fail_point!("plain");
    failpoint::fail_point!("context", if n > 1, n = n, site = n, value = n);
}

pub fn closures(n: u64) -> u64 {
    failpoint::fail_point!("text", |_| n);
    failpoint::fail_point!("typed", |v: u64| v + n);
    failpoint::fail_point!("three", n > 1, |_| n);
    n
}

pub fn values(n: u64) -> u64 {
    if failpoint::fail_value!("unit").is_some() {
        return 0;
    }
    failpoint::fail_value!("value", u64).unwrap_or(n)
}

pub fn results() -> ::core::result::Result<(), failpoint::Injected> {
    failpoint::fail_result!("result")?;
    failpoint::fail_result!("result")
}

pub async fn awaited(scope: &failpoint::Scope, n: u64) -> u64 {
    failpoint::fail_point_async!(in scope, "async", if n > 1, n = n, evaluation = n);
    failpoint::fail_point_async!("async", |v: u64| v + n);
    failpoint::fail_value_async!("async", u64).unwrap_or(n)
}

#[failpoint::failpoint("attribute", if n > 1, n = n, value = n, |v: u64| v + n)]
#[failpoint::failpoint(before = "attribute", after = "attribute")]
pub fn attributes(n: u64) -> u64 {
    n
}

#[failpoint::failpoint("attribute", err)]
pub fn attribute_that_fails() -> ::core::result::Result<(), failpoint::Injected> {
    ::core::result::Result::Ok(())
}

pub struct OnReturn;
pub const returned: () = ();
pub const _on_return: () = ();
pub const text: () = ();
pub const word: () = ();
pub const bad: () = ();

#[failpoint::failpoint("attribute", n = n, err)]
#[failpoint::failpoint(before = "attribute", after = "attribute")]
pub async fn awaited_attributes(n: u64) -> ::core::result::Result<u64, failpoint::Injected> {
    ::core::result::Result::Ok(n)
}

#[derive(failpoint::FromTerm)]
pub enum Derived {
    Unit,
    Value(u64),
}

#[derive(failpoint::FromTerm)]
pub struct Newtype(u64);
