//! `prefixed_fs!`, which makes a module like `std::fs`.

/// Makes a module like [`fs`](crate::fs) whose points have a prefix of your own.
///
/// So one component's files can be armed apart from those of others: with the prefix `wal`, the points
/// are `wal.open`, `wal.read`, `wal.write` and so on. With failpoints compiled out, the module re-exports
/// `std::fs`. There is no such module of `tokio::fs`: its points are those of `disk`, and `when(path~…)` tells
/// components apart.
///
/// ```
/// failpoint_disk::prefixed_fs!(pub mod wal_fs, "wal");
///
/// # #[cfg(feature = "failpoints")] {
/// let _armed = failpoint::arm("wal.open", "return(EMFILE)")?;
/// assert!(wal_fs::File::open("Cargo.toml").is_err());
/// assert!(failpoint_disk::fs::File::open("Cargo.toml").is_ok());
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! prefixed_fs {
    ($(#[$attribute:meta])* $visibility:vis mod $name:ident, $prefix:literal $(,)?) => {
        $(#[$attribute])*
        $visibility mod $name {
            #[allow(unused_imports)]
            pub use ::std::fs::*;
        }
    };
}

/// Makes a module like [`fs`](crate::fs) whose points have a prefix of your own.
///
/// So one component's files can be armed apart from those of others: with the prefix `wal`, the points
/// are `wal.open`, `wal.read`, `wal.write` and so on. With failpoints compiled out, the module re-exports
/// `std::fs`. There is no such module of `tokio::fs`: its points are those of `disk`, and `when(path~…)` tells
/// components apart.
///
/// ```
/// failpoint_disk::prefixed_fs!(pub mod wal_fs, "wal");
///
/// let _armed = failpoint::arm("wal.open", "return(EMFILE)")?;
/// assert!(wal_fs::File::open("Cargo.toml").is_err());
/// assert!(failpoint_disk::fs::File::open("Cargo.toml").is_ok());
/// # Ok::<(), failpoint::Error>(())
/// ```
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! prefixed_fs {
    ($(#[$attribute:meta])* $visibility:vis mod $name:ident, $prefix:literal $(,)?) => {
        $(#[$attribute])*
        #[allow(dead_code, unreachable_pub, unused_imports)]
        $visibility mod $name {
            use $crate::__private::{
                AsRef, Display, OsString, Option, Path, PathBuf, Points, String, Vec, fault, io, mirror,
                fail_value, concat,
            };

            /// The points of this module.
            #[doc(hidden)]
            #[derive(Debug)]
            pub enum Here {}

            $crate::__points! { Here, $prefix }

            /// An open file, as [`std::fs::File`].
            pub type File = mirror::File<Here>;
            /// How a file is opened, as [`std::fs::OpenOptions`].
            pub type OpenOptions = mirror::OpenOptions<Here>;
            /// How a directory is created, as [`std::fs::DirBuilder`].
            pub type DirBuilder = mirror::DirBuilder<Here>;
            /// The entries of a directory, as [`std::fs::ReadDir`].
            pub type ReadDir = mirror::ReadDir<Here>;
            /// An entry of a directory, as [`std::fs::DirEntry`].
            pub type DirEntry = mirror::DirEntry<Here>;
            pub use mirror::{FileTimes, FileType, Metadata, Permissions};

            /// As [`std::fs::canonicalize`]; a simulated path is returned without `.` and `..`.
            pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
                mirror::paths::canonicalize::<Here>(path.as_ref())
            }

            /// As [`std::fs::copy`].
            #[track_caller]
            pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
                mirror::paths::copy::<Here>(from.as_ref(), to.as_ref())
            }

            /// As [`std::fs::create_dir`].
            #[track_caller]
            pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
                mirror::paths::create_dir::<Here>(path.as_ref())
            }

            /// As [`std::fs::create_dir_all`].
            #[track_caller]
            pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
                mirror::paths::create_dir_all::<Here>(path.as_ref())
            }

            /// As [`std::fs::exists`].
            pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
                mirror::paths::exists::<Here>(path.as_ref())
            }

            /// As [`std::fs::hard_link`].
            #[track_caller]
            pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
                mirror::paths::hard_link::<Here>(original.as_ref(), link.as_ref())
            }

            /// As [`std::fs::metadata`].
            pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
                mirror::paths::metadata::<Here>(path.as_ref())
            }

            /// As [`std::fs::read`].
            pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
                mirror::paths::read::<Here>(path.as_ref())
            }

            /// As [`std::fs::read_dir`].
            pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
                mirror::paths::read_dir::<Here>(path.as_ref())
            }

            /// As [`std::fs::read_link`]; a simulated disk has no symbolic links.
            pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
                mirror::paths::read_link::<Here>(path.as_ref())
            }

            /// As [`std::fs::read_to_string`].
            pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
                mirror::paths::read_to_string::<Here>(path.as_ref())
            }

            /// As [`std::fs::remove_dir`].
            #[track_caller]
            pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
                mirror::paths::remove_dir::<Here>(path.as_ref())
            }

            /// As [`std::fs::remove_dir_all`].
            #[track_caller]
            pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
                mirror::paths::remove_dir_all::<Here>(path.as_ref())
            }

            /// As [`std::fs::remove_file`].
            #[track_caller]
            pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
                mirror::paths::remove_file::<Here>(path.as_ref())
            }

            /// As [`std::fs::rename`].
            #[track_caller]
            pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
                mirror::paths::rename::<Here>(from.as_ref(), to.as_ref())
            }

            /// As [`std::fs::set_permissions`].
            pub fn set_permissions<P: AsRef<Path>>(path: P, perm: Permissions) -> io::Result<()> {
                mirror::paths::set_permissions::<Here>(path.as_ref(), perm)
            }

            /// As [`std::fs::soft_link`]; a simulated disk has no symbolic links and fails with `EPERM`.
            #[deprecated(note = "std::os::unix::fs::symlink takes its place, which passes no point")]
            pub fn soft_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
                mirror::paths::soft_link::<Here>(original.as_ref(), link.as_ref())
            }

            /// As [`std::fs::symlink_metadata`].
            pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
                mirror::paths::symlink_metadata::<Here>(path.as_ref())
            }

            /// As [`std::fs::write`].
            #[track_caller]
            pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
                mirror::paths::write::<Here>(path.as_ref(), contents.as_ref())
            }
        }
    };
}

/// The points of a module, with constant names.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
#[macro_export]
macro_rules! __points {
    ($here:ident, $prefix:literal) => {
        #[doc(hidden)]
        impl Points for $here {
            const WRITE: &'static str = concat!($prefix, ".write");

            #[inline]
            fn open(path: &Path) -> Option<fault::FaultAt<fault::Open>> {
                fail_value!(
                    concat!($prefix, ".open"),
                    fault::FaultAt<fault::Open>,
                    path = path.display()
                )
            }
            #[inline]
            fn read(
                path: &Path,
                offset: &dyn Display,
                len: usize,
            ) -> Option<fault::FaultAt<fault::Read>> {
                fail_value!(
                    concat!($prefix, ".read"),
                    fault::FaultAt<fault::Read>,
                    path = path.display(),
                    offset = offset,
                    len = len
                )
            }
            #[inline]
            fn write(
                path: &Path,
                offset: &dyn Display,
                len: usize,
            ) -> Option<fault::FaultAt<fault::Write>> {
                fail_value!(
                    <$here as Points>::WRITE,
                    fault::FaultAt<fault::Write>,
                    path = path.display(),
                    offset = offset,
                    len = len
                )
            }
            #[inline]
            fn sync(path: &Path) -> Option<fault::FaultAt<fault::Sync>> {
                fail_value!(
                    concat!($prefix, ".sync"),
                    fault::FaultAt<fault::Sync>,
                    path = path.display()
                )
            }
            #[inline]
            fn sync_dir(path: &Path) -> Option<fault::FaultAt<fault::SyncDir>> {
                fail_value!(
                    concat!($prefix, ".sync_dir"),
                    fault::FaultAt<fault::SyncDir>,
                    path = path.display()
                )
            }
            #[inline]
            fn set_len(path: &Path, len: u64) -> Option<fault::FaultAt<fault::SetLen>> {
                fail_value!(
                    concat!($prefix, ".set_len"),
                    fault::FaultAt<fault::SetLen>,
                    path = path.display(),
                    len = len
                )
            }
            #[inline]
            fn rename(path: &Path, to: &Path) -> Option<fault::FaultAt<fault::Rename>> {
                fail_value!(
                    concat!($prefix, ".rename"),
                    fault::FaultAt<fault::Rename>,
                    path = path.display(),
                    to = to.display()
                )
            }
            #[inline]
            fn remove(path: &Path) -> Option<fault::FaultAt<fault::Remove>> {
                fail_value!(
                    concat!($prefix, ".remove"),
                    fault::FaultAt<fault::Remove>,
                    path = path.display()
                )
            }
            #[inline]
            fn create_dir(path: &Path) -> Option<fault::FaultAt<fault::CreateDir>> {
                fail_value!(
                    concat!($prefix, ".create_dir"),
                    fault::FaultAt<fault::CreateDir>,
                    path = path.display()
                )
            }
            #[inline]
            fn read_dir(path: &Path) -> Option<fault::FaultAt<fault::ReadDir>> {
                fail_value!(
                    concat!($prefix, ".read_dir"),
                    fault::FaultAt<fault::ReadDir>,
                    path = path.display()
                )
            }
            #[inline]
            fn metadata(path: &Path) -> Option<fault::FaultAt<fault::Metadata>> {
                fail_value!(
                    concat!($prefix, ".metadata"),
                    fault::FaultAt<fault::Metadata>,
                    path = path.display()
                )
            }
            #[inline]
            fn set_attr(path: &Path) -> Option<fault::FaultAt<fault::SetAttr>> {
                fail_value!(
                    concat!($prefix, ".set_attr"),
                    fault::FaultAt<fault::SetAttr>,
                    path = path.display()
                )
            }
        }
    };
}
