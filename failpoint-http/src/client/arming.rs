//! [`Arming`] and [`Armings`]: what to arm, and under which conditions.

use super::path::with_query;
use crate::wire::{Arm, ArmAll};
use std::collections::BTreeMap;
use std::time::Duration;

/// Terms and conditions with which to arm one point, or all points that match a glob.
///
/// A string converts into an `Arming`, so you can pass `"sleep(100)"` where an `Arming` is expected.
///
/// ```
/// use failpoint_http::Arming;
/// use std::time::Duration;
///
/// // If the test is killed, the point stays armed for at most a minute.
/// let arming = Arming::new("3*sleep(100)->off").ttl(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until you pass it to a client"]
pub struct Arming {
    terms: String,
    conditions: Conditions,
}

/// Terms by name, and conditions, with which to arm several points together: all or none.
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
    /// An arming with these terms.
    pub fn new(terms: impl Into<String>) -> Self {
        Self { terms: terms.into(), conditions: Conditions::default() }
    }

    /// Makes the server disarm the point after this time, unless it is armed again before.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.conditions.ttl = Some(ttl);
        self
    }

    /// Allows a name that no code declares. By default, such a name is refused.
    pub fn unlisted(mut self) -> Self {
        self.conditions.unlisted = true;
        self
    }

    /// Arms only if this is still the generation of the point (with a glob: the revision of the
    /// process); otherwise it is refused as `stale`.
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
    /// No points yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point. If a name is added twice, the last terms apply.
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

    /// Arms only if this is still the revision of the process; otherwise it is refused as `stale`.
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

/// A duration as terms write it, exact to the nanosecond.
pub(super) fn duration(time: Duration) -> String {
    match time.subsec_nanos() % 1_000_000 {
        0 => format!("{}ms", time.as_millis()),
        _ => format!("{}ns", time.as_nanos()),
    }
}
