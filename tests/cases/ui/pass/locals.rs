//! Do a user's locals meet those of the expansion?

use failpoint::{fail_point, fail_value};

/// Locals with the names that the expansion uses for its own.
pub fn locals() -> u64 {
    let site = 1;
    let value = 2;
    fail_point!("locals", if site < value, site = site, value = value);
    fail_point!("locals", |_| site + value);
    fail_point!("locals", |_: u64| site + value);
    fail_value!("locals", u64, if site < value, site = site, value = value).unwrap_or(site + value)
}
