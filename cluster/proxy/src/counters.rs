//! What passed a link, and what did not?

use crate::effect::Direction;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What happened to one direction of a link since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes read from senders.
    pub received: u64,
    /// Bytes written to receivers.
    pub passed: u64,
    /// Bytes that will never be written: dropped by a toxic, or left when a connection ended.
    pub dropped: u64,
    /// Chunks and retransmissions lost by [`Effect::Loss`](crate::Effect::Loss). Their bytes are not
    /// `dropped`: the next retransmission brings them.
    pub lost: u64,
}

impl Counters {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            received: self.received.saturating_sub(earlier.received),
            passed: self.passed.saturating_sub(earlier.passed),
            dropped: self.dropped.saturating_sub(earlier.dropped),
            lost: self.lost.saturating_sub(earlier.lost),
        }
    }
}

impl std::ops::Add for Counters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            passed: self.passed + other.passed,
            dropped: self.dropped + other.dropped,
            lost: self.lost + other.lost,
        }
    }
}

/// The counts of one direction.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: AtomicU64,
    pub(crate) passed: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) lost: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            received: self.received.load(Relaxed),
            passed: self.passed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            lost: self.lost.load(Relaxed),
        }
    }
}

/// The counts of both directions.
#[derive(Debug, Default)]
pub(crate) struct Both([Counts; 2]);

impl Both {
    pub(crate) fn of(&self, direction: Direction) -> &Counts {
        &self.0[direction.index()]
    }
}
