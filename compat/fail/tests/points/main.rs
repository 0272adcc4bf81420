//! What users of `fail` lean on, point by point. The package for 0.4 runs the same.
//!
//! Points are armed globally: each test runs in a scenario of its own, and scenarios one after
//! the other.

mod child;
mod p01_scenario;
mod p02_verbs;
mod p03_responders;
mod p04_names;
mod p05_no_lock_held;
mod p06_release;
mod p07_unlisted;
mod p08_values;
mod p09_chains;
mod p10_imports;
mod p11_words;
mod together;

use std::time::{Duration, Instant};

/// How long something may take that has to happen.
const SOON: Duration = Duration::from_secs(60);

/// Looks until it is so, for what cannot be awaited.
fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not happen");
        std::thread::yield_now();
    }
}
