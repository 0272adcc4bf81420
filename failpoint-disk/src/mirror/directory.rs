//! Directories: creating and listing them.

use super::{FileType, Metadata, fail, paths};
use crate::points::Points;
use crate::sim::image::Name;
use crate::sim::state::Stat;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a directory is created, as [`std::fs::DirBuilder`].
#[derive(Debug)]
pub struct DirBuilder<K> {
    recursive: bool,
    mode: u32,
    points: PhantomData<fn() -> K>,
}

impl<K: Points> DirBuilder<K> {
    /// As [`std::fs::DirBuilder::new`].
    #[allow(clippy::new_without_default)] // as std
    pub fn new() -> Self {
        Self { recursive: false, mode: 0o777, points: PhantomData }
    }

    /// As [`std::fs::DirBuilder::recursive`].
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// As [`std::fs::DirBuilder::create`].
    ///
    /// # Errors
    /// Those of the disk.
    #[track_caller]
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        if self.recursive {
            paths::create_dirs::<K>(path.as_ref(), self.mode)
        } else {
            paths::create_one::<K>(path.as_ref(), self.mode)
        }
    }
}

#[cfg(unix)]
impl<K: Points> std::os::unix::fs::DirBuilderExt for DirBuilder<K> {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }
}

/// The entries of a directory, as [`std::fs::ReadDir`].
///
/// Those of a simulated disk, and in volatile mode, are the ones that were there when the directory was
/// opened, by name.
pub struct ReadDir<K> {
    entries: Entries,
    points: PhantomData<fn() -> K>,
}

enum Entries {
    Real(fs::ReadDir),
    Sim(Arc<Path>, std::vec::IntoIter<(Name, Metadata)>),
}

impl<K> ReadDir<K> {
    pub(super) fn real(entries: fs::ReadDir) -> Self {
        Self { entries: Entries::Real(entries), points: PhantomData }
    }

    pub(super) fn sim(path: &Path, entries: Vec<(Name, Stat)>) -> Self {
        let entries = entries.into_iter().map(|(name, stat)| (name, Metadata::sim(stat)));
        Self::listed(path, entries.collect())
    }

    pub(super) fn listed(path: &Path, entries: Vec<(Name, Metadata)>) -> Self {
        Self { entries: Entries::Sim(path.into(), entries.into_iter()), points: PhantomData }
    }
}

impl<K> Iterator for ReadDir<K> {
    type Item = io::Result<DirEntry<K>>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = match &mut self.entries {
            Entries::Real(entries) => match entries.next()? {
                Ok(entry) => Inner::Real(entry),
                Err(error) => return Some(Err(error)),
            },
            Entries::Sim(path, entries) => {
                let (name, metadata) = entries.next()?;
                Inner::Sim(path.clone(), name, Box::new(metadata))
            }
        };
        Some(Ok(DirEntry { inner, points: PhantomData }))
    }
}

impl<K> fmt::Debug for ReadDir<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entries {
            Entries::Real(entries) => entries.fmt(f),
            Entries::Sim(path, _) => f.debug_tuple("ReadDir").field(path).finish(),
        }
    }
}

/// An entry of a directory, as [`std::fs::DirEntry`].
pub struct DirEntry<K> {
    inner: Inner,
    points: PhantomData<fn() -> K>,
}

enum Inner {
    Real(fs::DirEntry),
    Sim(Arc<Path>, Name, Box<Metadata>),
}

impl<K: Points> DirEntry<K> {
    /// As [`std::fs::DirEntry::path`].
    pub fn path(&self) -> PathBuf {
        match &self.inner {
            Inner::Real(entry) => entry.path(),
            Inner::Sim(directory, name, _) => directory.join(&**name),
        }
    }

    /// As [`std::fs::DirEntry::metadata`]; on a simulated disk, that of the moment when the directory was
    /// opened.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn metadata(&self) -> io::Result<Metadata> {
        fail(K::metadata(&self.path()))?;
        match &self.inner {
            Inner::Real(entry) => entry.metadata().map(Metadata::real),
            Inner::Sim(_, _, metadata) => Ok((**metadata).clone()),
        }
    }

    /// As [`std::fs::DirEntry::file_type`].
    ///
    /// # Errors
    /// Those of the disk.
    pub fn file_type(&self) -> io::Result<FileType> {
        match &self.inner {
            Inner::Real(entry) => entry.file_type().map(FileType::real),
            Inner::Sim(_, _, metadata) => Ok(metadata.file_type()),
        }
    }

    /// As [`std::fs::DirEntry::file_name`].
    pub fn file_name(&self) -> OsString {
        match &self.inner {
            Inner::Real(entry) => entry.file_name(),
            Inner::Sim(_, name, _) => OsString::from(&**name),
        }
    }
}

impl<K: Points> fmt::Debug for DirEntry<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}

#[cfg(unix)]
impl<K: Points> std::os::unix::fs::DirEntryExt for DirEntry<K> {
    fn ino(&self) -> u64 {
        match &self.inner {
            Inner::Real(entry) => entry.ino(),
            Inner::Sim(_, _, metadata) => std::os::unix::fs::MetadataExt::ino(&**metadata),
        }
    }
}
