//! Commands about failpoints.

use super::State;
use crate::group::Armed;
use crate::script::{Argument, Arguments, ScriptError, Span, Spanned, Step, Value};
use failpoint::Error;
use std::fmt::Write as _;

/// The packages whose points belong to a node.
const PACKAGES: [&str; 5] = ["cluster-log", "cluster-node", "failpoint-disk", "raft", "raft-kv"];

pub(super) fn failpoint(
    state: &mut State,
    step: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let node = arguments.word("a node, or `all`")?;
    let ids = state.one_or_all(node)?;
    let points = arguments.rest();
    if points.is_empty() {
        return Err(step.error("`failpoint` needs a point and its terms, as in `NAME=panic`"));
    }
    for argument in points {
        let Some(point) = &argument.key else {
            return Err(argument.error("this must be a point and its terms, as in `NAME=panic`"));
        };
        let (terms, place) = terms(argument, point)?;
        for &id in &ids {
            let armed = state.arm(id, point, &terms);
            armed.map_err(|error| refused(&error, point, argument, place.as_ref()))?;
        }
    }
    Ok(())
}

pub(super) fn failpoints(
    state: &mut State,
    _: &Step,
    mut arguments: Arguments<'_>,
) -> Result<(), ScriptError> {
    let node = arguments.optional::<u64>()?;
    arguments.finish()?;
    let Some(node) = node else {
        for point in failpoint::points() {
            let mut packages: Vec<_> = point.sites.iter().map(|site| site.package).collect();
            packages.sort_unstable();
            packages.dedup();
            packages.retain(|package| PACKAGES.contains(package));
            if !packages.is_empty() {
                let line = format!("{} ({})", point.name, packages.join(", "));
                state.group.output.always(&line);
            }
        }
        return Ok(());
    };
    let id = state.exists(&node)?;
    let member = &state.group.members[&id];
    let mut text = String::new();
    for (point, Armed { terms, .. }) in &member.armed {
        let hits = member.scope.hits(point).unwrap_or(0);
        let fires = member.scope.fires(point).unwrap_or(0);
        let _ = writeln!(text, "{point}={terms} hits={hits} fires={fires}");
    }
    if text.is_empty() {
        text.push_str("no point is armed");
    }
    state.group.output.always(&text);
    Ok(())
}

impl State {
    /// Arms a point of one node; the terms `off` disarm it.
    pub(super) fn arm(&mut self, id: u64, point: &str, terms: &str) -> Result<(), Error> {
        let Some(member) = self.group.members.get_mut(&id) else { return Ok(()) };
        if terms.trim() == "off" {
            member.scope.disarm(point)?;
            member.armed.remove(point);
        } else {
            member.scope.arm(point, terms)?;
            member.armed.insert(point.to_owned(), Armed::new(terms.trim()));
        }
        Ok(())
    }

    fn one_or_all(&self, node: &Spanned<String>) -> Result<Vec<u64>, ScriptError> {
        if matches!(node.as_str(), "all" | "*") {
            return Ok(self.group.ids());
        }
        let Ok(value) = node.parse() else {
            return Err(node.error("this must be a node, or `all`"));
        };
        Ok(vec![self.exists(&Spanned { value, span: node.span.clone() })?])
    }
}

/// The terms of an argument `NAME=TERMS`, and where they stand, unless they are in quotes.
fn terms(
    argument: &Argument,
    point: &Spanned<String>,
) -> Result<(String, Option<Span>), ScriptError> {
    let text = argument.span.text();
    let start = point.span.text().len() + 1;
    let written = text.get(start..).unwrap_or_default();
    match &argument.value {
        Value::Word(word) if written.starts_with('"') => Ok((word.value.clone(), None)),
        // Parentheses around the whole are a list to the reader, and part of the terms.
        _ => Ok((written.to_owned(), Some(argument.span.part(start..text.len())))),
    }
}

/// Why a point cannot be armed, at the place in the terms where that is known.
fn refused(
    error: &Error,
    point: &Spanned<String>,
    argument: &Argument,
    terms: Option<&Span>,
) -> ScriptError {
    let at = |offset: usize, length: usize| match terms {
        Some(terms) => terms.part(offset..offset + length),
        None => argument.span.clone(),
    };
    match error {
        Error::Parse { offset, expected, .. } => {
            let rest = terms.and_then(|terms| terms.text().get(*offset..)).unwrap_or_default();
            let word = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
            at(*offset, word.max(1)).error(format!("expected {expected}"))
        }
        Error::CannotSimulate { name, action, offset, instead, .. } => {
            let message = format!("`{action}` at the failpoint `{name}` cannot be used: {instead}");
            at(*offset, action.len()).error(message)
        }
        Error::UnknownPoint { nearest, .. } => {
            let name = &**point;
            point.error(match nearest.first() {
                Some(near) => format!("there is no failpoint `{name}`; did you mean `{near}`?"),
                None => format!("there is no failpoint `{name}`; `failpoints` lists them"),
            })
        }
        error => argument.error(error.to_string().lines().next().unwrap_or_default()),
    }
}
