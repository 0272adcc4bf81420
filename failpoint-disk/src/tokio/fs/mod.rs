//! What `tokio::fs` has, with failpoints at every operation.
//!
//! The points have the names and values of those of [`fs`](crate::fs). They are awaited: a delay or a pause
//! never blocks a thread of the executor, and follows tokio's clock. The disk of a path is that of the scope
//! of the task. Operations on a simulated disk run at once, on the task itself.
//!
//! What tokio has only for Windows is missing, as is what needs a descriptor: `AsFd`, `AsRawFd` and
//! `FromRawFd`. [`File::into_std`] and [`into_std`](crate::into_std) lead to one. Of a sync, an exploration
//! tells where it was called; of other operations it does not.

mod directory;
mod file;
mod options;
mod paths;
mod times;

pub use directory::{DirBuilder, DirEntry, ReadDir, read_dir};
pub use file::File;
pub use options::OpenOptions;
#[cfg(unix)]
pub use paths::symlink;
pub use paths::{
    canonicalize, copy, create_dir, create_dir_all, hard_link, metadata, read, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions,
    symlink_metadata, try_exists, write,
};
pub use times::FileTimes;

use super::points::{self, Quiet};
use crate::fault::Fault;
use crate::mirror::{FileType, Metadata, Permissions};
use crate::sim::mount::{self, Place};
use std::io;
use std::path::Path;

/// The error of an operation that can do nothing but fail.
fn fail(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(Fault::Error(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Whether the path leads to a simulated disk, or to the real one in volatile mode, for the task that is polled.
fn is_simulated(path: &Path) -> io::Result<bool> {
    Ok(matches!(mount::find(path)?, Place::Sim(..) | Place::Held(_)))
}
