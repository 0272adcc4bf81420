//! Errors by the names that manual pages give them.

use failpoint::FromTerm;
use std::io;

/// The error of that name, as the system would give it.
pub(crate) fn errno(name: &'static str) -> io::Error {
    io::Error::from_term(Some(name)).unwrap_or_else(|_| io::Error::other(name))
}
