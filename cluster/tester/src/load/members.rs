//! Which member is asked next?

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// The members, and which of them to avoid for a moment because a request to them failed.
#[derive(Debug)]
pub(super) struct Members {
    clock: Clock,
    /// For each member, the time until which it is avoided.
    avoided: Vec<AtomicU64>,
}

impl Members {
    const AVOID: Duration = Duration::from_millis(500);

    pub(super) fn new(clock: Clock, count: usize) -> Self {
        Self { clock, avoided: (0..count.max(1)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The member for a draw: the drawn one, or the next one that is not avoided. Where all are, the
    /// drawn one, so that a member that is back is found.
    pub(super) fn choose(&self, draw: u64) -> usize {
        let count = self.avoided.len();
        let drawn = (draw % count as u64) as usize;
        let now = self.clock.now();
        // Only a hint: no other memory depends on it.
        let usable = |member: &usize| self.avoided[*member].load(Ordering::Relaxed) <= now;
        (0..count).map(|step| (drawn + step) % count).find(usable).unwrap_or(drawn)
    }

    /// A request to this member failed.
    pub(super) fn failed(&self, member: usize) {
        let until = self.clock.now().saturating_add(Self::AVOID.as_nanos() as u64);
        self.avoided[member].store(until, Ordering::Relaxed);
    }

    /// A request to this member was answered.
    pub(super) fn answered(&self, member: usize) {
        if self.avoided[member].load(Ordering::Relaxed) != 0 {
            self.avoided[member].store(0, Ordering::Relaxed);
        }
    }
}
