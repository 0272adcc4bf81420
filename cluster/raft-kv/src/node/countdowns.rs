//! How long leases still live.
//!
//! Each member counts down from what it applied. The leader's count decides; when a member becomes leader, it
//! begins again with the full time of every lease. So a lease lives too long rather than too short.

use crate::request::LeaseId;
use crate::store::Lease;
use std::collections::BTreeMap;

/// How long leases still live, in ticks.
#[derive(Debug, Default)]
pub(super) struct Countdowns {
    leases: BTreeMap<LeaseId, Countdown>,
}

#[derive(Debug)]
struct Countdown {
    lease: Lease,
    remaining: u64,
}

impl Countdowns {
    /// The countdowns of these leases, each with its full time.
    pub(super) fn of(leases: Vec<(LeaseId, Lease)>) -> Self {
        let leases = leases
            .into_iter()
            .map(|(id, lease)| (id, Countdown { lease, remaining: lease.ttl }))
            .collect();
        Self { leases }
    }

    /// A lease was granted, renewed, or has ended.
    pub(super) fn set(&mut self, id: LeaseId, lease: Option<Lease>) {
        match lease {
            Some(lease) => {
                self.leases.insert(id, Countdown { lease, remaining: lease.ttl });
            }
            None => {
                self.leases.remove(&id);
            }
        }
    }

    pub(super) fn restart(&mut self) {
        for countdown in self.leases.values_mut() {
            countdown.remaining = countdown.lease.ttl;
        }
    }

    pub(super) fn tick(&mut self) {
        for countdown in self.leases.values_mut() {
            countdown.remaining = countdown.remaining.saturating_sub(1);
        }
    }

    pub(super) fn remaining(&self, id: LeaseId) -> u64 {
        self.leases.get(&id).map_or(0, |countdown| countdown.remaining)
    }

    /// The leases that have expired, with how often each was renewed. They are told again after `again`
    /// ticks, unless they have ended: what a leader proposes may be lost.
    pub(super) fn take_expired(&mut self, again: u64) -> Vec<(LeaseId, u64)> {
        let mut expired = Vec::new();
        for (&id, countdown) in &mut self.leases {
            if countdown.remaining == 0 {
                countdown.remaining = again;
                expired.push((id, countdown.lease.renewals));
            }
        }
        expired
    }
}
