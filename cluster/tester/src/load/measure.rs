//! How much was answered, and how fast?

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Counts;

/// What the load did since the last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that were not, or with an error.
    pub failed: u64,
    /// Latencies of the answered ones in microseconds: the median, the 90th, the 99th percentile and
    /// the maximum. Zero without one.
    pub latency: [u64; 4],
}

/// Counts requests and measures latencies.
#[derive(Debug)]
pub(super) struct Meter(Mutex<Measured>);

#[derive(Debug)]
struct Measured {
    /// Since the start, for each member.
    members: Vec<Counts>,
    /// Since the last sample.
    sample: Counts,
    /// Microseconds, since the last sample.
    latency: Histogram<u64>,
    /// The member that was asked last without success, and what went wrong.
    last_error: Option<(usize, String)>,
}

impl Meter {
    /// Longer latencies count as this one.
    const LONGEST: Duration = Duration::from_secs(3_600);

    pub(super) fn new(members: usize) -> Self {
        let longest = Self::LONGEST.as_micros() as u64;
        // Two digits: a percentile is off by at most one in a hundred.
        let latency = Histogram::new_with_max(longest, 2).expect("the bounds are in order");
        let members = vec![Counts::default(); members.max(1)];
        let sample = Counts::default();
        Self(Mutex::new(Measured { members, sample, latency, last_error: None }))
    }

    pub(super) fn succeeded(&self, member: usize, latency: Duration) {
        let mut measured = self.lock();
        measured.members[member].succeeded += 1;
        measured.sample.succeeded += 1;
        measured.latency.saturating_record(latency.as_micros() as u64);
    }

    pub(super) fn failed(&self, member: usize, error: String) {
        let mut measured = self.lock();
        measured.members[member].failed += 1;
        measured.sample.failed += 1;
        measured.last_error = Some((member, error));
    }

    pub(super) fn last_error(&self) -> Option<(usize, String)> {
        self.lock().last_error.clone()
    }

    pub(super) fn members(&self) -> Vec<Counts> {
        self.lock().members.clone()
    }

    pub(super) fn sample(&self) -> Sample {
        let mut measured = self.lock();
        let Counts { succeeded, failed } = std::mem::take(&mut measured.sample);
        let of = &measured.latency;
        let latency = [
            of.value_at_quantile(0.5),
            of.value_at_quantile(0.9),
            of.value_at_quantile(0.99),
            of.max(),
        ];
        measured.latency.reset();
        Sample { succeeded, failed, latency }
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
