//! SOME_SUCCEEDED and REACHED: did the run test anything at all?
//!
//! A run in which every request of a kind failed proves nothing about that kind, and a point that
//! never fired proves nothing about its fault.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use crate::history::{History, Outcome, Request};

/// The kinds of requests of which none succeeded, with how many there were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoneSucceeded(pub BTreeMap<&'static str, usize>);

/// The points that were armed and never fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReached(pub Vec<String>);

impl Display for NoneSucceeded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, (kind, count)) in self.0.iter().enumerate() {
            write!(
                f,
                "{}none of {count} requests of kind {kind} succeeded",
                if n > 0 { "; " } else { "" }
            )?;
        }
        Ok(())
    }
}

impl Display for NotReached {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "points that were armed and never fired: {}", self.0.join(", "))
    }
}

/// Checks that of each kind of request that clients sent, at least one was answered.
///
/// # Errors
/// The kinds of which none was; or `any`, with 0, where clients sent none at all.
pub fn some_succeeded(history: &History) -> Result<(), NoneSucceeded> {
    let mut kinds: BTreeMap<&'static str, (usize, bool)> = BTreeMap::new();
    for operation in history.epochs.iter().flat_map(|epoch| &epoch.operations) {
        let (count, succeeded) = kinds.entry(kind(&operation.request)).or_default();
        *count += 1;
        *succeeded |= matches!(operation.outcome, Outcome::Done { .. });
    }
    if kinds.is_empty() {
        kinds.insert("any", (0, false));
    }
    let none = kinds.into_iter().filter(|(_, (_, succeeded))| !succeeded);
    let none: BTreeMap<_, _> = none.map(|(kind, (count, _))| (kind, count)).collect();
    if none.is_empty() { Ok(()) } else { Err(NoneSucceeded(none)) }
}

/// Checks that each armed point fired at least once. A point may come several times; its fires
/// are added.
///
/// # Errors
/// The points that did not, in alphabetical order.
///
/// ```
/// use failpoint_tester::checks::coverage::reached;
///
/// let missed = reached([("raftAfterSave", 3), ("raftBeforeLeaderSend", 0)]).unwrap_err();
/// assert_eq!(missed.to_string(), "points that were armed and never fired: raftBeforeLeaderSend");
/// ```
pub fn reached<'a>(armed: impl IntoIterator<Item = (&'a str, u64)>) -> Result<(), NotReached> {
    let mut fires: BTreeMap<&str, bool> = BTreeMap::new();
    for (point, count) in armed {
        *fires.entry(point).or_default() |= count > 0;
    }
    let missed = fires.into_iter().filter(|(_, fired)| !fired);
    let missed: Vec<String> = missed.map(|(point, _)| point.to_owned()).collect();
    if missed.is_empty() { Ok(()) } else { Err(NotReached(missed)) }
}

fn kind(request: &Request) -> &'static str {
    match request {
        Request::Put { .. } => "put",
        Request::Get { .. } => "get",
        Request::Range { .. } => "range",
        Request::Delete { .. } => "delete",
        Request::DeleteRange { .. } => "delete-range",
        Request::Txn { .. } => "txn",
    }
}
