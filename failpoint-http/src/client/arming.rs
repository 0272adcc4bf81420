//! What is to be armed, and under which conditions?

use super::path::with_query;
use crate::wire::{Arm, ArmAll};
use std::collections::BTreeMap;
use std::time::Duration;

/// What to arm one point with, or all that a glob matches: terms, and conditions.
///
/// Terms alone are one as well: wherever an `Arming` is taken, `"sleep(100)"` will do.
///
/// ```
/// use failpoint_http::Arming;
/// use std::time::Duration;
///
/// // A test that is killed leaves it armed for a minute, no longer.
/// let arming = Arming::new("3*sleep(100)->off").ttl(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until you pass it to a client"]
pub struct Arming {
    terms: String,
    conditions: Conditions,
}

/// What to arm several points with at once: terms by name, and conditions. All are armed or none.
///
/// ```
/// use failpoint_http::Armings;
/// use std::time::Duration;
///
/// let armings = Armings::from([("raftBeforeSave", "panic"), ("raftAfterSave", "off")])
///     .ttl(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it does nothing until you pass it to a client"]
pub struct Armings {
    points: BTreeMap<String, String>,
    conditions: Conditions,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Conditions {
    ttl: Option<Duration>,
    unlisted: bool,
    if_match: Option<u64>,
}

impl Arming {
    /// With these terms.
    pub fn new(terms: impl Into<String>) -> Self {
        Self { terms: terms.into(), conditions: Conditions::default() }
    }

    /// Disarms by itself after this time, which the server keeps, unless the point is armed anew
    /// until then.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.conditions.ttl = Some(ttl);
        self
    }

    /// Takes a name that no code declares, where it is refused else.
    pub fn unlisted(mut self) -> Self {
        self.conditions.unlisted = true;
        self
    }

    /// Arms only if this is still the generation of the point (with a glob: the revision of the
    /// process); else it is refused as `stale`.
    pub fn if_match(mut self, generation: u64) -> Self {
        self.conditions.if_match = Some(generation);
        self
    }

    pub(super) fn body(&self) -> Arm {
        Arm { terms: self.terms.clone(), ttl: self.conditions.ttl.map(duration) }
    }

    pub(super) fn generation(&self) -> Option<u64> {
        self.conditions.if_match
    }

    pub(super) fn path(&self, path: &str) -> String {
        self.conditions.path(path, None)
    }

    pub(super) fn path_matching(&self, path: &str, glob: &str) -> String {
        self.conditions.path(path, Some(glob))
    }
}

impl Armings {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; the last one of a name holds.
    pub fn with(mut self, name: impl Into<String>, terms: impl Into<String>) -> Self {
        self.points.insert(name.into(), terms.into());
        self
    }

    /// As [`Arming::ttl`], for all of them.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.conditions.ttl = Some(ttl);
        self
    }

    /// As [`Arming::unlisted`], for all of them.
    pub fn unlisted(mut self) -> Self {
        self.conditions.unlisted = true;
        self
    }

    /// Arms only if this is still the revision of the process; else it is refused as `stale`.
    pub fn if_match(mut self, revision: u64) -> Self {
        self.conditions.if_match = Some(revision);
        self
    }

    pub(super) fn body(&self) -> ArmAll {
        ArmAll { points: self.points.clone(), ttl: self.conditions.ttl.map(duration) }
    }

    pub(super) fn revision(&self) -> Option<u64> {
        self.conditions.if_match
    }

    pub(super) fn path(&self, path: &str) -> String {
        self.conditions.path(path, None)
    }
}

impl From<&str> for Arming {
    fn from(terms: &str) -> Self {
        Self::new(terms)
    }
}

impl From<String> for Arming {
    fn from(terms: String) -> Self {
        Self::new(terms)
    }
}

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Armings {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(points: I) -> Self {
        points.into_iter().fold(Self::new(), |all, (name, terms)| all.with(name, terms))
    }
}

impl<N: Into<String>, T: Into<String>, const COUNT: usize> From<[(N, T); COUNT]> for Armings {
    fn from(points: [(N, T); COUNT]) -> Self {
        Self::from_iter(points)
    }
}

impl From<BTreeMap<String, String>> for Armings {
    fn from(points: BTreeMap<String, String>) -> Self {
        Self { points, conditions: Conditions::default() }
    }
}

impl Conditions {
    fn path(&self, path: &str, glob: Option<&str>) -> String {
        let glob = ("match", glob.map(str::to_owned));
        with_query(path, [glob, ("unlisted", self.unlisted.then(|| "1".to_owned()))])
    }
}

/// As terms write it, to the nanosecond.
pub(super) fn duration(time: Duration) -> String {
    match time.subsec_nanos() % 1_000_000 {
        0 => format!("{}ms", time.as_millis()),
        _ => format!("{}ns", time.as_nanos()),
    }
}
