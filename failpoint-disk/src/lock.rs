//! Advisory locks on whole files, as `flock` has them, in both worlds.
//!
//! The standard library has such locks since Rust 1.89, which is newer than the oldest compiler that this
//! crate supports.
//!
//! A shared lock that is to become exclusive is lost where others share it, as `flock` has it on Linux.
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

#[cfg(all(unix, not(target_os = "solaris")))]
pub(crate) fn try_lock_real(file: &std::fs::File, exclusive: bool) -> io::Result<bool> {
    match flock(file, if exclusive { LOCK_EX | LOCK_NB } else { LOCK_SH | LOCK_NB }) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(all(unix, not(target_os = "solaris")))]
pub(crate) fn unlock_real(file: &std::fs::File) -> io::Result<()> {
    flock(file, LOCK_UN)
}

/// Other systems lock files in ways of their own, which this crate does not know.
#[cfg(not(all(unix, not(target_os = "solaris"))))]
pub(crate) fn try_lock_real(_: &std::fs::File, _: bool) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(all(unix, not(target_os = "solaris"))))]
pub(crate) fn unlock_real(_: &std::fs::File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(unix, not(target_os = "solaris")))]
use c::{LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock};

/// The function of C, declared here: a normal build has no dependency, and std's own locks are too new.
#[cfg(all(unix, not(target_os = "solaris")))]
#[allow(unsafe_code)]
mod c {
    use std::ffi::c_int;
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;

    // The same on Linux, macOS and the BSDs.
    pub(super) const LOCK_SH: c_int = 1;
    pub(super) const LOCK_EX: c_int = 2;
    pub(super) const LOCK_NB: c_int = 4;
    pub(super) const LOCK_UN: c_int = 8;

    mod sys {
        use std::ffi::c_int;

        // SAFETY: this is its declaration in <sys/file.h>. It takes two numbers and touches no memory, so
        // each call is safe; a descriptor that is not open is an error.
        unsafe extern "C" {
            pub(super) safe fn flock(descriptor: c_int, operation: c_int) -> c_int;
        }
    }

    pub(super) fn flock(file: &File, operation: c_int) -> io::Result<()> {
        match sys::flock(file.as_raw_fd(), operation) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
