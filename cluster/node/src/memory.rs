//! The log of a raft node in memory.

use crate::Storage;
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, StorageError};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A log in memory.
///
/// A value is a handle: clones are the same log. A node that starts with a clone finds what the one
/// before it saved, so memory plays the disk that loses nothing.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    log: Arc<Mutex<Log>>,
}

impl Memory {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn holding(log: Log) -> Self {
        Self { log: Arc::new(Mutex::new(log)) }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The contents of a log. All storages hold them in memory, since the crate `raft` reads from there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) hard_state: HardState,
    /// The last snapshot that was saved.
    pub(crate) snapshot: Snapshot,
    /// The entries up to this index are gone.
    pub(crate) compacted: u64,
    /// The term of the last entry that is gone.
    pub(crate) compacted_term: u64,
    pub(crate) entries: Vec<Entry>,
}

impl Log {
    fn first_index(&self) -> u64 {
        self.compacted + 1
    }

    pub(crate) fn last_index(&self) -> u64 {
        self.compacted + self.entries.len() as u64
    }

    /// The term of the entry at `index`, if it is known.
    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        if index == self.compacted {
            return Some(self.compacted_term);
        }
        let offset = index.checked_sub(self.first_index())?;
        self.entries.get(offset as usize).map(|entry| entry.term)
    }

    pub(crate) fn save(&mut self, hard_state: Option<&HardState>, entries: &[Entry]) {
        if let Some(hard_state) = hard_state {
            self.hard_state = hard_state.clone();
        }
        if let Some(first) = entries.first() {
            let kept = first.index.saturating_sub(self.first_index());
            assert!(kept <= self.entries.len() as u64, "a log has no gaps");
            self.entries.truncate(kept as usize);
            self.entries.extend_from_slice(entries);
        }
    }

    pub(crate) fn save_snapshot(&mut self, snapshot: &Snapshot) {
        let meta = snapshot.get_metadata();
        if self.term(meta.index) != Some(meta.term) {
            self.entries.clear();
            self.compacted = meta.index;
            self.compacted_term = meta.term;
        }
        self.snapshot = snapshot.clone();
        // A crash may come before the hard state is saved that belongs to a snapshot. The crate `raft`
        // refuses a commit index from before the log.
        self.hard_state.commit = self.hard_state.commit.max(meta.index);
    }

    /// Begins after the entry at `index`, without a snapshot yet.
    pub(crate) fn start_after(&mut self, index: u64, term: u64) {
        self.entries.clear();
        (self.compacted, self.compacted_term) = (index, term);
    }

    pub(crate) fn compact(&mut self, index: u64) {
        let index = index.min(self.snapshot.get_metadata().index);
        let Some(term) = self.term(index).filter(|_| index > self.compacted) else { return };
        self.entries.drain(..(index - self.compacted) as usize);
        self.compacted = index;
        self.compacted_term = term;
    }

    pub(crate) fn initial_state(&self) -> RaftState {
        RaftState::new(self.hard_state.clone(), self.conf_state().clone())
    }

    fn conf_state(&self) -> &ConfState {
        self.snapshot.get_metadata().get_conf_state()
    }

    fn slice(&self, low: u64, high: u64, max_size: Option<u64>) -> raft::Result<Vec<Entry>> {
        if low < self.first_index() {
            return Err(StorageError::Compacted.into());
        }
        if high > self.last_index() + 1 {
            return Err(StorageError::Unavailable.into());
        }
        let (low, high) =
            ((low - self.first_index()) as usize, (high - self.first_index()) as usize);
        let mut entries = self.entries[low..high].to_vec();
        raft::util::limit_size(&mut entries, max_size);
        Ok(entries)
    }
}

impl raft::Storage for Memory {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(self.log().initial_state())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        self.log().slice(low, high, max_size.into())
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        let log = self.log();
        log.term(index).ok_or_else(|| {
            if index < log.compacted {
                StorageError::Compacted.into()
            } else {
                StorageError::Unavailable.into()
            }
        })
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.log().first_index())
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.log().last_index())
    }

    fn snapshot(&self, request_index: u64, _: u64) -> raft::Result<Snapshot> {
        let log = self.log();
        if log.snapshot.get_metadata().index < request_index {
            return Err(StorageError::SnapshotTemporarilyUnavailable.into());
        }
        Ok(log.snapshot.clone())
    }
}

impl Storage for Memory {
    fn save(
        &mut self,
        hard_state: Option<&HardState>,
        entries: &[Entry],
        _: bool,
    ) -> io::Result<()> {
        self.log().save(hard_state, entries);
        Ok(())
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.log().save_snapshot(snapshot);
        Ok(())
    }

    fn compact(&mut self, index: u64) -> io::Result<()> {
        self.log().compact(index);
        Ok(())
    }
}
