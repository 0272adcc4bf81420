//! What can go wrong, and what to do then.

use crate::format::{MAX_PAYLOAD, VERSION};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a log could not be opened. It was not changed, except that it may have been created.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The disk refused.
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Another one has the log open.
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is a file that is not of the log.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A segment was written by a later version of this crate.
    Version {
        /// The segment.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
    /// A segment is not there that others need.
    Missing {
        /// The segment.
        path: PathBuf,
    },
    /// A segment is damaged in a way that no crash explains.
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where, in bytes.
        offset: u64,
        /// What is wrong there.
        why: &'static str,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io { doing, path, error } => {
                write!(f, "cannot {doing} {}: {error}", path.display())
            }
            OpenError::InUse { path } => write!(
                f,
                "the log in {} is in use; stop the process that has it open, or choose another directory",
                path.display()
            ),
            OpenError::Foreign { path } => write!(
                f,
                "{} is not of the log, which needs a directory of its own; move it away, or choose another \
                 directory",
                path.display()
            ),
            OpenError::Version { path, version } => write!(
                f,
                "{} has format version {version}, and this program knows version {VERSION}; open it with \
                 a newer program",
                path.display()
            ),
            OpenError::Missing { path } => write!(
                f,
                "{} is missing, and later segments need it; restore it from a copy, or restore the whole \
                 directory, or move the directory away to start empty",
                path.display()
            ),
            OpenError::Damaged { path, offset, why } => write!(
                f,
                "{} is damaged at byte {offset}: {why}; a crash does not do that, and what follows may \
                 hold records that were synced, so nothing was cut off; restore the file from a copy, or \
                 move the directory away to start empty",
                path.display()
            ),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            OpenError::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why a log did not do what it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogError {
    /// A payload is longer than [`MAX_PAYLOAD`]. Nothing was appended.
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The disk refused, for example because it is full. Nothing was appended or restated, what was
    /// appended before is as it was, and the log goes on.
    Write {
        /// What was tried.
        doing: &'static str,
        /// The system's error.
        error: io::Error,
    },
    /// The log is closed. After it is opened again, what was synced is there, and what was appended after
    /// that may or may not be there.
    Closed {
        /// What happened.
        why: String,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::TooLong { length } => {
                write!(f, "{length} bytes exceed the limit of a record, {MAX_PAYLOAD}")
            }
            LogError::Write { doing, error } => write!(f, "the log could not {doing}: {error}"),
            LogError::Closed { why } => {
                write!(f, "the log is closed, because {why}; open it again")
            }
        }
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LogError::Write { error, .. } => Some(error),
            _ => None,
        }
    }
}
