//! The requests that wait for their entry to be applied.

use std::collections::BTreeMap;

/// The requests that wait for their entry to be applied, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    id: u64,
    bytes: usize,
    /// The tick at which its client is told that there is no answer.
    deadline: u64,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn add(&mut self, number: u64, id: u64, bytes: usize, deadline: u64) {
        self.bytes += bytes;
        self.waiting.insert(number, Waiting { id, bytes, deadline });
    }

    pub(super) fn is_waiting(&self, number: u64) -> bool {
        self.waiting.contains_key(&number)
    }

    /// The id of the request, which waits no longer.
    pub(super) fn take(&mut self, number: u64) -> Option<u64> {
        let waiting = self.waiting.remove(&number)?;
        self.bytes -= waiting.bytes;
        Some(waiting.id)
    }

    /// The ids of the requests that have waited for too long.
    pub(super) fn expire(&mut self, now: u64) -> Vec<u64> {
        let mut expired = Vec::new();
        // Later numbers have later deadlines.
        while let Some((&number, waiting)) = self.waiting.first_key_value() {
            if waiting.deadline > now {
                break;
            }
            expired.extend(self.take(number));
        }
        expired
    }
}
