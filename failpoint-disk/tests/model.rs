//! Does a simulated disk do what a real file system does? Random sequences of operations run on both, and
//! each result is compared: the value, or the error.
//!
//! `PROPTEST_CASES` sets how many sequences run, and `PROPTEST_RNG_SEED` which ones.
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// How many files a sequence holds open at the same time.
const SLOTS: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Open(usize, String, Flags),
    Create(usize, String),
    CreateNew(usize, String),
    Close(usize),
    /// The clone replaces what the second slot has.
    Clone(usize, usize),
    Read(usize, usize),
    ReadToEnd(usize),
    Write(usize, u8, usize),
    ReadAt(usize, u64, usize),
    WriteAt(usize, u64, u8, usize),
    SeekStart(usize, u64),
    SeekEnd(usize, i64),
    SeekCurrent(usize, i64),
    SetLen(usize, u64),
    Sync(usize),
    StatFile(usize),
    Rename(String, String),
    HardLink(String, String),
    RemoveFile(String),
    RemoveDir(String),
    RemoveDirAll(String),
    CreateDir(String),
    CreateDirAll(String),
    ReadDir(String),
    Stat(String),
    Exists(String),
    Canonicalize(String),
    ReadLink(String),
    Copy(String, String),
    ReadPath(String),
    WritePath(String, u8, usize),
}

#[derive(Clone, Copy, Debug)]
struct Flags {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
}

/// What an operation returned.
#[derive(Clone, Debug)]
enum Outcome {
    Done(String),
    Failed(io::ErrorKind, Option<i32>),
    /// The slot was empty.
    Skipped,
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Outcome::Done(one), Outcome::Done(other)) => one == other,
            (Outcome::Failed(_, Some(one)), Outcome::Failed(_, Some(other))) => one == other,
            (Outcome::Failed(one, _), Outcome::Failed(other, _)) => one == other,
            (Outcome::Skipped, Outcome::Skipped) => true,
            _ => false,
        }
    }
}

impl From<io::Result<String>> for Outcome {
    fn from(result: io::Result<String>) -> Self {
        match result {
            Ok(value) => Outcome::Done(value),
            Err(error) => Outcome::Failed(error.kind(), error.raw_os_error()),
        }
    }
}

fn bytes(first: u8, len: usize) -> Vec<u8> {
    (0..len).map(|n| first.wrapping_add(n as u8).max(1)).collect()
}

/// Short, so that a difference can be read.
fn shown(data: &[u8]) -> String {
    if data.len() <= 24 {
        return format!("{data:?}");
    }
    let sum = data.iter().fold(0_u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("{} bytes, {sum:x}", data.len())
}

/// One program, over either file system.
macro_rules! world {
    ($name:ident, $fs:path, $is_simulated:literal) => {
        mod $name {
            use super::*;
            use std::io::{Read, Seek, SeekFrom, Write};
            use std::os::unix::fs::{FileExt, MetadataExt};
            use $fs as fs;

            const IS_SIMULATED: bool = $is_simulated;

            #[derive(Default)]
            pub(super) struct World {
                pub(super) root: PathBuf,
                slots: [Option<fs::File>; SLOTS],
            }

            // Only a simulated disk crashes.
            #[allow(dead_code)]
            impl World {
                pub(super) fn at(root: PathBuf) -> Self {
                    Self { root, ..Self::default() }
                }

                fn path(&self, path: &str) -> PathBuf {
                    // `join` would keep an absolute path, and an empty one would end in a slash.
                    let root = self.root.display();
                    if path.is_empty() {
                        self.root.clone()
                    } else {
                        format!("{root}/{path}").into()
                    }
                }

                pub(super) fn run(&mut self, op: &Op) -> Outcome {
                    match self.slot_of(op) {
                        Some(slot) if self.slots[slot].is_none() => Outcome::Skipped,
                        Some(slot) => self.run_on(slot, op).into(),
                        None => self.run_at(op).into(),
                    }
                }

                fn slot_of(&self, op: &Op) -> Option<usize> {
                    match op {
                        Op::Close(slot)
                        | Op::Clone(slot, _)
                        | Op::Read(slot, _)
                        | Op::ReadToEnd(slot)
                        | Op::Write(slot, ..)
                        | Op::ReadAt(slot, ..)
                        | Op::WriteAt(slot, ..)
                        | Op::SeekStart(slot, _)
                        | Op::SeekEnd(slot, _)
                        | Op::SeekCurrent(slot, _)
                        | Op::SetLen(slot, _)
                        | Op::Sync(slot)
                        | Op::StatFile(slot) => Some(*slot),
                        _ => None,
                    }
                }

                fn run_on(&mut self, slot: usize, op: &Op) -> io::Result<String> {
                    let file = self.slots[slot].as_mut().unwrap();
                    let directory = file.metadata()?.is_dir();
                    Ok(match op {
                        Op::Close(_) => {
                            self.slots[slot] = None;
                            String::new()
                        }
                        Op::Clone(_, to) => {
                            let clone = file.try_clone()?;
                            self.slots[*to] = Some(clone);
                            String::new()
                        }
                        Op::Read(_, len) => {
                            let mut buffer = vec![0; *len];
                            let read = file.read(&mut buffer)?;
                            shown(&buffer[..read])
                        }
                        Op::ReadToEnd(_) => {
                            let mut buffer = Vec::new();
                            file.read_to_end(&mut buffer)?;
                            shown(&buffer)
                        }
                        Op::Write(_, first, len) => file.write(&bytes(*first, *len))?.to_string(),
                        Op::ReadAt(_, offset, len) => {
                            let mut buffer = vec![0; *len];
                            let read = file.read_at(&mut buffer, *offset)?;
                            shown(&buffer[..read])
                        }
                        Op::WriteAt(_, offset, first, len) => {
                            file.write_at(&bytes(*first, *len), *offset)?.to_string()
                        }
                        // What a directory's position means is a matter of the file system.
                        Op::SeekStart(..) | Op::SeekEnd(..) | Op::SeekCurrent(..) if directory => {
                            String::new()
                        }
                        Op::SeekStart(_, to) => file.seek(SeekFrom::Start(*to))?.to_string(),
                        Op::SeekEnd(_, by) => file.seek(SeekFrom::End(*by))?.to_string(),
                        Op::SeekCurrent(_, by) => file.seek(SeekFrom::Current(*by))?.to_string(),
                        Op::SetLen(_, len) => {
                            file.set_len(*len)?;
                            String::new()
                        }
                        // A real sync takes milliseconds, and has nothing to compare.
                        Op::Sync(_) => {
                            if IS_SIMULATED {
                                file.sync_all()?;
                            }
                            String::new()
                        }
                        Op::StatFile(_) => stat(&file.metadata()?),
                        _ => unreachable!("{op:?} has no slot"),
                    })
                }

                fn run_at(&mut self, op: &Op) -> io::Result<String> {
                    Ok(match op {
                        Op::Open(slot, path, flags) => {
                            let mut options = fs::OpenOptions::new();
                            options
                                .read(flags.read)
                                .write(flags.write)
                                .append(flags.append)
                                .truncate(flags.truncate)
                                .create(flags.create)
                                .create_new(flags.create_new);
                            self.slots[*slot] = Some(options.open(self.path(path))?);
                            String::new()
                        }
                        Op::Create(slot, path) => {
                            self.slots[*slot] = Some(fs::File::create(self.path(path))?);
                            String::new()
                        }
                        Op::CreateNew(slot, path) => {
                            self.slots[*slot] = Some(fs::File::create_new(self.path(path))?);
                            String::new()
                        }
                        Op::Rename(from, to) => {
                            fs::rename(self.path(from), self.path(to))?;
                            String::new()
                        }
                        Op::HardLink(from, to) => {
                            fs::hard_link(self.path(from), self.path(to))?;
                            String::new()
                        }
                        Op::RemoveFile(path) => {
                            fs::remove_file(self.path(path))?;
                            String::new()
                        }
                        Op::RemoveDir(path) => {
                            fs::remove_dir(self.path(path))?;
                            String::new()
                        }
                        Op::RemoveDirAll(path) => {
                            fs::remove_dir_all(self.path(path))?;
                            String::new()
                        }
                        Op::CreateDir(path) => {
                            fs::create_dir(self.path(path))?;
                            String::new()
                        }
                        Op::CreateDirAll(path) => {
                            fs::create_dir_all(self.path(path))?;
                            String::new()
                        }
                        Op::ReadDir(path) => {
                            let mut names = Vec::new();
                            for entry in fs::read_dir(self.path(path))? {
                                let entry = entry?;
                                let kind = entry.file_type()?;
                                let path = entry.path();
                                let path = path.strip_prefix(&self.root).unwrap().to_owned();
                                names.push((
                                    entry.file_name(),
                                    path,
                                    kind.is_dir(),
                                    kind.is_file(),
                                    stat(&entry.metadata()?),
                                ));
                            }
                            names.sort();
                            format!("{names:?}")
                        }
                        Op::Stat(path) => {
                            let path = self.path(path);
                            let known = stat(&fs::metadata(&path)?);
                            assert_eq!(known, stat(&fs::symlink_metadata(&path)?));
                            known
                        }
                        Op::Exists(path) => fs::exists(self.path(path))?.to_string(),
                        Op::Canonicalize(path) => {
                            let path = fs::canonicalize(self.path(path))?;
                            format!("{:?}", path.strip_prefix(&self.root).unwrap())
                        }
                        Op::ReadLink(path) => format!("{:?}", fs::read_link(self.path(path))?),
                        Op::Copy(from, to) => fs::copy(self.path(from), self.path(to))?.to_string(),
                        Op::ReadPath(path) => shown(&fs::read(self.path(path))?),
                        Op::WritePath(path, first, len) => {
                            fs::write(self.path(path), bytes(*first, *len))?;
                            String::new()
                        }
                        _ => unreachable!("{op:?} has a slot"),
                    })
                }

                /// The contents of each file that can be reached, by its number.
                #[allow(dead_code)] // of the simulated disk alone
                pub(super) fn files(&self) -> Vec<(u64, Vec<u8>)> {
                    let mut files = Vec::new();
                    for (path, data) in self.tree() {
                        if let Some(data) = data {
                            let metadata = fs::metadata(self.root.join(path)).unwrap();
                            files.push((metadata.ino(), data));
                        }
                    }
                    for file in self.slots.iter().flatten() {
                        let metadata = file.metadata().unwrap();
                        if metadata.is_file() {
                            let mut data = vec![0; metadata.len() as usize];
                            file.read_exact_at(&mut data, 0).unwrap();
                            files.push((metadata.ino(), data));
                        }
                    }
                    files
                }

                #[allow(dead_code)] // of the simulated disk alone
                pub(super) fn sync_everything(&self, backwards: bool) {
                    let mut paths: Vec<_> = self.tree().into_keys().collect();
                    paths.push(PathBuf::new());
                    if backwards {
                        paths.reverse();
                    }
                    for path in paths {
                        fs::File::open(self.root.join(path)).unwrap().sync_all().unwrap();
                    }
                }

                /// Every path below the root, with the contents of files.
                pub(super) fn tree(&self) -> Tree {
                    let mut tree = Tree::new();
                    let mut directories = vec![self.root.clone()];
                    while let Some(directory) = directories.pop() {
                        for entry in fs::read_dir(directory).unwrap() {
                            let path = entry.unwrap().path();
                            let inside = path.strip_prefix(&self.root).unwrap().to_owned();
                            let is_dir = fs::metadata(&path).unwrap().is_dir();
                            let data = if is_dir { None } else { Some(fs::read(&path).unwrap()) };
                            tree.insert(inside, data);
                            if is_dir {
                                directories.push(path);
                            }
                        }
                    }
                    tree
                }
            }

            /// The length of a directory, and how many links it has, differ between file systems.
            fn stat(metadata: &fs::Metadata) -> String {
                if metadata.is_dir() {
                    assert!(!metadata.is_file());
                    return "a directory".into();
                }
                assert!(metadata.is_file() && !metadata.is_symlink());
                format!("a file of {} bytes, {} links", metadata.len(), metadata.nlink())
            }
        }
    };
}

/// `None` for a directory.
type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

world!(real, ::std::fs, false);
world!(sim, ::failpoint_disk::fs, true);

/// Chooses from a number: numbers are drawn much faster than what they stand for.
struct Draw {
    number: u64,
    /// Few files and handles, so that much happens to each.
    narrow: bool,
}

impl Draw {
    fn below(&mut self, bound: u64) -> usize {
        let drawn = self.number % bound;
        self.number /= bound;
        drawn as usize
    }

    fn bool(&mut self) -> bool {
        self.below(2) == 1
    }

    fn slot(&mut self) -> usize {
        self.below(if self.narrow { 2 } else { SLOTS as u64 })
    }

    /// Up to three components that do not leave the root.
    fn path(&mut self) -> String {
        let path = self.any_path();
        if depth(&path) < 0 { String::new() } else { path }
    }

    /// A path that does not name the root itself: a disk's root can be neither moved nor removed, while
    /// that of the real directory can.
    fn path_below(&mut self) -> String {
        let path = self.any_path();
        if depth(&path) <= 0 { "a".to_owned() } else { path }
    }

    fn any_path(&mut self) -> String {
        const NAMES: [&str; 15] =
            ["a", "b", "c", "a", "b", "c", "a", "b", "d", "a", "b", "c", "d", "..", "."];
        const ENDS: [&str; 16] =
            ["", "", "", "", "", "", "", "", "", "", "", "", "/", "/", "/.", "//"];
        if self.narrow {
            return NAMES[self.below(2)].to_owned();
        }
        let names: Vec<&str> = (0..self.below(4)).map(|_| NAMES[self.below(15)]).collect();
        let end = ENDS[self.below(16)];
        if names.is_empty() { String::new() } else { names.join("/") + end }
    }

    /// Around the sizes of a sector and of a page too.
    fn len(&mut self) -> usize {
        match self.below(8) {
            0 => 500 + self.below(30),
            1 => 4090 + self.below(10),
            _ => self.below(20),
        }
    }

    fn offset(&mut self) -> u64 {
        match self.below(16) {
            0 => u64::MAX,
            1 => 1 << 63,
            2 => 4090 + self.below(10) as u64,
            3 | 4 => 500 + self.below(600) as u64,
            _ => self.below(20) as u64,
        }
    }

    fn distance(&mut self) -> i64 {
        match self.below(10) {
            0 => i64::MIN,
            1 => self.below(1200) as i64 - 600,
            _ => self.below(40) as i64 - 20,
        }
    }

    fn flags(&mut self) -> Flags {
        Flags {
            read: self.bool(),
            write: self.bool(),
            append: self.bool(),
            truncate: self.bool(),
            create: self.bool(),
            create_new: self.bool(),
        }
    }
}

impl Op {
    fn of((kind, one, other): (u8, u64, u64), narrow: bool) -> Self {
        let [mut a, mut b] = [one, other].map(|number| Draw { number, narrow });
        match kind % 64 {
            0..3 => Op::Open(a.slot(), a.path(), b.flags()),
            3..7 => {
                let write = b.bool();
                let append = !write;
                let (read, create, truncate, create_new) = (true, true, false, false);
                let flags = Flags { read, write, append, truncate, create, create_new };
                Op::Open(a.slot(), a.path(), flags)
            }
            7..9 => Op::Create(a.slot(), a.path()),
            9 => Op::CreateNew(a.slot(), a.path()),
            10 => Op::Close(a.slot()),
            11 | 12 => Op::Clone(a.slot(), a.slot()),
            13 | 14 => Op::Read(a.slot(), b.len()),
            15 => Op::ReadToEnd(a.slot()),
            16..21 => Op::Write(a.slot(), b.below(256) as u8, b.len()),
            21 => Op::ReadAt(a.slot(), a.offset(), b.len()),
            22 | 23 => Op::WriteAt(a.slot(), a.offset(), b.below(256) as u8, b.len()),
            24 => Op::SeekStart(a.slot(), a.offset()),
            25 => Op::SeekEnd(a.slot(), a.distance()),
            26 => Op::SeekCurrent(a.slot(), a.distance()),
            27 | 28 => Op::SetLen(a.slot(), a.offset()),
            29 | 30 => Op::Sync(a.slot()),
            31 => Op::StatFile(a.slot()),
            32..37 => Op::Rename(a.path_below(), b.path_below()),
            37..40 => Op::HardLink(a.path(), b.path()),
            40..42 => Op::RemoveFile(a.path_below()),
            42 | 43 => Op::RemoveDir(a.path_below()),
            44 => Op::RemoveDirAll(a.path_below()),
            45..49 => Op::CreateDir(a.path()),
            49 | 50 => Op::CreateDirAll(a.path()),
            51 | 52 => Op::ReadDir(a.path()),
            53 | 54 => Op::Stat(a.path()),
            55 => Op::Exists(a.path()),
            56 => Op::Canonicalize(a.path()),
            57 => Op::ReadLink(a.path()),
            58 | 59 => Op::Copy(a.path(), b.path()),
            60 => Op::ReadPath(a.path()),
            _ => Op::WritePath(a.path(), b.below(256) as u8, b.len()),
        }
    }
}

fn any_ops() -> impl Strategy<Value = Vec<Op>> {
    (any::<bool>(), prop::collection::vec(any::<(u8, u64, u64)>(), 1..40))
        .prop_map(|(narrow, drawn)| drawn.into_iter().map(|op| Op::of(op, narrow)).collect())
}

/// The same sequences on each run, unless the environment says otherwise; failures leave no file behind.
fn runner(cases: u32) -> TestRunner {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(13);
    }
    TestRunner::new(config)
}

/// Runs a property over sequences of operations, and panics with the shortest one that breaks it.
fn check(cases: u32, property: impl Fn(&[Op], u64) -> Result<(), String>) {
    let sequences = (any_ops(), any::<u64>());
    let result = runner(cases)
        .run(&sequences, |(ops, seed)| property(&ops, seed).map_err(TestCaseError::fail));
    match result {
        Err(TestError::Fail(reason, (ops, seed))) => {
            let ops: Vec<String> = ops.iter().map(|op| format!("    {op:?}")).collect();
            panic!("{reason}, after (seed {seed})\n{}", ops.join("\n"));
        }
        other => other.unwrap(),
    }
}

#[test]
fn a_simulated_disk_does_what_a_real_file_system_does() {
    let directory = tempfile::tempdir().unwrap();
    // Without links, as `canonicalize` is compared.
    let root = directory.path().canonicalize().unwrap();
    let number = std::cell::Cell::new(0_u32);
    check(3000, |ops, _| {
        number.set(number.get() + 1);
        let root = root.join(number.get().to_string());
        std::fs::create_dir(&root).unwrap();
        let scope = Scope::new();
        scope.hold(SimDisk::new().at("/model"));
        let _in = scope.enter();
        let mut real = real::World::at(root.clone());
        let mut sim = sim::World::at("/model".into());
        let mut compare = || {
            for op in ops {
                let (wanted, found) = (real.run(op), sim.run(op));
                if wanted != found {
                    return Err(format!("{op:?}: {wanted:?} and simulated {found:?}"));
                }
            }
            let (wanted, found) = (real.tree(), sim.tree());
            if wanted == found { Ok(()) } else { Err(format!("{wanted:?}, simulated {found:?}")) }
        };
        let result = compare();
        std::fs::remove_dir_all(&root).unwrap();
        result
    });
}

/// Runs the operations on a disk of its own; `after_each` sees the world after each of them.
fn run_simulated(ops: &[Op], mut after_each: impl FnMut(&sim::World)) -> (SimDisk, sim::World) {
    let disk = SimDisk::new();
    let scope = Scope::new();
    scope.hold(disk.at("/crash"));
    let _in = scope.enter();
    let mut world = sim::World::at("/crash".into());
    for op in ops {
        world.run(op);
        after_each(&world);
    }
    (disk, world)
}

/// Does something in a world that has this disk alone.
fn on<R>(disk: &SimDisk, act: impl FnOnce(&sim::World) -> R) -> R {
    let scope = Scope::new();
    scope.hold(disk.at("/crash"));
    let _in = scope.enter();
    act(&sim::World::at("/crash".into()))
}

fn same(what: &str, wanted: &Tree, found: &Tree) -> Result<(), String> {
    if wanted == found { Ok(()) } else { Err(format!("{what}: {wanted:?} became {found:?}")) }
}

#[test]
fn a_crash_that_keeps_all_leaves_the_disk_as_it_was() {
    check(2000, |ops, seed| {
        let (disk, _open) = run_simulated(ops, |_| ());
        let tree = on(&disk, sim::World::tree);
        same("keep all", &tree, &on(&disk.crash(Keep::All), sim::World::tree))?;
        // The disk itself goes on.
        disk.crash(Keep::Random(seed));
        disk.crash(Keep::Synced);
        same("after the crashes", &tree, &on(&disk, sim::World::tree))
    });
}

#[test]
fn a_crash_after_everything_was_synced_loses_nothing() {
    check(2000, |ops, seed| {
        let (disk, _open) = run_simulated(ops, |_| ());
        on(&disk, |world| world.sync_everything(seed % 2 == 0));
        let tree = on(&disk, sim::World::tree);
        for keep in [Keep::Synced, Keep::All, Keep::Random(seed)] {
            let what = format!("{keep:?}");
            same(&what, &tree, &on(&disk.crash(keep), sim::World::tree))?;
        }
        Ok(())
    });
}

#[test]
fn a_file_that_was_moved_has_one_name_after_a_crash() {
    let disk = SimDisk::new();
    let paths = |disk: &SimDisk| {
        let tree = on(disk, sim::World::tree);
        let files = tree.into_iter().filter(|(_, data)| data.is_some());
        files.map(|(path, data)| (path.display().to_string(), data.unwrap())).collect::<Vec<_>>()
    };
    on(&disk, |_| {
        use failpoint_disk::fs;
        for directory in ["/crash/0", "/crash/1", "/crash/2"] {
            fs::create_dir(directory).unwrap();
        }
        fs::write("/crash/0/file", "old").unwrap();
    });
    on(&disk, |world| world.sync_everything(false));
    on(&disk, |_| {
        use failpoint_disk::fs;
        fs::rename("/crash/0/file", "/crash/1/file").unwrap();
        fs::rename("/crash/1/file", "/crash/2/file").unwrap();
        fs::write("/crash/0/file", "new").unwrap();
    });
    // Whatever part of this survives, the old file is somewhere, once.
    let places = disk.unsynced().len();
    for kept in 0..1_u32 << places {
        let keep = (0..places).filter(|place| kept & (1 << place) != 0).collect();
        let files = paths(&disk.crash(Keep::These(keep)));
        let old = files.iter().filter(|(_, data)| data == b"old").count();
        assert_eq!(old, 1, "{kept:b} of {:?}: {files:?}", disk.unsynced());
    }
    // The same where one directory is synced before the others.
    let sync = |path| failpoint_disk::fs::File::open(path).unwrap().sync_all().unwrap();
    on(&disk, |_| sync("/crash/0"));
    let new = |data: &[u8]| ("0/file".to_owned(), data.to_vec());
    assert_eq!(paths(&disk.crash(Keep::Synced)), [new(b""), ("1/file".into(), b"old".into())]);
    on(&disk, |world| world.sync_everything(true));
    assert_eq!(paths(&disk.crash(Keep::Synced)), [new(b"new"), ("2/file".into(), b"old".into())]);
}

/// Nothing syncs a directory that is gone, so what was moved into it must not come back.
#[test]
fn a_directory_that_was_moved_into_a_removed_one_stays_away() {
    use failpoint_disk::fs;
    let disk = SimDisk::new();
    on(&disk, |_| {
        fs::create_dir("/crash/a").unwrap();
        fs::create_dir("/crash/c").unwrap();
        fs::File::open("/crash").unwrap().sync_all().unwrap();
        fs::rename("/crash/a", "/crash/c/a").unwrap();
        fs::remove_dir_all("/crash/c").unwrap();
        fs::File::open("/crash").unwrap().sync_all().unwrap();
    });
    assert_eq!(on(&disk.crash(Keep::Synced), sim::World::tree), Tree::new());
}

/// Which bytes each place of each file has had, as a set of 256 bits.
type Had = BTreeMap<u64, Vec<[u64; 4]>>;

#[test]
fn a_crash_by_chance_invents_no_bytes_and_is_the_same_again() {
    check(2000, |ops, seed| {
        // Each file that is open can be read, so that all of them are seen.
        let readable = |op: &Op| match op.clone() {
            Op::Open(slot, path, flags) => Op::Open(slot, path, Flags { read: true, ..flags }),
            Op::Create(slot, path) => {
                let (read, write, create, truncate) = (true, true, true, true);
                let (append, create_new) = (false, false);
                let flags = Flags { read, write, append, truncate, create, create_new };
                Op::Open(slot, path, flags)
            }
            other => other,
        };
        let ops: Vec<Op> = ops.iter().map(readable).collect();
        let mut had = Had::new();
        let (disk, _open) = run_simulated(&ops, |world| {
            for (ino, data) in world.files() {
                let places = had.entry(ino).or_default();
                places.resize(places.len().max(data.len()), [0; 4]);
                for (place, byte) in places.iter_mut().zip(data) {
                    place[usize::from(byte >> 6)] |= 1 << (byte & 63);
                }
            }
        });
        let crashed = disk.crash(Keep::Random(seed));
        let tree = on(&crashed, sim::World::tree);
        same("the same seed", &tree, &on(&disk.crash(Keep::Random(seed)), sim::World::tree))?;
        for (ino, data) in on(&crashed, sim::World::files) {
            let places = had.get(&ino).ok_or(format!("file {ino} is new"))?;
            for (offset, byte) in data.into_iter().enumerate().filter(|&(_, byte)| byte != 0) {
                let is_known = places
                    .get(offset)
                    .is_some_and(|place| place[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0);
                if !is_known {
                    return Err(format!("byte {byte} at {offset} of file {ino} was never written"));
                }
            }
        }
        Ok(())
    });
}

/// How far below the root a path ends, or -1 if it leaves the root on the way.
fn depth(path: &str) -> i32 {
    let mut depth = 0;
    for name in path.split('/') {
        depth += match name {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        if depth < 0 {
            return -1;
        }
    }
    depth
}
