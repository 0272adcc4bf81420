//! Is a user's own static or slice of the same name another one?
#![allow(clippy::assertions_on_constants)]
#![allow(dead_code)]

use failpoint::fail_point;

static FAILPOINT_SITES_0_1: [u8; 0] = [];
static SITE: u8 = 1;

fn one() {
    fail_point!("same");
}

fn two() {
    fail_point!("same");
    fail_point!("same");
}

fn main() {
    one();
    two();
    let sites: usize = failpoint::points().iter().map(|point| point.sites.len()).sum();
    assert_eq!(sites, if cfg!(on) { 3 } else { 0 });
    assert_eq!(FAILPOINT_SITES_0_1.len() + usize::from(SITE), 1);
}
