//! The files and directories that the kernel or the log knows, each by a number.
//!
//! Each is held by a descriptor, not by a path, so it stays the same file while names change. There are more
//! files than descriptors, so a file that is idle is held by its only name.

use super::undo::{Ino, Place};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, fstat, openat};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The number of the directory at the top, which the kernel fixes.
pub(super) const ROOT: Ino = 1;

pub(super) struct Nodes {
    nodes: HashMap<Ino, Node>,
    /// By device and number in the served directory's file system.
    known: HashMap<(u64, u64), Ino>,
    /// For a file whose own number is taken.
    next: Ino,
    /// How many are held by a descriptor.
    open: usize,
}

pub(super) struct Node {
    /// Opened with `O_PATH`: it reads and writes nothing. `None` for a file that is held by `place`.
    fd: Option<OwnedFd>,
    identity: (u64, u64),
    pub(super) kind: Kind,
    /// How often the kernel was told of it, and has not forgotten it.
    pub(super) lookups: u64,
    /// How many handles are open.
    pub(super) opens: u64,
    /// A name that it has.
    place: Option<Place>,
    /// To read and write it, also while it is undone.
    data: Option<Arc<File>>,
    /// How often a removed directory has come back.
    pub(super) generation: u64,
    /// Whether a file was removed, and is kept aside because a crash may bring it back.
    pub(super) is_held: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Other,
}

impl Nodes {
    pub(super) fn new(root: OwnedFd) -> io::Result<Self> {
        let mut nodes =
            Self { nodes: HashMap::new(), known: HashMap::new(), next: 1 << 62, open: 0 };
        let root = nodes.adopt(root, None)?;
        nodes.get_mut(root)?.lookups = 1;
        Ok(nodes)
    }

    pub(super) fn get(&self, ino: Ino) -> io::Result<&Node> {
        self.nodes.get(&ino).ok_or_else(|| rustix::io::Errno::STALE.into())
    }

    pub(super) fn get_mut(&mut self, ino: Ino) -> io::Result<&mut Node> {
        self.nodes.get_mut(&ino).ok_or_else(|| rustix::io::Errno::STALE.into())
    }

    pub(super) fn is_dir(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| node.kind == Kind::Directory)
    }

    /// A directory.
    pub(super) fn dir(&self, ino: Ino) -> io::Result<BorrowedFd<'_>> {
        let fd = self.get(ino)?.fd.as_ref().ok_or(rustix::io::Errno::NOTDIR)?;
        Ok(fd.as_fd())
    }

    /// A file or directory, which is opened again if it was idle.
    pub(super) fn fd(&mut self, ino: Ino) -> io::Result<BorrowedFd<'_>> {
        if self.get(ino)?.fd.is_none() {
            let place = self.get(ino)?.place.clone().ok_or(rustix::io::Errno::STALE)?;
            if self.find(&place)? != Some(ino) {
                // Someone has changed the served directory past the mount.
                return Err(rustix::io::Errno::STALE.into());
            }
        }
        self.dir(ino)
    }

    /// How many are held by a descriptor.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Holds the idle files by their names, except those that the log needs.
    pub(super) fn close_idle(&mut self, is_needed: impl Fn(Ino) -> bool) {
        for (ino, node) in &mut self.nodes {
            let is_idle = node.kind != Kind::Directory && node.opens == 0 && node.place.is_some();
            if let (true, false, Some(fd)) = (is_idle, is_needed(*ino), &node.fd) {
                // Which of several names stays is not known.
                if fstat(fd).is_ok_and(|stat| stat.st_nlink == 1) {
                    node.fd = None;
                    self.open -= 1;
                }
            }
        }
    }

    /// A path of this process that leads to the file itself, whatever its names are.
    pub(super) fn proc_path(&mut self, ino: Ino) -> io::Result<PathBuf> {
        Ok(proc_path(self.fd(ino)?))
    }

    /// The number of what is at `place`. `None` if nothing is there.
    pub(super) fn find(&mut self, place: &Place) -> io::Result<Option<Ino>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(self.dir(place.0)?, place.1.as_os_str(), flags, Mode::empty()) {
            Ok(fd) => self.adopt(fd, Some(place)).map(Some),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn adopt(&mut self, fd: OwnedFd, place: Option<&Place>) -> io::Result<Ino> {
        let stat = fstat(&fd)?;
        let identity = (stat.st_dev, stat.st_ino);
        if let Some(&ino) = self.known.get(&identity) {
            self.moved(ino, place.cloned());
            let node = self.get_mut(ino)?;
            if node.fd.is_none() {
                node.fd = Some(fd);
                self.open += 1;
            }
            return Ok(ino);
        }
        let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::Directory => Kind::Directory,
            rustix::fs::FileType::RegularFile => Kind::File,
            _ => Kind::Other,
        };
        let ino = self.number_for(stat.st_ino);
        self.known.insert(identity, ino);
        let place = place.cloned();
        let node = Node {
            fd: Some(fd),
            identity,
            kind,
            lookups: 0,
            opens: 0,
            place,
            data: None,
            generation: 0,
            is_held: false,
        };
        self.nodes.insert(ino, node);
        self.open += 1;
        Ok(ino)
    }

    /// The number in the served directory's file system, because listings show it. The file is held open, so
    /// no other one has it; but directories of other file systems may be mounted there.
    fn number_for(&mut self, wanted: u64) -> Ino {
        if self.nodes.is_empty() {
            return ROOT;
        }
        if wanted > ROOT && !self.nodes.contains_key(&wanted) {
            return wanted;
        }
        while self.nodes.contains_key(&self.next) {
            self.next += 1;
        }
        self.next
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    #[cfg(test)]
    pub(super) fn known(&self, metadata: &std::fs::Metadata) -> Option<Ino> {
        use std::os::unix::fs::MetadataExt as _;
        self.known.get(&(metadata.dev(), metadata.ino())).copied()
    }

    pub(super) fn moved(&mut self, ino: Ino, place: Option<Place>) {
        if let (Some(node), true) = (self.nodes.get_mut(&ino), ino != ROOT) {
            node.place = place;
        }
    }

    pub(super) fn remove(&mut self, ino: Ino) {
        if let Some(node) = self.nodes.remove(&ino) {
            self.known.remove(&node.identity);
            self.open -= usize::from(node.fd.is_some());
        }
    }

    /// The metadata, without what keeps removed files aside.
    pub(super) fn stat(&mut self, ino: Ino) -> io::Result<Stat> {
        let mut stat = rustix::fs::statat(self.fd(ino)?, "", AtFlags::EMPTY_PATH)?;
        let node = self.get(ino)?;
        // A directory has a link for each directory in it, on most file systems.
        let shows_attic = ino == ROOT && stat.st_nlink > 2;
        if node.is_held && node.kind == Kind::Directory {
            stat.st_nlink = 0;
        } else if shows_attic || node.is_held {
            stat.st_nlink = stat.st_nlink.saturating_sub(1);
        }
        Ok(stat)
    }

    /// The file, opened to read and write if that is allowed.
    pub(super) fn data(&mut self, ino: Ino) -> io::Result<Arc<File>> {
        if let Some(data) = &self.get(ino)?.data {
            return Ok(data.clone());
        }
        let path = self.proc_path(ino)?;
        let open = |flags| rustix::fs::openat(CWD, &path, flags | OFlags::CLOEXEC, Mode::empty());
        let file = open(OFlags::RDWR).or_else(|error| match error {
            rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::TXTBSY => {
                open(OFlags::RDONLY)
            }
            error => Err(error),
        })?;
        let file = Arc::new(File::from(file));
        self.get_mut(ino)?.data = Some(file.clone());
        Ok(file)
    }

    /// Closes what [`data`](Self::data) opened, if no handle uses it.
    pub(super) fn close_data(&mut self, ino: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino).filter(|node| node.opens == 0) {
            node.data = None;
        }
    }

    /// The path from the root of the mount.
    pub(super) fn path(&self, ino: Ino) -> PathBuf {
        let mut names: Vec<&OsStr> = Vec::new();
        let mut at = ino;
        while at != ROOT {
            match self.nodes.get(&at).and_then(|node| node.place.as_ref()) {
                Some((dir, name)) if names.len() < 1000 => {
                    names.push(name);
                    at = *dir;
                }
                _ => {
                    names.push(OsStr::new("(removed)"));
                    break;
                }
            }
        }
        let mut path = PathBuf::from("/");
        path.extend(names.iter().rev());
        path
    }

    pub(super) fn path_at(&self, place: &Place) -> PathBuf {
        self.path(place.0).join(&place.1)
    }
}

fn proc_path(fd: BorrowedFd<'_>) -> PathBuf {
    Path::new("/proc/self/fd").join(OsString::from(fd.as_raw_fd().to_string()))
}
