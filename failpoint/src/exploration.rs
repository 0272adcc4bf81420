//! What if each thing that can fail did, once, everywhere it can?

use std::fmt;

/// One run of [`explore`](crate::explore)'s body.
#[derive(Debug)]
pub struct Run {
    number: u64,
}

/// A failure that [`explore`](crate::explore) injected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injection {
    /// The point.
    pub point: String,
    /// The place of its site.
    pub at: String,
    /// Which passage of a run it was, of all points together, from 1.
    pub passage: u64,
}

/// What [`explore`](crate::explore) did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How often the body ran: once for each injection, and once with none.
    pub runs: u64,
    /// What was injected, run by run.
    pub injections: Vec<Injection>,
}

impl Run {
    pub(crate) fn new(number: u64) -> Self {
        Self { number }
    }

    /// The number of the run, from 1; it fails at the passage of this number.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "passage {}: {} at {}", self.passage, self.point, self.at)
    }
}
