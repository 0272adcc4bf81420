//! What several tests of this package use.
#![allow(dead_code, reason = "each test uses a part")]

use std::thread;
use std::time::{Duration, Instant};

pub(crate) mod report;

/// How long a test waits before it gives up. It only ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What `get` gives, as soon as it does; `None`: it did not within [`PATIENCE`].
pub(crate) fn awaited<T>(mut get: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = get() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What `get` gives, as soon as it does.
pub(crate) fn until<T>(what: &str, get: impl FnMut() -> Option<T>) -> T {
    awaited(get).unwrap_or_else(|| panic!("this did not happen: {what}"))
}

/// Says that a test lacks a program. With `REQUIRE_PROGRAMS=1`, it fails.
pub(crate) fn skipped(program: &str) {
    println!("skipped: needs {program}");
    let required = std::env::var_os("REQUIRE_PROGRAMS").is_some_and(|value| value == "1");
    assert!(!required, "REQUIRE_PROGRAMS=1, and {program} is missing");
}
