//! Which run works in a directory? One at a time: two would start members on each other's data.

use std::fs::{self, File, TryLockError};
use std::path::Path;

/// The claim of a run on its directory. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub struct Claim {
    /// Locked until it is closed.
    _lock: File,
}

impl Claim {
    /// Claims a directory, and creates it if it is not there. The lock is on the file `lock` in it.
    ///
    /// # Errors
    /// Another run has claimed it, or the file cannot be locked.
    pub fn new(directory: &Path) -> Result<Self, String> {
        let shown = directory.display();
        let file = fs::create_dir_all(directory)
            .and_then(|()| File::create(directory.join("lock")))
            .map_err(|error| format!("{shown}: cannot be used: {error}"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _lock: file }),
            Err(TryLockError::WouldBlock) => Err(format!(
                "{shown}: another run works in this directory; wait for its end, or set another \
                 `directory` in the configuration"
            )),
            Err(TryLockError::Error(error)) => Err(format!("{shown}: cannot be locked: {error}")),
        }
    }
}
