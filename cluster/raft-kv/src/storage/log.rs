//! The log of raft on the disk, with the data of snapshots beside it.

use cluster_log::Options;
use cluster_node::{Logged, Storage, snapshot_file};
use failpoint_disk::fs;
use raft::eraftpb::{Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState};
use std::io;
use std::path::{Path, PathBuf};

/// The log of raft on the disk, with the data of snapshots beside it.
///
/// A snapshot that came from a leader has data, which are in a file of their own, so that a large one
/// is written once. A snapshot that was made here has none: its state is in the state machine.
#[derive(Debug)]
pub struct Log {
    directory: PathBuf,
    log: Logged,
    /// The last snapshot, if it has data.
    received: Option<Snapshot>,
}

/// What the names of snapshot files end with.
const EXTENSION: &str = "snapshot";
/// What the names of files end with that are not written to their end.
const UNFINISHED: &str = "new";

impl Log {
    /// Opens the log in `directory`, which is created if it does not exist.
    ///
    /// # Errors
    /// The disk refused, or the log or its snapshot is damaged.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Self::open_with(directory, Options::default())
    }

    /// The same, with options of the log.
    ///
    /// # Errors
    /// Those of [`Log::open`].
    pub fn open_with(directory: &Path, options: Options) -> io::Result<Self> {
        let log = Logged::open_with(&directory.join("log"), options)?;
        let mut log = Self { directory: directory.to_owned(), log, received: None };
        let index = log.snapshot_index()?;
        log.received = snapshot_file::read(&log.snapshot_path(index))?;
        log.remove_snapshots_but(index)?;
        Ok(log)
    }

    /// The index of the last snapshot.
    ///
    /// # Errors
    /// None: it is in memory.
    pub(crate) fn snapshot_index(&self) -> io::Result<u64> {
        let last = raft::Storage::snapshot(&self.log, 0, 0).map_err(io::Error::other)?;
        Ok(last.get_metadata().index)
    }

    fn snapshot_path(&self, index: u64) -> PathBuf {
        self.directory.join(format!("{index:020}.{EXTENSION}"))
    }

    /// A crash may leave a file of a snapshot that the log does not know of yet, or not any more.
    fn remove_snapshots_but(&self, index: u64) -> io::Result<()> {
        let kept = self.snapshot_path(index);
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let extension = path.extension();
            let is_snapshot = extension.is_some_and(|is| is == EXTENSION || is == UNFINISHED);
            if is_snapshot && path != kept {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

impl Storage for Log {
    fn save(
        &mut self,
        hard_state: Option<&HardState>,
        entries: &[Entry],
        must_sync: bool,
    ) -> io::Result<()> {
        let must_sync = must_sync && !cfg!(feature = "bug_no_fsync");
        self.log.save(hard_state, entries, must_sync)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let index = snapshot.get_metadata().index;
        let has_data = !snapshot.get_data().is_empty();
        if has_data {
            snapshot_file::write(&self.snapshot_path(index), snapshot)?;
        }
        let mut marker = Snapshot::default();
        marker.set_metadata(snapshot.get_metadata().clone());
        self.log.save_snapshot(&marker)?;
        self.received = match has_data {
            true => Some(snapshot.clone()),
            // The same one, made here: its data are still on the disk.
            false => self.received.take().filter(|last| last.get_metadata().index == index),
        };
        self.remove_snapshots_but(index)
    }

    fn compact(&mut self, index: u64) -> io::Result<()> {
        self.log.compact(index)
    }
}

impl raft::Storage for Log {
    fn initial_state(&self) -> raft::Result<RaftState> {
        self.log.initial_state()
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        self.log.entries(low, high, max_size, context)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        self.log.term(index)
    }

    fn first_index(&self) -> raft::Result<u64> {
        self.log.first_index()
    }

    fn last_index(&self) -> raft::Result<u64> {
        self.log.last_index()
    }

    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        let last = self.log.snapshot(request_index, to)?;
        Ok(self.received.clone().unwrap_or(last))
    }
}
