//! LINEARIZABLE: is there an order that explains all answers, where the store gives no revisions?
//!
//! Operations on keys that no operation joins are checked apart: an order exists for all exactly if
//! one exists for each. For one such group, the check walks along real time and keeps every
//! *configuration* that is possible at that moment: a state, the operations in flight that took
//! effect already, and the operations of unknown outcome that did. At a moment when nothing is in
//! flight, only states remain. When an operation ends that took effect in no configuration, each is
//! extended by the operations in flight, until the one that ends took effect. If that leaves no
//! configuration, no order explains the answer, and this operation is named.
//!
//! - An operation of unknown outcome may take effect at any time after its start, or never.
//! - A configuration that used fewer operations of unknown outcome for the same state replaces one
//!   that used more. That keeps the number small: without it, each such operation would double it.
//! - A read takes effect as soon as its answer is right, as that takes nothing away from the others.
//!
//! The number of configurations can still explode. A [`Budget`] bounds it, and the time; in
//! [a process of its own](crate::process::checker), the search has a limit of memory in bytes.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use super::verdict::Verdict;
use crate::history::{History, Numbered, Operation, Response};

mod groups;
mod search;

pub(crate) use groups::{Group, groups};
use search::{Search, Stop};

/// What a check may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long the check may take.
    pub time: Duration,
    /// How many configurations and states it may hold at once. Each takes in the order of 200
    /// bytes, plus the values of a state.
    pub configurations: usize,
}

impl Default for Budget {
    /// One minute, and a million configurations.
    fn default() -> Self {
        Self { time: Duration::from_secs(60), configurations: 1_000_000 }
    }
}

/// An answer that no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The operation whose answer is not explained. All that ended before it are.
    pub operation: Box<Numbered>,
    /// The answers that it could have had when it ended; at most ten.
    pub possible: Vec<Response>,
    /// The last write to its keys that ended before the operation started, if there is one.
    pub write: Option<Box<Numbered>>,
}

/// Why the check cannot tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotDecided {
    /// The time ran out.
    Time {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
    },
    /// The memory ran out, or there were more configurations than allowed.
    Memory {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
    },
    /// More than 128 operations of known outcome were in flight at once.
    InFlight {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
    },
    /// The [process of the check](crate::process::checker) ended without an answer.
    Ended {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
        /// How it ended.
        how: String,
    },
    /// A transaction compares revisions.
    ComparesRevision {
        /// The transaction.
        operation: Box<Numbered>,
    },
    /// The store was restored from a snapshot: without revisions, it is not known what it lost.
    Restored,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "no order explains {}", self.operation)?;
        for (n, response) in self.possible.iter().enumerate() {
            write!(
                f,
                "{}{response}",
                if n == 0 { "; possible answers at its end: " } else { " or " }
            )?;
        }
        self.write
            .as_ref()
            .map_or(Ok(()), |write| write!(f, "; the last write before it is {write}"))
    }
}

impl Display for NotDecided {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = |f: &mut Formatter<'_>, what: &str, key: &String, operations: &usize| {
            write!(f, "{what} for the {operations} operations of key {key:?}")
        };
        match self {
            Self::Time { key, operations } => of(f, "the time ran out", key, operations),
            Self::Memory { key, operations } => of(f, "the memory ran out", key, operations),
            Self::Ended { key, operations, how } => {
                of(f, "the process of the check ended", key, operations)?;
                write!(f, ": {how}")
            }
            Self::InFlight { key, operations } => {
                of(f, "more than 128 operations were in flight at once", key, operations)
            }
            Self::ComparesRevision { operation } => {
                write!(
                    f,
                    "a comparison of revisions needs a store that gives revisions: {operation}"
                )
            }
            Self::Restored => f.write_str("the store was restored from a snapshot"),
        }
    }
}

/// Looks for an order that explains all answers but those of stale reads. The store is empty at the
/// start. A violation in any group of keys counts, even where another group is not decided.
pub fn check(history: &History, budget: Budget) -> Verdict<Violation, NotDecided> {
    let deadline = Instant::now().checked_add(budget.time);
    let mut not_decided = (history.epochs.len() > 1).then_some(NotDecided::Restored);
    let Some(epoch) = history.epochs.first() else { return Verdict::Holds };
    for group in groups(&epoch.operations) {
        let searched =
            Search::new(&epoch.operations, &group, budget.configurations, deadline).run();
        match searched {
            Ok(()) => {}
            Err(Stop::Violated(violation)) => return Verdict::Violated(violation),
            Err(Stop::NotDecided(reason)) => {
                not_decided.get_or_insert(reason);
            }
        }
    }
    not_decided.map_or(Verdict::Holds, Verdict::NotDecided)
}

/// Checks operations whose keys are joined, without limits: the process has its own.
pub(crate) fn check_group(operations: &[Operation]) -> Verdict<Violation, NotDecided> {
    let group = Group { key: String::new(), operations: (0..operations.len()).collect() };
    match Search::new(operations, &group, usize::MAX, None).run() {
        Ok(()) => Verdict::Holds,
        Err(Stop::Violated(violation)) => Verdict::Violated(violation),
        Err(Stop::NotDecided(reason)) => Verdict::NotDecided(reason),
    }
}
