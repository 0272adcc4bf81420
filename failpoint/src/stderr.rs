//! Writes a line to stderr.
//!
//! As one write, for others write there too, and never with a panic where stderr is closed, full, or a
//! pipe that is not read any more. `eprint!` panics there; `io::stderr()` does not, but in a test it
//! goes past the capture, so that each test of a user would show our lines.

use std::fmt;
#[cfg(feature = "runtime")]
use std::io::{self, Write};

/// Writes a line; in a test, to what is shown if it fails.
pub fn line(line: fmt::Arguments<'_>) {
    eprint!("{}", Unfailing(&format!("{line}\n")));
}

/// Writes a line of a process that ends, also in a test: what is captured there ends with it.
#[cfg(feature = "runtime")]
pub(crate) fn last_line(line: fmt::Arguments<'_>) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// A text that nothing keeps from being written: an error of the stream ends here, where `eprint!`
/// does not see it.
struct Unfailing<'a>(&'a str);

impl fmt::Display for Unfailing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f.write_str(self.0);
        Ok(())
    }
}
