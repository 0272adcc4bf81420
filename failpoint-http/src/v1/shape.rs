//! How is what the library knows said in the types of the wire?

use crate::gofail::explain;
use crate::reply::Kind;
use crate::wire::{Point, Problem, Site, WasArmed};
use failpoint::__private::control::{Fault, Stale};
use failpoint::{Error, PointInfo, SiteInfo};

pub(crate) fn point(info: PointInfo) -> Point {
    Point {
        accepts: accepted(&info.sites),
        sites: info.sites.into_iter().map(site).collect(),
        armed: info.terms.is_some(),
        last_fire: info.last_fire.map(|at| humantime::format_rfc3339_micros(at).to_string()),
        name: info.name,
        terms: info.terms,
        generation: info.generation,
        hits: info.hits,
        fires: info.fires,
        paused: info.paused,
    }
}

pub(crate) fn was_armed(info: PointInfo) -> WasArmed {
    WasArmed {
        name: info.name,
        terms: info.terms.unwrap_or_default(),
        hits: info.hits,
        fires: info.fires,
    }
}

/// All that is wrong, as one problem; `faults` is not empty.
pub(crate) fn problem(faults: Vec<Fault>) -> Box<Problem> {
    together(faults.into_iter().map(fault).collect())
}

/// Several problems as one; of one, that one.
pub(crate) fn together(mut problems: Vec<Problem>) -> Box<Problem> {
    if problems.len() == 1 {
        return Box::new(problems.remove(0));
    }
    let mut all = Kind::Several
        .because(format!("{} problems, so nothing was changed; errors lists them", problems.len()));
    all.errors = problems;
    all
}

pub(crate) fn unknown(error: Error) -> Box<Problem> {
    Box::new(fault_of(Some(Kind::UnknownPoint), None, error))
}

pub(crate) fn stale(stale: Stale) -> Box<Problem> {
    Kind::Stale.because(match stale {
        Stale(Some(now)) => {
            format!("it is at {now} now, which If-Match does not name; read it again")
        }
        Stale(None) => "there is no such point, which If-Match asks for".to_owned(),
    })
}

fn fault(fault: Fault) -> Problem {
    fault_of(None, fault.name, fault.error)
}

fn fault_of(kind: Option<Kind>, name: Option<String>, error: Error) -> Problem {
    let kind = kind.unwrap_or(match &error {
        Error::UnknownPoint { .. } => Kind::UnknownPoint,
        Error::CannotReturn { .. } | Error::BadValue { .. } => Kind::BadValue,
        Error::BadName { .. } => Kind::BadName,
        _ => Kind::BadTerms,
    });
    let mut problem = *kind.because(match &error {
        Error::Parse { expected, .. } => format!("expected {expected}"),
        error => explain(error),
    });
    problem.name = name;
    match error {
        Error::UnknownPoint { name, nearest, .. } => {
            problem.name = Some(name);
            problem.nearest = nearest;
        }
        Error::Parse { offset, caret, .. } => {
            problem.offset = u64::try_from(offset).ok();
            problem.caret = Some(caret);
        }
        _ => {}
    }
    problem
}

fn site(info: SiteInfo) -> Site {
    Site {
        file: info.file.to_owned(),
        line: info.line,
        module: info.module.to_owned(),
        package: info.package.to_owned(),
        kind: info.kind.to_owned(),
        accepts: info.accepts.map(str::to_owned),
        reached: info.reached,
    }
}

/// What every site takes. `text` and `error` take all, so the others narrow them.
fn accepted(sites: &[SiteInfo]) -> Option<String> {
    let each: Option<Vec<&str>> = sites.iter().map(|site| site.accepts).collect();
    let mut each = each?;
    each.sort_unstable();
    each.dedup();
    if each.iter().any(|one| !takes_all(one)) {
        each.retain(|one| !takes_all(one));
    }
    (!each.is_empty()).then(|| each.join(" and "))
}

fn takes_all(accepts: &str) -> bool {
    matches!(accepts, "text" | "error")
}
