//! The log of a raft node on a disk.

use crate::Storage;
use crate::memory::{Log, Memory};
use cluster_log::{LogError, OpenError, Options};
use protobuf::Message as _;
use raft::eraftpb::{Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState};
use std::io;
use std::path::Path;

/// A log on a disk: [`cluster_log::Log`], and its contents in memory.
///
/// All I/O goes through `failpoint_disk::fs`, so that in a scope with a simulated disk it is there.
#[derive(Debug)]
pub struct Logged {
    disk: cluster_log::Log,
    memory: Memory,
}

/// The kinds of records. Their payloads are messages of raft, unless something else is said.
mod kind {
    pub(super) const ENTRY: u8 = 1;
    pub(super) const HARD_STATE: u8 = 2;
    pub(super) const SNAPSHOT: u8 = 3;
    /// An entry without data: the last one that was compacted.
    pub(super) const COMPACTED: u8 = 4;
}

impl Logged {
    /// Opens the log in `directory`, which is created if it does not exist.
    ///
    /// # Errors
    /// Those of [`cluster_log::Log::open`], and records that are not raft's.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Self::open_with(directory, Options::default())
    }

    /// The same, with options of the log.
    ///
    /// # Errors
    /// Those of [`Logged::open`].
    pub fn open_with(directory: &Path, options: Options) -> io::Result<Self> {
        let opened = cluster_log::Log::open(directory, options);
        let (disk, recovered) = opened.map_err(open_error)?;
        let mut log = Log::default();
        for record in &recovered.records {
            replay(&mut log, record.kind, &record.payload).map_err(|error| {
                let text =
                    format!("{} holds a record that is not raft's: {error}", directory.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
        }
        Ok(Self { disk, memory: Memory::holding(log) })
    }

    fn append(&mut self, records: &[(u8, Vec<u8>)]) -> io::Result<()> {
        let records = records.iter().map(|(kind, payload)| (*kind, payload.as_slice()));
        self.disk.append_all(records).map_err(log_error)
    }
}

fn open_error(error: OpenError) -> io::Error {
    match error {
        OpenError::Io { doing, path, error } => {
            io::Error::new(error.kind(), format!("cannot {doing} {}: {error}", path.display()))
        }
        other => io::Error::other(other),
    }
}

fn log_error(error: LogError) -> io::Error {
    match error {
        LogError::Write { error, .. } => error,
        other => io::Error::other(other),
    }
}

fn replay(log: &mut Log, kind: u8, payload: &[u8]) -> Result<(), String> {
    let unreadable = |error: protobuf::ProtobufError| error.to_string();
    match kind {
        kind::ENTRY => {
            let entry = Entry::parse_from_bytes(payload).map_err(unreadable)?;
            if entry.index <= log.compacted || entry.index > log.last_index() + 1 {
                return Err(format!("entry {} does not follow {}", entry.index, log.last_index()));
            }
            log.save(None, &[entry]);
        }
        kind::HARD_STATE => {
            let hard_state = HardState::parse_from_bytes(payload).map_err(unreadable)?;
            log.save(Some(&hard_state), &[]);
        }
        kind::SNAPSHOT => {
            log.save_snapshot(&Snapshot::parse_from_bytes(payload).map_err(unreadable)?);
        }
        kind::COMPACTED => {
            let last = Entry::parse_from_bytes(payload).map_err(unreadable)?;
            log.start_after(last.index, last.term);
        }
        other => return Err(format!("its kind is {other}")),
    }
    Ok(())
}

fn encoded(kind: u8, message: &impl protobuf::Message) -> io::Result<(u8, Vec<u8>)> {
    Ok((kind, message.write_to_bytes().map_err(io::Error::other)?))
}

/// The records that a restart reads back as `log`.
fn restated(log: &Log) -> io::Result<Vec<(u8, Vec<u8>)>> {
    let mut compacted = Entry::default();
    (compacted.index, compacted.term) = (log.compacted, log.compacted_term);
    let mut records = vec![encoded(kind::COMPACTED, &compacted)?];
    for entry in &log.entries {
        records.push(encoded(kind::ENTRY, entry)?);
    }
    // After the entries: a snapshot whose last entry is not there comes from a leader, and clears the log.
    records.push(encoded(kind::SNAPSHOT, &log.snapshot)?);
    records.push(encoded(kind::HARD_STATE, &log.hard_state)?);
    Ok(records)
}

impl Storage for Logged {
    fn save(
        &mut self,
        hard_state: Option<&HardState>,
        entries: &[Entry],
        must_sync: bool,
    ) -> io::Result<()> {
        let mut records = Vec::with_capacity(entries.len() + 1);
        for entry in entries {
            records.push(encoded(kind::ENTRY, entry)?);
        }
        if let Some(hard_state) = hard_state {
            records.push(encoded(kind::HARD_STATE, hard_state)?);
        }
        self.append(&records)?;
        if must_sync {
            self.disk.sync().map_err(log_error)?;
        }
        self.memory.save(hard_state, entries, must_sync)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.append(&[encoded(kind::SNAPSHOT, snapshot)?])?;
        self.disk.sync().map_err(log_error)?;
        self.memory.save_snapshot(snapshot)
    }

    fn compact(&mut self, index: u64) -> io::Result<()> {
        let mut log = self.memory.log().clone();
        log.compact(index);
        let records = restated(&log)?;
        let records = records.iter().map(|(kind, payload)| (*kind, payload.as_slice()));
        self.disk.restate(records).map_err(log_error)?;
        self.memory.compact(index)
    }
}

impl raft::Storage for Logged {
    fn initial_state(&self) -> raft::Result<RaftState> {
        self.memory.initial_state()
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        self.memory.entries(low, high, max_size, context)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        self.memory.term(index)
    }

    fn first_index(&self) -> raft::Result<u64> {
        self.memory.first_index()
    }

    fn last_index(&self) -> raft::Result<u64> {
        self.memory.last_index()
    }

    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        self.memory.snapshot(request_index, to)
    }
}
