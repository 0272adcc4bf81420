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

pub mod lock;
mod macros;

#[cfg(not(feature = "failpoints"))]
pub use std::fs;

#[cfg(feature = "failpoints")]
mod bad_sectors;
#[cfg(feature = "failpoints")]
mod errno;
#[cfg(feature = "failpoints")]
mod explore;
#[cfg(feature = "failpoints")]
pub mod fault;
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub mod mirror;
#[cfg(feature = "failpoints")]
mod points;
#[cfg(feature = "failpoints")]
mod power;
#[cfg(feature = "failpoints")]
mod sim;

#[cfg(feature = "failpoints")]
prefixed_fs! {
    /// What `std::fs` has, with failpoints at every operation.
    pub mod fs, "disk"
}

#[cfg(feature = "failpoints")]
pub use explore::{
    Explore, Failure, Report, Run, SyncCall, SyncReport, Torn, Verdict, explore_crashes,
    explore_syncs, explore_workloads,
};
#[cfg(feature = "failpoints")]
pub use sim::{HoldDisk, Keep, Mount, SimDisk, Stray};

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
