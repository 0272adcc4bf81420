//! RUNNER: did the runners see what they may rely on?
//!
//! A lock alone protects nothing: its lease can expire while the holder believes that it still has
//! it, and then two clients do. What a store promises is less, and exact: the key that stands for
//! the lock is the oldest in its queue as long as it exists. So a holder writes only if that key
//! exists, in one transaction. Between the revisions of its first and its last such write it had the
//! lock, and no other holder can have one there. The same holds for elections.
//!
//! | runner | what it may rely on |
//! |---|---|
//! | LOCK_RACER_RUNNER | the revisions at which two holders of a lock wrote under it do not overlap |
//! | ELECTION_RUNNER | the same; and between two such writes of the leader, everyone is told its name |
//! | LEASE_RUNNER | a key lives as long as its lease, which lives its time to live from the last renewal on; when the lease is revoked, the key is gone |
//! | WATCH_RUNNER | a watch that is not cut gets, in the end, the last change of its keys; the rest is WATCH |

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::verdict::Verdict;
use crate::history::Revision;

/// What the runners of a round found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// When which lock was held. The revisions are those of one epoch.
    pub held: Vec<Held>,
    /// What they saw that must not be.
    pub violations: Vec<Violation>,
    /// How often each runner came to an end of what it does.
    pub done: BTreeMap<&'static str, u64>,
}

/// A lock, or the leadership of an election, and the revisions between which it was surely held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The name of the lock.
    pub lock: String,
    /// The key that stands for the holder.
    pub holder: String,
    /// The revision of its first write under the lock.
    pub first: Revision,
    /// The revision of its last.
    pub last: Revision,
}

/// What a runner must not see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A lock had two holders.
    Shared {
        /// The one.
        first: Box<Held>,
        /// The other.
        second: Box<Held>,
    },
    /// Something else, in words.
    Seen {
        /// The name of the runner.
        runner: &'static str,
        /// What it saw.
        what: String,
    },
}

/// Runners that did nothing from beginning to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle(pub Vec<&'static str>);

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared { first, second } => {
                let Held { lock, holder, first: from, last: to } = &**first;
                write!(
                    f,
                    "two clients held {lock} at once: {holder} from revision {from} to {to}, and {} from {} to {}",
                    second.holder, second.first, second.last
                )
            }
            Self::Seen { runner, what } => write!(f, "{runner}: {what}"),
        }
    }
}

impl Display for Idle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} never came to an end of what it does: the round was too short for it, or its requests failed",
            self.0.join(", ")
        )
    }
}

/// Judges what the runners found.
///
/// ```
/// use failpoint_tester::checks::runners::{Found, Held, check};
///
/// let held = |holder: &str, first, last| Held {
///     lock: "r1/lock".into(),
///     holder: holder.into(),
///     first,
///     last,
/// };
/// let mut found = Found { held: vec![held("a", 4, 6), held("b", 8, 9)], ..Found::default() };
/// assert!(check(&found).holds());
/// found.held.push(held("c", 5, 7));
/// assert_eq!(
///     check(&found).to_string(),
///     "violated: two clients held r1/lock at once: a from revision 4 to 6, and c from 5 to 7"
/// );
/// ```
pub fn check(found: &Found) -> Verdict<Violation, Idle> {
    if let Some(violation) = found.violations.first() {
        return Verdict::Violated(violation.clone());
    }
    if let Err(violation) = exclusive(&found.held) {
        return Verdict::Violated(violation);
    }
    let idle = found.done.iter().filter(|(_, count)| **count == 0);
    let idle: Vec<&'static str> = idle.map(|(runner, _)| *runner).collect();
    if idle.is_empty() { Verdict::Holds } else { Verdict::NotDecided(Idle(idle)) }
}

/// Checks that no lock had two holders at one revision. O(n log n).
///
/// # Errors
/// Two that did.
pub fn exclusive(held: &[Held]) -> Result<(), Violation> {
    let mut held: Vec<&Held> = held.iter().collect();
    held.sort_by(|a, b| (&a.lock, a.first, a.last).cmp(&(&b.lock, b.first, b.last)));
    // Those before do not overlap, so the last one reaches furthest.
    for pair in held.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        if first.lock == second.lock && second.first <= first.last {
            let (first, second) = (Box::new(first.clone()), Box::new(second.clone()));
            return Err(Violation::Shared { first, second });
        }
    }
    Ok(())
}
