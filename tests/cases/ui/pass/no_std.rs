//! May a library without `std` hold points?
#![no_std]

use failpoint::{fail_point, fail_result, fail_value};

pub fn every_form(n: u64) -> u64 {
    fail_point!("plain");
    fail_point!("context", if n > 1, n = n);
    fail_point!("text", |_| 1);
    fail_point!("typed", |v: u64| v);
    if fail_result!("result").is_err() {
        return 1;
    }
    fail_value!("value", u64).unwrap_or(n)
}

#[failpoint::failpoint("attribute", n = n, |v: u64| v)]
#[failpoint::failpoint(before = "attribute", after = "attribute")]
pub fn attributes(n: u64) -> u64 {
    n
}

#[failpoint::failpoint("attribute", err)]
#[failpoint::failpoint(before = "attribute", after = "attribute")]
pub async fn awaited_attributes() -> Result<(), failpoint::Injected> {
    Ok(())
}

#[derive(Debug, failpoint::FromTerm)]
pub enum Derived {
    Unit,
    Value(u64),
}
