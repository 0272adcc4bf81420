//! [`Wait`]: what to wait for at a point, and for how long.

use super::arming::duration;
use super::path::{point, with_query};
use std::time::Duration;

/// What to wait for at a point, in which arming, and for how long (30 s by default).
///
/// It counts in the current arming, or, if the point is idle, in the next one. To lose no hit between
/// arming and waiting, name the arming with [`Wait::since`], as [`RemoteArmed`](crate::RemoteArmed)
/// does.
///
/// ```
/// use failpoint_http::Wait;
/// use std::time::Duration;
///
/// let wait = Wait::paused(1).since(7).timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until you pass it to a client"]
pub struct Wait {
    what: &'static str,
    count: u64,
    since: Option<u64>,
    timeout: Duration,
}

impl Wait {
    /// Until the arming has had `count` hits.
    pub fn hits(count: u64) -> Self {
        Self::new("hits", count)
    }

    /// Until it has had `count` fires.
    pub fn fires(count: u64) -> Self {
        Self::new("fires", count)
    }

    /// Until `count` callers are paused at the same time.
    pub fn paused(count: u64) -> Self {
        Self::new("paused", count)
    }

    /// Counts only in the arming with this generation.
    pub fn since(mut self, generation: u64) -> Self {
        self.since = Some(generation);
        self
    }

    /// Waits for at most this long. The server accepts at most ten minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) fn limit(&self) -> Duration {
        self.timeout
    }

    pub(super) fn path(&self, name: &str) -> String {
        with_query(
            &format!("{}/wait", point(name)),
            [
                (self.what, Some(self.count.to_string())),
                ("since", self.since.map(|generation| generation.to_string())),
                ("timeout", Some(duration(self.timeout))),
            ],
        )
    }

    fn new(what: &'static str, count: u64) -> Self {
        Self { what, count, since: None, timeout: Duration::from_secs(30) }
    }
}
