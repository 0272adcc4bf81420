//! When a point fired last.
//!
//! It is written at every fire, so it has to cost little: where the kernel keeps a clock that it
//! moves on at each of its ticks, that is read, which takes a tenth of what the exact one takes and
//! is some milliseconds behind at most.

use crate::runtime::sync::Ordering;
// Also in a model: what is written depends on the clock, and nothing depends on it.
use crate::runtime::count::striped::CachePadded;
use crate::runtime::sync::lasting::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
pub(crate) struct LastFired {
    /// Nothing seems to happen before this was made.
    made: u64,
    /// In nanoseconds since the epoch; 0 before the first.
    last: CachePadded<AtomicU64>,
}

impl LastFired {
    pub(crate) fn new() -> Self {
        Self { made: nanos_now(), last: CachePadded::default() }
    }

    pub(crate) fn set(&self) {
        let now = rough_nanos_now().max(self.made);
        // Many threads read one line for less than they write it.
        if self.last.0.load(Ordering::Relaxed) != now {
            self.last.0.store(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> Option<SystemTime> {
        match self.last.0.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(UNIX_EPOCH + Duration::from_nanos(nanos)),
        }
    }
}

/// Since the epoch.
fn nanos_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().saturating_mul(SECOND).saturating_add(u64::from(now.subsec_nanos()))
}

const SECOND: u64 = 1_000_000_000;

/// By the kernel's coarse clock, for which std has no word.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
#[inline]
fn rough_nanos_now() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let now = clock_gettime(ClockId::RealtimeCoarse);
    // Before the epoch it is large, and after the year 2554 small: no time that is shown is right then.
    (now.tv_sec as u64).wrapping_mul(SECOND).wrapping_add(now.tv_nsec as u64)
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
fn rough_nanos_now() -> u64 {
    nanos_now()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn lies_between_its_making_and_now() {
        let before = SystemTime::now();
        let stamp = LastFired::new();
        assert_eq!(stamp.get(), None);
        stamp.set();
        let at = stamp.get().unwrap();
        assert!(before <= at && at <= SystemTime::now(), "{at:?}");
    }
}
