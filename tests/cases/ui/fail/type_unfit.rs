//! Does the message about an unfit type say what to write?

use failpoint::{fail_point, fail_value};

pub struct Opaque;

pub fn types(n: u64) -> u64 {
    fail_point!("type", |v: Opaque| n); //~ both: write `|v|` for the text as an `Option<String>`
    //~^ both: a failpoint cannot hand a value of type `Opaque` to this site
    fail_point!("type", |v: &'static str| n); //~ both: write `|v|` for the text
    fail_point!("type", |v: (u8, u8)| n); //~ both: does not implement `failpoint::FromTerm`
    fail_point!("type", n > 1, |v: Opaque| n); //~ both: write `|v|` for the text
    let _ = fail_value!("type", Opaque); //~ both: a failpoint cannot hand a value of type `Opaque`
    n
}
