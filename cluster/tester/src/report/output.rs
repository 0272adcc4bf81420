//! What happens where a command cannot print?

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use super::terminal::tell;

/// The standard output of a command. Clones share what failed.
///
/// A reader that has gone, as in `failpoint-tester cases | head -1`, is no error. Everything else
/// that was not printed is told of at the [end](Output::end).
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The first error.
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Output {
    /// Prints a line.
    pub fn line(&self, line: impl Display) {
        self.text(&format!("{line}\n"));
    }

    /// Prints a text.
    pub fn text(&self, text: &str) {
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }

    /// Whether the reader has gone.
    #[must_use]
    pub fn has_no_reader(&self) -> bool {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
    }

    /// Whether something was lost that a reader waits for. The first call tells the standard error
    /// why.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        if self.has_no_reader() {
            return false;
        }
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(error) = &failure {
            tell(&format!("cannot write the standard output: {error}"));
        }
        failure.is_some()
    }

    /// The exit status of the command: `status`, or 1 where that is 0 and the output is incomplete.
    #[must_use]
    pub fn end(&self, status: u8) -> ExitCode {
        let incomplete = self.is_incomplete();
        ExitCode::from(if status == 0 { u8::from(incomplete) } else { status })
    }
}

/// Errors are kept for the [end](Output::end).
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
