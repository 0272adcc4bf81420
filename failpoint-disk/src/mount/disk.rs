//! The served directory and its log of changes: what each operation does, and what a crash undoes.
//!
//! No point is evaluated here, so nothing waits while the disk is locked.

use super::nodes::{Kind, Nodes, ROOT};
use super::undo::{self, Change, Ino, Place, Undo};
use crate::sim::Random;
use crate::sim::medium::{Fate, sectors};
use rustix::fs::{AtFlags, FallocateFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where removed files are kept until their removal is durable. The mount does not show it.
pub(super) const ATTIC: &str = ".failpoint-disk";

pub(super) struct Disk {
    pub(super) nodes: Nodes,
    undo: Undo,
    attic: OwnedFd,
    /// Held as long as the directory is served.
    _lock: File,
    /// What is in the attic.
    held: HashSet<Ino>,
    handles: HashMap<u64, Handle>,
    next_handle: u64,
    /// How often it has crashed. A handle of an earlier time is dead.
    crashes: u64,
    limits: Limits,
    has_warned: bool,
    /// When so many files are held by descriptors, those that are idle let theirs go.
    crowd: usize,
}

/// What the log and the files may take. Beyond it, the oldest changes become durable, with one warning.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How many bytes may wait for a sync.
    pub(super) bytes: usize,
    /// How many files and directories may have changes that wait for a sync.
    pub(super) unsynced: usize,
    /// How many files and directories may be held by descriptors before idle ones let theirs go.
    pub(super) held: usize,
}

/// What a name stands for.
pub(super) struct Found {
    pub(super) ino: Ino,
    /// The kernel takes it for another file or directory when this differs.
    pub(super) generation: u64,
    pub(super) stat: Stat,
}

/// An open file or directory.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) ino: Ino,
    pub(super) file: Option<Arc<File>>,
    /// As it was when the file was opened.
    pub(super) path: Arc<Path>,
    crashes: u64,
    /// Whether each write is durable when it returns.
    writes_through: bool,
    pub(super) listing: Option<Arc<Vec<Listed>>>,
}

/// An entry of a directory.
pub(super) struct Listed {
    pub(super) ino: u64,
    pub(super) kind: Option<fuser::FileType>,
    pub(super) name: OsString,
}

/// Which unsynced changes survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Synced,
    All,
    Random(u64),
}

/// What a crash did.
#[derive(Debug, Default)]
pub(super) struct Crashed {
    /// How many changes survived, at least in part.
    pub(super) kept: usize,
    pub(super) lost: usize,
    /// Whose contents changed.
    pub(super) files: HashSet<Ino>,
    /// Whose meaning changed.
    pub(super) places: Vec<Place>,
}

/// A kept change of contents.
enum Redo {
    Write { offset: u64, data: Vec<u8>, fate: Fate },
    SetLen(u64),
}

impl Disk {
    /// Serves the directory `data`.
    pub(super) fn new(data: &Path, limits: Limits) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(data, flags, Mode::empty())?;
        let lock = lock(data)?;
        // A process that was killed may have left it. What is in it was removed.
        let attic = data.join(ATTIC);
        let made = match fs::remove_dir_all(&attic) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::DirBuilder::new().mode(0o700).create(&attic),
        };
        made.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot make the directory {ATTIC} in it: {error}"),
            )
        })?;
        let attic = rustix::fs::open(&attic, flags, Mode::empty())?;
        Ok(Self {
            nodes: Nodes::new(root)?,
            undo: Undo::default(),
            attic,
            _lock: lock,
            held: HashSet::new(),
            handles: HashMap::new(),
            next_handle: 1,
            crashes: 0,
            limits,
            has_warned: false,
            crowd: limits.held,
        })
    }

    pub(super) fn crashes(&self) -> u64 {
        self.crashes
    }

    // Names.

    /// The number of what is there, for the kernel, which will call `forget` as often.
    pub(super) fn lookup(&mut self, place: &Place) -> io::Result<Found> {
        if is_attic(place) {
            return Err(Errno::NOENT.into());
        }
        let ino = self.nodes.find(place)?.ok_or(Errno::NOENT)?;
        self.tell(ino)
    }

    fn tell(&mut self, ino: Ino) -> io::Result<Found> {
        let stat = self.nodes.stat(ino)?;
        let node = self.nodes.get_mut(ino)?;
        node.lookups += 1;
        let generation = node.generation;
        if self.nodes.open() > self.crowd {
            self.nodes.close_idle(|ino| self.undo.needs(ino));
            self.crowd = self.limits.held.max(self.nodes.open() + self.limits.held / 4);
        }
        Ok(Found { ino, generation, stat })
    }

    pub(super) fn forget(&mut self, ino: Ino, lookups: u64) {
        if let Ok(node) = self.nodes.get_mut(ino) {
            node.lookups = node.lookups.saturating_sub(lookups);
            self.prune(ino);
        }
    }

    fn prune(&mut self, ino: Ino) {
        let is_unused = self.nodes.get(ino).is_ok_and(|node| node.lookups == 0 && node.opens == 0);
        if ino != ROOT && is_unused && !self.undo.needs(ino) {
            self.nodes.remove(ino);
        }
    }

    /// Makes a name with `make`, which gets the directory.
    fn make(
        &mut self,
        place: &Place,
        owner: Owner,
        make: impl FnOnce(&Self) -> rustix::io::Result<()>,
    ) -> io::Result<Found> {
        if is_attic(place) {
            return Err(Errno::ACCESS.into());
        }
        make(self)?;
        let ino = self.nodes.find(place)?.ok_or(Errno::NOENT)?;
        let dir = Mode::from_raw_mode(self.nodes.stat(place.0)?.st_mode);
        owner.give(self.nodes.fd(ino)?, dir)?;
        self.undo.push(Change::Link { place: place.clone(), ino });
        self.undo.set(place, None, Some(ino));
        self.check_limit();
        self.tell(ino)
    }

    /// Creates a file. One that is there already is only opened, unless `flags` say `O_EXCL`.
    pub(super) fn create(
        &mut self,
        place: &Place,
        owner: Owner,
        mode: u32,
        flags: OFlags,
    ) -> io::Result<Found> {
        let new = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = self.make(place, owner, |disk| {
            let dir = disk.nodes.dir(place.0).map_err(|_| Errno::STALE)?;
            let mode = Mode::from_raw_mode(mode & 0o7777);
            rustix::fs::openat(dir, place.1.as_os_str(), new | OFlags::WRONLY, mode).map(drop)
        });
        match made {
            Err(error)
                if error.raw_os_error() == Some(Errno::EXIST.raw_os_error())
                    && !flags.contains(OFlags::EXCL) =>
            {
                self.lookup(place)
            }
            made => made,
        }
    }

    pub(super) fn create_dir(
        &mut self,
        place: &Place,
        owner: Owner,
        mode: u32,
    ) -> io::Result<Found> {
        self.make(place, owner, |disk| {
            let dir = disk.nodes.dir(place.0).map_err(|_| Errno::STALE)?;
            rustix::fs::mkdirat(dir, place.1.as_os_str(), Mode::from_raw_mode(mode & 0o7777))
        })
    }

    pub(super) fn symlink(
        &mut self,
        place: &Place,
        owner: Owner,
        target: &Path,
    ) -> io::Result<Found> {
        self.make(place, owner, |disk| {
            let dir = disk.nodes.dir(place.0).map_err(|_| Errno::STALE)?;
            rustix::fs::symlinkat(target, dir, place.1.as_os_str())
        })
    }

    /// Makes a pipe or a socket, which the kernel serves itself.
    pub(super) fn create_node(
        &mut self,
        place: &Place,
        owner: Owner,
        kind: FileType,
        mode: u32,
    ) -> io::Result<Found> {
        self.make(place, owner, |disk| {
            let dir = disk.nodes.dir(place.0).map_err(|_| Errno::STALE)?;
            let mode = Mode::from_raw_mode(mode & 0o7777);
            rustix::fs::mknodat(dir, place.1.as_os_str(), kind, mode, 0)
        })
    }

    pub(super) fn link(&mut self, ino: Ino, place: &Place) -> io::Result<Found> {
        let path = self.nodes.proc_path(ino)?;
        self.make(place, Owner::Kept, |disk| {
            let dir = disk.nodes.dir(place.0).map_err(|_| Errno::STALE)?;
            let follow = AtFlags::SYMLINK_FOLLOW;
            rustix::fs::linkat(rustix::fs::CWD, &path, dir, place.1.as_os_str(), follow)
        })
    }

    pub(super) fn remove(&mut self, place: &Place, is_dir: bool) -> io::Result<()> {
        let ino = self.existing(place)?;
        let kind = self.nodes.get(ino)?.kind;
        match (kind == Kind::Directory, is_dir) {
            (true, false) => return Err(Errno::ISDIR.into()),
            (false, true) => return Err(Errno::NOTDIR.into()),
            (true, true) => self.check_empty(ino)?,
            (false, false) => {}
        }
        self.put_aside(place, ino)?;
        self.nodes.moved(ino, None);
        self.undo.push(Change::Unlink { place: place.clone(), ino });
        self.undo.set(place, Some(ino), None);
        self.check_limit();
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Place, to: &Place, may_replace: bool) -> io::Result<()> {
        let ino = self.existing(from)?;
        if is_attic(to) {
            return Err(Errno::ACCESS.into());
        }
        let replaced = self.nodes.find(to)?;
        if let Some(replaced) = replaced {
            if !may_replace {
                return Err(Errno::EXIST.into());
            }
            if replaced == ino {
                return Ok(());
            }
            match (self.nodes.get(ino)?.kind, self.nodes.get(replaced)?.kind) {
                (Kind::Directory, Kind::Directory) => self.check_empty(replaced)?,
                (Kind::Directory, _) => return Err(Errno::NOTDIR.into()),
                (_, Kind::Directory) => return Err(Errno::ISDIR.into()),
                _ => {}
            }
            self.put_aside(to, replaced)?;
        }
        let moved = rustix::fs::renameat(
            self.nodes.dir(from.0)?,
            from.1.as_os_str(),
            self.nodes.dir(to.0)?,
            to.1.as_os_str(),
        );
        if let Err(error) = moved {
            if let Some(replaced) = replaced {
                self.put_back(replaced, to)?;
                self.clean_up(replaced);
            }
            return Err(error.into());
        }
        self.nodes.moved(ino, Some(to.clone()));
        if let Some(replaced) = replaced {
            self.nodes.moved(replaced, None);
        }
        self.undo.push(Change::Rename { from: from.clone(), to: to.clone(), ino, replaced });
        self.undo.set(from, Some(ino), None);
        self.undo.set(to, replaced, Some(ino));
        self.check_limit();
        Ok(())
    }

    fn existing(&mut self, place: &Place) -> io::Result<Ino> {
        let found = if is_attic(place) { None } else { self.nodes.find(place)? };
        found.ok_or_else(|| Errno::NOENT.into())
    }

    fn check_empty(&mut self, dir: Ino) -> io::Result<()> {
        let is_empty = fs::read_dir(self.nodes.proc_path(dir)?)?.next().is_none();
        if is_empty { Ok(()) } else { Err(Errno::NOTEMPTY.into()) }
    }

    /// Takes away the name, and keeps what it stands for.
    fn put_aside(&mut self, place: &Place, ino: Ino) -> io::Result<()> {
        let dir = self.nodes.dir(place.0)?;
        if self.nodes.get(ino)?.is_held {
            rustix::fs::unlinkat(dir, place.1.as_os_str(), AtFlags::empty())?;
        } else {
            rustix::fs::renameat(dir, place.1.as_os_str(), &self.attic, attic_name(ino))?;
            self.nodes.get_mut(ino)?.is_held = true;
            self.held.insert(ino);
        }
        Ok(())
    }

    /// Gives a file that was kept aside, or still has another name, the name.
    fn put_back(&mut self, ino: Ino, place: &Place) -> io::Result<()> {
        let (node, name) = (self.nodes.get(ino)?, place.1.as_os_str());
        match (node.is_held, node.kind) {
            (true, Kind::Directory) => {
                let dir = self.nodes.dir(place.0)?;
                rustix::fs::renameat(&self.attic, attic_name(ino), dir, name)?;
                let node = self.nodes.get_mut(ino)?;
                node.is_held = false;
                // The kernel makes nothing in a directory that it has seen removed.
                node.generation += 1;
                self.held.remove(&ino);
            }
            (true, _) => {
                let dir = self.nodes.dir(place.0)?;
                rustix::fs::linkat(&self.attic, attic_name(ino), dir, name, AtFlags::empty())?;
            }
            (false, _) => {
                let path = self.nodes.proc_path(ino)?;
                let dir = self.nodes.dir(place.0)?;
                rustix::fs::linkat(rustix::fs::CWD, path, dir, name, AtFlags::SYMLINK_FOLLOW)?;
            }
        }
        self.nodes.moved(ino, Some(place.clone()));
        Ok(())
    }

    /// Removes for good what was removed durably.
    fn clean(&mut self) {
        for ino in self.undo.take_unneeded() {
            self.clean_up(ino);
        }
    }

    fn clean_up(&mut self, ino: Ino) {
        if self.held.contains(&ino) && !self.undo.needs(ino) {
            self.discard(ino);
        }
        self.prune(ino);
    }

    fn discard(&mut self, ino: Ino) {
        self.held.remove(&ino);
        let Ok(node) = self.nodes.get_mut(ino) else { return };
        node.is_held = false;
        let name = attic_name(ino);
        let removed = if node.kind == Kind::Directory {
            let path = PathBuf::from(format!("/proc/self/fd/{}", fd_number(&self.attic)));
            fs::remove_dir_all(path.join(&name))
        } else {
            rustix::fs::unlinkat(&self.attic, &name, AtFlags::empty()).map_err(io::Error::from)
        };
        if let Err(error) = removed {
            tell(format_args!("cannot remove {ATTIC}/{name}: {error}"));
        }
    }

    // Handles.

    pub(super) fn open(&mut self, ino: Ino, flags: OFlags) -> io::Result<u64> {
        if self.nodes.get(ino)?.kind != Kind::File {
            return Err(Errno::NXIO.into());
        }
        if flags.contains(OFlags::TRUNC) {
            self.set_len(ino, 0)?;
        }
        let file = self.nodes.data(ino)?;
        let through = flags.intersects(OFlags::SYNC | OFlags::DSYNC);
        self.add_handle(ino, Some(file), through)
    }

    pub(super) fn open_dir(&mut self, ino: Ino) -> io::Result<u64> {
        self.add_handle(ino, None, false)
    }

    fn add_handle(
        &mut self,
        ino: Ino,
        file: Option<Arc<File>>,
        writes_through: bool,
    ) -> io::Result<u64> {
        let path = self.nodes.path(ino).into();
        self.nodes.get_mut(ino)?.opens += 1;
        let number = self.next_handle;
        self.next_handle += 1;
        let crashes = self.crashes;
        let handle = Handle { ino, file, path, crashes, writes_through, listing: None };
        self.handles.insert(number, handle);
        Ok(number)
    }

    pub(super) fn release(&mut self, number: u64) {
        let Some(handle) = self.handles.remove(&number) else { return };
        let Ok(node) = self.nodes.get_mut(handle.ino) else { return };
        node.opens -= 1;
        self.nodes.close_data(handle.ino);
        self.prune(handle.ino);
    }

    /// # Errors
    /// `EIO`, if the disk has crashed since it was opened.
    pub(super) fn handle(&self, number: u64) -> io::Result<Handle> {
        let handle = self.handles.get(&number).ok_or(Errno::BADF)?;
        if handle.crashes == self.crashes { Ok(handle.clone()) } else { Err(Errno::IO.into()) }
    }

    /// What the directory holds now.
    pub(super) fn list(&mut self, number: u64) -> io::Result<Arc<Vec<Listed>>> {
        let dir = self.handle(number)?.ino;
        let directory = Some(fuser::FileType::Directory);
        let mut listed = vec![
            Listed { ino: dir, kind: directory, name: ".".into() },
            Listed { ino: dir, kind: directory, name: "..".into() },
        ];
        for entry in fs::read_dir(self.nodes.proc_path(dir)?)? {
            let entry = entry?;
            let name = entry.file_name();
            if dir == ROOT && name == ATTIC {
                continue;
            }
            let ino = std::os::unix::fs::DirEntryExt::ino(&entry);
            listed.push(Listed { ino, kind: fuser::FileType::from_std(entry.file_type()?), name });
        }
        let listed = Arc::new(listed);
        if let Some(handle) = self.handles.get_mut(&number) {
            handle.listing = Some(listed.clone());
        }
        Ok(listed)
    }

    // Contents.

    pub(super) fn write(&mut self, number: u64, offset: u64, data: &[u8]) -> io::Result<usize> {
        let handle = self.handle(number)?;
        let file = handle.file.as_ref().ok_or(Errno::BADF)?;
        let len_before = file.metadata()?.len();
        let mut old = read_old(file, offset, data.len() as u64, len_before)?;
        let written = file.write_at(data, offset)?;
        old.truncate(written);
        let (ino, len) = (handle.ino, written as u64);
        self.undo.push(Change::Write { ino, offset, len, old, len_before });
        if handle.writes_through {
            file.sync_data()?;
            self.made_durable(ino, self.undo.next());
        }
        self.check_limit();
        Ok(written)
    }

    /// The beginning of a write reaches the disk, which crashes.
    pub(super) fn tear(&mut self, number: u64, offset: u64, data: &[u8]) -> io::Result<Crashed> {
        let handle = self.handle(number)?;
        let mut crashed = self.crash(Keep::Synced);
        self.nodes.data(handle.ino)?.write_all_at(data, offset)?;
        crashed.files.insert(handle.ino);
        Ok(crashed)
    }

    pub(super) fn set_len(&mut self, ino: Ino, len: u64) -> io::Result<()> {
        let file = self.nodes.data(ino)?;
        let len_before = file.metadata()?.len();
        let lost = len_before.saturating_sub(len);
        if lost > self.limits.bytes as u64 {
            // Too much to hold, so it is durable at once.
            self.warn_of_bytes();
            file.set_len(len)?;
            self.nodes.close_data(ino);
            self.made_durable(ino, self.undo.next());
            return Ok(());
        }
        let cut = read_old(&file, len, lost, len_before)?;
        file.set_len(len)?;
        self.nodes.close_data(ino);
        if len != len_before {
            self.undo.push(Change::SetLen { ino, len, len_before, cut });
            self.check_limit();
        }
        Ok(())
    }

    pub(super) fn allocate(
        &mut self,
        number: u64,
        offset: u64,
        len: u64,
        mode: FallocateFlags,
    ) -> io::Result<()> {
        let handle = self.handle(number)?;
        let file = handle.file.as_ref().ok_or(Errno::BADF)?;
        let ino = handle.ino;
        let len_before = file.metadata()?.len();
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let change = if mode == hole {
            let old = read_old(file, offset, len, len_before)?;
            let len = old.len() as u64;
            (len > 0).then_some(Change::Write { ino, offset, len, old, len_before })
        } else if mode.is_empty() {
            let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
            let grown = Change::SetLen { ino, len: end, len_before, cut: Vec::new() };
            (end > len_before).then_some(grown)
        } else if mode == FallocateFlags::KEEP_SIZE {
            None
        } else {
            return Err(Errno::OPNOTSUPP.into());
        };
        rustix::fs::fallocate(file, mode, offset, len)?;
        if let Some(change) = change {
            self.undo.push(change);
            self.check_limit();
        }
        Ok(())
    }

    // Durability.

    /// Changes that are made from now on are not part of a sync that begins now.
    pub(super) fn mark(&self) -> u64 {
        self.undo.next()
    }

    pub(super) fn made_durable(&mut self, ino: Ino, mark: u64) {
        let nodes = &self.nodes;
        self.undo.sync(ino, mark, |ino| nodes.is_dir(ino));
        self.clean();
    }

    /// Everything is durable, as after a clean shutdown.
    pub(super) fn write_back_all(&mut self) {
        self.undo.take();
        self.clean();
        let path = PathBuf::from(format!("/proc/self/fd/{}", fd_number(&self.attic)));
        if let Ok(path) = fs::read_link(path) {
            let _ = fs::remove_dir_all(path);
        }
    }

    /// A sync failed, and what was not durable is gone.
    pub(super) fn drop_unsynced(&mut self, ino: Ino) -> io::Result<()> {
        for change in self.undo.take_data(ino).iter().rev() {
            self.undo_data(change)?;
        }
        Ok(())
    }

    /// What a crash may lose now, oldest first, in words.
    pub(super) fn unsynced(&self) -> Vec<String> {
        self.undo.changes().map(|change| self.describe(change)).collect()
    }

    pub(super) fn unsynced_bytes(&self) -> usize {
        self.undo.bytes()
    }

    fn describe(&self, change: &Change) -> String {
        let of = |ino: &Ino| self.nodes.path(*ino).display().to_string();
        let at = |place: &Place| self.nodes.path_at(place).display().to_string();
        match change {
            Change::Write { ino, offset, len, .. } => {
                format!("{len} bytes at {offset} of {}", of(ino))
            }
            Change::SetLen { ino, len, .. } => format!("the length {len} of {}", of(ino)),
            Change::Link { place, .. } => format!("the name {}", at(place)),
            Change::Unlink { place, .. } => format!("the removal of {}", at(place)),
            Change::Rename { from, to, .. } => format!("the rename of {} to {}", at(from), at(to)),
        }
    }

    fn check_limit(&mut self) {
        let Limits { bytes, unsynced, .. } = self.limits;
        if self.undo.bytes() > bytes {
            self.warn_of_bytes();
        } else if self.undo.needed() > unsynced {
            self.warn(format_args!(
                "more than {unsynced} files wait for a sync, so the oldest changes become durable without \
                 one; `ulimit -n` sets twice the limit"
            ));
        } else {
            return;
        }
        while !self.undo.is_empty() && (self.undo.bytes() > bytes || self.undo.needed() > unsynced)
        {
            self.undo.write_back_oldest();
        }
        self.clean();
    }

    #[cfg(test)]
    pub(super) fn write_back_oldest(&mut self) {
        self.undo.write_back_oldest();
        self.clean();
    }

    fn warn_of_bytes(&mut self) {
        let bytes = self.limits.bytes;
        self.warn(format_args!(
            "more than {bytes} bytes wait for a sync, so the oldest changes become durable without one; \
             FAILPOINT_DISK_LIMIT sets the limit"
        ));
    }

    fn warn(&mut self, what: std::fmt::Arguments<'_>) {
        if !std::mem::replace(&mut self.has_warned, true) {
            tell(what);
        }
    }

    // The crash.

    /// Undoes what was not durable, except what `keep` says, and makes every open handle fail.
    ///
    /// What cannot be undone is reported on stderr, and the rest is.
    pub(super) fn crash(&mut self, keep: Keep) -> Crashed {
        self.crashes += 1;
        let mut fates = fates(self.undo.changes(), keep);
        let nodes = &self.nodes;
        let survivors =
            self.undo.survivors(|ino| nodes.is_dir(ino), |place| fates[place] != Fate::Lost);
        for (fate, survives) in fates.iter_mut().zip(survivors) {
            if survives && *fate == Fate::Lost {
                *fate = Fate::Kept;
            }
        }
        let (changes, entries) = self.undo.take();
        let mut crashed = Crashed::default();
        for fate in &fates {
            *(if *fate == Fate::Lost { &mut crashed.lost } else { &mut crashed.kept }) += 1;
        }
        if keep != Keep::All {
            self.revert_data(&changes, &fates, &mut crashed);
            self.revert_names(&changes, &fates, entries, &mut crashed);
        }
        for ino in self.held.iter().copied().collect::<Vec<_>>() {
            self.discard(ino);
        }
        self.clean();
        crashed
    }

    fn revert_data(&mut self, changes: &[Change], fates: &[Fate], crashed: &mut Crashed) {
        let mut again = Vec::new();
        for (change, fate) in changes.iter().zip(fates).rev() {
            let Some(ino) = change.data_of() else { continue };
            crashed.files.insert(ino);
            let undone = self.redo_of(change, fate).and_then(|redo| {
                again.extend(redo.map(|redo| (ino, redo)));
                self.undo_data(change)
            });
            if let Err(error) = undone {
                tell(format_args!("cannot undo {}: {error}", self.describe(change)));
            }
            self.nodes.close_data(ino);
        }
        for (ino, redo) in again.iter().rev() {
            if let Err(error) = self.redo_data(*ino, redo) {
                let path = self.nodes.path(*ino);
                tell(format_args!("cannot keep a change of {}: {error}", path.display()));
            }
            self.nodes.close_data(*ino);
        }
    }

    /// What a kept change wrote, which is in the file until it is undone.
    fn redo_of(&mut self, change: &Change, fate: &Fate) -> io::Result<Option<Redo>> {
        Ok(match change {
            _ if *fate == Fate::Lost => None,
            Change::Write { ino, offset, len, .. } => {
                let mut data = vec![0; *len as usize];
                self.nodes.data(*ino)?.read_exact_at(&mut data, *offset)?;
                Some(Redo::Write { offset: *offset, data, fate: fate.clone() })
            }
            Change::SetLen { len, .. } => Some(Redo::SetLen(*len)),
            _ => None,
        })
    }

    fn undo_data(&mut self, change: &Change) -> io::Result<()> {
        match change {
            Change::Write { ino, offset, old, len_before, .. } => {
                let file = self.nodes.data(*ino)?;
                file.write_all_at(old, *offset)?;
                file.set_len(*len_before)
            }
            Change::SetLen { ino, len, len_before, cut } => {
                let file = self.nodes.data(*ino)?;
                file.set_len(*len_before)?;
                file.write_all_at(cut, *len)
            }
            _ => Ok(()),
        }
    }

    fn redo_data(&mut self, ino: Ino, redo: &Redo) -> io::Result<()> {
        let file = self.nodes.data(ino)?;
        match redo {
            Redo::SetLen(len) => file.set_len(*len),
            Redo::Write { offset, data, fate: Fate::Prefix(bytes) } => {
                file.write_all_at(&data[..(*bytes).min(data.len())], *offset)
            }
            Redo::Write { offset, data, fate: Fate::Sectors(kept) } => {
                for (number, (start, end)) in sectors(*offset, data.len()).enumerate() {
                    if kept & (1 << number.min(63)) != 0 {
                        file.write_all_at(&data[start..end], *offset + start as u64)?;
                    }
                }
                Ok(())
            }
            Redo::Write { offset, data, .. } => file.write_all_at(data, *offset),
        }
    }

    fn revert_names(
        &mut self,
        changes: &[Change],
        fates: &[Fate],
        mut entries: HashMap<Place, undo::Entry>,
        crashed: &mut Crashed,
    ) {
        for (change, fate) in changes.iter().zip(fates) {
            if *fate != Fate::Lost {
                undo::apply(change, &mut entries);
            }
        }
        entries.retain(|_, entry| entry.durable != entry.current);
        // First all names go, then all come back: names may have changed places.
        for (place, entry) in &entries {
            if let Some(ino) = entry.current {
                let put = self.put_aside(place, ino);
                self.report(place, put);
            }
        }
        for (place, entry) in &entries {
            if let Some(ino) = entry.durable {
                let put = self.put_back(ino, place);
                self.report(place, put);
            }
        }
        crashed.places = entries.into_keys().collect();
    }

    fn report(&self, place: &Place, reverted: io::Result<()>) {
        if let Err(error) = reverted {
            let path = self.nodes.path_at(place);
            tell(format_args!("cannot undo the change of the name {}: {error}", path.display()));
        }
    }
}

/// Who owns a new file.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    /// It is not new.
    Kept,
    Caller {
        uid: u32,
        gid: u32,
    },
}

impl Owner {
    /// Only root can give files away; else they belong to the user who mounted.
    fn give(self, file: impl AsFd, dir: Mode) -> io::Result<()> {
        let Owner::Caller { uid, gid } = self else { return Ok(()) };
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        // In a directory with the set-group-ID bit, files belong to its group.
        let gid = (!dir.contains(Mode::SGID)).then(|| rustix::fs::Gid::from_raw(gid));
        let uid = Some(rustix::fs::Uid::from_raw(uid));
        Ok(rustix::fs::chownat(file, "", uid, gid, AtFlags::EMPTY_PATH)?)
    }
}

/// One fate for each change.
fn fates<'a>(changes: impl ExactSizeIterator<Item = &'a Change>, keep: Keep) -> Vec<Fate> {
    let seed = match keep {
        Keep::Synced => return vec![Fate::Lost; changes.len()],
        Keep::All => return vec![Fate::Kept; changes.len()],
        Keep::Random(seed) => seed,
    };
    let mut random = Random(seed);
    let fate = |change: &Change| match (random.next() % 4, change) {
        (0, _) => Fate::Lost,
        (1, Change::Write { len, .. }) => Fate::Prefix(random.below(*len as usize)),
        (2, Change::Write { offset, len, .. }) if sectors(*offset, *len as usize).count() > 1 => {
            Fate::Sectors(random.next())
        }
        _ => Fate::Kept,
    };
    changes.map(fate).collect()
}

/// What the range holds, up to the end of the file.
fn read_old(file: &File, offset: u64, len: u64, file_len: u64) -> io::Result<Vec<u8>> {
    let len = len.min(file_len.saturating_sub(offset));
    let mut old = vec![0; len as usize];
    file.read_exact_at(&mut old, offset)?;
    Ok(old)
}

/// Two processes that serve the same directory would undo each other's changes.
fn lock(data: &Path) -> io::Result<File> {
    let directory = File::open(data)?;
    match rustix::fs::flock(&directory, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another failpoint-disk serves it; end that process first (kill -TERM), or choose another \
             directory",
        )),
        // Not every file system has locks.
        _ => Ok(directory),
    }
}

fn is_attic(place: &Place) -> bool {
    place.0 == ROOT && place.1 == OsStr::new(ATTIC)
}

fn attic_name(ino: Ino) -> String {
    ino.to_string()
}

fn fd_number(fd: &OwnedFd) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(fd)
}

pub(super) fn tell(what: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "failpoint-disk: {what}");
}
