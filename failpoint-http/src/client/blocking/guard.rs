//! The blocking guard for an arming in another process.

use crate::client::{self, ClientError};
use crate::wire::{Counts, Point, Resumed};
use std::sync::Arc;
use std::time::Duration;

/// A point armed in another process; the blocking version of [`RemoteArmed`](crate::RemoteArmed).
///
/// Dropping it disarms the point, and blocks for at most one second until that is done.
#[derive(Debug)]
#[must_use = "dropping the guard disarms the point; `keep()` leaves it armed"]
pub struct RemoteArmed {
    armed: Arc<client::RemoteArmed>,
}

#[expect(clippy::missing_errors_doc, reason = "documented at the async versions")]
impl RemoteArmed {
    /// As [`RemoteArmed::name`](crate::RemoteArmed::name).
    pub fn name(&self) -> &str {
        self.armed.name()
    }

    /// As [`RemoteArmed::generation`](crate::RemoteArmed::generation).
    pub fn generation(&self) -> u64 {
        self.armed.generation()
    }

    /// As [`RemoteArmed::address`](crate::RemoteArmed::address).
    pub fn address(&self) -> &str {
        self.armed.address()
    }

    /// As [`RemoteArmed::point`](crate::RemoteArmed::point).
    pub fn point(&self) -> &Point {
        self.armed.point()
    }

    /// As [`RemoteArmed::note`](crate::RemoteArmed::note).
    pub fn note(&self) -> Option<&str> {
        self.armed.note()
    }

    /// As [`RemoteArmed::hits`](crate::RemoteArmed::hits).
    pub fn hits(&self) -> Result<u64, ClientError> {
        blocking!(armed = self.armed.clone() => armed.hits())
    }

    /// As [`RemoteArmed::fires`](crate::RemoteArmed::fires).
    pub fn fires(&self) -> Result<u64, ClientError> {
        blocking!(armed = self.armed.clone() => armed.fires())
    }

    /// As [`RemoteArmed::paused`](crate::RemoteArmed::paused).
    pub fn paused(&self) -> Result<u64, ClientError> {
        blocking!(armed = self.armed.clone() => armed.paused())
    }

    /// As [`RemoteArmed::counts`](crate::RemoteArmed::counts).
    pub fn counts(&self) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.counts())
    }

    /// As [`RemoteArmed::wait_hits`](crate::RemoteArmed::wait_hits).
    pub fn wait_hits(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.wait_hits(count, timeout))
    }

    /// As [`RemoteArmed::wait_fires`](crate::RemoteArmed::wait_fires).
    pub fn wait_fires(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.wait_fires(count, timeout))
    }

    /// As [`RemoteArmed::wait_paused`](crate::RemoteArmed::wait_paused).
    pub fn wait_paused(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.wait_paused(count, timeout))
    }

    /// As [`RemoteArmed::resume`](crate::RemoteArmed::resume).
    pub fn resume(&self, count: u64) -> Result<Resumed, ClientError> {
        blocking!(armed = self.armed.clone() => armed.resume(count))
    }

    /// As [`RemoteArmed::disarm`](crate::RemoteArmed::disarm).
    pub fn disarm(self) -> Result<bool, ClientError> {
        blocking!(armed = self.armed.clone() => armed.end())
    }

    /// As [`RemoteArmed::keep`](crate::RemoteArmed::keep).
    pub fn keep(self) {
        self.armed.forget();
    }
}

impl From<client::RemoteArmed> for RemoteArmed {
    fn from(armed: client::RemoteArmed) -> Self {
        Self { armed: Arc::new(armed) }
    }
}

pub(super) fn guards(
    armed: Result<Vec<client::RemoteArmed>, ClientError>,
) -> Result<Vec<RemoteArmed>, ClientError> {
    Ok(armed?.into_iter().map(RemoteArmed::from).collect())
}
