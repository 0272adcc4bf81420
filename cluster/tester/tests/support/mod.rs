//! What several tests of this package use.
#![allow(dead_code, reason = "each test uses a part")]

use std::thread;
use std::time::{Duration, Instant};

pub(crate) mod report;

/// How long a test waits before it gives up. It only ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What `get` gives, as soon as it does.
pub(crate) fn until<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = get() {
            return found;
        }
        assert!(Instant::now() < deadline, "this did not happen: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
