//! Metadata, file types and times.

use crate::sim::state::{Attributes, FileKind, Stat};
use std::fmt;
use std::fs::{self, Permissions};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
use std::time::SystemTime;

/// What is known of a file, as [`std::fs::Metadata`].
#[derive(Clone)]
pub struct Metadata {
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    Real(fs::Metadata),
    Sim(Stat),
    /// On the real disk, with changes that are held back.
    Held(fs::Metadata, Stat),
}

impl Metadata {
    pub(crate) fn real(metadata: fs::Metadata) -> Self {
        Self { inner: Inner::Real(metadata) }
    }

    pub(crate) fn sim(stat: Stat) -> Self {
        Self { inner: Inner::Sim(stat) }
    }

    pub(crate) fn held(real: fs::Metadata, stat: Stat) -> Self {
        Self { inner: Inner::Held(real, stat) }
    }

    /// As [`std::fs::Metadata::file_type`].
    pub fn file_type(&self) -> FileType {
        match &self.inner {
            Inner::Real(metadata) | Inner::Held(metadata, _) => {
                FileType::real(metadata.file_type())
            }
            Inner::Sim(stat) => FileType::sim(stat),
        }
    }

    /// As [`std::fs::Metadata::is_dir`].
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// As [`std::fs::Metadata::is_file`].
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// As [`std::fs::Metadata::is_symlink`].
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// The length in bytes, as [`std::fs::Metadata::len`].
    #[allow(clippy::len_without_is_empty)] // as std
    pub fn len(&self) -> u64 {
        match &self.inner {
            Inner::Real(metadata) => metadata.len(),
            Inner::Sim(stat) | Inner::Held(_, stat) => stat.len,
        }
    }

    /// As [`std::fs::Metadata::permissions`].
    pub fn permissions(&self) -> Permissions {
        match &self.inner {
            Inner::Real(metadata) | Inner::Held(metadata, _) => metadata.permissions(),
            Inner::Sim(stat) => permissions(stat.attributes.mode),
        }
    }

    /// As [`std::fs::Metadata::modified`].
    ///
    /// # Errors
    /// If the platform does not have it.
    pub fn modified(&self) -> io::Result<SystemTime> {
        match &self.inner {
            Inner::Real(metadata) => metadata.modified(),
            Inner::Sim(stat) | Inner::Held(_, stat) => Ok(stat.attributes.modified),
        }
    }

    /// As [`std::fs::Metadata::accessed`].
    ///
    /// # Errors
    /// If the platform does not have it.
    pub fn accessed(&self) -> io::Result<SystemTime> {
        match &self.inner {
            Inner::Real(metadata) | Inner::Held(metadata, _) => metadata.accessed(),
            Inner::Sim(stat) => Ok(stat.attributes.accessed),
        }
    }

    /// As [`std::fs::Metadata::created`].
    ///
    /// # Errors
    /// If the platform does not have it.
    pub fn created(&self) -> io::Result<SystemTime> {
        match &self.inner {
            Inner::Real(metadata) | Inner::Held(metadata, _) => metadata.created(),
            Inner::Sim(stat) => Ok(stat.attributes.created),
        }
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("file_type", &self.file_type())
            .field("permissions", &self.permissions())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
fn permissions(mode: u32) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(mode)
}

/// There is no other way to make one.
#[cfg(not(unix))]
fn permissions(mode: u32) -> Permissions {
    let mut permissions =
        std::env::temp_dir().metadata().expect("a temporary directory").permissions();
    permissions.set_readonly(mode & 0o200 == 0);
    permissions
}

/// The mode that a simulated file gets.
pub(super) fn mode_of(permissions: &Permissions) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        permissions.mode() & 0o7777
    }
    #[cfg(not(unix))]
    {
        if permissions.readonly() { 0o444 } else { 0o644 }
    }
}

/// As [`std::fs::FileType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileType {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Known(FileKind),
    /// A device, a pipe or a socket.
    Other(fs::FileType),
}

impl FileType {
    pub(crate) fn real(file_type: fs::FileType) -> Self {
        let kind = match file_type {
            directory if directory.is_dir() => Kind::Known(FileKind::Directory),
            file if file.is_file() => Kind::Known(FileKind::File),
            link if link.is_symlink() => Kind::Known(FileKind::Symlink),
            other => Kind::Other(other),
        };
        Self { kind }
    }

    pub(super) fn sim(stat: &Stat) -> Self {
        Self { kind: Kind::Known(stat.kind) }
    }

    /// As [`std::fs::FileType::is_dir`].
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Known(FileKind::Directory)
    }

    /// As [`std::fs::FileType::is_file`].
    pub fn is_file(&self) -> bool {
        self.kind == Kind::Known(FileKind::File)
    }

    /// As [`std::fs::FileType::is_symlink`].
    pub fn is_symlink(&self) -> bool {
        self.kind == Kind::Known(FileKind::Symlink)
    }

    #[cfg(unix)]
    fn is_other(&self, is: fn(&fs::FileType) -> bool) -> bool {
        matches!(&self.kind, Kind::Other(other) if is(other))
    }
}

#[cfg(unix)]
impl FileTypeExt for FileType {
    fn is_block_device(&self) -> bool {
        self.is_other(FileTypeExt::is_block_device)
    }

    fn is_char_device(&self) -> bool {
        self.is_other(FileTypeExt::is_char_device)
    }

    fn is_fifo(&self) -> bool {
        self.is_other(FileTypeExt::is_fifo)
    }

    fn is_socket(&self) -> bool {
        self.is_other(FileTypeExt::is_socket)
    }
}

/// Times to set on a file, as [`std::fs::FileTimes`].
#[derive(Clone, Copy, Debug, Default)]
pub struct FileTimes {
    accessed: Option<SystemTime>,
    modified: Option<SystemTime>,
}

impl FileTimes {
    /// No times.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time of the last access.
    #[must_use]
    pub fn set_accessed(mut self, time: SystemTime) -> Self {
        self.accessed = Some(time);
        self
    }

    /// Sets the time of the last change.
    #[must_use]
    pub fn set_modified(mut self, time: SystemTime) -> Self {
        self.modified = Some(time);
        self
    }

    pub(crate) fn to_real(self) -> fs::FileTimes {
        let mut times = fs::FileTimes::new();
        if let Some(accessed) = self.accessed {
            times = times.set_accessed(accessed);
        }
        if let Some(modified) = self.modified {
            times = times.set_modified(modified);
        }
        times
    }

    pub(super) fn apply(self, attributes: &mut Attributes) {
        attributes.accessed = self.accessed.unwrap_or(attributes.accessed);
        attributes.modified = self.modified.unwrap_or(attributes.modified);
    }
}

#[cfg(unix)]
mod unix {
    use super::{Inner, Metadata};
    use crate::sim::state::FileKind;
    use std::os::unix::fs::MetadataExt;
    use std::time::{SystemTime, UNIX_EPOCH};

    const BLOCK: u64 = 512;

    fn file_type(kind: FileKind) -> u32 {
        match kind {
            FileKind::File => 0o100_000,
            FileKind::Directory => 0o040_000,
            FileKind::Symlink => 0o120_000,
        }
    }

    fn seconds(time: SystemTime) -> i64 {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        }
    }

    fn nanoseconds(time: SystemTime) -> i64 {
        time.duration_since(UNIX_EPOCH).map_or(0, |after| i64::from(after.subsec_nanos()))
    }

    /// What a change that is held back does not concern is as on the real disk: `real` names it.
    macro_rules! both {
        ($($name:ident: $type:ty = |$stat:ident| $sim:expr, $held:ident;)*) => {
            impl MetadataExt for Metadata {
                $(fn $name(&self) -> $type {
                    match &self.inner {
                        Inner::Real(metadata) => metadata.$name(),
                        Inner::Sim($stat) => $sim,
                        Inner::Held(real, held) => both!(@$held $name real, held, |$stat| $sim),
                    }
                })*
            }
        };
        (@real $name:ident $real:ident, $held:ident, |$stat:ident| $sim:expr) => {{
            let _ = $held;
            $real.$name()
        }};
        (@held $name:ident $real:ident, $held:ident, |$stat:ident| $sim:expr) => {{
            let (_, $stat) = ($real, $held);
            $sim
        }};
    }

    both! {
        dev: u64 = |_stat| 0, real;
        ino: u64 = |stat| stat.ino as u64 + 1, real;
        mode: u32 = |stat| stat.attributes.mode | file_type(stat.kind), real;
        nlink: u64 = |stat| stat.links, held;
        uid: u32 = |_stat| 0, real;
        gid: u32 = |_stat| 0, real;
        rdev: u64 = |_stat| 0, real;
        size: u64 = |stat| stat.len, held;
        atime: i64 = |stat| seconds(stat.attributes.accessed), real;
        atime_nsec: i64 = |stat| nanoseconds(stat.attributes.accessed), real;
        mtime: i64 = |stat| seconds(stat.attributes.modified), held;
        mtime_nsec: i64 = |stat| nanoseconds(stat.attributes.modified), held;
        ctime: i64 = |stat| seconds(stat.attributes.modified), held;
        ctime_nsec: i64 = |stat| nanoseconds(stat.attributes.modified), held;
        blksize: u64 = |_stat| 4096, real;
        blocks: u64 = |stat| stat.len.div_ceil(BLOCK), held;
    }
}
