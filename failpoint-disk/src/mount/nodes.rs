//! The files and directories that the kernel or the log knows, each by a number.
//!
//! Each is held by a descriptor, not by a path, so it stays the same file while names change.

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
}

pub(super) struct Node {
    /// Opened with `O_PATH`: it reads and writes nothing.
    fd: OwnedFd,
    identity: (u64, u64),
    pub(super) kind: Kind,
    /// How often the kernel was told of it, and has not forgotten it.
    pub(super) lookups: u64,
    /// How many handles are open.
    pub(super) opens: u64,
    /// A name that it has, for people.
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
        let mut nodes = Self { nodes: HashMap::new(), known: HashMap::new(), next: 1 << 62 };
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

    pub(super) fn fd(&self, ino: Ino) -> io::Result<BorrowedFd<'_>> {
        Ok(self.get(ino)?.fd.as_fd())
    }

    /// A path of this process that leads to the file itself, whatever its names are.
    pub(super) fn proc_path(&self, ino: Ino) -> io::Result<PathBuf> {
        Ok(proc_path(&self.get(ino)?.fd))
    }

    /// The number of what is at `place`. `None` if nothing is there.
    pub(super) fn find(&mut self, place: &Place) -> io::Result<Option<Ino>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(self.fd(place.0)?, place.1.as_os_str(), flags, Mode::empty()) {
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
            fd,
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
        }
    }

    /// The metadata, without what keeps removed files aside.
    pub(super) fn stat(&self, ino: Ino) -> io::Result<Stat> {
        let node = self.get(ino)?;
        let mut stat = rustix::fs::statat(&node.fd, "", AtFlags::EMPTY_PATH)?;
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
        let node = self.get_mut(ino)?;
        if let Some(data) = &node.data {
            return Ok(data.clone());
        }
        let path = proc_path(&node.fd);
        let open = |flags| rustix::fs::openat(CWD, &path, flags | OFlags::CLOEXEC, Mode::empty());
        let file = open(OFlags::RDWR).or_else(|error| match error {
            rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS | rustix::io::Errno::TXTBSY => {
                open(OFlags::RDONLY)
            }
            error => Err(error),
        })?;
        let file = Arc::new(File::from(file));
        node.data = Some(file.clone());
        Ok(file)
    }

    /// Closes what [`data`](Self::data) opened. It is opened again when it is needed.
    pub(super) fn close_data(&mut self, ino: Ino) {
        if let Some(node) = self.nodes.get_mut(&ino) {
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

fn proc_path(fd: &OwnedFd) -> PathBuf {
    Path::new("/proc/self/fd").join(OsString::from(fd.as_raw_fd().to_string()))
}
