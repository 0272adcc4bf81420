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
        Self { made: nanos(since_the_epoch()), last: CachePadded::default() }
    }

    pub(crate) fn set(&self) {
        let now = nanos(roughly_since_the_epoch()).max(self.made);
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

fn nanos(since: Duration) -> u64 {
    since.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(since.subsec_nanos()))
}

fn since_the_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The kernel's coarse clock, for which std has no word.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn roughly_since_the_epoch() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let now = clock_gettime(ClockId::RealtimeCoarse);
    match (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec)) {
        (Ok(seconds), Ok(nanos)) => Duration::new(seconds, nanos),
        _ => since_the_epoch(),
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
fn roughly_since_the_epoch() -> Duration {
    since_the_epoch()
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
