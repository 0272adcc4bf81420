//! What does a member say in its log?

use std::sync::Arc;
use std::time::Duration;

use crate::checks::logs::LogLine;

/// The log of one member, while it is being written. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    shared: Arc<()>,
}

/// A text was not found in a log in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSeen {
    /// The text.
    pub text: String,
    /// How often it was seen, and how often it should have been.
    pub seen: usize,
    /// How often it should have been seen.
    pub wanted: usize,
    /// The last lines of the log, at most 50.
    pub last: Vec<String>,
}

impl Logs {
    /// Waits until `count` lines contain `text`, counted from the first line of the log on. It is
    /// woken by each line. Returns the last of these lines.
    ///
    /// # Errors
    /// The last 50 lines, after `limit`.
    pub async fn expect(
        &self,
        text: &str,
        count: usize,
        limit: Duration,
    ) -> Result<LogLine, NotSeen> {
        let _ = (&self.shared, text, count, limit);
        unimplemented!()
    }
}
