//! Who comes in where the process has no file left to open? One, in the place of a file that is kept
//! for this: an operator, say, who lets those go that hold the others.

use std::fs::File;

/// A file that is open to be closed.
pub(crate) struct ReserveFd {
    file: Option<File>,
}

impl ReserveFd {
    pub(crate) fn new() -> Self {
        let mut spare = Self { file: None };
        spare.take_back();
        spare
    }

    /// Whether there is one, again or still.
    pub(crate) fn take_back(&mut self) -> bool {
        if self.file.is_none() {
            self.file = File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok();
        }
        self.file.is_some()
    }

    /// Whether there was one, so that one may come in.
    pub(crate) fn give_up(&mut self) -> bool {
        self.file.take().is_some()
    }
}
