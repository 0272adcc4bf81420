//! Is a bad name in an attribute refused where it stands?

use failpoint::failpoint;

#[failpoint("a b")] //~ both: bad failpoint name
pub fn spaced() {}

#[failpoint("a/count", err)] //~ both: bad failpoint name
pub fn reserved() -> std::io::Result<()> {
    Ok(())
}

#[failpoint("a=b", |v: u64| v)] //~ both: bad failpoint name
pub fn typed() -> u64 {
    1
}

#[failpoint(before = "/a", after = "good")] //~ both: bad failpoint name
pub fn before() {}

#[failpoint(before = "good", after = "metrics")] //~ both: bad failpoint name
pub async fn after() {}

#[failpoint(7)] //~ both: mismatched types
pub fn number() {}
