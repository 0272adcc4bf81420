//! Ranges of real files that cannot be read until they are written again.

use crate::errno::errno;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(not(unix))]
pub(crate) use std::fmt::Debug as Open;
/// An open file of the standard library or of tokio.
#[cfg(unix)]
pub(crate) use std::os::fd::AsFd as Open;

/// How many ranges are remembered; a new one replaces the oldest.
const MAX: usize = 4096;

static BAD: Mutex<Vec<Bad>> = Mutex::new(Vec::new());

/// How many there are, so that files are not looked up where there is none. Relaxed: a range is bad for
/// those who read after the operation that found it so.
static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Bad {
    file: Sectors,
    start: u64,
    end: u64,
}

/// The sectors of one file, whatever its names are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sectors {
    device: u64,
    number: u64,
}

/// Whether there is any.
pub(crate) fn exist() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// From now on, this range of the file cannot be read.
pub(crate) fn mark(file: &impl Open, start: u64, len: u64) -> io::Result<()> {
    let file = Sectors::of(file)?;
    let mut bad = lock();
    if bad.len() == MAX {
        bad.remove(0);
    }
    bad.push(Bad { file, start, end: start.saturating_add(len) });
    COUNT.store(bad.len(), Ordering::Relaxed);
    Ok(())
}

impl Sectors {
    #[cfg(unix)]
    #[allow(clippy::useless_conversion)] // systems have numbers of different sizes
    pub(crate) fn of(file: &impl Open) -> io::Result<Self> {
        let stat = rustix::fs::fstat(file)?;
        let number = |_| io::Error::from(io::ErrorKind::InvalidData);
        Ok(Self {
            device: u64::try_from(stat.st_dev).map_err(number)?,
            number: u64::try_from(stat.st_ino).map_err(number)?,
        })
    }

    /// Files have no number here, so the sectors of all of them are the same.
    #[cfg(not(unix))]
    pub(crate) fn of(_: &impl Open) -> io::Result<Self> {
        Ok(Self { device: 0, number: 0 })
    }

    /// # Errors
    /// `EIO`, if a part of the range cannot be read.
    pub(crate) fn check(self, start: u64, len: u64) -> io::Result<()> {
        let end = start.saturating_add(len);
        let meets = |bad: &Bad| bad.file == self && bad.start < end && start < bad.end;
        if lock().iter().any(meets) { Err(errno("EIO")) } else { Ok(()) }
    }

    /// The range was written, so that what it meets can be read again.
    pub(crate) fn heal(self, start: u64, len: u64) {
        let end = start.saturating_add(len);
        let mut bad = lock();
        bad.retain(|bad| bad.file != self || bad.start >= end || bad.end <= start);
        COUNT.store(bad.len(), Ordering::Relaxed);
    }
}

fn lock() -> MutexGuard<'static, Vec<Bad>> {
    BAD.lock().unwrap_or_else(PoisonError::into_inner)
}
