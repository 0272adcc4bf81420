//! The types behind [`fs`](crate::fs) and the modules of [`prefixed_fs!`](crate::prefixed_fs): what `std::fs`
//! has, on a real or a simulated disk, through the points of `K`.
//!
//! Name them through such a module, as `fs::File`. Do not use them in a public API: whether they are these
//! types or those of `std` depends on a feature that another crate may turn on.

mod directory;
pub(crate) mod file;
mod metadata;
mod options;
#[doc(hidden)]
pub mod paths;

pub use directory::{DirBuilder, DirEntry, ReadDir};
pub use file::File;
#[cfg(feature = "tokio")]
pub(crate) use file::{Inner, appends, clamp, flip_bit};
pub use metadata::{FileTimes, FileType, Metadata};
pub use options::OpenOptions;
pub use std::fs::Permissions;

use crate::fault::{Fault, FaultAt};
use std::io;

/// The error of an operation that can do nothing but fail.
pub(crate) fn fail<O>(fault: Option<FaultAt<O>>) -> io::Result<()> {
    match fault.map(FaultAt::into_fault) {
        Some(Fault::Error(error)) => Err(error),
        _ => Ok(()),
    }
}
