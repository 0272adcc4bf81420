//! Who used a simulated disk from outside its scope.

use std::fmt;
use std::path::PathBuf;

/// Someone used a path of a mounted disk outside its scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stray {
    /// The path.
    pub path: PathBuf,
    /// The name of the thread, or its id.
    pub thread: String,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was used on the thread {}", self.path.display(), self.thread)
    }
}
