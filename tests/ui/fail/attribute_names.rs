//! Is a bad name in an attribute refused where it stands?
//!
//! With failpoints compiled out a function stays as it is: only the attribute's syntax is checked.

use failpoint::failpoint;

#[failpoint("a b")] //~ on: bad failpoint name
pub fn spaced() {}

#[failpoint("a/count", err)] //~ on: bad failpoint name
pub fn reserved() -> std::io::Result<()> {
    Ok(())
}

#[failpoint("a=b", |v: u64| v)] //~ on: bad failpoint name
pub fn typed() -> u64 {
    1
}

#[failpoint(before = "/a", after = "good")] //~ on: bad failpoint name
pub fn before() {}

#[failpoint(before = "good", after = "metrics")] //~ on: bad failpoint name
pub async fn after() {}

#[failpoint(7)] //~ on: mismatched types
pub fn number() {}
