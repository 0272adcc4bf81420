//! What committed entries are applied to.

use crate::{describe, snapshot_file};
use raft::eraftpb::{ConfChangeV2, ConfState, Entry, Snapshot, SnapshotMetadata};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What committed entries are applied to.
///
/// An error stops the node. The state machine is then dropped and opened again.
pub trait StateMachine: Send + 'static {
    /// The data of an entry as text, for a person who reads what a node does.
    fn describe(data: &[u8]) -> String
    where
        Self: Sized,
    {
        describe::data(data)
    }

    /// The index of the last entry that was applied.
    fn applied(&self) -> u64;

    /// Applies an entry that is not a change of the configuration. Its data may be empty: then only the
    /// index moves. An entry that was applied before a restart is given again, and changes nothing.
    ///
    /// # Errors
    /// The disk refused.
    fn apply(&mut self, entry: &Entry) -> io::Result<()>;

    /// Applies a change of the configuration. `configuration` is what it leads to; without one, raft
    /// refused the change, and only the index moves.
    ///
    /// # Errors
    /// The disk refused.
    fn apply_conf_change(
        &mut self,
        entry: &Entry,
        change: &ConfChangeV2,
        configuration: Option<ConfState>,
    ) -> io::Result<()>;

    /// Ends a batch of applied entries. After a crash, the state is that after the last batch or that
    /// after an earlier one; the entries that are missing are given again.
    ///
    /// # Errors
    /// The disk refused.
    fn commit(&mut self) -> io::Result<()>;

    /// Makes the state durable, and returns the snapshot that the log may begin at. It has no data if the
    /// state machine keeps them itself, and [completes](StateMachine::complete) it when it is sent.
    ///
    /// # Errors
    /// The disk refused.
    fn checkpoint(&mut self) -> io::Result<Snapshot>;

    /// The snapshot with its data, to be sent to another node. It may be of a later index.
    ///
    /// # Errors
    /// The state cannot be read.
    fn complete(&self, checkpoint: Snapshot) -> io::Result<Snapshot> {
        Ok(checkpoint)
    }

    /// Becomes the state of a snapshot, unless it is further. It is durable after the next
    /// [`commit`](StateMachine::commit); a crash before finds the snapshot again.
    ///
    /// # Errors
    /// The disk refused, or the snapshot is damaged.
    fn restore(&mut self, snapshot: &Snapshot) -> io::Result<()>;
}

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
        machine.become_state_of(&state);
        Ok(machine)
    }

    /// The values, one a line.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.set_metadata(self.at.clone());
        snapshot.set_data(self.content.clone().into());
        snapshot
    }

    fn become_state_of(&mut self, snapshot: &Snapshot) {
        if snapshot.get_metadata().index > self.at.index {
            self.at = snapshot.get_metadata().clone();
            self.content = snapshot.get_data().to_vec();
        }
    }
}

impl StateMachine for Machine {
    fn applied(&self) -> u64 {
        self.at.index
    }

    fn apply(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.index <= self.applied() {
            return Ok(());
        }
        if !entry.data.is_empty() {
            if !self.content.is_empty() {
                self.content.push(b'\n');
            }
            self.content.extend_from_slice(&entry.data);
        }
        (self.at.index, self.at.term) = (entry.index, entry.term);
        Ok(())
    }

    fn apply_conf_change(
        &mut self,
        entry: &Entry,
        _: &ConfChangeV2,
        configuration: Option<ConfState>,
    ) -> io::Result<()> {
        if entry.index <= self.applied() {
            return Ok(());
        }
        (self.at.index, self.at.term) = (entry.index, entry.term);
        if let Some(configuration) = configuration {
            self.at.set_conf_state(configuration);
        }
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
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

    /// With its data: every batch is durable already.
    fn checkpoint(&mut self) -> io::Result<Snapshot> {
        Ok(self.snapshot())
    }

    fn restore(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.become_state_of(snapshot);
        Ok(())
    }
}
