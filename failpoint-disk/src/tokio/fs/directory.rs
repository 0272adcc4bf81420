//! Directories: creating and listing them.

use super::{FileType, Metadata, Quiet, fail, is_simulated, points};
use crate::mirror;
use std::ffi::OsString;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

/// How a directory is created, as [`tokio::fs::DirBuilder`](::tokio::fs::DirBuilder).
#[derive(Debug)]
pub struct DirBuilder {
    recursive: bool,
    mode: u32,
}

impl DirBuilder {
    /// As [`tokio::fs::DirBuilder::new`](::tokio::fs::DirBuilder::new).
    pub fn new() -> Self {
        Self { recursive: false, mode: 0o777 }
    }

    /// As [`std::fs::DirBuilder::recursive`].
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// As [`std::os::unix::fs::DirBuilderExt::mode`].
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }

    /// As [`tokio::fs::DirBuilder::create`](::tokio::fs::DirBuilder::create).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref().to_owned();
        if self.recursive { self.create_all(&path).await } else { self.create_one(&path).await }
    }

    async fn create_one(&self, path: &Path) -> io::Result<()> {
        fail(points::create_dir(path).await)?;
        if is_simulated(path)? {
            return mirror::paths::create_one::<Quiet>(path, self.mode);
        }
        let mut builder = ::tokio::fs::DirBuilder::new();
        #[cfg(unix)]
        builder.mode(self.mode);
        builder.create(path).await
    }

    /// Creates each directory that is missing, from the top.
    async fn create_all(&self, path: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for above in path.ancestors() {
            if above == Path::new("") {
                break;
            }
            match self.create_one(above).await {
                Err(error) if error.kind() == ErrorKind::NotFound => missing.push(above),
                Err(_) if is_dir(above).await => break,
                done => {
                    done?;
                    break;
                }
            }
        }
        for below in missing.into_iter().rev() {
            match self.create_one(below).await {
                Err(_) if is_dir(below).await => {}
                done => done?,
            }
        }
        Ok(())
    }
}

impl Default for DirBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// Without a point: no program asked.
async fn is_dir(path: &Path) -> bool {
    match is_simulated(path) {
        Ok(true) => mirror::paths::metadata::<Quiet>(path).is_ok_and(|found| found.is_dir()),
        Ok(false) => ::tokio::fs::metadata(path).await.is_ok_and(|found| found.is_dir()),
        Err(_) => false,
    }
}

/// As [`tokio::fs::read_dir`](::tokio::fs::read_dir).
///
/// # Errors
/// Those of the disk.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    fail(points::read_dir(&path).await)?;
    let entries = if is_simulated(&path)? {
        Entries::Sim(mirror::paths::read_dir::<Quiet>(&path)?)
    } else {
        Entries::Real(::tokio::fs::read_dir(&path).await?)
    };
    Ok(ReadDir { entries })
}

/// The entries of a directory, as [`tokio::fs::ReadDir`](::tokio::fs::ReadDir).
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct ReadDir {
    entries: Entries,
}

#[derive(Debug)]
enum Entries {
    Real(::tokio::fs::ReadDir),
    Sim(mirror::ReadDir<Quiet>),
}

impl ReadDir {
    /// As [`tokio::fs::ReadDir::next_entry`](::tokio::fs::ReadDir::next_entry).
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// As [`tokio::fs::ReadDir::poll_next_entry`](::tokio::fs::ReadDir::poll_next_entry).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        let inner = match &mut self.entries {
            Entries::Real(entries) => ready!(entries.poll_next_entry(cx))?.map(Inner::Real),
            Entries::Sim(entries) => entries.next().transpose()?.map(Inner::Sim),
        };
        Poll::Ready(Ok(inner.map(|inner| DirEntry { inner })))
    }
}

/// An entry of a directory, as [`tokio::fs::DirEntry`](::tokio::fs::DirEntry).
#[derive(Debug)]
pub struct DirEntry {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Real(::tokio::fs::DirEntry),
    Sim(mirror::DirEntry<Quiet>),
}

impl DirEntry {
    /// As [`std::fs::DirEntry::path`].
    pub fn path(&self) -> PathBuf {
        match &self.inner {
            Inner::Real(entry) => entry.path(),
            Inner::Sim(entry) => entry.path(),
        }
    }

    /// As [`std::fs::DirEntry::file_name`].
    pub fn file_name(&self) -> OsString {
        match &self.inner {
            Inner::Real(entry) => entry.file_name(),
            Inner::Sim(entry) => entry.file_name(),
        }
    }

    /// As [`std::fs::DirEntry::metadata`].
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        fail(points::metadata(&self.path()).await)?;
        match &self.inner {
            Inner::Real(entry) => entry.metadata().await.map(Metadata::real),
            Inner::Sim(entry) => entry.metadata(),
        }
    }

    /// As [`std::fs::DirEntry::file_type`].
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn file_type(&self) -> io::Result<FileType> {
        match &self.inner {
            Inner::Real(entry) => entry.file_type().await.map(FileType::real),
            Inner::Sim(entry) => entry.file_type(),
        }
    }

    /// As [`std::os::unix::fs::DirEntryExt::ino`].
    #[cfg(unix)]
    pub fn ino(&self) -> u64 {
        match &self.inner {
            Inner::Real(entry) => entry.ino(),
            Inner::Sim(entry) => std::os::unix::fs::DirEntryExt::ino(entry),
        }
    }
}
