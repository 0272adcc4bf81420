//! What happened in a run, in its order: always a hash, and text if it is asked for.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Trace {
    hasher: DefaultHasher,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(has_lines: bool) -> Self {
        Self { hasher: DefaultHasher::new(), lines: has_lines.then(Vec::new) }
    }

    /// Something happened. `what` tells it from everything else.
    pub(crate) fn add(&mut self, now: Duration, what: impl Hash, line: impl FnOnce() -> String) {
        now.hash(&mut self.hasher);
        what.hash(&mut self.hasher);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.6} {}", now.as_secs_f64(), line()));
        }
    }

    pub(crate) fn finish(self) -> (u64, Vec<String>) {
        (self.hasher.finish(), self.lines.unwrap_or_default())
    }
}
