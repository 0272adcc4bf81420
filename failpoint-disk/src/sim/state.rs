//! What a simulated disk holds, and the operations on it.
//!
//! The image that programs see has all changes. The medium knows which of them are durable.

use super::contents::Contents;
use super::image::{Change, Content, Image, Ino, Name, ROOT};
use super::journal::{Journal, Kind};
use super::locks::Locks;
use super::medium::{Effect, Medium};
use super::mount::{End, Inside};
use crate::errno::errno;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::panic::Location;
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::SystemTime;

pub(crate) type Caller = &'static Location<'static>;

/// How many changes may wait for a sync. Beyond it, the oldest one becomes durable.
const MAX_PENDING: usize = 1 << 20;

/// So many changes more become durable then, so that the next ones find room.
const SHARE: usize = 8;

/// How many files and directories may be unreachable without a look at the medium.
const SLACK: usize = 64;

pub(crate) struct State {
    /// What programs see.
    pub(crate) view: Image,
    pub(crate) medium: Medium,
    attributes: Vec<Attributes>,
    /// What cannot be reached, and may still be on the medium.
    unreachable: Vec<Ino>,
    /// How many of them there may be without a look at the medium.
    most_unreachable: usize,
    /// Numbers to use again.
    vacant: Vec<Ino>,
    /// How many handles each file has, where it has any.
    handles: BTreeMap<Ino, usize>,
    locks: Locks,
    /// Ranges that cannot be read.
    bad: Vec<(Ino, u64, u64)>,
    pub(crate) capacity: u64,
    used: u64,
    /// How many bytes wait for a sync.
    unsynced: usize,
    pub(crate) has_crashed: bool,
    pub(crate) journal: Option<Journal>,
}

/// What a crash does not lose, as it never belonged to what a sync promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    pub(crate) created: SystemTime,
    pub(crate) modified: SystemTime,
    pub(crate) accessed: SystemTime,
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) ino: Ino,
    pub(crate) kind: FileKind,
    pub(crate) len: u64,
    pub(crate) links: u64,
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FileKind {
    File,
    Directory,
    /// A simulated disk has none. In volatile mode, it is one that is not on the real disk yet.
    Symlink,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    pub(crate) write: bool,
    pub(crate) truncate: bool,
    pub(crate) create: bool,
    pub(crate) create_new: bool,
    pub(crate) mode: u32,
}

impl State {
    pub(crate) fn new(image: Image, capacity: u64) -> Self {
        let now = SystemTime::now();
        let attributes = (0..image.len())
            .map(|ino| Attributes::new(if image.data(ino).is_some() { 0o644 } else { 0o755 }, now))
            .collect();
        let (used, unreachable) = image.used();
        Self {
            medium: Medium::new(image.clone()),
            view: image,
            attributes,
            unreachable,
            most_unreachable: SLACK,
            vacant: Vec::new(),
            handles: BTreeMap::new(),
            locks: Locks::default(),
            bad: Vec::new(),
            capacity,
            used,
            unsynced: 0,
            has_crashed: false,
            journal: None,
        }
    }

    /// Each operation of a program begins with this.
    fn begin(&self) -> io::Result<()> {
        if let Some(journal) = &self.journal {
            journal.call();
        }
        if self.has_crashed {
            return Err(io::Error::other("the simulated disk has crashed"));
        }
        Ok(())
    }

    // Paths.

    pub(crate) fn resolve(&self, inside: Inside<'_>) -> io::Result<Ino> {
        let ino = self.walk(inside.path)?;
        if matches!(inside.end, End::Slash | End::Dot) {
            self.view.entries(ino).ok_or_else(|| errno("ENOTDIR"))?;
        }
        Ok(ino)
    }

    fn walk(&self, path: &Path) -> io::Result<Ino> {
        self.begin()?;
        let mut above = Vec::new();
        let mut ino = ROOT;
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    let entries = self.view.entries(ino).ok_or_else(|| errno("ENOTDIR"))?;
                    check_name(name)?;
                    above.push(ino);
                    ino = *entries.get(name).ok_or_else(|| errno("ENOENT"))?;
                }
                Component::ParentDir => {
                    self.view.entries(ino).ok_or_else(|| errno("ENOTDIR"))?;
                    ino = above.pop().unwrap_or(ROOT);
                }
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        Ok(ino)
    }

    /// The directory that holds the last name of a path, and that name. The root of the disk has no
    /// name, nor has a path that ends in `.` or `..`.
    fn above<'a>(&self, inside: Inside<'a>) -> io::Result<(Ino, Option<&'a OsStr>)> {
        let mut components = inside.path.components();
        let name = match inside.end {
            End::Name | End::Slash => components.next_back().map(Component::as_os_str),
            End::DotDot => components.next_back().and(None),
            End::Dot | End::Root => None,
        };
        let dir = self.walk(components.as_path())?;
        self.view.entries(dir).ok_or_else(|| errno("ENOTDIR"))?;
        name.map_or(Ok(()), check_name)?;
        Ok((dir, name))
    }

    /// As [`above`](Self::above), with the error for a path that ends in no name.
    fn parent<'a>(
        &self,
        inside: Inside<'a>,
        no_name: &'static str,
    ) -> io::Result<(Ino, &'a OsStr)> {
        let (dir, name) = self.above(inside)?;
        Ok((dir, name.ok_or_else(|| errno(no_name))?))
    }

    /// Where a new name is made.
    fn vacant<'a>(&self, inside: Inside<'a>) -> io::Result<(Ino, &'a OsStr)> {
        let (dir, name) = self.parent(inside, "EEXIST")?;
        if self.child(dir, name).is_some() {
            return Err(errno("EEXIST"));
        }
        Ok((dir, name))
    }

    fn child(&self, dir: Ino, name: &OsStr) -> Option<Ino> {
        self.view.entries(dir)?.get(name).copied()
    }

    /// [`stat`](Self::stat) as an operation of its own.
    pub(crate) fn stat_file(&self, ino: Ino) -> io::Result<Stat> {
        self.begin()?;
        Ok(self.stat(ino))
    }

    pub(crate) fn stat(&self, ino: Ino) -> Stat {
        let node = self.view.node(ino);
        let (kind, len) = match &node.content {
            Content::File(data) => (FileKind::File, data.len() as u64),
            Content::Directory(_) => (FileKind::Directory, 0),
        };
        Stat { ino, kind, len, links: node.links, attributes: self.attributes[ino] }
    }

    // Changes.

    fn perform(&mut self, kind: Kind, path: &Arc<Path>, caller: Caller, effect: Effect) {
        if let Effect::Change(change) | Effect::Torn(change) = &effect {
            self.view.apply(change);
            self.unsynced += change.size();
        }
        self.medium.perform(&effect);
        if matches!(effect, Effect::Sync(_) | Effect::SyncDir(_) | Effect::Forget(_)) {
            self.unsynced = self.medium.unsynced();
        }
        let limit = usize::try_from(self.capacity).unwrap_or(usize::MAX);
        if self.unsynced > limit || self.medium.pending.len() > MAX_PENDING {
            self.write_back(limit);
        }
        if let Some(journal) = &mut self.journal {
            journal.record(kind, path, caller, effect);
        }
    }

    /// Makes the oldest changes durable, until there is room for more.
    fn write_back(&mut self, limit: usize) {
        let pending = &self.medium.pending;
        let most = limit - limit / SHARE;
        let surplus = pending.len().saturating_sub(MAX_PENDING - MAX_PENDING / SHARE);
        let least = if pending.len() > MAX_PENDING { surplus } else { 0 };
        let mut count = 0;
        while count < pending.len() && (self.unsynced > most || count < least) {
            self.unsynced -= pending[count].size();
            count += 1;
        }
        self.medium.write_back_oldest(count);
    }

    fn add(&mut self, content: Content, mode: u32) -> Ino {
        if let Some(ino) = self.vacant_number() {
            self.medium.add_at(ino, content.clone());
            self.view.add_at(ino, content);
            self.attributes[ino] = Attributes::new(mode, SystemTime::now());
            self.bad.retain(|(bad, ..)| *bad != ino);
            return ino;
        }
        self.medium.add(content.clone());
        if let Some(journal) = &mut self.journal {
            journal.added(content.clone());
        }
        self.attributes.push(Attributes::new(mode, SystemTime::now()));
        self.view.add(content)
    }

    /// Opens, creates or truncates a file, and counts the handle.
    pub(crate) fn open(
        &mut self,
        path: &Arc<Path>,
        inside: Inside<'_>,
        how: How,
        caller: Caller,
    ) -> io::Result<Ino> {
        let ino = self.find_or_create(path, inside, how, caller)?;
        *self.handles.entry(ino).or_default() += 1;
        Ok(ino)
    }

    fn find_or_create(
        &mut self,
        path: &Arc<Path>,
        inside: Inside<'_>,
        how: How,
        caller: Caller,
    ) -> io::Result<Ino> {
        let creates = how.create || how.create_new;
        if creates && inside.end == End::Slash {
            self.parent(inside, "EISDIR")?;
            return Err(errno("EISDIR"));
        }
        let ino = match self.resolve(inside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && creates => {
                let (dir, name) = self.parent(inside, "EISDIR")?;
                return Ok(self.create(path, dir, name, how, caller));
            }
            found => found?,
        };
        if how.create_new {
            return Err(errno("EEXIST"));
        }
        match self.view.data(ino) {
            None if how.write || how.create || how.truncate => return Err(errno("EISDIR")),
            Some(data) if how.truncate && !data.is_empty() => {
                self.set_len(ino, path, 0, caller)?;
            }
            _ => {}
        }
        Ok(ino)
    }

    fn create(
        &mut self,
        path: &Arc<Path>,
        dir: Ino,
        name: &OsStr,
        how: How,
        caller: Caller,
    ) -> Ino {
        let name = Name::from(name);
        let ino = self.add(Content::File(Arc::default()), how.mode & 0o777);
        let change = Change::Link { dir, name, ino };
        self.perform(Kind::Create, path, caller, Effect::Change(change));
        self.touch(dir);
        ino
    }

    /// A handle is closed.
    pub(crate) fn close(&mut self, ino: Ino) {
        if let Some(handles) = self.handles.get_mut(&ino) {
            *handles -= 1;
            if *handles == 0 {
                self.handles.remove(&ino);
                self.free_unreachable(ino);
            }
        }
    }

    fn free_unreachable(&mut self, ino: Ino) {
        if self.view.node(ino).links == 0 && !self.handles.contains_key(&ino) {
            self.used -= self.view.data(ino).map_or(0, Contents::len) as u64;
            self.view.free(ino);
            self.unreachable.push(ino);
        }
    }

    /// The number of something that is gone for the program and for each crash.
    fn vacant_number(&mut self) -> Option<Ino> {
        // Who replays a journal counts what was added.
        if self.journal.is_some() {
            return None;
        }
        if self.vacant.is_empty() && self.unreachable.len() > self.most_unreachable {
            self.vacant.extend(self.medium.bury(&self.unreachable));
            let vacant: HashSet<Ino> = self.vacant.iter().copied().collect();
            self.unreachable.retain(|ino| !vacant.contains(ino));
            self.unsynced = self.medium.unsynced();
            // Each look costs what waits for a sync, so looks are rare where much of it stays.
            self.most_unreachable = SLACK + 2 * self.unreachable.len();
        }
        self.vacant.pop()
    }

    pub(crate) fn read(&self, ino: Ino, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.begin()?;
        let data = self.view.data(ino).ok_or_else(|| errno("EISDIR"))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
        let len = buffer.len().min(data.len() - start);
        if self.is_bad(ino, offset, len as u64) {
            return Err(errno("EIO"));
        }
        data.read(start, &mut buffer[..len]);
        Ok(len)
    }

    /// Writes as much as there is room for; returns how much that was. If it is `torn`, the disk crashes
    /// after it.
    pub(crate) fn write(
        &mut self,
        ino: Ino,
        path: &Arc<Path>,
        offset: u64,
        data: &[u8],
        torn: bool,
        caller: Caller,
    ) -> io::Result<usize> {
        self.begin()?;
        if data.is_empty() {
            self.has_crashed |= torn;
            return Ok(0);
        }
        let len = self.view.data(ino).ok_or_else(|| errno("EISDIR"))?.len() as u64;
        // A gap before the data takes room, as there are no sparse files.
        let longest = len.saturating_add(self.capacity.saturating_sub(self.used));
        if offset >= longest.max(len) {
            return Err(errno(if offset > self.capacity { "EFBIG" } else { "ENOSPC" }));
        }
        let room = usize::try_from(longest - offset).unwrap_or(usize::MAX);
        let written = data.len().min(room);
        if written == 0 {
            return Err(errno("ENOSPC"));
        }
        let data: Arc<[u8]> = data[..written].into();
        self.used += (offset + written as u64).saturating_sub(len);
        self.bad.retain(|&(bad, start, end)| {
            bad != ino || start >= offset + written as u64 || end <= offset
        });
        let change = Change::Write { ino, offset, data };
        let effect = if torn { Effect::Torn(change) } else { Effect::Change(change) };
        self.perform(Kind::Write, path, caller, effect);
        self.has_crashed |= torn;
        self.touch(ino);
        Ok(written)
    }

    pub(crate) fn set_len(
        &mut self,
        ino: Ino,
        path: &Arc<Path>,
        len: u64,
        caller: Caller,
    ) -> io::Result<()> {
        self.begin()?;
        let before = self.view.data(ino).ok_or_else(|| errno("EINVAL"))?.len() as u64;
        let growth = len.saturating_sub(before);
        if growth > self.capacity.saturating_sub(self.used) {
            return Err(errno(if len > self.capacity { "EFBIG" } else { "ENOSPC" }));
        }
        self.used = self.used + growth - before.saturating_sub(len);
        self.bad.retain(|&(bad, start, _)| bad != ino || start < len);
        self.perform(Kind::SetLen, path, caller, Effect::Change(Change::SetLen { ino, len }));
        self.touch(ino);
        Ok(())
    }

    pub(crate) fn sync(&mut self, ino: Ino, path: &Arc<Path>, caller: Caller) -> io::Result<()> {
        self.begin()?;
        let (kind, effect) = match self.view.node(ino).content {
            Content::File(_) => (Kind::Sync, Effect::Sync(ino)),
            Content::Directory(_) => (Kind::SyncDir, Effect::SyncDir(ino)),
        };
        self.perform(kind, path, caller, effect);
        Ok(())
    }

    /// A sync that says "done" and makes nothing durable.
    pub(crate) fn lie(&mut self, path: &Arc<Path>, caller: Caller) -> io::Result<()> {
        self.begin()?;
        if let Some(journal) = &mut self.journal {
            journal.lied(path, caller);
        }
        Ok(())
    }

    /// A sync that fails and loses what it should have made durable.
    pub(crate) fn forget(&mut self, ino: Ino, path: &Arc<Path>, caller: Caller) {
        if !self.has_crashed {
            self.perform(Kind::Sync, path, caller, Effect::Forget(ino));
        }
    }

    pub(crate) fn create_dir(
        &mut self,
        path: &Arc<Path>,
        inside: Inside<'_>,
        mode: u32,
        caller: Caller,
    ) -> io::Result<()> {
        let (dir, name) = self.vacant(inside)?;
        let name = Name::from(name);
        let ino = self.add(Content::Directory(Arc::default()), mode & 0o777);
        self.perform(
            Kind::CreateDir,
            path,
            caller,
            Effect::Change(Change::Link { dir, name, ino }),
        );
        self.touch(dir);
        Ok(())
    }

    pub(crate) fn hard_link(
        &mut self,
        from: Inside<'_>,
        path: &Arc<Path>,
        to: Inside<'_>,
        caller: Caller,
    ) -> io::Result<()> {
        let ino = self.resolve(from)?;
        let (dir, name) = self.vacant(to)?;
        if to.end == End::Slash {
            return Err(errno("ENOENT"));
        }
        if self.view.entries(ino).is_some() {
            return Err(errno("EPERM"));
        }
        let name = Name::from(name);
        self.perform(Kind::Link, path, caller, Effect::Change(Change::Link { dir, name, ino }));
        self.touch(dir);
        Ok(())
    }

    /// Why there is no symbolic link there.
    pub(crate) fn refuse_symlink(&self, link: Inside<'_>) -> io::Error {
        match self.vacant(link) {
            Ok(_) if link.end == End::Slash => errno("ENOENT"),
            Ok(_) => errno("EPERM"),
            Err(error) => error,
        }
    }

    pub(crate) fn rename(
        &mut self,
        from: Inside<'_>,
        path: &Arc<Path>,
        to: Inside<'_>,
        caller: Caller,
    ) -> io::Result<()> {
        // Both directories are looked for before either name.
        let ((from_dir, from_name), (to_dir, to_name)) = (self.above(from)?, self.above(to)?);
        let from_name = from_name.ok_or_else(|| errno("EBUSY"))?;
        let to_name = to_name.ok_or_else(|| errno("EBUSY"))?;
        let ino = self.child(from_dir, from_name).ok_or_else(|| errno("ENOENT"))?;
        let is_dir = self.view.entries(ino).is_some();
        if !is_dir && (from.end == End::Slash || to.end == End::Slash) {
            return Err(errno("ENOTDIR"));
        }
        if is_dir && self.is_inside(to_dir, ino) {
            return Err(errno("EINVAL"));
        }
        let replaced = self.child(to_dir, to_name);
        if let Some(replaced) = replaced {
            if self.is_inside(from_dir, replaced) {
                return Err(errno("ENOTEMPTY"));
            }
            if replaced == ino {
                return Ok(());
            }
            match (is_dir, self.view.entries(replaced)) {
                (true, None) => return Err(errno("ENOTDIR")),
                (false, Some(_)) => return Err(errno("EISDIR")),
                (true, Some(entries)) if !entries.is_empty() => return Err(errno("ENOTEMPTY")),
                _ => {}
            }
        }
        let change = Change::Rename {
            from: (from_dir, Name::from(from_name)),
            to: (to_dir, Name::from(to_name)),
            ino,
            replaced,
        };
        self.perform(Kind::Rename, path, caller, Effect::Change(change));
        if let Some(replaced) = replaced {
            self.free_unreachable(replaced);
        }
        self.touch(from_dir);
        self.touch(to_dir);
        Ok(())
    }

    /// Whether the directory `dir` is `ancestor` or lies below it.
    fn is_inside(&self, dir: Ino, ancestor: Ino) -> bool {
        let holds = |entries: &BTreeMap<Name, Ino>| {
            entries
                .values()
                .any(|&child| self.view.entries(child).is_some() && self.is_inside(dir, child))
        };
        dir == ancestor || self.view.entries(ancestor).is_some_and(holds)
    }

    pub(crate) fn remove_file(
        &mut self,
        path: &Arc<Path>,
        inside: Inside<'_>,
        caller: Caller,
    ) -> io::Result<()> {
        let (dir, name) = self.parent(inside, "EISDIR")?;
        let ino = self.child(dir, name).ok_or_else(|| errno("ENOENT"))?;
        if self.view.entries(ino).is_some() {
            return Err(errno("EISDIR"));
        }
        if inside.end == End::Slash {
            return Err(errno("ENOTDIR"));
        }
        self.unlink(path, dir, name, ino, caller);
        Ok(())
    }

    pub(crate) fn remove_dir(
        &mut self,
        path: &Arc<Path>,
        inside: Inside<'_>,
        caller: Caller,
    ) -> io::Result<()> {
        let no_name = match inside.end {
            End::Dot => "EINVAL",
            End::DotDot => "ENOTEMPTY",
            _ => "EBUSY",
        };
        let (dir, name) = self.parent(inside, no_name)?;
        let ino = self.child(dir, name).ok_or_else(|| errno("ENOENT"))?;
        match self.view.entries(ino) {
            None => Err(errno("ENOTDIR")),
            Some(entries) if !entries.is_empty() => Err(errno("ENOTEMPTY")),
            Some(_) => {
                self.unlink(path, dir, name, ino, caller);
                Ok(())
            }
        }
    }

    fn unlink(&mut self, path: &Arc<Path>, dir: Ino, name: &OsStr, ino: Ino, caller: Caller) {
        let name = Name::from(name);
        self.perform(Kind::Remove, path, caller, Effect::Change(Change::Unlink { dir, name, ino }));
        self.free_unreachable(ino);
        self.touch(dir);
    }

    /// The names in a directory, with what `stat` tells of each.
    pub(crate) fn read_dir(&self, inside: Inside<'_>) -> io::Result<Vec<(Name, Stat)>> {
        let ino = self.resolve(inside)?;
        let entries = self.view.entries(ino).ok_or_else(|| errno("ENOTDIR"))?;
        Ok(entries.iter().map(|(name, ino)| (name.clone(), self.stat(*ino))).collect())
    }

    // Attributes and locks.

    fn touch(&mut self, ino: Ino) {
        self.attributes[ino].modified = SystemTime::now();
    }

    pub(crate) fn attributes_mut(&mut self, ino: Ino) -> io::Result<&mut Attributes> {
        self.begin()?;
        Ok(&mut self.attributes[ino])
    }

    pub(crate) fn mark_bad(&mut self, ino: Ino, offset: u64, len: u64) {
        mark(&mut self.bad, ino, offset, len);
    }

    fn is_bad(&self, ino: Ino, offset: u64, len: u64) -> bool {
        let end = offset.saturating_add(len);
        self.bad.iter().any(|&(bad, start, stop)| bad == ino && start < end && offset < stop)
    }

    /// Whether `holder` has the lock now.
    pub(crate) fn try_lock(&mut self, ino: Ino, holder: u64, exclusive: bool) -> io::Result<bool> {
        self.begin()?;
        Ok(self.locks.try_lock(ino, holder, exclusive))
    }

    pub(crate) fn unlock(&mut self, ino: Ino, holder: u64) {
        self.locks.unlock(ino, holder);
    }
}

/// Adds a range that cannot be read to those that are known.
pub(crate) fn mark(bad: &mut Vec<(Ino, u64, u64)>, ino: Ino, offset: u64, len: u64) {
    let end = offset.saturating_add(len);
    let is_known =
        bad.iter().any(|&(other, start, stop)| other == ino && start <= offset && end <= stop);
    if len > 0 && !is_known {
        bad.retain(|&(other, start, stop)| other != ino || start < offset || end < stop);
        bad.push((ino, offset, end));
    }
}

impl Stat {
    pub(crate) fn is_dir(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

impl Attributes {
    pub(crate) fn new(mode: u32, now: SystemTime) -> Self {
        Self { mode, created: now, modified: now, accessed: now }
    }
}

/// The longest name, in bytes.
const LONGEST: usize = 255;

fn check_name(name: &OsStr) -> io::Result<()> {
    if name.len() > LONGEST { Err(errno("ENAMETOOLONG")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
