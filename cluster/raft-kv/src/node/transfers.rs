//! Snapshots on their way to followers.
//!
//! A leader sends nothing else to a follower until it hears that the snapshot arrived or was lost. A follower
//! that crashes between the two tells neither, so the leader takes a snapshot for lost after a while.

use std::collections::BTreeMap;

/// Snapshots on their way, with the ticks at which they were seen first.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// A follower → the index of its snapshot, and since when.
    since: BTreeMap<u64, (u64, u64)>,
}

impl Transfers {
    /// The followers to which the same snapshot is on its way for `patience` ticks. `pending` are all that are
    /// on their way: a follower, and the index.
    pub(super) fn lost(&mut self, pending: &[(u64, u64)], now: u64, patience: u64) -> Vec<u64> {
        self.since.retain(|id, (index, _)| pending.contains(&(*id, *index)));
        let mut lost = Vec::new();
        for &(id, index) in pending {
            let (_, since) = self.since.entry(id).or_insert((index, now));
            if now - *since >= patience {
                *since = now;
                lost.push(id);
            }
        }
        lost
    }
}
