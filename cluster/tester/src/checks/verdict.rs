//! What does a checker say of a history?

use std::fmt::{Display, Formatter, Result};

/// What a checker says of a history: `V` says how its rule is violated, `N` why it cannot tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict<V, N> {
    /// The rule holds.
    Holds,
    /// The rule is violated.
    Violated(V),
    /// The history, or the time and memory that were allowed, do not suffice to tell. No violation
    /// was found in what could be checked.
    NotDecided(N),
}

impl<V, N> Verdict<V, N> {
    /// Whether the rule holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds)
    }

    /// The violation, if one was found.
    #[must_use]
    pub fn violation(&self) -> Option<&V> {
        match self {
            Self::Violated(violation) => Some(violation),
            Self::Holds | Self::NotDecided(_) => None,
        }
    }
}

impl<V: Display, N: Display> Display for Verdict<V, N> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Violated(violation) => write!(f, "violated: {violation}"),
            Self::NotDecided(reason) => write!(f, "not decided: {reason}"),
        }
    }
}
