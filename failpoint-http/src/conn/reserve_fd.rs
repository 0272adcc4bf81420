//! A reserve file descriptor: if the process has no free one, closing it lets one client connect.
//!
//! That client can, for example, disarm what keeps the other descriptors in use.

use std::fs::File;

/// A file that is kept open only to be closed when descriptors run out.
pub(crate) struct ReserveFd {
    file: Option<File>,
}

impl ReserveFd {
    pub(crate) fn new() -> Self {
        let mut reserve = Self { file: None };
        reserve.take_back();
        reserve
    }

    /// Opens the file again if it is closed. Returns whether it is open.
    pub(crate) fn take_back(&mut self) -> bool {
        if self.file.is_none() {
            self.file = File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok();
        }
        self.file.is_some()
    }

    /// Closes the file. Returns whether it was open, so that a client can connect.
    pub(crate) fn give_up(&mut self) -> bool {
        self.file.take().is_some()
    }
}
