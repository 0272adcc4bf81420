//! What `std::fs` has, on a real or a simulated disk, through points.

mod directory;
mod file;
mod metadata;
mod options;
pub mod paths;

pub use directory::{DirBuilder, DirEntry, ReadDir};
pub use file::File;
pub use metadata::{FileTimes, FileType, Metadata};
pub use options::OpenOptions;
pub use std::fs::Permissions;

use crate::fault::{Fault, FaultAt};
use std::io;

/// The error of an operation that can do nothing but fail.
fn fail<O>(fault: Option<FaultAt<O>>) -> io::Result<()> {
    match fault.map(FaultAt::into_fault) {
        Some(Fault::Error(error)) => Err(error),
        _ => Ok(()),
    }
}
