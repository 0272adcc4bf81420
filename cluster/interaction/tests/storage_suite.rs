//! The storage suite passes storages that are right, and names the promise that a wrong one breaks.

use cluster_node::{Logged, Memory, Storage};
use failpoint_disk::fs;
use interaction::storage_suite;
use protobuf::Message;
use raft::eraftpb::{Entry, HardState, Snapshot};
use raft::{GetEntriesContext, RaftState, Storage as _};
use std::io::{self, Write};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// What is wrong with a [`Whole`].
#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// It syncs nothing.
    NoSync,
    /// The file does not hold the vote.
    ForgetsVote,
    /// A compaction takes the entries after the snapshot too.
    LosesEntries,
    /// It writes past the simulated disk.
    WritesElsewhere,
}

/// A storage in one file, which each change replaces: its snapshot, where its log starts, the
/// hard state, and the entries. It is slow and right, unless it has a mistake.
struct Whole {
    directory: PathBuf,
    memory: Memory,
    mistake: Mistake,
}

impl Whole {
    fn open(directory: &Path, mistake: Mistake) -> io::Result<Self> {
        let mut memory = Memory::new();
        match fs::read(directory.join("whole")) {
            Ok(bytes) => load(&mut memory, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self { directory: directory.to_owned(), memory, mistake })
    }

    fn write(&self, is_compaction: bool) -> io::Result<()> {
        let snapshot = self.memory.snapshot(0, 0).map_err(io::Error::other)?;
        let mut state = self.memory.initial_state().map_err(io::Error::other)?.hard_state;
        if self.mistake == Mistake::ForgetsVote {
            state.vote = 0;
        }
        let (first, mut last) = bounds(&self.memory)?;
        if is_compaction && self.mistake == Mistake::LosesEntries {
            last = snapshot.get_metadata().index;
        }
        let mut start = Snapshot::default();
        start.mut_metadata().index = first - 1;
        start.mut_metadata().term = self.memory.term(first - 1).map_err(io::Error::other)?;

        let mut bytes = Vec::new();
        append(&mut bytes, &start)?;
        append(&mut bytes, &state)?;
        let context = GetEntriesContext::empty(false);
        if first <= last {
            let entries = self.memory.entries(first, last + 1, None, context);
            for entry in entries.map_err(io::Error::other)? {
                append(&mut bytes, &entry)?;
            }
        }
        bytes.extend_from_slice(&[0; 4]);
        append(&mut bytes, &snapshot)?;
        self.replace(&bytes)
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        if self.mistake == Mistake::WritesElsewhere {
            std::fs::create_dir_all(&self.directory)?;
            return std::fs::write(self.directory.join("whole"), bytes);
        }
        let syncs = self.mistake != Mistake::NoSync;
        fs::create_dir_all(&self.directory)?;
        let temporary = self.directory.join("whole.new");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        if syncs {
            file.sync_all()?;
        }
        fs::rename(&temporary, self.directory.join("whole"))?;
        if syncs {
            fs::File::open(&self.directory)?.sync_all()?;
            fs::File::open(self.directory.parent().unwrap())?.sync_all()?;
        }
        Ok(())
    }
}

fn append(bytes: &mut Vec<u8>, message: &impl Message) -> io::Result<()> {
    let message = message.write_to_bytes().map_err(io::Error::other)?;
    // An empty message has the length 1, since 0 ends the entries.
    bytes.extend_from_slice(&(message.len() as u32 + 1).to_le_bytes());
    bytes.extend_from_slice(&message);
    Ok(())
}

fn take<M: Message>(bytes: &mut &[u8]) -> io::Result<Option<M>> {
    let (length, rest) = bytes.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    let Some(length) = u32::from_le_bytes(*length).checked_sub(1) else {
        *bytes = rest;
        return Ok(None);
    };
    let (message, rest) =
        rest.split_at_checked(length as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
    *bytes = rest;
    M::parse_from_bytes(message).map(Some).map_err(io::Error::other)
}

fn load(memory: &mut Memory, mut bytes: &[u8]) -> io::Result<()> {
    let start: Snapshot = take(&mut bytes)?.unwrap_or_default();
    let state: HardState = take(&mut bytes)?.unwrap_or_default();
    memory.save_snapshot(&start)?;
    while let Some(entry) = take::<Entry>(&mut bytes)? {
        memory.save(None, &[entry], true)?;
    }
    memory.save_snapshot(&take(&mut bytes)?.unwrap_or_default())?;
    memory.save(Some(&state), &[], true)
}

fn bounds(memory: &Memory) -> io::Result<(u64, u64)> {
    let first = memory.first_index().map_err(io::Error::other)?;
    Ok((first, memory.last_index().map_err(io::Error::other)?))
}

impl Storage for Whole {
    fn save(&mut self, state: Option<&HardState>, entries: &[Entry], _: bool) -> io::Result<()> {
        self.memory.save(state, entries, true)?;
        self.write(false)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.memory.save_snapshot(snapshot)?;
        self.write(false)
    }

    fn compact(&mut self, index: u64) -> io::Result<()> {
        self.memory.compact(index)?;
        self.write(true)
    }
}

/// [`Logged`], but it never syncs what it saves.
struct Unsynced(Logged);

impl Storage for Unsynced {
    fn save(&mut self, state: Option<&HardState>, entries: &[Entry], _: bool) -> io::Result<()> {
        self.0.save(state, entries, false)
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        self.0.save_snapshot(snapshot)
    }

    fn compact(&mut self, index: u64) -> io::Result<()> {
        self.0.compact(index)
    }
}

/// Reads come from another storage.
macro_rules! reads_from {
    ($field:tt of $storage:ty) => {
        impl raft::Storage for $storage {
            fn initial_state(&self) -> raft::Result<RaftState> {
                self.$field.initial_state()
            }

            fn entries(
                &self,
                low: u64,
                high: u64,
                max_size: impl Into<Option<u64>>,
                context: GetEntriesContext,
            ) -> raft::Result<Vec<Entry>> {
                self.$field.entries(low, high, max_size, context)
            }

            fn term(&self, index: u64) -> raft::Result<u64> {
                self.$field.term(index)
            }

            fn first_index(&self) -> raft::Result<u64> {
                self.$field.first_index()
            }

            fn last_index(&self) -> raft::Result<u64> {
                self.$field.last_index()
            }

            fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
                self.$field.snapshot(request_index, to)
            }
        }
    };
}

reads_from!(memory of Whole);
reads_from!(0 of Unsynced);

/// The panic of the suite over a storage that is wrong.
fn failure(suite: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *catch_unwind(suite).expect_err("the suite passes").downcast::<String>().unwrap()
}

#[track_caller]
fn assert_broken(failure: &str, promise: &str) {
    let place = failure.lines().find(|line| line.contains(&format!(": broken: {promise}: ")));
    let place = place.unwrap_or_else(|| panic!("another failure: {failure}"));
    let (file, line) = place.split_once(".txt:").unwrap();
    assert!(file.starts_with("crash_") && line.starts_with(|digit: char| digit.is_ascii_digit()));
}

#[test]
fn the_log_on_a_disk_passes() {
    storage_suite(Logged::open);
}

#[test]
fn the_log_of_raft_kv_passes() {
    storage_suite(raft_kv::Log::open);
}

#[test]
fn a_storage_with_other_io_passes() {
    storage_suite(|directory| Whole::open(directory, Mistake::None));
}

#[test]
fn a_storage_that_never_syncs_is_caught() {
    let logged = failure(|| storage_suite(|directory| Logged::open(directory).map(Unsynced)));
    assert_broken(&logged, "a restart keeps the term");
    let whole = failure(|| storage_suite(|path| Whole::open(path, Mistake::NoSync)));
    assert_broken(&whole, "a restart keeps the term");
}

#[test]
fn a_storage_that_forgets_the_vote_is_caught() {
    let failure = failure(|| storage_suite(|path| Whole::open(path, Mistake::ForgetsVote)));
    assert_broken(&failure, "a restart keeps the vote");
}

#[test]
fn a_storage_that_loses_entries_in_a_compaction_is_caught() {
    let failure = failure(|| storage_suite(|path| Whole::open(path, Mistake::LosesEntries)));
    assert_broken(&failure, "a restart keeps saved entries");
}

#[test]
fn a_storage_that_writes_past_the_simulated_disk_is_refused() {
    let elsewhere = failure(|| storage_suite(|path| Whole::open(path, Mistake::WritesElsewhere)));
    assert!(elsewhere.contains("nothing to the simulated disk"), "{elsewhere}");
    let memory = failure(|| storage_suite(|_| Ok(Memory::new())));
    assert!(memory.contains("nothing to the simulated disk"), "{memory}");
    let refuses =
        failure(|| storage_suite(|_| -> io::Result<Logged> { Err(io::Error::other("no key")) }));
    assert_eq!(refuses, "the storage cannot be opened on an empty disk: no key");
}
