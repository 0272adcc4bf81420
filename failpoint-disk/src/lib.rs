//! Disks that fail: I/O errors, torn writes, slow disks and power loss, by one changed `use` line.
//!
//! ```
//! use failpoint_disk::fs; // instead of std::fs
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("settings");
//! # #[cfg(feature = "failpoints")] {
//! let _armed = failpoint::arm("disk.write", "return(ENOSPC)").expect("a point of this crate");
//! let error = fs::write(&path, "depth = 3").unwrap_err();
//! assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! **Why.** A full disk, a sync that fails, half a record after a power cut: storage code decides there
//! whether data is lost, and no test on a healthy disk reaches it. etcd reached it with panics at gofail's
//! points, with FUSE and with device mapper. This crate reaches it in the process, as an ordinary user, and
//! tries every crash instead of some.
//!
//! **Off.** Without the feature `failpoints`, [`fs`] is `std::fs` itself: the same types, no code, no
//! dependency. Do not use the types of [`fs`] in a public API: another crate of the build may turn the
//! feature on, and then they are other types. [`from_std`] and [`into_std`] convert in both worlds.
//!
//! # Points
//!
//! Each operation passes a point, with context for `when`:
//!
//! | point | operations | context |
//! |---|---|---|
//! | `disk.open` | open, create | `path` |
//! | `disk.read`, `disk.write` | each call that reads or writes, of `copy` too | `path`, `offset`, `len` |
//! | `disk.sync` | `sync_all`, `sync_data` of a file | `path` |
//! | `disk.sync_dir` | the same of a directory that was opened | `path` |
//! | `disk.set_len` | `set_len` | `path`, `len` |
//! | `disk.rename` | `rename`, `hard_link` | `path`, `to` |
//! | `disk.remove` | `remove_file`, `remove_dir`, `remove_dir_all` | `path` |
//! | `disk.create_dir`, `disk.read_dir` | `create_dir`, `create_dir_all`; `read_dir` | `path` |
//! | `disk.metadata` | `metadata`, `symlink_metadata`, `canonicalize`, `read_link`, `exists` | `path` |
//! | `disk.set_attr` | `set_permissions`, `set_times`, `set_modified` | `path` |
//!
//! `path` is what was given when the file was opened. Closing and flushing pass no point.
//!
//! What they take, beside `sleep`, `pause` and the other actions:
//!
//! | value | at | what it does |
//! |---|---|---|
//! | `return(EIO)`, `return(storage full)` | all | the operation fails and does nothing. An errno of its manual page, one that any disk can give (`EIO`, `EINTR`, `ENOSPC`, `EDQUOT`, `EROFS`, `ENODEV`, `ESTALE`, `ETIMEDOUT`, `EUCLEAN`), or the name of an `ErrorKind`. `return(errno(28))` takes any number |
//! | `return(short(5))` | read, write | 5 bytes, and it says so |
//! | `return(torn(5))` | write | 5 bytes reach the disk. Then the process dies; a simulated disk crashes. In a scope that [is simulated](failpoint::Scope::simulate), the step ends in both cases, as by `kill` |
//! | `return(flip(3))` | read, write | bit 3 is wrong, in what was read or on the disk |
//! | `return(bad_sector)` | read | this range fails from now on, until it is written again |
//! | `return(lie)` | sync, sync_dir | says that it is done, and makes nothing durable |
//! | `return(drop)` | sync | fails, and what was not durable is lost, as on Linux; on a real file that is not in volatile mode it only fails |
//!
//! What an operation cannot answer is refused when it is armed, with what it can.
//!
//! # Simulated disks
//!
//! A [`SimDisk`] is a disk in memory that a [`Scope`](failpoint::Scope) mounts at a path. It knows what is
//! durable, and [`crash`](SimDisk::crash) gives the disk that a restart would find. Tests with disks of their
//! own run in parallel.
//!
//! # Real processes
//!
//! With `FAILPOINT_DISK=volatile`, every death of the process is a power cut: what was not synced is lost. A
//! normal end writes everything back. `FAILPOINT_DISK_LIMIT` (256MiB) bounds the memory that this takes.
//!
//! # Every crash
//!
//! [`explore_crashes`] records what a workload does, crashes it at every operation in every way, runs the
//! recovery on what is left, and asks a check whether anything is lost that was acknowledged.
//! [`explore_syncs`] says which of your syncs matter. [`explore_workloads`] crashes every short sequence of
//! operations.
//!
//! [docs/disks.md](https://github.com/failpoint-rs/failpoint/blob/main/docs/disks.md) teaches all of it.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `failpoints` | no | compiles failpoints in: `fs` becomes a module of this crate, with a point at every operation. Only the final binary enables it |
//! | `http` | no | `extend_control()`, which adds volatile mode to the control plane; depends on `failpoint-http` |
//! | `tokio` | no | `tokio::fs`; depends on tokio, and the points follow its clock |
//! | `fuse` | no | the command `failpoint-disk`, which mounts a directory as a disk that fails; Linux; turns on `failpoints` |
//!
//! # Limits
//!
//! Memory maps, and files that are opened past this crate, are not seen. On a simulated disk, a file has no
//! descriptor: `AsFd` and the like are not there, so that code that needs them does not compile. Without
//! failpoints it does; [`into_std`] works in both worlds.
#![deny(unsafe_code)] // `lock` declares `flock`
#![cfg_attr(docsrs, feature(doc_cfg))]

mod convert;
mod explore;
mod keep;
pub mod lock;
mod macros;
mod report;
mod stray;

#[cfg(not(feature = "failpoints"))]
mod off;

#[cfg(feature = "failpoints")]
mod bad_sectors;
#[cfg(feature = "failpoints")]
mod errno;
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub mod fault;
#[cfg(feature = "failpoints")]
mod limit;
#[cfg(feature = "failpoints")]
pub mod mirror;
#[cfg(all(feature = "fuse", target_os = "linux"))]
pub mod mount;
#[cfg(feature = "failpoints")]
mod points;
#[cfg(feature = "failpoints")]
mod power;
#[cfg(feature = "failpoints")]
mod sim;
#[cfg(feature = "failpoints")]
mod volatile;

#[cfg(not(feature = "failpoints"))]
pub use std::fs;
#[cfg(feature = "failpoints")]
prefixed_fs! {
    /// What `std::fs` has, with failpoints at every operation.
    pub mod fs, "disk"
}

pub use convert::{from_std, into_std};
pub use explore::{Explore, Run, explore_crashes, explore_syncs, explore_workloads};
pub use keep::Keep;
pub use report::{Failure, Report, SyncCall, SyncReport, Torn, Verdict};
pub use stray::Stray;

#[cfg(not(feature = "failpoints"))]
pub use off::{HoldDisk, Mount, SimDisk};
#[cfg(feature = "failpoints")]
pub use sim::{HoldDisk, Mount, SimDisk};

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;

/// Adds the routes of volatile mode to the control plane, below `/v1/ext/disk/`.
///
/// - `POST crash?keep=synced` cuts the power: what was not synced is lost, and the process ends as by `kill`.
///   With `keep=all` it is not lost, and with `keep=SEED` a part is, chosen by the seed.
/// - `PUT mode` with the body `volatile` holds back what is not synced, of files that are opened from then on;
///   `durable` writes everything back.
/// - `GET mode` and `GET unsynced` say which mode it is, and what a crash would lose.
///
/// With failpoints compiled out, it does nothing.
///
/// # Errors
/// If the process has an extension `disk` already, as after a second call.
///
/// ```
/// failpoint_disk::extend_control()?;
/// # #[cfg(feature = "failpoints")] {
/// let reply = failpoint_http::respond("GET", "/v1/ext/disk/mode", &[], b"");
/// assert_eq!(reply.body, b"durable\n");
/// # }
/// # Ok::<(), failpoint_http::ext::ExtendError>(())
/// ```
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub fn extend_control() -> Result<(), failpoint_http::ext::ExtendError> {
    #[cfg(feature = "failpoints")]
    volatile::control::extend()?;
    Ok(())
}

/// What expansions of the macros name.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub mod __private {
    pub use crate::points::Points;
    pub use crate::{fault, mirror};
    pub use failpoint::fail_value;
    pub use std::concat;
    pub use std::convert::AsRef;
    pub use std::ffi::OsString;
    pub use std::fmt::Display;
    pub use std::io;
    pub use std::option::Option;
    pub use std::path::{Path, PathBuf};
    pub use std::string::String;
    pub use std::vec::Vec;
}

/// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The code of the guide compiles and holds.
#[cfg(all(doctest, feature = "failpoints"))]
#[doc = include_str!("../../docs/disks.md")]
struct Guide;
