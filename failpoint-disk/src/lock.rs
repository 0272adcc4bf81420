//! Advisory locks on whole files, as `flock` has them, in both worlds.
//!
//! The standard library has such locks since Rust 1.89, which is newer than the oldest compiler that this
//! crate supports.
//!
//! A lock belongs to the open file: [`try_clone`](std::fs::File::try_clone) shares it, and it ends when
//! the last handle is closed. On a simulated disk a crash releases it.
//!
//! ```
//! use failpoint_disk::{fs::File, lock};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("lock");
//! let file = File::create(&path)?;
//! assert!(lock::try_lock_exclusive(&file)?);
//! assert!(!lock::try_lock_shared(&File::open(&path)?)?);
//! lock::unlock(&file)?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;

#[cfg(not(feature = "failpoints"))]
use std::fs::File;

/// Locks the file for this handle alone; returns whether that succeeded. It never waits.
///
/// # Errors
/// Those of the system, other than that another one has the lock.
#[cfg(not(feature = "failpoints"))]
pub fn try_lock_exclusive(file: &File) -> io::Result<bool> {
    try_lock_real(file, true)
}

/// Locks the file together with others that do so; returns whether that succeeded. It never waits.
///
/// # Errors
/// Those of the system, other than that another one has the lock.
#[cfg(not(feature = "failpoints"))]
pub fn try_lock_shared(file: &File) -> io::Result<bool> {
    try_lock_real(file, false)
}

/// Releases the lock of this handle.
///
/// # Errors
/// Those of the system.
#[cfg(not(feature = "failpoints"))]
pub fn unlock(file: &File) -> io::Result<()> {
    unlock_real(file)
}

#[cfg(feature = "failpoints")]
mod on {
    use crate::mirror::File;
    use crate::points::Points;
    use std::io;

    /// Locks the file for this handle alone; returns whether that succeeded. It never waits.
    ///
    /// # Errors
    /// Those of the system, other than that another one has the lock.
    pub fn try_lock_exclusive<K: Points>(file: &File<K>) -> io::Result<bool> {
        file.try_lock(true)
    }

    /// Locks the file together with others that do so; returns whether that succeeded. It never waits.
    ///
    /// # Errors
    /// Those of the system, other than that another one has the lock.
    pub fn try_lock_shared<K: Points>(file: &File<K>) -> io::Result<bool> {
        file.try_lock(false)
    }

    /// Releases the lock of this handle.
    ///
    /// # Errors
    /// Those of the system.
    pub fn unlock<K: Points>(file: &File<K>) -> io::Result<()> {
        file.unlock()
    }
}

#[cfg(feature = "failpoints")]
pub use on::{try_lock_exclusive, try_lock_shared, unlock};

#[cfg(unix)]
pub(crate) fn try_lock_real(file: &std::fs::File, exclusive: bool) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    let operation = if exclusive {
        FlockOperation::NonBlockingLockExclusive
    } else {
        FlockOperation::NonBlockingLockShared
    };
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(unix)]
pub(crate) fn unlock_real(file: &std::fs::File) -> io::Result<()> {
    rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock).map_err(Into::into)
}

/// Other systems lock files in ways of their own, which this crate does not know.
#[cfg(not(unix))]
pub(crate) fn try_lock_real(_: &std::fs::File, _: bool) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
pub(crate) fn unlock_real(_: &std::fs::File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
