//! Removals of a member that leads.
//!
//! A leader that removes itself leaves the cluster without one for an election time-out. So it is asked to
//! hand over first, and another leader removes it.

/// Removals that wait until their member does not lead any more.
#[derive(Debug, Default)]
pub(super) struct Departures {
    waiting: Vec<Departure>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    /// The number of the request.
    pub(super) number: u64,
    /// The id of the member.
    pub(super) member: u64,
}

impl Departures {
    pub(super) fn add(&mut self, number: u64, member: u64) {
        self.waiting.push(Departure { number, member });
    }

    /// Whether a removal waits for this member to hand over.
    pub(super) fn is_waiting_for(&self, member: u64) -> bool {
        self.waiting.iter().any(|departure| departure.member == member)
    }

    /// The removals that can be proposed: another member leads.
    pub(super) fn take_ready(&mut self, leader: u64) -> Vec<Departure> {
        if leader == 0 {
            return Vec::new();
        }
        self.waiting.extract_if(.., |departure| departure.member != leader).collect()
    }

    /// Forgets the removals whose requests do not wait any more.
    pub(super) fn keep(&mut self, is_waiting: impl Fn(u64) -> bool) {
        self.waiting.retain(|departure| is_waiting(departure.number));
    }
}
