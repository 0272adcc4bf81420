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
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub mod mirror;
#[cfg(feature = "failpoints")]
mod points;
#[cfg(feature = "failpoints")]
mod power;
#[cfg(feature = "failpoints")]
mod sim;

#[cfg(not(feature = "failpoints"))]
pub use std::fs;
#[cfg(feature = "failpoints")]
prefixed_fs! {
    /// What `std::fs` has, with failpoints at every operation.
    pub mod fs, "disk"
}

pub use explore::{Explore, Run, explore_crashes, explore_syncs, explore_workloads};
pub use keep::Keep;
pub use report::{Failure, Report, SyncCall, SyncReport, Torn, Verdict};
pub use stray::Stray;

#[cfg(not(feature = "failpoints"))]
pub use off::{HoldDisk, Mount, SimDisk};
#[cfg(feature = "failpoints")]
pub use sim::{HoldDisk, Mount, SimDisk};

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
