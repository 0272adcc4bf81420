//! What raft sees of its log, and what each operation must make of that.

use raft::GetEntriesContext;
use raft::eraftpb::{Entry, HardState, Snapshot};
use raft_kv::Log;
use std::collections::BTreeMap;

/// What raft sees of its log.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) hard_state: HardState,
    pub(crate) snapshot: Snapshot,
    /// The index and the term of the last entry that is gone.
    pub(crate) gone: (u64, u64),
    pub(crate) entries: BTreeMap<u64, Entry>,
}

impl Seen {
    /// What `log` answers to raft.
    pub(crate) fn of(log: &Log) -> Self {
        use raft::Storage as _;
        let (first, last) = (log.first_index().unwrap(), log.last_index().unwrap());
        let entries = match first <= last {
            true => log.entries(first, last + 1, None, GetEntriesContext::empty(false)).unwrap(),
            false => Vec::new(),
        };
        for entry in &entries {
            assert_eq!(log.term(entry.index).unwrap(), entry.term);
        }
        let state = log.initial_state().unwrap();
        let snapshot = log.snapshot(0, 1).unwrap();
        assert_eq!(state.conf_state, *snapshot.get_metadata().get_conf_state());
        Self {
            hard_state: state.hard_state,
            snapshot,
            gone: (first - 1, log.term(first - 1).unwrap()),
            entries: entries.into_iter().map(|entry| (entry.index, entry)).collect(),
        }
    }

    pub(crate) fn last_index(&self) -> u64 {
        self.entries.last_key_value().map_or(self.gone.0, |(&index, _)| index)
    }

    /// The index that the last snapshot ends with.
    pub(crate) fn covered(&self) -> u64 {
        self.snapshot.get_metadata().index
    }

    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        let is_gone = index == self.gone.0;
        is_gone.then_some(self.gone.1).or_else(|| self.entries.get(&index).map(|entry| entry.term))
    }

    /// The entry takes the place of those at its index and after it.
    pub(crate) fn append(&mut self, entry: &Entry) {
        self.entries.split_off(&entry.index);
        self.entries.insert(entry.index, entry.clone());
    }

    /// A snapshot that does not end with an entry of the log takes the place of all of it.
    pub(crate) fn take_snapshot(&mut self, snapshot: &Snapshot) {
        let (index, term) = (snapshot.get_metadata().index, snapshot.get_metadata().term);
        if self.term(index) != Some(term) {
            self.entries.clear();
            self.gone = (index, term);
        }
        let before = std::mem::replace(&mut self.snapshot, snapshot.clone());
        // One that came from a leader keeps its data when it is made here too.
        if snapshot.data.is_empty() && before.get_metadata().index == index {
            self.snapshot.data = before.data;
        }
        self.hard_state.commit = self.hard_state.commit.max(index);
    }

    pub(crate) fn forget(&mut self, index: u64) {
        if let Some(term) = self.term(index) {
            self.entries = self.entries.split_off(&(index + 1));
            self.gone = (index, term);
        }
    }
}
