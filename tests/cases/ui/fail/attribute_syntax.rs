//! Is what is wrong with an attribute itself refused in both worlds, where it stands?

use failpoint::{FromTerm, failpoint};

#[failpoint("syntax", err)] //~ both: `err` returns an Err, and this function returns nothing
pub fn nothing() {}

#[failpoint("syntax")]
pub const fn constant() {} //~ both: a const fn cannot have a failpoint

#[failpoint("syntax")]
pub struct NoFunction; //~ both: #[failpoint] applies to functions

#[failpoint(befor = "syntax")] //~ both: unknown key `befor`: expected `before` or `after`
pub fn misspelt() {}

#[failpoint::test(point = "syntax=off")] //~ both: unknown argument `point`: expected `points`
fn test() {}

#[failpoint::test]
fn test_with_an_argument(n: u64) {} //~ both: a test takes no argument but its scope

#[derive(FromTerm)]
pub struct Named { //~ both: expected an enum, or a struct of one unnamed field
    name: String,
}
