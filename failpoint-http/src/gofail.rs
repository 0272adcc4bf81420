//! What do gofail's routes do?
//!
//! | request | does |
//! |---|---|
//! | `GET /` | lists |
//! | `GET /name` · `GET /name/count` | shows |
//! | `PUT /name` · `PUT /failpoints` | arms one · several |
//! | `DELETE /name` | disarms |
//!
//! A path is a name as it stands or, where no point bears that, percent-decoded.

use crate::json;
use crate::lease;
use crate::reply::{Refusal, Reply};
use crate::request::{Request, decode};
use failpoint::__private::control::{self, Applied};
use failpoint::{Error, PointInfo};
use std::borrow::Cow;
use std::time::Duration;

pub(crate) fn answer(request: &Request<'_>) -> Result<Reply, Refusal> {
    let key = request.path.strip_prefix('/').ok_or(Refusal::BadPath);
    match request.method {
        "GET" => get(key?, request.wants_json()),
        "PUT" => put(key?, request),
        "DELETE" => delete(key?, request),
        _ => Err(Refusal::BadMethod),
    }
}

fn get(key: &str, json: bool) -> Result<Reply, Refusal> {
    if key.is_empty() {
        return Ok(list(json));
    }
    if let Some(key) = key.strip_suffix("/count") {
        return count(key, json);
    }
    let point = find(key)?;
    let terms = point.terms.ok_or(Refusal::GetIdle)?;
    Ok(if json {
        let (name, terms) = (json::string(&point.name), json::string(&terms));
        Reply::json(format!(r#"{{"name":{name},"terms":{terms}}}"#) + "\n")
    } else {
        Reply::text(terms + "\n")
    })
}

fn list(json: bool) -> Reply {
    let points = failpoint::points();
    if json {
        let point = |point: &PointInfo| {
            format!("{}:{}", json::string(&point.name), json::optional(point.terms.as_deref()))
        };
        let points: Vec<String> = points.iter().map(point).collect();
        return Reply::json(format!(r#"{{"failpoints":{{{}}}}}"#, points.join(",")) + "\n");
    }
    let line = |point: &PointInfo| {
        format!("{}={}", point.name, point.terms.as_deref().unwrap_or_default())
    };
    let lines: Vec<String> = points.iter().map(line).collect();
    // One line end also where there is no point: so does gofail.
    Reply::text(lines.join("\n") + "\n")
}

fn count(key: &str, json: bool) -> Result<Reply, Refusal> {
    let point = find(key)?;
    if point.terms.is_none() {
        return Err(Refusal::CountIdle);
    }
    Ok(if json {
        let (name, fires) = (json::string(&point.name), point.fires);
        Reply::json(format!(r#"{{"name":{name},"count":{fires}}}"#) + "\n")
    } else {
        Reply::text(point.fires.to_string())
    })
}

fn put(key: &str, request: &Request<'_>) -> Result<Reply, Refusal> {
    let body = std::str::from_utf8(request.body).map_err(|error| {
        let why = format!("expected UTF-8 text, and byte {} is none", error.valid_up_to());
        Refusal::SetBadTerms(why)
    })?;
    let wish = Wish::of(request)?;
    let applied = if key.eq_ignore_ascii_case("failpoints") {
        control::arm_all(body, wish.unlisted).map_err(several_refused)?
    } else {
        vec![control::arm(&name(key), body, wish.unlisted).map_err(one_refused)?]
    };
    if let Some(ttl) = wish.ttl {
        applied.iter().for_each(|one| lease::keep(&one.name, one.generation, ttl));
    }
    for Applied { name, was, terms, .. } in &applied {
        let was = was.as_deref().unwrap_or("idle");
        let ttl = wish.ttl.map(|ttl| format!(", for {ttl:?}")).unwrap_or_default();
        control::inform(format_args!(
            "failpoint-http: {} armed {name}: was {was}, now {terms}{ttl}",
            request.from
        ));
    }
    Ok(Reply::done().noting(wish.note(&applied)))
}

fn delete(key: &str, request: &Request<'_>) -> Result<Reply, Refusal> {
    let point = find(key).map_err(|_| Refusal::DeleteUnknown)?;
    match failpoint::disarm(&point.name) {
        Ok(true) => {}
        Ok(false) => return Err(Refusal::DeleteIdle),
        Err(_) => return Err(Refusal::DeleteUnknown),
    }
    control::inform(format_args!(
        "failpoint-http: {} disarmed {}: was {}",
        request.from,
        point.name,
        point.terms.as_deref().unwrap_or("idle")
    ));
    Ok(Reply::done())
}

/// The point that a path stands for.
fn find(key: &str) -> Result<PointInfo, Refusal> {
    failpoint::point(&name(key)).map_err(|_| Refusal::GetUnknown)
}

/// The name that a path stands for: the raw one goes first.
fn name(key: &str) -> Cow<'_, str> {
    if !key.contains('%') || failpoint::point(key).is_ok() {
        Cow::Borrowed(key)
    } else {
        decode(key)
    }
}

fn one_refused(error: Error) -> Refusal {
    refused(&error, explain(&error))
}

fn several_refused(errors: Vec<Error>) -> Refusal {
    let mut lines: Vec<String> = errors.iter().map(explain).collect();
    lines.push("nothing was changed".to_owned());
    let text = lines.join("\n");
    match errors.first() {
        Some(first) => refused(first, text),
        None => Refusal::SetBadTerms(text),
    }
}

/// The error in words for those who are outside.
fn explain(error: &Error) -> String {
    match error {
        Error::UnknownPoint { name, nearest, .. } if nearest.is_empty() => {
            format!("no failpoint is named `{name}` in this program; GET / lists those there are")
        }
        _ => error.to_string(),
    }
}

fn refused(error: &Error, text: String) -> Refusal {
    match error {
        Error::UnknownPoint { .. } | Error::BadName { .. } => Refusal::SetUnknown(text),
        _ => Refusal::SetBadTerms(text),
    }
}

/// What the query asks for beside the arming.
#[derive(Default)]
struct Wish {
    ttl: Option<Duration>,
    unlisted: bool,
    /// The first parameter that means nothing here.
    unknown: Option<String>,
}

impl Wish {
    fn of(request: &Request<'_>) -> Result<Self, Refusal> {
        let mut wish = Wish::default();
        for (name, value) in request.parameters() {
            match &*name {
                "ttl" => wish.ttl = Some(ttl(&value)?),
                "unlisted" => wish.unlisted = yes_or_no(&value)?,
                _ => wish.unknown = Some(name.into_owned()),
            }
        }
        Ok(wish)
    }

    /// What the caller may not expect. A header holds ASCII alone.
    fn note(&self, applied: &[Applied]) -> Option<String> {
        let mut notes = Vec::new();
        if applied.iter().any(|one| one.unwinds) {
            notes.push(
                "panic unwinds only the thread that comes by; start the process with \
                 FAILPOINT_PANIC=abort to end it"
                    .to_owned(),
            );
        }
        if let Some(name) = &self.unknown {
            let name = name.escape_default();
            notes.push(format!(
                "the parameter {name} means nothing here; there are ttl and unlisted"
            ));
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

fn ttl(text: &str) -> Result<Duration, Refusal> {
    match control::parse_duration(text) {
        Ok(Duration::ZERO) => {
            Err(Refusal::BadParameter("ttl: expected a duration longer than nothing".to_owned()))
        }
        Ok(ttl) => Ok(ttl),
        Err(error) => Err(Refusal::BadParameter(format!("ttl: {error}"))),
    }
}

fn yes_or_no(text: &str) -> Result<bool, Refusal> {
    match text {
        "1" | "true" | "" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Refusal::BadParameter("unlisted: expected 1 or 0".to_owned())),
    }
}
