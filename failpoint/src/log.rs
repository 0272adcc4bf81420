//! Where does the library speak?
//!
//! To the log where one is installed (`tracing`), else to stderr. A subscriber is somebody's code
//! and may itself hold sites; none of them is evaluated while we speak, or a `print` armed there
//! would speak about itself for ever.

use std::cell::Cell;
use std::fmt::{self, Write};

/// What a line takes, about.
const LINE: usize = 128;

thread_local! {
    static SPEAKING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

/// Whether this thread is inside a line of ours.
pub(crate) fn speaking() -> bool {
    // A thread that is being torn down has no answer any more; then nothing is evaluated either.
    SPEAKING.try_with(Cell::get).unwrap_or(true)
}

/// One line, at `level`.
pub(crate) fn say(level: Level, line: fmt::Arguments<'_>) {
    let _speaking = Speaking::begin();
    if !tracing::dispatcher::has_been_set() {
        // What `print` prints is the user's text alone; the rest says who speaks.
        let who = match level {
            Level::Info => "",
            Level::Warn => "failpoint: WARN ",
            Level::Error => "failpoint: ERROR ",
        };
        // As one text: stderr has no buffer, and would be written to for each piece of it.
        let mut text = String::with_capacity(LINE);
        let _ = writeln!(text, "{who}{line}");
        eprint!("{text}");
        return;
    }
    match level {
        Level::Info => tracing::info!(target: "failpoint", "{line}"),
        Level::Warn => tracing::warn!(target: "failpoint", "{line}"),
        Level::Error => tracing::error!(target: "failpoint", "{line}"),
    }
}

/// Resets the mark when the line is out, also where a subscriber panics.
#[derive(Debug)]
pub struct Speaking {
    before: bool,
}

impl Speaking {
    pub(crate) fn begin() -> Self {
        Self { before: SPEAKING.try_with(|speaking| speaking.replace(true)).unwrap_or(true) }
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        let _ = SPEAKING.try_with(|speaking| speaking.set(self.before));
    }
}
