//! What if each thing that can fail did, once, everywhere it can?

use crate::world;
use std::fmt;

/// One run of [`explore`]'s body.
#[derive(Debug)]
pub struct Run {
    number: u64,
}

/// A failure that [`explore`] injected.
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

/// What [`explore`] did.
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

/// Runs `body` again and again: the n-th run fails at the n-th passage of a point that can fail,
/// until a run comes to its end with nothing injected. So every error path is walked, once for each
/// time that the body comes by it.
///
/// A point can fail if each of its sites takes a bare `return`, or else `return(EIO)`:
/// `fail_result!`, closures of the text, and values of a type that reads one of these. The body is
/// in a scope of its own, which threads and tasks it starts must be [given](crate::Scope::current).
/// In a build without failpoints it runs once.
///
/// # Panics
/// As the body does; what was injected in that run is logged.
///
/// ```
/// fn save() -> std::io::Result<()> {
///     failpoint::fail_result!("exploreWrite")?;
///     failpoint::fail_result!("exploreSync")?;
///     Ok(())
/// }
/// let mut failures = 0;
/// let explored = failpoint::explore(|_run| {
///     // Whatever fails, nothing must be lost: here is where a test would check.
///     failures += u64::from(save().is_err());
/// });
/// assert_eq!(explored.runs, failures + 1);
/// # assert_eq!(failures, if failpoint::enabled() { 2 } else { 0 });
/// ```
///
/// After SQLite's tests of running out of memory, which fail the n-th allocation for every n.
pub fn explore(body: impl FnMut(&Run)) -> Explored {
    world::explore(body)
}
