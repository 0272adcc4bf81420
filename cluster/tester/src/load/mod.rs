//! What do clients do while faults are injected?
//!
//! A [`Load`] sends requests at a limited rate and records each of them, with its answer, in a
//! [`Recorder`]. A [`WholeWatch`] records what the store says it did. Both together are the
//! [`History`](crate::history::History) that the checkers judge.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

mod burst;
mod clients;
mod kinds;
mod leases;
mod measure;
mod members;
mod rate;
mod recorder;
mod runners;
mod whole_watch;

pub use clients::Load;
pub use leases::Followed;
pub use measure::Sample;
pub use recorder::Recorder;
pub use whole_watch::WholeWatch;

/// The number under which the tester itself asks, in a history: its final writes, and what it does
/// between rounds.
pub const TESTER: u64 = 0;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "their names are those of etcd's functional tester")]
pub enum Kind {
    KvWriteSmall,
    KvWriteLarge,
    KvReadOneKey,
    KvReadRange,
    KvDeleteOneKey,
    KvDeleteRange,
    KvTxnWriteDelete,
    Lease,
}

/// A task that does more than one request at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "their names are those of etcd's functional tester")]
pub enum Runner {
    ElectionRunner,
    WatchRunner,
    LockRacerRunner,
    LeaseRunner,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::KvWriteSmall,
        Self::KvWriteLarge,
        Self::KvReadOneKey,
        Self::KvReadRange,
        Self::KvDeleteOneKey,
        Self::KvDeleteRange,
        Self::KvTxnWriteDelete,
        Self::Lease,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KvWriteSmall => "KV_WRITE_SMALL",
            Self::KvWriteLarge => "KV_WRITE_LARGE",
            Self::KvReadOneKey => "KV_READ_ONE_KEY",
            Self::KvReadRange => "KV_READ_RANGE",
            Self::KvDeleteOneKey => "KV_DELETE_ONE_KEY",
            Self::KvDeleteRange => "KV_DELETE_RANGE",
            Self::KvTxnWriteDelete => "KV_TXN_WRITE_DELETE",
            Self::Lease => "LEASE",
        }
    }
}

impl Runner {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ElectionRunner, Self::WatchRunner, Self::LockRacerRunner, Self::LeaseRunner];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ElectionRunner => "ELECTION_RUNNER",
            Self::WatchRunner => "WATCH_RUNNER",
            Self::LockRacerRunner => "LOCK_RACER_RUNNER",
            Self::LeaseRunner => "LEASE_RUNNER",
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Display for Runner {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the load is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many clients ask at once.
    pub clients: usize,
    /// How many requests a second all clients send together at most.
    pub rate: u32,
    /// How many requests a second must succeed before a fault, while a quorum is left, and after it.
    pub minimum_rate: f64,
    /// How many keys there are.
    pub keys: usize,
    /// The kinds of requests, with their weights.
    pub kinds: BTreeMap<Kind, u32>,
    /// The runners, with how many of each.
    pub runners: BTreeMap<Runner, usize>,
    /// How many bytes KV_WRITE_LARGE writes.
    pub large: usize,
    /// How many requests a snapshot needs.
    pub snapshot_entries: u64,
}

/// How much of the load succeeded and failed until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that were not, or with an error.
    pub failed: u64,
}
