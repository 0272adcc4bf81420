//! The points of the crate `fail`, if a dependency of this process uses it.
//!
//! They are named `fail/NAME`. `fail` only knows points that were configured, and knows neither their
//! sites nor their hits. So these points are always armed, and their counts are 0. There are none
//! without the feature `fail`, and none if `fail` is patched with this project's package: then its
//! points are listed as points of `failpoint`.

use failpoint::__bridge::control::{self, Disarmed, Fault, PointView, Precondition, Stale};
use failpoint::__private::text::visible;
use failpoint::PointInfo;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PREFIX: &str = "fail/";

/// The points armed over HTTP, with the number and the terms of the arming, so that a ttl ends only its
/// own arming.
static ARMED: Mutex<BTreeMap<String, (u64, String)>> = Mutex::new(BTreeMap::new());
/// The number of the last arming. Changed only with the lock held.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The number of the last arming; all armings so far have this number or a smaller one.
pub(crate) fn last_number() -> u64 {
    LAST.load(Ordering::SeqCst)
}

/// The name in `fail` for `name`. A point of `failpoint` with the whole name takes precedence.
pub(crate) fn name_in(name: &str) -> Option<&str> {
    let there = name.strip_prefix(PREFIX).filter(|name| !name.is_empty())?;
    (registry::IS_THERE && !control::is_known(name)).then_some(there)
}

/// Adds them to a list sorted by name. A point of `failpoint` with the same name takes precedence.
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

/// The point `name`, if it is configured in `fail`.
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
    /// The name is new to `fail`, and it is not valid or there are too many.
    BadName(Box<Fault>),
    /// The error text of `fail`.
    BadTerms(String),
}

/// Passes `text` to `fail` unchanged. `fail` accepts any name, so the limits are checked here.
pub(crate) fn arm(name: &str, there: &str, text: &str) -> Result<Armed, Unarmed> {
    let mut armed = armed();
    let list = registry::list();
    let was = list.iter().find(|(name, _)| name == there).map(|(_, terms)| terms.clone());
    if was.is_none() {
        if let Some(fault) = control::why_not_unlisted(name, list.len()) {
            return Err(Unarmed::BadName(Box::new(fault)));
        }
    }
    // The error repeats the terms.
    registry::cfg(there, text).map_err(|why| Unarmed::BadTerms(visible(&why).to_string()))?;
    // Forget the points that the program removed itself.
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

/// Removes all of them; returns their state before.
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

/// Ends the arming `number`, unless HTTP or the program has configured the point since.
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

/// Whether `precondition` is met. Points of `fail` always have the generation 0.
pub(crate) fn holds(precondition: &Precondition) -> bool {
    match precondition {
        Precondition::Generation(generations) => generations.contains(&0),
        _ => true,
    }
}

/// The actions of `text`, parsed as `fail` does: before the parenthesis, after `%` and `*`.
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

/// Terms as a list shows them.
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

    /// Whether this is the original `fail`. This project's package has an inherent associated constant,
    /// which takes precedence over the constant of the trait.
    pub(super) const IS_THERE: bool = !FailGuard::STANDS_ON_FAILPOINT;

    // Unused if the inherent constant exists.
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
    //! Without the feature `fail`: no points.

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
