//! The routes that read and change points.

use super::call::Call;
use super::list::List;
use super::query::{self, precondition};
use super::shape;
use crate::change::{self, Armed, Unarmed, UnarmedReal, fail_crate};
use crate::http::problem::{self, Kind};
use crate::http::response::Reply;
use crate::wire::{Arm, ArmAll, Changed, Problem, Reset, Resumed};
use failpoint::__bridge::control::{
    self, ArmError, ArmRequest, Disarmed, Glob, PointView, Precondition, Stale,
};
use std::time::Duration;

type Answer = Result<Reply, Box<Problem>>;

pub(super) fn list(call: &Call<'_>) -> Answer {
    let query = &call.query;
    let listing = control::listing();
    let mut points = listing.made;
    fail_crate::add_to(&mut points);
    if let Some(armed) = query.yes_or_no("armed") {
        points.retain(|point| point.terms().is_some() == armed);
    }
    if let Some(reached) = query.yes_or_no("reached") {
        points.retain(|point| point.info().sites.iter().any(|site| site.reached) == reached);
    }
    if let Some(glob) = query.text("match").map(Glob::new) {
        points.retain(|point| glob.is_match(point.name()));
    }
    let revision = listing.revision;
    Ok(Reply::json(&List { revision, points: &points }).tagged(revision))
}

pub(super) fn get(call: &Call<'_>) -> Answer {
    let point = match fail_crate::point(&call.name) {
        Some(point) => point,
        None => failpoint::point(&call.name).map_err(problem::unknown)?,
    };
    let generation = point.generation;
    Ok(Reply::json(&shape::point(point)).tagged(generation))
}

pub(super) fn arm(call: &Call<'_>) -> Answer {
    let unlisted = call.query.yes_or_no("unlisted").unwrap_or_default();
    let Arm { terms, ttl } = query::body(call.request)?;
    let ttl = query::ttl(ttl.as_deref())?;
    let precondition = precondition(call.request, true)?;
    if let Some(there) = fail_crate::name_in(&call.name) {
        if !fail_crate::holds(&precondition) {
            return Err(problem::stale(Stale(Some(0))));
        }
        return arm_real(call, there, &terms, ttl);
    }
    let mut arm_request = ArmRequest::default();
    arm_request.add(&call.name, &terms, unlisted);
    let mut armed = apply(call, arm_request, ttl, &precondition)?;
    let note = note(&armed.notes);
    let one = armed.points.remove(0);
    let generation = one.point.generation();
    let changed = Changed {
        was: one.was.as_deref().map(str::to_owned),
        note: note.clone(),
        point: shape::point(one.point.info()),
    };
    Ok(Reply::json(&changed).tagged(generation).noting(note))
}

fn arm_real(call: &Call<'_>, there: &str, terms: &str, ttl: Option<Duration>) -> Answer {
    let name = (&*call.name, there);
    let armed = change::arm_real(name, terms, ttl, call.request.from);
    let (was, point, notes) = armed.map_err(|unarmed| match unarmed {
        UnarmedReal::NotAllowed(refused) => problem::not_allowed(vec![refused]),
        UnarmedReal::Unarmed(fail_crate::Unarmed::BadName(fault)) => problem::of(vec![*fault]),
        UnarmedReal::Unarmed(fail_crate::Unarmed::BadTerms(why)) => {
            let mut problem = Kind::BadTerms.because(why);
            problem.name = Some(call.name.to_string());
            problem
        }
    })?;
    let (note, generation) = (note(&notes), point.generation);
    let changed = Changed { was, note: note.clone(), point: shape::point(point) };
    Ok(Reply::json(&changed).tagged(generation).noting(note))
}

/// Arms several points, or all that match.
pub(super) fn arm_all(call: &Call<'_>) -> Answer {
    let unlisted = call.query.yes_or_no("unlisted").unwrap_or_default();
    let precondition = precondition(call.request, false)?;
    let mut arm_request = ArmRequest::default();
    let ttl = if let Some(glob) = call.query.text("match") {
        let Arm { terms, ttl } = query::body(call.request)?;
        let ttl = query::ttl(ttl.as_deref())?;
        let points = control::listing().made;
        let pattern = Glob::new(glob);
        let mut matching = points.iter().filter(|point| pattern.is_match(point.name())).peekable();
        if matching.peek().is_none() {
            let glob = glob.escape_debug();
            return Err(
                Kind::NoMatch.because(format!("no point matches {glob}; GET /v1/points lists all"))
            );
        }
        // An unlisted point may be disarmed in the meantime; it must still be armed.
        arm_request.add_all(matching.map(|point| (point.name(), !point.is_declared())), &terms);
        ttl
    } else {
        let ArmAll { points, ttl } = query::body(call.request)?;
        let ttl = query::ttl(ttl.as_deref())?;
        points.iter().for_each(|(name, terms)| arm_request.add(name, terms, unlisted));
        ttl
    };
    let Armed { revision, points, notes } = apply(call, arm_request, ttl, &precondition)?;
    let mut points: Vec<PointView> = points.into_iter().map(|one| one.point).collect();
    points.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(Reply::json(&List { revision, points: &points }).tagged(revision).noting(note(&notes)))
}

pub(super) fn disarm(call: &Call<'_>) -> Answer {
    let precondition = precondition(call.request, true)?;
    let disarmed = change::disarm(&call.name, &precondition, call.request.from);
    let Disarmed { was, now } = disarmed.map_err(not_armed)?;
    let generation = now.generation;
    let was = was.and_then(|was| was.terms);
    let changed = Changed { was, note: None, point: shape::point(now) };
    Ok(Reply::json(&changed).tagged(generation))
}

pub(super) fn reset(call: &Call<'_>) -> Answer {
    let precondition = precondition(call.request, false)?;
    let reset = change::reset(&precondition, call.request.from).map_err(problem::stale)?;
    let disarmed = reset.made.into_iter().map(shape::was_armed).collect();
    Ok(Reply::json(&Reset { revision: reset.revision, disarmed }).tagged(reset.revision))
}

pub(super) fn resume(call: &Call<'_>) -> Answer {
    let n = call.query.number("n").map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let (resumed, paused) =
        change::resume(&call.name, n, call.request.from).map_err(problem::unknown)?;
    Ok(Reply::json(&Resumed { resumed: u64::try_from(resumed).unwrap_or(u64::MAX), paused }))
}

fn apply(
    call: &Call<'_>,
    arm_request: ArmRequest,
    ttl: Option<Duration>,
    precondition: &Precondition,
) -> Result<Armed, Box<Problem>> {
    change::arm(arm_request, ttl, precondition, call.request.from).map_err(
        |unarmed| match unarmed {
            Unarmed::NotAllowed(refused) => problem::not_allowed(refused),
            Unarmed::ArmError(why) => not_armed(why),
        },
    )
}

fn not_armed(why: ArmError) -> Box<Problem> {
    match why {
        ArmError::Faults(faults) => problem::of(faults),
        ArmError::Stale(stale) => problem::stale(stale),
    }
}

fn note(notes: &[String]) -> Option<String> {
    (!notes.is_empty()).then(|| notes.join("; "))
}
