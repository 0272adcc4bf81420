//! What is wrong with a change, said to those who are outside?

use crate::rails::NotAllowed;
use crate::real_fail;
use crate::refusal::Kind;
use crate::wire::Problem;
use failpoint::__bridge::control::{Fault, Stale};
use failpoint::__private::text::visible;
use failpoint::Error;

/// How many problems are told of one request; the others are counted.
const SHOWN: usize = 100;

/// All that is wrong, as one problem; of one fault, that one.
pub(crate) fn of(mut faults: Vec<Fault>) -> Box<Problem> {
    if faults.len() == 1 {
        return Box::new(of_one(faults.remove(0)));
    }
    let lists = lists(faults.len());
    let mut all = Kind::Several
        .because(format!("{} problems, so nothing was changed; {lists}", faults.len()));
    all.errors = faults.into_iter().take(SHOWN).map(of_one).collect();
    all
}

/// All that is wrong, in lines.
pub(crate) fn lines(whys: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = whys.len().saturating_sub(SHOWN);
    let mut lines: Vec<String> = whys.take(SHOWN).collect();
    lines.extend((more > 0).then(|| format!("and {more} more problems")));
    lines
}

fn lists(problems: usize) -> String {
    if problems <= SHOWN {
        "errors lists them".to_owned()
    } else {
        format!("errors lists the first {SHOWN} of them")
    }
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

/// As one problem of its own kind, however many they are.
pub(crate) fn not_allowed(mut refused: Vec<NotAllowed>) -> Box<Problem> {
    let problem = |one: NotAllowed| {
        let mut problem = Kind::NotAllowed.because(one.why);
        problem.name = one.name;
        problem
    };
    if refused.len() == 1 {
        return problem(refused.remove(0));
    }
    let lists = lists(refused.len());
    let mut all =
        Kind::NotAllowed.because(format!("{} points may not be armed so; {lists}", refused.len()));
    all.errors = refused.into_iter().take(SHOWN).map(|one| *problem(one)).collect();
    all
}

/// The error in words for those who are outside.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::UnknownPoint { name, .. } if real_fail::name_in(name).is_some() => format!(
            "`{name}` is a point of the crate `fail`, which are armed one at a time, by PUT /{name}",
            name = visible(name)
        ),
        Error::UnknownPoint { name, nearest, .. } if nearest.is_empty() => {
            format!(
                "no failpoint is named `{}` in this program; GET / lists those there are",
                visible(name)
            )
        }
        _ => error.to_string(),
    }
}

/// The kind of one fault.
pub(crate) fn kind_of(error: &Error) -> Kind {
    match error {
        Error::UnknownPoint { .. } => Kind::UnknownPoint,
        Error::CannotReturn { .. } | Error::BadValue { .. } => Kind::BadValue,
        Error::UnknownKey { .. } => Kind::UnknownKey,
        Error::BadName { .. } => Kind::BadName,
        Error::TooLarge { .. } => Kind::TooLarge,
        Error::TooManyUnlisted { .. } => Kind::TooManyUnlisted,
        _ => Kind::BadTerms,
    }
}

fn of_one(fault: Fault) -> Problem {
    fault_of(None, fault.name, fault.error)
}

fn fault_of(kind: Option<Kind>, name: Option<String>, error: Error) -> Problem {
    let mut problem = *kind.unwrap_or_else(|| kind_of(&error)).because(match &error {
        Error::Parse { expected, .. } => format!("expected {expected}"),
        error => explain(error),
    });
    problem.name = name;
    match error {
        Error::UnknownPoint { name, nearest, .. } => {
            problem.name = Some(name);
            problem.nearest = nearest;
        }
        Error::UnknownKey { nearest, .. } => problem.nearest.extend(nearest),
        Error::Parse { offset, caret, .. } => {
            problem.offset = u64::try_from(offset).ok();
            problem.caret = Some(caret);
        }
        _ => {}
    }
    problem
}
