//! How is a line written to stderr?
//!
//! As one write, for others write there too, and never with a panic where stderr is closed, full, or a
//! pipe that is not read any more. `eprint!` panics there; `io::stderr()` does not, but in a test it
//! goes past the capture, so that each test of a user would show our lines.

use std::fmt;

/// Writes a line.
pub fn line(line: fmt::Arguments<'_>) {
    eprint!("{}", Unfailing(&format!("{line}\n")));
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
