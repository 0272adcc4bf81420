//! What the crate `raft` logs, as lines that an owner reads.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

/// How important a [`Line`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What helps to find a mistake.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What must not happen.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        })
    }
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How important it is.
    pub level: Level,
    /// The message and its values.
    pub text: String,
}

/// The lines that a node has logged. A value is a handle: the owner keeps a clone, and reads the lines
/// also of a node that panicked.
#[derive(Clone, Debug)]
pub struct LogLines {
    lines: Arc<Mutex<Vec<Line>>>,
    least: Level,
}

impl Default for LogLines {
    fn default() -> Self {
        Self::at_least(Level::Debug)
    }
}

impl LogLines {
    /// Keeps those lines of the crate `raft` that are at least as important. It writes two for every message
    /// at [`Level::Debug`].
    pub fn at_least(least: Level) -> Self {
        Self { lines: Arc::default(), least }
    }

    /// Takes the lines that were logged since the last call.
    pub fn take(&self) -> Vec<Line> {
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a line.
    pub fn add(&self, level: Level, text: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(Line { level, text });
    }

    pub(crate) fn logger(&self) -> slog::Logger {
        slog::Logger::root(slog::Fuse(self.clone()), slog::o!())
    }
}

impl slog::Drain for LogLines {
    type Ok = ();
    type Err = slog::Error;

    fn log(&self, record: &slog::Record<'_>, _: &slog::OwnedKVList) -> Result<(), slog::Error> {
        let level = match record.level() {
            slog::Level::Critical | slog::Level::Error => Level::Error,
            slog::Level::Warning => Level::Warn,
            slog::Level::Info => Level::Info,
            slog::Level::Debug | slog::Level::Trace => Level::Debug,
        };
        if level < self.least {
            return Ok(());
        }
        let mut values = Values::default();
        slog::KV::serialize(&record.kv(), record, &mut values)?;
        let mut text = record.msg().to_string();
        // They come last first.
        for value in values.0.iter().rev() {
            write!(text, ", {value}")?;
        }
        self.add(level, text);
        Ok(())
    }
}

#[derive(Default)]
struct Values(Vec<String>);

impl slog::Serializer for Values {
    fn emit_arguments(&mut self, key: slog::Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.0.push(format!("{key}: {value}"));
        Ok(())
    }
}
