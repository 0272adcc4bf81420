//! The state machine that committed entries are applied to.

use crate::snapshot_file;
use raft::eraftpb::{ConfState, Snapshot, SnapshotMetadata};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A state machine that remembers everything that was applied, one value a line.
///
/// It holds the index that it has applied together with the values, so that no value is applied twice
/// after a restart.
#[derive(Debug)]
pub struct Machine {
    /// The index and the term that it is at, and the configuration there.
    at: SnapshotMetadata,
    content: Vec<u8>,
    durable: Durable,
}

/// Where a [`Machine`] keeps what it has committed.
#[derive(Clone, Debug)]
pub enum Durable {
    /// In memory, shared by its clones.
    Memory(Arc<Mutex<Snapshot>>),
    /// In this directory, through `failpoint_disk::fs`.
    Directory(PathBuf),
}

impl Default for Durable {
    fn default() -> Self {
        Durable::Memory(Arc::default())
    }
}

/// The file of [`Durable::Directory`].
const FILE: &str = "state";

impl Machine {
    /// Opens the state that was committed last, or an empty one.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn open(durable: Durable) -> io::Result<Self> {
        let mut machine =
            Self { at: SnapshotMetadata::default(), content: Vec::new(), durable: durable.clone() };
        let state = match &durable {
            Durable::Memory(shared) => {
                shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            Durable::Directory(directory) => {
                snapshot_file::read(&directory.join(FILE))?.unwrap_or_default()
            }
        };
        machine.restore(&state);
        Ok(machine)
    }

    /// The index of the last entry that was applied.
    pub fn applied(&self) -> u64 {
        self.at.index
    }

    /// The values, one a line.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.set_metadata(self.at.clone());
        snapshot.set_data(self.content.clone().into());
        snapshot
    }

    /// Applies an entry, unless it was applied before the restart. A value may be empty: then only the
    /// index moves.
    pub(crate) fn apply(&mut self, index: u64, term: u64, value: &[u8]) {
        if index <= self.applied() {
            return;
        }
        if !value.is_empty() {
            if !self.content.is_empty() {
                self.content.push(b'\n');
            }
            self.content.extend_from_slice(value);
        }
        (self.at.index, self.at.term) = (index, term);
    }

    pub(crate) fn set_configuration(&mut self, index: u64, configuration: ConfState) {
        if index >= self.applied() {
            self.at.set_conf_state(configuration);
        }
    }

    /// Becomes the state of `snapshot`, unless it is further.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) {
        if snapshot.get_metadata().index > self.applied() {
            self.at = snapshot.get_metadata().clone();
            self.content = snapshot.get_data().to_vec();
        }
    }

    /// Makes the state durable.
    pub(crate) fn commit(&self) -> io::Result<()> {
        match &self.durable {
            Durable::Memory(shared) => {
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = self.snapshot();
                Ok(())
            }
            Durable::Directory(directory) => {
                snapshot_file::write(&directory.join(FILE), &self.snapshot())
            }
        }
    }
}
