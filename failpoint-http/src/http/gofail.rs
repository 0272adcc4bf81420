//! gofail's routes.
//!
//! | request | does |
//! |---|---|
//! | `GET /` | lists |
//! | `GET /name` · `GET /name/count` | shows |
//! | `PUT /name` · `PUT /failpoints` | arms one · several |
//! | `DELETE /name` | disarms |
//!
//! A path is the raw name of a point or, if there is no such point, the percent-encoded name.
//!
//! The list is for people: it shows terms without hidden characters, in a spelling that parses to the
//! same terms. `GET /name` returns the original terms, byte for byte.

use crate::change::{self, Unarmed, UnarmedReal, fail_crate, policy};
use crate::http::problem::{self, HttpError, Kind, Why};
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::percent;
use failpoint::__bridge::control::{self, ArmError, ArmRequest, Fault, Precondition};
use failpoint::__private::text::{is_hidden, visible};
use failpoint::{Error, PointInfo};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// The approximate length of a line in the list.
const ROOM: usize = 48;

pub(crate) fn answer(request: &Request<'_>) -> Result<Reply, HttpError> {
    let key = request.path.strip_prefix('/').ok_or(HttpError::BadPath);
    match request.method {
        "GET" => get(key?, request.wants_json()),
        "PUT" => put(key?, request),
        "DELETE" => delete(key?, request),
        _ => Err(HttpError::BadMethod),
    }
}

fn get(key: &str, json: bool) -> Result<Reply, HttpError> {
    if key.is_empty() {
        return Ok(list(json));
    }
    if let Some(key) = key.strip_suffix("/count") {
        return count(key, json);
    }
    let point = find(key)?;
    let terms = point.terms.ok_or(HttpError::GetIdle)?;
    Ok(if json {
        Reply::json(&One { name: &point.name, terms: &terms })
    } else {
        Reply::text(terms + "\n")
    })
}

fn list(json: bool) -> Reply {
    let mut points = control::listing().made;
    fail_crate::add_to(&mut points);
    if json {
        let named = points.iter().map(|point| (point.name(), point.terms()));
        return Reply::json(&All { failpoints: named.collect() });
    }
    let mut text = String::with_capacity(points.len() * ROOM);
    for point in &points {
        let terms = point.shown().unwrap_or_default();
        text.extend([&*listed(point.name()), "=", &*terms, "\n"]);
    }
    // A line end even if there is no point, as in gofail.
    Reply::text(if text.is_empty() { "\n".to_owned() } else { text })
}

fn count(key: &str, json: bool) -> Result<Reply, HttpError> {
    if fail_crate::point(&name(key)).is_some() {
        return Err(HttpError::Uncounted);
    }
    let point = find(key)?;
    if point.terms.is_none() {
        return Err(HttpError::CountIdle);
    }
    Ok(if json {
        Reply::json(&Count { name: &point.name, count: point.fires })
    } else {
        Reply::text(point.fires.to_string())
    })
}

fn put(key: &str, request: &Request<'_>) -> Result<Reply, HttpError> {
    let body = std::str::from_utf8(request.body).map_err(|error| {
        let why = format!("expected UTF-8 text; byte {} is not valid UTF-8", error.valid_up_to());
        HttpError::SetBadTerms(why.into())
    })?;
    let options = Options::of(request)?;
    let several = key.eq_ignore_ascii_case("failpoints");
    let name = name(key);
    if let (false, Some(there)) = (several, fail_crate::name_in(&name)) {
        return match change::arm_real((&name, there), body, options.ttl, request.from) {
            Ok((_, _, notes)) => Ok(Reply::done().noting(options.note(notes))),
            Err(UnarmedReal::NotAllowed(refused)) => Err(HttpError::SetNotAllowed(refused.why)),
            Err(UnarmedReal::Unarmed(fail_crate::Unarmed::BadName(fault))) => {
                Err(refused(vec![*fault], false))
            }
            Err(UnarmedReal::Unarmed(fail_crate::Unarmed::BadTerms(why))) => {
                Err(HttpError::SetBadTerms(why.into()))
            }
        };
    }
    let arm_request = if several {
        ArmRequest::config(body, options.unlisted)
    } else {
        let mut arm_request = ArmRequest::default();
        arm_request.add(&name, body, options.unlisted);
        arm_request
    };
    match change::arm(arm_request, options.ttl, &Precondition::None, request.from) {
        Ok(armed) => Ok(Reply::done().noting(options.note(armed.notes))),
        Err(Unarmed::NotAllowed(refused)) => {
            let lines = problem::lines(refused.into_iter().map(|one| one.why));
            Err(HttpError::SetNotAllowed(lines.join("\n")))
        }
        Err(Unarmed::ArmError(ArmError::Faults(faults))) => Err(refused(faults, several)),
        // There is no precondition.
        Err(Unarmed::ArmError(ArmError::Stale(_))) => Err(refused(Vec::new(), several)),
    }
}

fn delete(key: &str, request: &Request<'_>) -> Result<Reply, HttpError> {
    let name = name(key);
    match change::disarm(&name, &Precondition::None, request.from) {
        Ok(disarmed) if disarmed.was.is_some() => Ok(Reply::done()),
        Ok(_) => Err(HttpError::DeleteIdle),
        Err(ArmError::Faults(faults)) => {
            Err(HttpError::DeleteUnknown(match fail_crate::name_in(&name) {
                Some(there) => {
                    format!("the crate `fail` has nothing configured at `{}`", visible(there))
                        .into()
                }
                None => why(faults, false),
            }))
        }
        // There is no precondition.
        Err(ArmError::Stale(_)) => Err(HttpError::DeleteUnknown(why(Vec::new(), false))),
    }
}

#[derive(Serialize)]
struct One<'a> {
    name: &'a str,
    terms: &'a str,
}

#[derive(Serialize)]
struct Count<'a> {
    name: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct All<'a> {
    failpoints: BTreeMap<&'a str, Option<&'a str>>,
}

/// The point at a path.
fn find(key: &str) -> Result<PointInfo, HttpError> {
    let name = name(key);
    let point = failpoint::point(&name).ok().or_else(|| fail_crate::point(&name));
    point.ok_or(HttpError::GetUnknown)
}

/// The name in a path. The raw name takes precedence over the decoded one.
fn name(key: &str) -> Cow<'_, str> {
    if !key.contains('%') || control::is_known(key) {
        Cow::Borrowed(key)
    } else {
        percent::decode(key)
    }
}

/// A name as the list shows it. Only names of the crate `fail` may contain characters to encode.
fn listed(name: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"%=?".contains(&byte);
    // The usual case, and faster on bytes.
    if name.bytes().all(is_plain) {
        return name.into();
    }
    let is_odd = |char: char| is_hidden(char) || char.is_whitespace() || "%=?".contains(char);
    if name.contains(is_odd) { percent::encode(name).into() } else { name.into() }
}

fn refused(faults: Vec<Fault>, several: bool) -> HttpError {
    let first = faults.first().map(|fault| &fault.error);
    let kind = first.map_or(Kind::BadTerms, problem::kind_of);
    let is_unparsed = matches!(first, Some(Error::Parse { .. }) | None);
    let why = why(faults, several);
    match kind {
        Kind::UnknownPoint | Kind::BadName => HttpError::SetUnknown(why),
        Kind::TooLarge => HttpError::SetTooLarge(why),
        Kind::TooManyUnlisted => HttpError::SetTooManyUnlisted(why),
        _ if is_unparsed => HttpError::SetBadTerms(why),
        kind => HttpError::SetUnfit(kind, why),
    }
}

/// All faults, one line each.
fn why(faults: Vec<Fault>, several: bool) -> Why {
    let mut lines = problem::lines(faults.iter().map(|fault| problem::explain(&fault.error)));
    if several {
        lines.push("nothing was changed".to_owned());
    }
    Why { text: lines.join("\n"), problem: Some(problem::of(faults)) }
}

/// The parameters of the query.
#[derive(Default)]
struct Options {
    ttl: Option<Duration>,
    unlisted: bool,
    /// An unknown parameter.
    unknown: Option<String>,
}

impl Options {
    fn of(request: &Request<'_>) -> Result<Self, HttpError> {
        let mut options = Self::default();
        for (name, value) in request.parameters() {
            match &*name {
                "ttl" => options.ttl = Some(ttl(&value)?),
                "unlisted" => options.unlisted = yes_or_no(&value)?,
                _ => options.unknown = Some(name.into_owned()),
            }
        }
        Ok(options)
    }

    /// The text of the header `Failpoint-Note`, in ASCII.
    fn note(&self, mut notes: Vec<String>) -> Option<String> {
        if let Some(name) = &self.unknown {
            let name = name.escape_default();
            notes.push(format!(
                "the parameter {name} is not known; this route takes ttl and unlisted"
            ));
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

fn ttl(text: &str) -> Result<Duration, HttpError> {
    policy::ttl(text).map_err(|why| HttpError::BadParameter(format!("ttl: {why}")))
}

fn yes_or_no(text: &str) -> Result<bool, HttpError> {
    match text {
        "1" | "true" | "" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(HttpError::BadParameter("unlisted: expected 1 or 0".to_owned())),
    }
}
