//! Parses the query, the body and `If-Match` of a request.
//!
//! Anything unknown is refused, because the request would not do what its sender expects.

use crate::change::policy;
use crate::http::problem::Kind;
use crate::http::request::Request;
use crate::percent::decode_strictly;
use crate::wire::Problem;
use failpoint::__bridge::control::{self, Precondition};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::time::Duration;

/// A parameter of a route.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) about: &'static str,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    YesOrNo,
    /// An integer of at least 1.
    Count,
    /// An integer of at least 0.
    Generation,
    Duration,
    Text,
}

/// The parameters of one request, each at most once.
pub(crate) struct Query<'a> {
    given: Vec<(&'static str, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    pub(crate) fn of(
        request: &Request<'a>,
        parameters: &[Parameter],
    ) -> Result<Self, Box<Problem>> {
        let mut given: Vec<(&'static str, Cow<'a, str>)> = Vec::new();
        for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode_strictly(name), decode_strictly(value)) else {
                let pair = pair.escape_debug();
                return Err(bad(format!("the percent-encoding of {pair} is broken")));
            };
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                return Err(unknown(&name, parameters));
            };
            if given.iter().any(|(other, _)| *other == parameter.name) {
                return Err(bad(format!("the parameter {name} is given twice")));
            }
            if !parameter.takes.is_met_by(&value) {
                let expected = parameter.takes.expected();
                return Err(bad(format!("the parameter {name} takes {expected}")));
            }
            given.push((parameter.name, value));
        }
        Ok(Self { given })
    }

    pub(crate) fn into_pairs(self) -> Vec<(&'static str, String)> {
        self.given.into_iter().map(|(name, value)| (name, value.into_owned())).collect()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| &**value)
    }

    pub(crate) fn yes_or_no(&self, name: &str) -> Option<bool> {
        self.text(name).and_then(yes_or_no)
    }

    /// A count or a generation.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        control::parse_duration(self.text(name)?).ok()
    }
}

impl Takes {
    fn expected(self) -> &'static str {
        match self {
            Takes::YesOrNo => "true or false, or 1 or 0",
            Takes::Count => "an integer of at least 1",
            Takes::Generation => "an integer of at least 0",
            Takes::Duration => "a duration greater than zero, such as 10ms, 1.5s or 1m",
            Takes::Text => "text",
        }
    }

    fn is_met_by(self, value: &str) -> bool {
        match self {
            Takes::YesOrNo => yes_or_no(value).is_some(),
            Takes::Count => number(value).is_some_and(|number| number > 0),
            Takes::Generation => number(value).is_some(),
            Takes::Duration => control::parse_duration(value).is_ok_and(|time| !time.is_zero()),
            Takes::Text => true,
        }
    }
}

/// The body, parsed as one of the types in `wire`.
pub(crate) fn body<T: DeserializeOwned>(request: &Request<'_>) -> Result<T, Box<Problem>> {
    serde_json::from_slice(request.body).map_err(|error| bad(format!("the body: {error}")))
}

/// The `ttl` of a body.
pub(crate) fn ttl(text: Option<&str>) -> Result<Option<Duration>, Box<Problem>> {
    let Some(text) = text else { return Ok(None) };
    policy::ttl(text).map(Some).map_err(|why| bad(format!("ttl: {why}")))
}

/// The precondition in `If-Match`: a generation for one point, a revision for all.
pub(crate) fn precondition(
    request: &Request<'_>,
    of_a_point: bool,
) -> Result<Precondition, Box<Problem>> {
    let mut states = None;
    for value in request.header("if-match") {
        let states = states.get_or_insert_with(Vec::new);
        for tag in value.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(if of_a_point { Precondition::Known } else { Precondition::None });
            }
            // A weak one is never the same, in the sense of this header.
            if let Some(weak) = tag.strip_prefix("W/") {
                quoted(weak)?;
                continue;
            }
            // A tag that is not a number cannot be one of ours.
            states.extend(number(quoted(tag)?));
        }
    }
    Ok(match states {
        None => Precondition::None,
        Some(generations) if of_a_point => Precondition::Generation(generations),
        Some(revisions) => Precondition::Revision(revisions),
    })
}

fn quoted(tag: &str) -> Result<&str, Box<Problem>> {
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).ok_or_else(|| {
        bad("If-Match takes an ETag with its quotes, or several separated by commas".to_owned())
    })
}

fn unknown(name: &str, parameters: &[Parameter]) -> Box<Problem> {
    let there: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    let name = name.escape_debug();
    bad(format!("the parameter {name} is not known; this route takes {there}"))
}

fn bad(detail: String) -> Box<Problem> {
    Kind::BadRequest.because(detail)
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Only digits: no sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
