//! raft-engine on a simulated disk, with its names on a real one.
//!
//! raft-engine reads and writes through a trait, and lists and syncs its directory past it. So the contents of
//! its files are on a simulated disk, and a real directory has an empty file for each of their names, which is
//! what raft-engine lists.

use crate::arguments::Arguments;
use failpoint_disk::{Report, Run, fs};
use protobuf::well_known_types::BytesValue;
use raft_engine::env::{FileSystem, Handle, Permission, WriteExt};
use raft_engine::internals::{FilePipeLog, LogQueue};
use raft_engine::{Command, Config, LogBatch, MessageExt, ReadableSize};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

const DISK: &str = "/sim";

pub(crate) fn explore(arguments: &Arguments, names: Names) -> Report {
    arguments.explore(100_000).crashes(
        move |run| workload(run, names, true),
        move || recover(names).map_err(|error| error.to_string()),
        check,
    )
}

/// When the names of files are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// At once. What raft-engine's own syncs of its directory do for them cannot be seen, so that it is
    /// accused of nothing.
    AtOnce,
    /// Where raft-engine's source syncs the directory: once the header of a file that it rotates to is
    /// synced. It does not after it created its first files.
    AsSynced,
}

type Engine = raft_engine::Engine<Disk, FilePipeLog<Disk>>;

fn open(names: &TempDir, when: Names) -> raft_engine::Result<Engine> {
    let config = Config {
        dir: names.path().to_str().expect("a temporary directory has a plain name").to_owned(),
        // One thread, so that two recoveries do the same in the same order.
        recovery_threads: 1,
        target_file_size: ReadableSize(8 << 10),
        purge_threshold: ReadableSize(16 << 10),
        ..Config::default()
    };
    Engine::open_with_file_system(config, Arc::new(Disk { names: when }))
}

/// A directory in memory, if there is one.
fn new_directory() -> io::Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

struct Disk {
    names: Names,
}

/// Where the contents of a file are.
fn simulated(path: &Path) -> PathBuf {
    Path::new(DISK).join(path.file_name().expect("a file has a name"))
}

impl Disk {
    fn names_changed(&self) -> io::Result<()> {
        match self.names {
            Names::AtOnce => sync_names(),
            Names::AsSynced => Ok(()),
        }
    }

    /// A file that raft-engine rotates to: the first one of each queue is no such file.
    fn handle(&self, path: &Path, file: fs::File, is_new: bool) -> Contents {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_first = name.split('.').next().is_some_and(|number| number.parse() == Ok(1_u64));
        let syncs_names = self.names == Names::AsSynced && is_new && !is_first;
        Contents { file, syncs_names }
    }
}

fn sync_names() -> io::Result<()> {
    fs::File::open(DISK)?.sync_all()
}

impl FileSystem for Disk {
    type Handle = Contents;
    type Reader = Cursor;
    type Writer = Cursor;

    fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<Contents> {
        let path = path.as_ref();
        let mut options = fs::OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).open(simulated(path))?;
        self.names_changed()?;
        std::fs::File::create(path)?;
        Ok(self.handle(path, file, true))
    }

    fn open<P: AsRef<Path>>(&self, path: P, permission: Permission) -> io::Result<Contents> {
        let path = path.as_ref();
        let writes = permission == Permission::ReadWrite;
        let file = fs::OpenOptions::new().read(true).write(writes).open(simulated(path))?;
        Ok(self.handle(path, file, false))
    }

    fn delete<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        fs::remove_file(simulated(path.as_ref()))?;
        self.names_changed()?;
        std::fs::remove_file(path)
    }

    fn rename<P: AsRef<Path>>(&self, from: P, to: P) -> io::Result<()> {
        fs::rename(simulated(from.as_ref()), simulated(to.as_ref()))?;
        self.names_changed()?;
        std::fs::rename(from, to)
    }

    fn new_reader(&self, handle: Arc<Contents>) -> io::Result<Cursor> {
        Ok(Cursor { handle, at: 0 })
    }

    fn new_writer(&self, handle: Arc<Contents>) -> io::Result<Cursor> {
        Ok(Cursor { handle, at: 0 })
    }
}

struct Contents {
    file: fs::File,
    syncs_names: bool,
}

impl Contents {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

impl Handle for Contents {
    fn truncate(&self, offset: usize) -> io::Result<()> {
        self.file.set_len(offset as u64)
    }

    fn file_size(&self) -> io::Result<usize> {
        Ok(self.len()? as usize)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()?;
        if self.syncs_names { sync_names() } else { Ok(()) }
    }
}

/// A reader or a writer: a file, and a place in it.
struct Cursor {
    handle: Arc<Contents>,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.handle.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for Cursor {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.handle.file.write_at(data, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.handle.len()?.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl WriteExt for Cursor {
    fn truncate(&mut self, offset: usize) -> io::Result<()> {
        self.at = offset as u64;
        self.handle.truncate(offset)
    }

    fn allocate(&mut self, offset: usize, size: usize) -> io::Result<()> {
        let len = (offset + size) as u64;
        if self.handle.len()? < len { self.handle.file.set_len(len) } else { Ok(()) }
    }
}

/// An entry of a log: its index, then its payload.
struct Entry;

impl MessageExt for Entry {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        let (index, _) = entry.value.split_first_chunk().expect("an entry begins with its index");
        u64::from_le_bytes(*index)
    }
}

fn entry(index: u64, step: u64) -> BytesValue {
    let mut entry = BytesValue::new();
    entry.value = index.to_le_bytes().to_vec();
    entry.value.extend(vec![step as u8; 300 + 400 * (index as usize % 3)]);
    entry
}

/// What a region of raft-engine holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Region {
    entries: BTreeMap<u64, Vec<u8>>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

type Regions = BTreeMap<u64, Region>;

const STEPS: u64 = 700;

/// A step writes one batch: it appends to one region, overwrites a value of another one, and at times compacts.
fn step(number: u64, regions: &mut Regions) -> LogBatch {
    let mut batch = LogBatch::default();
    let appended = 1 + number % 2;
    let region = regions.entry(appended).or_default();
    let next = region.entries.last_key_value().map_or(1, |(index, _)| index + 1);
    let entries: Vec<BytesValue> = (next..next + 2).map(|index| entry(index, number)).collect();
    batch.add_entries::<Entry>(appended, &entries).expect("the entries are consecutive");
    for entry in entries {
        region.entries.insert(Entry::index(&entry), entry.value);
    }
    let (key, value) = (b"vote".to_vec(), vec![number as u8; 20]);
    batch.put(3 - appended, key.clone(), value.clone()).expect("the key is a plain one");
    regions.entry(3 - appended).or_default().values.insert(key, value);
    if number % 4 >= 2 {
        batch.add_command(appended, Command::Compact { index: next });
        let region = regions.entry(appended).or_default();
        region.entries = region.entries.split_off(&next);
    }
    batch
}

/// What is there after each number of steps.
static STATES: LazyLock<Vec<Regions>> = LazyLock::new(|| {
    let mut regions = Regions::new();
    let mut states = vec![regions.clone()];
    for number in 0..STEPS {
        step(number, &mut regions);
        states.push(regions.clone());
    }
    states
});

/// Writes batches, and acknowledges the number of each. In between, old files are purged.
fn workload(run: &Run<u64>, names: Names, syncs: bool) {
    let directory = new_directory().expect("a temporary directory");
    let engine = open(&directory, names).expect("the disk works");
    let mut regions = Regions::new();
    for number in 0..STEPS {
        let mut batch = step(number, &mut regions);
        engine.write(&mut batch, syncs).expect("the disk works");
        run.ack(number);
        if number % 4 == 3 {
            engine.purge_expired_files().expect("the disk works");
        }
    }
    let (first, _) = engine.file_span(LogQueue::Append);
    assert!(first > 1, "the first file was purged");
}

/// What a restart finds.
fn recover(names: Names) -> raft_engine::Result<Regions> {
    let directory = new_directory()?;
    for found in fs::read_dir(DISK)? {
        std::fs::File::create(directory.path().join(found?.file_name()))?;
    }
    let engine = open(&directory, names)?;
    let mut regions = Regions::new();
    for id in engine.raft_groups() {
        let region = regions.entry(id).or_default();
        if let (Some(first), Some(last)) = (engine.first_index(id), engine.last_index(id)) {
            let mut entries = Vec::new();
            engine.fetch_entries_to::<Entry>(id, first, last + 1, None, &mut entries)?;
            region.entries =
                entries.into_iter().map(|entry| (Entry::index(&entry), entry.value)).collect();
        }
        engine.scan_raw_messages(id, None, None, false, |key, value| {
            region.values.insert(key.to_vec(), value.to_vec());
            true
        })?;
    }
    Ok(regions)
}

/// What is there is what some number of steps left, and that number is no smaller than what was acknowledged.
fn check(found: &Result<Regions, String>, acked: &[u64]) -> Result<(), String> {
    let found = found.as_ref().map_err(|error| format!("raft-engine does not start: {error}"))?;
    let mut later = STATES.iter().skip(acked.len());
    if later.any(|state| state == found) {
        return Ok(());
    }
    let found: Vec<String> = found
        .iter()
        .map(|(id, region)| format!("region {id}: entries {:?}", region.entries.keys()))
        .collect();
    Err(format!(
        "{} batches were acknowledged, and what is there is not what these or more of them left: {}",
        acked.len(),
        found.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use failpoint_disk::{Explore, Verdict};

    #[test]
    fn batches_that_are_not_synced_are_lost() {
        let report = Explore::new().max_states(2_000).crashes(
            |run| workload(run, Names::AtOnce, false),
            || recover(Names::AtOnce).map_err(|error| error.to_string()),
            check,
        );
        assert_eq!(report.verdict, Verdict::Lost, "{report}");
    }
}
