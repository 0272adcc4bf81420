//! Is a type that does not fit shown at what was written in the attribute?

use failpoint::failpoint;

pub struct Opaque;

pub struct Refusal;

#[failpoint("type", |v: u64| v)] //~ both: mismatched types
pub fn closure_of_another_type() -> String {
    String::new()
}

#[failpoint("type", |text| text)] //~ both: mismatched types
pub async fn async_closure_of_another_type() -> u64 {
    1
}

#[failpoint("type", |v: Vec<u8>| v)] //~ both: a failpoint cannot hand a value of type `Vec<u8>`
pub fn not_from_a_term() -> Vec<u8> {
    Vec::new()
}

#[failpoint("type", |v: Opaque| v)] //~ both: write `|v|` for the text as an `Option<String>`
pub fn opaque() -> Opaque {
    Opaque
}

#[failpoint("type", err)] //~ both: `?` couldn't convert the error to `Refusal`
pub fn no_conversion() -> Result<u64, Refusal> {
    Ok(1)
}

#[failpoint("type", err)] //~ both: `?` couldn't convert the error to `Refusal`
pub async fn no_conversion_async() -> Result<u64, Refusal> {
    Ok(1)
}

#[failpoint("type", err)] //~ both: the `?` operator can only be used on `Option`s
pub fn err_on_an_option() -> Option<u64> {
    None
}

#[failpoint("type", key = Opaque)] //~ both: doesn't implement `std::fmt::Display`
pub fn context() {}

#[failpoint("type", if 1)] //~ both: mismatched types
pub fn condition() {}
