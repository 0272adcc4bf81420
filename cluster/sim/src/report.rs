//! What comes of a run.

use crate::Plan;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How a run went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule that does not hold.
    pub rule: Rule,
    /// What was seen.
    pub seen: String,
}

/// What must hold in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Nodes and clients see what the subject promises.
    Promise,
    /// A node starts from what a crash left on its disk.
    Starts,
    /// A node goes on: no step fails or panics, except at a point that was armed.
    GoesOn,
    /// Without faults, the members agree within a bounded time.
    Converges,
    /// Then all requests are answered.
    Serves,
}

impl Violation {
    /// The rule does not hold, because this was seen.
    pub fn new(rule: Rule, seen: impl Into<String>) -> Self {
        Self { rule, seen: seen.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            Rule::Promise => "a promise is broken",
            Rule::Starts => "a member does not start",
            Rule::GoesOn => "a member does not go on",
            Rule::Converges => "the members do not agree",
            Rule::Serves => "a request is not served",
        };
        write!(f, "{rule}: {}", self.seen)
    }
}

impl std::error::Error for Violation {}

/// How often each kind of fault was injected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injections(BTreeMap<&'static str, u64>);

impl Injections {
    pub(crate) fn add(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// How often this kind was injected.
    pub fn of(&self, kind: &str) -> u64 {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            *self.0.entry(kind).or_default() += count;
        }
    }

    /// Each kind, in the order of their names, and how often it was injected.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

impl fmt::Display for Injections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.kinds().map(|(kind, count)| format!("{count} {kind}")).collect();
        f.write_str(&kinds.join(", "))
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Run<S> {
    /// What the seed drew.
    pub plan: Plan,
    /// The subject, with what its clients saw.
    pub subject: S,
    /// What was injected.
    pub injections: Injections,
    /// How much virtual time has passed.
    pub took: Duration,
    /// A hash of all that happened, in its order. The same seed gives the same one in the same build.
    pub trace: u64,
    /// What happened, a line each, if that was asked for.
    pub lines: Vec<String>,
    /// What went wrong. The run ended there.
    pub violation: Option<Violation>,
}
