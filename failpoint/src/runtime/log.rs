//! Writes the log lines of the library.
//!
//! A line goes to `tracing` where a subscriber takes it, else to stderr. Whether one takes it is seen by
//! whether it looks at the text. To ask first would be no answer: that a subscriber was set says
//! nothing of its filters, nor of those of its layers, and what `tracing` remembers of a place may be
//! the answer of a subscriber of another thread. What ends the process goes to both.
//!
//! A subscriber is the user's code and may itself hold sites; none of them is evaluated while we
//! speak, or a `print` armed there would speak about itself for ever.

use crate::runtime::own_code::OwnCode;
use crate::stderr;
use crate::visible::Escaping;
use std::cell::Cell;
use std::fmt::{self, Write};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

/// One line, at `level`.
pub(crate) fn say(level: Level, line: fmt::Arguments<'_>) {
    let _own = OwnCode::enter();
    if !is_taken(level, line) {
        as_text(level, line, stderr::line);
    }
}

/// Why the process is about to end. It is on stderr whatever becomes of the log: a filter may leave it
/// out, a thread that writes it may not come to it, and a subscriber may panic.
pub(crate) fn say_last(line: fmt::Arguments<'_>) {
    let _own = OwnCode::enter();
    as_text(Level::Error, line, stderr::last_line);
    is_taken(Level::Error, line);
}

/// Hands the line to `tracing`; says whether a subscriber took it.
fn is_taken(level: Level, line: fmt::Arguments<'_>) -> bool {
    let was_read = Cell::new(false);
    let line = Line { line, was_read: &was_read };
    match level {
        Level::Info => tracing::info!(target: "failpoint", "{line}"),
        Level::Warn => tracing::warn!(target: "failpoint", "{line}"),
        Level::Error => tracing::error!(target: "failpoint", "{line}"),
    }
    was_read.get()
}

/// Has `write` write the line.
fn as_text(level: Level, line: fmt::Arguments<'_>, write: fn(fmt::Arguments<'_>)) {
    // At the level of information the text speaks for itself; the rest says who speaks.
    let who = match level {
        Level::Info => "",
        Level::Warn => "failpoint: WARN ",
        Level::Error => "failpoint: ERROR ",
    };
    write(format_args!("{who}{}", Line { line, was_read: &Cell::new(false) }));
}

/// What is said, its hidden characters escaped but for the line ends of ours; it notes that it was read.
struct Line<'a> {
    line: fmt::Arguments<'a>,
    was_read: &'a Cell<bool>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.was_read.set(true);
        write!(Escaping(f), "{}", self.line)
    }
}
