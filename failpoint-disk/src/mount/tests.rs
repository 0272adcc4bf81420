//! Does a mounted disk lose in a crash what a `SimDisk` loses? Random sequences of operations run on both,
//! and the trees are compared after each crash.
//!
//! The mounted disk is driven below FUSE, as the requests of the kernel drive it. `PROPTEST_CASES` sets how
//! many sequences run, and `PROPTEST_RNG_SEED` which ones.

use super::disk::{Disk, Keep, Limits, Owner};
use super::nodes::ROOT;
use super::undo::{Ino, Place};
use crate::{HoldDisk as _, SimDisk};
use failpoint::Scope;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How many files and directories a sequence holds open at the same time.
const SLOTS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Create(&'static str),
    CreateDir(&'static str),
    Link(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    RemoveDir(&'static str),
    /// A file or a directory. It stays open if it is removed.
    Open(usize, &'static str),
    Close(usize),
    Write(usize, u64, usize),
    SetLen(usize, u64),
    Sync(usize),
    /// A sync of what is at the path.
    SyncPath(&'static str),
    /// A write during a sync is not part of it.
    SyncThenWrite(usize, u64, usize),
    /// The kernel needs its memory.
    WriteBackOldest,
    Crash(Keep),
    /// A sync fails and loses what it should have made durable; then the disk crashes.
    DropAndCrash(usize, Keep),
    /// A write of which so many bytes reach the disk.
    Tear(usize, u64, usize),
}

const PATHS: [&str; 12] =
    ["a", "b", "c", "a/a", "a/b", "b/a", "b/b", "c/a", "a/a/a", "a/b/a", "b/a/a", "b/a/b"];

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&PATHS[..])
}

fn op() -> impl Strategy<Value = Op> {
    let offset = || prop_oneof![4 => 0..40_u64, 1 => 0..2000_u64];
    let len = || prop_oneof![4 => 1..40_usize, 1 => 500..1600_usize];
    let keep = || {
        prop_oneof![
            6 => Just(Keep::Synced),
            1 => Just(Keep::All),
            4 => any::<u64>().prop_map(Keep::Random),
        ]
    };
    prop_oneof![
        6 => path().prop_map(Op::Create),
        6 => path().prop_map(Op::CreateDir),
        4 => (path(), path()).prop_map(|(from, to)| Op::Link(from, to)),
        12 => (path(), path()).prop_map(|(from, to)| Op::Rename(from, to)),
        5 => path().prop_map(Op::Remove),
        5 => path().prop_map(Op::RemoveDir),
        8 => (0..SLOTS, path()).prop_map(|(slot, path)| Op::Open(slot, path)),
        1 => (0..SLOTS).prop_map(Op::Close),
        8 => (0..SLOTS, offset(), len()).prop_map(|(slot, at, len)| Op::Write(slot, at, len)),
        2 => (0..SLOTS, offset()).prop_map(|(slot, len)| Op::SetLen(slot, len)),
        5 => (0..SLOTS).prop_map(Op::Sync),
        6 => prop_oneof![1 => Just(""), 2 => path()].prop_map(Op::SyncPath),
        2 => (0..SLOTS, offset(), len()).prop_map(|(slot, at, len)| Op::SyncThenWrite(slot, at, len)),
        1 => Just(Op::WriteBackOldest),
        4 => keep().prop_map(Op::Crash),
        1 => (0..SLOTS, keep()).prop_map(|(slot, keep)| Op::DropAndCrash(slot, keep)),
        1 => (0..SLOTS, offset(), len()).prop_map(|(slot, at, len)| Op::Tear(slot, at, len)),
    ]
}

/// What is there: for a file, its contents and all its names.
type Tree = BTreeMap<PathBuf, Option<(Vec<u8>, Vec<PathBuf>)>>;

/// From paths and, for files, contents and numbers.
fn tree(found: BTreeMap<PathBuf, Option<(Vec<u8>, u64)>>) -> Tree {
    let mut names = BTreeMap::<u64, Vec<PathBuf>>::new();
    for (path, file) in &found {
        if let Some((_, ino)) = file {
            names.entry(*ino).or_default().push(path.clone());
        }
    }
    let with_names = |(path, file): (PathBuf, Option<(Vec<u8>, u64)>)| {
        (path, file.map(|(contents, ino)| (contents, names[&ino].clone())))
    };
    found.into_iter().map(with_names).collect()
}

/// The mounted disk, as the kernel sees it.
struct Mounted {
    disk: Disk,
    data: TempDir,
    slots: [Option<u64>; SLOTS],
    /// Whether the kernel forgets what it looked up.
    forgets: bool,
    /// What it looked up in this operation. It forgets a directory after what is in it.
    looked_up: Vec<Ino>,
}

impl Mounted {
    fn new(forgets: bool) -> Self {
        let data = TempDir::new().unwrap();
        // Idle files let their descriptors go at once.
        let limits = Limits { bytes: 1 << 30, unsynced: 1 << 30, held: 0 };
        let disk = Disk::new(data.path(), limits).unwrap();
        Self { disk, data, slots: Default::default(), forgets, looked_up: Vec::new() }
    }

    fn lookup(&mut self, place: &Place) -> io::Result<Ino> {
        let ino = self.disk.lookup(place)?.ino;
        self.looked_up.push(ino);
        Ok(ino)
    }

    fn find(&mut self, path: &str) -> io::Result<Ino> {
        let mut at = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = self.lookup(&(at, name.into()))?;
        }
        Ok(at)
    }

    fn place(&mut self, path: &str) -> io::Result<Place> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.find(dir)?, name.into()))
    }

    /// Does something with a name, which the kernel looks up before.
    fn at<R>(
        &mut self,
        path: &str,
        act: impl FnOnce(&mut Self, &Place) -> io::Result<R>,
    ) -> io::Result<R> {
        let place = self.place(path)?;
        let _ = self.lookup(&place);
        act(self, &place)
    }

    fn open(&mut self, path: &str) -> io::Result<u64> {
        let ino = self.find(path)?;
        let is_dir = std::fs::metadata(self.data.path().join(path))?.is_dir();
        if is_dir { self.disk.open_dir(ino) } else { self.disk.open(ino, OFlags::RDWR) }
    }

    fn sync(&mut self, handle: u64) -> io::Result<()> {
        let (ino, mark) = (self.disk.handle(handle)?.ino, self.disk.mark());
        self.disk.made_durable(ino, mark);
        Ok(())
    }

    fn file(&self, slot: usize) -> Option<u64> {
        self.slots[slot].filter(|&slot| self.disk.handle(slot).unwrap().file.is_some())
    }

    fn run(&mut self, op: &Op, byte: u8) -> io::Result<()> {
        let done = self.perform(op, byte);
        for ino in self.looked_up.drain(..).rev().filter(|_| self.forgets) {
            self.disk.forget(ino, 1);
        }
        done
    }

    fn perform(&mut self, op: &Op, byte: u8) -> io::Result<()> {
        let owner = Owner::Kept;
        match *op {
            Op::Create(path) => self.at(path, |on, place| {
                let ino = on.disk.create(place, owner, 0o644, OFlags::EXCL)?.ino;
                on.looked_up.push(ino);
                Ok(())
            }),
            Op::CreateDir(path) => self.at(path, |on, place| {
                let ino = on.disk.create_dir(place, owner, 0o755)?.ino;
                on.looked_up.push(ino);
                Ok(())
            }),
            Op::Link(from, to) => self.at(to, |on, place| {
                let ino = on.find(from)?;
                let linked = on.disk.link(ino, place);
                linked.map(|linked| on.looked_up.push(linked.ino))
            }),
            Op::Rename(from, to) => {
                self.at(from, |on, from| on.at(to, |on, to| on.disk.rename(from, to, true)))
            }
            Op::Remove(path) => self.at(path, |on, place| on.disk.remove(place, false)),
            Op::RemoveDir(path) => self.at(path, |on, place| on.disk.remove(place, true)),
            Op::Open(slot, path) => {
                let opened = self.open(path)?;
                self.close(slot);
                self.slots[slot] = Some(opened);
                Ok(())
            }
            Op::Close(slot) => {
                self.close(slot);
                Ok(())
            }
            Op::Write(slot, offset, len) => match self.file(slot) {
                Some(handle) => self.disk.write(handle, offset, &vec![byte; len]).map(drop),
                None => Ok(()),
            },
            Op::SetLen(slot, len) => match self.file(slot) {
                Some(handle) => {
                    let ino = self.disk.handle(handle)?.ino;
                    self.disk.set_len(ino, len)
                }
                None => Ok(()),
            },
            Op::Sync(slot) => self.slots[slot].map_or(Ok(()), |handle| self.sync(handle)),
            Op::SyncPath(path) => {
                let handle = self.open(path)?;
                let synced = self.sync(handle);
                self.disk.release(handle);
                synced
            }
            Op::SyncThenWrite(slot, offset, len) => match self.file(slot) {
                Some(handle) => {
                    let (ino, mark) = (self.disk.handle(handle)?.ino, self.disk.mark());
                    self.disk.write(handle, offset, &vec![byte; len])?;
                    self.disk.made_durable(ino, mark);
                    Ok(())
                }
                None => Ok(()),
            },
            Op::WriteBackOldest => {
                self.disk.write_back_oldest();
                Ok(())
            }
            Op::Crash(keep) => {
                self.crash(keep);
                Ok(())
            }
            Op::DropAndCrash(slot, keep) => {
                if let Some(handle) = self.file(slot) {
                    let ino = self.disk.handle(handle)?.ino;
                    self.disk.drop_unsynced(ino)?;
                    self.crash(keep);
                }
                Ok(())
            }
            Op::Tear(slot, offset, len) => {
                if let Some(handle) = self.file(slot) {
                    self.disk.tear(handle, offset, &vec![byte; len])?;
                    self.close_all();
                }
                Ok(())
            }
        }
    }

    fn crash(&mut self, keep: Keep) {
        self.disk.crash(keep);
        for slot in self.slots.into_iter().flatten() {
            let error = self.disk.handle(slot).err().expect("a handle from before the crash");
            assert_eq!(error.raw_os_error(), Some(Errno::IO.raw_os_error()));
        }
        self.close_all();
        let attic = self.data.path().join(super::disk::ATTIC);
        assert_eq!(std::fs::read_dir(attic).unwrap().count(), 0, "nothing is kept aside");
        let held = self.disk.nodes.count();
        assert!(!self.forgets || held == 1, "{held} files are held that no one uses");
    }

    fn close(&mut self, slot: usize) {
        if let Some(handle) = self.slots[slot].take() {
            self.disk.release(handle);
        }
    }

    fn close_all(&mut self) {
        (0..SLOTS).for_each(|slot| self.close(slot));
    }

    fn tree(&mut self) -> Tree {
        let (mut found, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut left = vec![PathBuf::new()];
        while let Some(dir) = left.pop() {
            for entry in std::fs::read_dir(self.data.path().join(&dir)).unwrap() {
                let path = dir.join(entry.unwrap().file_name());
                let real = self.data.path().join(&path);
                let metadata = std::fs::symlink_metadata(&real).unwrap();
                if path == Path::new(super::disk::ATTIC) {
                } else if metadata.is_dir() {
                    left.push(path.clone());
                    found.insert(path, None);
                } else {
                    let known = self.disk.nodes.known(&metadata);
                    let shown = known.map(|ino| self.disk.nodes.stat(ino).unwrap().st_nlink);
                    links.insert(path.clone(), shown.unwrap_or(metadata.nlink()));
                    found.insert(path, Some((std::fs::read(&real).unwrap(), metadata.ino())));
                }
            }
        }
        let tree = tree(found);
        for (path, file) in &tree {
            if let Some((_, names)) = file {
                assert_eq!(links[path], names.len() as u64, "the links of {}", path.display());
            }
        }
        tree
    }
}

/// The simulated disk, and a program that uses it.
struct Simulated {
    disk: SimDisk,
    scope: Scope,
    slots: [Option<crate::fs::File>; SLOTS],
}

impl Simulated {
    fn new(disk: SimDisk) -> Self {
        let scope = Scope::new();
        scope.hold(disk.at("/model"));
        Self { disk, scope, slots: Default::default() }
    }

    fn path(path: &str) -> PathBuf {
        if path.is_empty() { "/model".into() } else { format!("/model/{path}").into() }
    }

    fn open(path: &str) -> io::Result<crate::fs::File> {
        let path = Self::path(path);
        let is_dir = crate::fs::metadata(&path)?.is_dir();
        crate::fs::OpenOptions::new().read(true).write(!is_dir).open(path)
    }

    fn file(&self, slot: usize) -> Option<&crate::fs::File> {
        self.slots[slot].as_ref().filter(|file| !file.metadata().unwrap().is_dir())
    }

    fn run(&mut self, op: &Op, byte: u8) -> io::Result<()> {
        use crate::fs;
        let _in = self.scope.enter();
        match *op {
            Op::Create(path) => fs::File::create_new(Self::path(path)).map(drop),
            Op::CreateDir(path) => fs::create_dir(Self::path(path)),
            Op::Link(from, to) => fs::hard_link(Self::path(from), Self::path(to)),
            Op::Rename(from, to) => fs::rename(Self::path(from), Self::path(to)),
            Op::Remove(path) => fs::remove_file(Self::path(path)),
            Op::RemoveDir(path) => fs::remove_dir(Self::path(path)),
            Op::Open(slot, path) => {
                self.slots[slot] = Some(Self::open(path)?);
                Ok(())
            }
            Op::Close(slot) => {
                self.slots[slot] = None;
                Ok(())
            }
            Op::Write(slot, offset, len) => match self.file(slot) {
                Some(file) => file.write_all_at(&vec![byte; len], offset),
                None => Ok(()),
            },
            Op::SetLen(slot, len) => match self.file(slot) {
                // It changes nothing, and a mount remembers nothing of it.
                Some(file) if file.metadata()?.len() == len => Ok(()),
                Some(file) => file.set_len(len),
                None => Ok(()),
            },
            Op::Sync(slot) => self.slots[slot].as_ref().map_or(Ok(()), fs::File::sync_all),
            Op::SyncPath(path) => Self::open(path)?.sync_all(),
            Op::SyncThenWrite(slot, offset, len) => match self.file(slot) {
                Some(file) => {
                    file.sync_all()?;
                    file.write_all_at(&vec![byte; len], offset)
                }
                None => Ok(()),
            },
            Op::WriteBackOldest => {
                let mut state = self.disk.state();
                if !state.medium.pending.is_empty() {
                    state.medium.write_back_oldest(1);
                }
                Ok(())
            }
            Op::Crash(keep) => {
                drop(_in);
                self.crash(keep);
                Ok(())
            }
            Op::DropAndCrash(slot, keep) => {
                if let Some(file) = self.file(slot) {
                    self.scope.arm("disk.sync", "return(drop)").unwrap();
                    file.sync_all().unwrap_err();
                    drop(_in);
                    self.crash(keep);
                }
                Ok(())
            }
            Op::Tear(slot, offset, len) => {
                if let Some(file) = self.file(slot) {
                    self.scope.arm("disk.write", &format!("return(torn({len}))")).unwrap();
                    file.write_at(&vec![byte; len + 1], offset).unwrap_err();
                    drop(_in);
                    self.crash(Keep::Synced);
                }
                Ok(())
            }
        }
    }

    fn crash(&mut self, keep: Keep) {
        let keep = match keep {
            Keep::Synced => crate::Keep::Synced,
            Keep::All => crate::Keep::All,
            Keep::Random(seed) => crate::Keep::Random(seed),
        };
        *self = Self::new(self.disk.crash(keep));
    }

    fn tree(&self) -> Tree {
        let _in = self.scope.enter();
        let mut found = BTreeMap::new();
        let mut left = vec![PathBuf::new()];
        while let Some(dir) = left.pop() {
            for entry in crate::fs::read_dir(Path::new("/model").join(&dir)).unwrap() {
                let path = dir.join(entry.unwrap().file_name());
                let there = Path::new("/model").join(&path);
                let metadata = crate::fs::metadata(&there).unwrap();
                if metadata.is_dir() {
                    left.push(path.clone());
                    found.insert(path, None);
                } else {
                    found.insert(path, Some((crate::fs::read(&there).unwrap(), metadata.ino())));
                }
            }
        }
        tree(found)
    }
}

/// Runs a sequence on both disks; says where they first differ.
fn compare(ops: &[Op], forgets: bool) -> Result<(), String> {
    let mut mounted = Mounted::new(forgets);
    let mut simulated = Simulated::new(SimDisk::new());
    let end = Op::Crash(Keep::Synced);
    for (number, op) in ops.iter().chain([&end]).enumerate() {
        // A write never repeats the bytes of an earlier one.
        let byte = 1 + (number % 255) as u8;
        let (wanted, found) = (simulated.run(op, byte), mounted.run(op, byte));
        if wanted.is_ok() != found.is_ok() {
            return Err(format!("{number}, {op:?}: simulated {wanted:?}, mounted {found:?}"));
        }
        let (wanted, found) = (simulated.disk.unsynced(), mounted.disk.unsynced());
        if wanted.len() != found.len() {
            return Err(format!(
                "{number}, {op:?}: unsynced are simulated {wanted:?}, mounted {found:?}"
            ));
        }
        let (wanted, found) = (simulated.tree(), mounted.tree());
        if wanted != found {
            return Err(format!("{number}, {op:?}: simulated {wanted:?}, mounted {found:?}"));
        }
    }
    Ok(())
}

#[test]
fn a_crash_of_a_mounted_disk_loses_what_a_simulated_one_loses() {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand_seed);
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(500),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = (prop::collection::vec(op(), 1..60), any::<bool>());
    let result = TestRunner::new(config)
        .run(&sequences, |(ops, forgets)| compare(&ops, forgets).map_err(TestCaseError::fail));
    if let Err(TestError::Fail(why, (ops, forgets))) = result {
        panic!("seed {seed}, forgets: {forgets}, {ops:#?}: {why}");
    }
    result.unwrap();
}

/// What the random sequences reach rarely.
#[test]
fn names_reach_a_mounted_disk_in_their_order() {
    use Op::{Crash, Create, CreateDir, Remove, RemoveDir, Rename, SyncPath};
    for forgets in [false, true] {
        for (ops, left) in [
            // A removed directory takes along what was moved into it: nothing syncs it any more.
            (
                &[
                    CreateDir("a"),
                    CreateDir("c"),
                    SyncPath(""),
                    Rename("a", "c/a"),
                    RemoveDir("c/a"),
                    RemoveDir("c"),
                    SyncPath(""),
                ][..],
                &[][..],
            ),
            // The same, where a rename replaces the directory.
            (
                &[
                    CreateDir("a"),
                    CreateDir("b"),
                    Create("a/a"),
                    SyncPath("a"),
                    SyncPath(""),
                    Rename("a/a", "b/a"),
                    Remove("b/a"),
                    Rename("a", "b"),
                    SyncPath(""),
                ],
                &["b"],
            ),
            // A new file does not replace one that was moved away.
            (
                &[
                    CreateDir("a"),
                    CreateDir("b"),
                    Create("a/a"),
                    SyncPath("a"),
                    SyncPath(""),
                    Rename("a/a", "b/a"),
                    Create("a/a"),
                    SyncPath("a"),
                ],
                &["a", "a/a", "b", "b/a"],
            ),
            // Directories are moved in order, so none is inside itself.
            (
                &[
                    CreateDir("a"),
                    CreateDir("b"),
                    SyncPath(""),
                    Rename("a", "b/a"),
                    Rename("b/a", "a"),
                    Rename("b", "a/b"),
                    SyncPath("a"),
                ],
                &["a", "a/b"],
            ),
        ] {
            compare(ops, forgets).unwrap();
            let mut mounted = Mounted::new(forgets);
            for op in ops.iter().chain([&Crash(Keep::Synced)]) {
                mounted.run(op, 1).unwrap();
            }
            let tree = mounted.tree();
            let paths: Vec<_> = tree.keys().map(|path| path.to_str().unwrap()).collect();
            assert_eq!(paths, left, "{ops:?}");
        }
    }
}

fn rand_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
