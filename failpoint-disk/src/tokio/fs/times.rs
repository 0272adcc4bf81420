//! Times to set on a file.

use crate::mirror;
use std::time::SystemTime;

/// Times to set on a file, as `tokio::fs::FileTimes`, which newer versions of tokio have.
#[derive(Clone, Debug, Default)]
#[must_use = "must be applied to a file via `File::set_times` to have any effect"]
pub struct FileTimes {
    times: mirror::FileTimes,
}

impl FileTimes {
    /// No times.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time of the last access.
    pub fn set_accessed(self, t: SystemTime) -> Self {
        Self { times: self.times.set_accessed(t) }
    }

    /// Sets the time of the last change.
    pub fn set_modified(self, t: SystemTime) -> Self {
        Self { times: self.times.set_modified(t) }
    }

    pub(super) fn into_mirror(self) -> mirror::FileTimes {
        self.times
    }
}
