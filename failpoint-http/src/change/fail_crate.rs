//! Which points does the crate `fail` hold in this process, where some dependency keeps it?
//!
//! They go by `fail/NAME`. `fail` knows a point once it was configured, and neither its sites nor how
//! often it was hit: so these are always armed, never idle, and their counts are 0. Without the
//! feature `fail` there are none, nor where `fail` was patched to stand on `failpoint`: its points
//! are ours then, and listed as such.

use failpoint::__bridge::control::{self, Disarmed, Fault, PointView, Precondition, Stale};
use failpoint::__private::text::visible;
use failpoint::PointInfo;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = "fail/";

/// What was armed over HTTP: which arming it was, and the terms, for a lease to end no other.
static ARMED: Mutex<BTreeMap<String, (u64, String)>> = Mutex::new(BTreeMap::new());
/// The number of the last arming. Only with the lock held.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The number of the last arming: every one so far has it, or one before.
pub(crate) fn last_number() -> u64 {
    LAST.load(Ordering::SeqCst)
}

/// The name in `fail` that `name` stands for. A point of ours that bears the whole name goes first.
pub(crate) fn name_in(name: &str) -> Option<&str> {
    let there = name.strip_prefix(PREFIX).filter(|name| !name.is_empty())?;
    (registry::IS_THERE && !control::is_known(name)).then_some(there)
}

/// Adds them to a list that is sorted by name. A point of ours that bears the whole name goes first.
pub(crate) fn add_to(points: &mut Vec<PointView>) {
    let own = points.len();
    for point in all() {
        if points[..own].binary_search_by(|own| own.name().cmp(&point.name)).is_err() {
            points.push(PointView::of_another(point));
        }
    }
    if points.len() > own {
        points.sort_by(|a, b| a.name().cmp(b.name()));
    }
}

fn all() -> impl Iterator<Item = PointInfo> {
    let info = |(name, terms): (String, String)| info(format!("{PREFIX}{name}"), Some(&terms));
    registry::list().into_iter().map(info)
}

/// The one that `name` stands for, if it is configured.
pub(crate) fn point(name: &str) -> Option<PointInfo> {
    let terms = terms(name_in(name)?)?;
    Some(info(name.to_owned(), Some(&terms)))
}

/// An arming of one of them.
pub(crate) struct Armed {
    pub(crate) was: Option<String>,
    pub(crate) point: PointInfo,
    /// For [`end`].
    pub(crate) number: u64,
}

/// Why one was not armed.
pub(crate) enum Unarmed {
    /// `fail` does not know the name, and there is no room for it.
    BadName(Box<Fault>),
    /// In the words of `fail`.
    BadTerms(String),
}

/// Hands `text` to `fail` as it came. It takes any name, so there are bounds here.
pub(crate) fn arm(name: &str, there: &str, text: &str) -> Result<Armed, Unarmed> {
    let mut armed = armed();
    let list = registry::list();
    let was = list.iter().find(|(name, _)| name == there).map(|(_, terms)| terms.clone());
    if was.is_none() {
        if let Some(fault) = control::why_not_unlisted(name, list.len()) {
            return Err(Unarmed::BadName(Box::new(fault)));
        }
    }
    // It repeats what was written.
    registry::cfg(there, text).map_err(|why| Unarmed::BadTerms(visible(&why).to_string()))?;
    // Some the program removed itself.
    if armed.len() > list.len() {
        let there: HashSet<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
        armed.retain(|name, _| there.contains(name.as_str()));
    }
    let number = LAST.fetch_add(1, Ordering::SeqCst) + 1;
    armed.insert(there.to_owned(), (number, text.to_owned()));
    Ok(Armed { was, point: info(name.to_owned(), Some(text)), number })
}

/// Removes one; `None` if it was not configured.
pub(crate) fn disarm(name: &str, precondition: &Precondition) -> Option<Result<Disarmed, Stale>> {
    let there = name_in(name)?;
    let was = point(name)?;
    Some(if holds(precondition) {
        armed().remove(there);
        registry::remove(there);
        Ok(Disarmed { was: Some(was), now: info(name.to_owned(), None) })
    } else {
        Err(Stale(Some(0)))
    })
}

/// Removes all of them; gives them as they stood.
pub(crate) fn reset() -> Vec<PointInfo> {
    armed().clear();
    let were: Vec<PointInfo> = all().collect();
    for point in &were {
        if let Some(there) = point.name.strip_prefix(PREFIX) {
            registry::remove(there);
        }
    }
    were
}

/// Ends the arming `number`, unless another one came after it, over HTTP or from the program.
pub(crate) fn end(name: &str, number: u64) -> bool {
    let Some(there) = name_in(name) else { return false };
    let mut armed = armed();
    let is_it = is_last(&armed, there, number);
    if is_it {
        armed.remove(there);
        registry::remove(there);
    }
    is_it
}

/// Whether the arming `number` is in force.
pub(crate) fn is_in_force(name: &str, number: u64) -> bool {
    name_in(name).is_some_and(|there| is_last(&armed(), there, number))
}

fn is_last(armed: &BTreeMap<String, (u64, String)>, there: &str, number: u64) -> bool {
    armed.get(there).is_some_and(|(last, text)| {
        *last == number && registry::list().iter().any(|(name, now)| name == there && now == text)
    })
}

/// Whether what was to hold does: they have the generation 0 for ever.
pub(crate) fn holds(precondition: &Precondition) -> bool {
    match precondition {
        Precondition::Generation(generations) => generations.contains(&0),
        _ => true,
    }
}

/// The actions of `text`, found as `fail` finds them: before the parenthesis, after `%` and `*`.
pub(crate) fn actions(text: &str) -> Vec<&str> {
    text.split("->").map(action).collect()
}

fn action(term: &str) -> &str {
    let before = term.split('(').next().unwrap_or_default();
    before.rsplit(['%', '*']).next().unwrap_or_default().trim()
}

fn terms(there: &str) -> Option<String> {
    registry::list().into_iter().find(|(name, _)| name == there).map(|(_, terms)| terms)
}

fn info(name: String, terms: Option<&str>) -> PointInfo {
    control::point_elsewhere(name, terms.map(on_one_line))
}

/// As a list has them.
fn on_one_line(terms: &str) -> String {
    terms.trim().replace(['\r', '\n'], " ")
}

fn armed() -> MutexGuard<'static, BTreeMap<String, (u64, String)>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(feature = "fail")]
mod registry {
    //! `fail` itself.

    use real_fail::FailGuard;

    /// Whether it is the real one: the one that stands on `failpoint` says so by an associated
    /// constant of its own, which goes before that of a trait.
    pub(super) const IS_THERE: bool = !FailGuard::STANDS_ON_FAILPOINT;

    // Of no use where the other constant goes before it.
    #[allow(dead_code)]
    trait Real {
        const STANDS_ON_FAILPOINT: bool = false;
    }

    impl Real for FailGuard {}

    pub(super) fn list() -> Vec<(String, String)> {
        if IS_THERE { real_fail::list() } else { Vec::new() }
    }

    pub(super) fn cfg(name: &str, terms: &str) -> Result<(), String> {
        real_fail::cfg(name, terms)
    }

    pub(super) fn remove(name: &str) {
        real_fail::remove(name);
    }
}

#[cfg(not(feature = "fail"))]
mod registry {
    //! None.

    pub(super) const IS_THERE: bool = false;

    pub(super) fn list() -> Vec<(String, String)> {
        Vec::new()
    }

    pub(super) fn cfg(_name: &str, _terms: &str) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn remove(_name: &str) {}
}

#[cfg(test)]
mod tests {
    use super::actions;

    #[test]
    fn actions_are_what_fail_would_do() {
        for (text, expected) in [
            ("off", &["off"][..]),
            (" 5%1*sleep(10) -> panic(a%b*c) ", &["sleep", "panic"]),
            ("125%return((x)", &["return"]),
            ("1*pause->2*off", &["pause", "off"]),
            ("", &[""]),
        ] {
            assert_eq!(actions(text), expected, "{text:?}");
        }
    }
}
