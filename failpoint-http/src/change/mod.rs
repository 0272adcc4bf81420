//! Changes made over HTTP, for all routes.
//!
//! A change is checked against the policy, applied, given its ttl, and logged: who made it, at which
//! point, the terms before and the terms after.

pub(crate) mod fail_crate;
pub(crate) mod first;
pub(crate) mod policy;
pub(crate) mod ttl;

use self::policy::{NotAllowed, Policy};
use self::ttl::Whose;
use failpoint::__bridge::control::{
    self, Applied, ArmError, ArmRequest, Changed, Disarmed, Precondition, Stale,
};
use failpoint::__private::text::{visible, visible_terms};
use failpoint::{Error, PointInfo};
use std::time::Duration;

/// The result of an arming.
pub(crate) struct Armed {
    pub(crate) revision: u64,
    pub(crate) points: Vec<Applied>,
    /// Effects that the caller may not expect, in ASCII.
    pub(crate) notes: Vec<String>,
}

/// Why arming was refused. Nothing was changed.
pub(crate) enum Unarmed {
    /// Never empty.
    NotAllowed(Vec<NotAllowed>),
    ArmError(ArmError),
}

/// Why arming a point of the crate `fail` was refused. Nothing was changed.
pub(crate) enum UnarmedReal {
    NotAllowed(NotAllowed),
    Unarmed(fail_crate::Unarmed),
}

/// Arms all points of the request, or none.
pub(crate) fn arm(
    arm_request: ArmRequest,
    ttl: Option<Duration>,
    precondition: &Precondition,
    from: &str,
) -> Result<Armed, Unarmed> {
    let policy = policy().map_err(|refused| Unarmed::NotAllowed(vec![refused]))?;
    let refused = policy.refuse(&arm_request);
    if !refused.is_empty() {
        return Err(Unarmed::NotAllowed(refused));
    }
    let (ttl, shortened) = policy.limit(ttl);
    let Changed { revision, made: points } =
        arm_request.arm(precondition).map_err(Unarmed::ArmError)?;
    first::note();
    for Applied { was, point, .. } in &points {
        ttl::armed(Whose::Ours, point.name(), point.generation(), ttl);
        log_armed(from, point.name(), was.as_deref(), point.terms(), ttl);
    }
    let mut notes = Vec::new();
    if points.iter().any(|one| one.unwinds) {
        notes.push(
            "panic unwinds only the thread that hits the point; start the process with \
             FAILPOINT_PANIC=abort to end it"
                .to_owned(),
        );
    }
    notes.extend(note_of_ttl(ttl, shortened));
    Ok(Armed { revision, points, notes })
}

/// Arms a point of the crate `fail`, to which `terms` are passed unchanged.
pub(crate) fn arm_real(
    (name, there): (&str, &str),
    terms: &str,
    ttl: Option<Duration>,
    from: &str,
) -> Result<(Option<String>, PointInfo, Vec<String>), UnarmedReal> {
    let policy = policy().map_err(UnarmedReal::NotAllowed)?;
    let actions = fail_crate::actions(terms);
    if let Some(why) = policy.why_not(name, &actions) {
        return Err(UnarmedReal::NotAllowed(NotAllowed { name: Some(name.to_owned()), why }));
    }
    let (ttl, shortened) = policy.limit(ttl);
    let armed = fail_crate::arm(name, there, terms).map_err(UnarmedReal::Unarmed)?;
    first::note();
    ttl::armed(Whose::Fail, name, armed.number, ttl);
    log_armed(from, name, armed.was.as_deref(), armed.point.terms.as_deref(), ttl);
    let panics = actions.contains(&"panic");
    let note =
        "the crate fail unwinds only the thread that hits the point, whatever FAILPOINT_PANIC says";
    let notes = panics.then(|| note.to_owned()).into_iter();
    Ok((armed.was, armed.point, notes.chain(note_of_ttl(ttl, shortened)).collect()))
}

/// Disarms one point, whether it is armed or not.
pub(crate) fn disarm(
    name: &str,
    precondition: &Precondition,
    from: &str,
) -> Result<Disarmed, ArmError> {
    let number = fail_crate::last_number();
    let disarmed = match fail_crate::disarm(name, precondition) {
        Some(disarmed) => {
            let disarmed = disarmed.map_err(ArmError::Stale)?;
            ttl::disarmed(Whose::Fail, name, number);
            disarmed
        }
        None => {
            let disarmed = control::disarm(name, precondition)?;
            ttl::disarmed(Whose::Ours, name, disarmed.now.generation);
            disarmed
        }
    };
    if let Some(was) = &disarmed.was {
        let terms = or_idle(was.terms.as_deref());
        let name = visible(name);
        control::inform(format_args!("failpoint-http: {from} disarmed {name}: was {terms}"));
    }
    Ok(disarmed)
}

/// Disarms all points; returns their state before.
pub(crate) fn reset(
    precondition: &Precondition,
    from: &str,
) -> Result<Changed<Vec<PointInfo>>, Stale> {
    let number = fail_crate::last_number();
    let mut reset = control::reset(precondition)?;
    reset.made.append(&mut fail_crate::reset());
    ttl::reset(Whose::Ours, reset.revision);
    ttl::reset(Whose::Fail, number);
    reset.made.sort_by(|a, b| a.name.cmp(&b.name));
    for point in &reset.made {
        let terms = or_idle(point.terms.as_deref());
        let name = visible(&point.name);
        control::inform(format_args!("failpoint-http: {from} reset {name}: was {terms}"));
    }
    Ok(reset)
}

/// Resumes at most `n` paused callers. Returns how many were resumed and how many are still paused.
pub(crate) fn resume(name: &str, n: usize, from: &str) -> Result<(usize, u64), Error> {
    let (resumed, paused) = control::resume(name, n)?;
    if resumed > 0 {
        control::inform(format_args!(
            "failpoint-http: {from} resumed {resumed} at {}: {paused} still paused",
            visible(name)
        ));
    }
    Ok((resumed, paused))
}

/// Why the policy does not allow a change of an extension. `name` is its path, without the first `/`.
pub(crate) fn may_extension(name: &str) -> Result<(), String> {
    let policy = policy().map_err(|refused| refused.why)?;
    policy.why_not_extension(name).map_or(Ok(()), Err)
}

/// Logs a change that an extension has made. `asked` is the method, the path and the query.
pub(crate) fn log_extension(from: &str, asked: &str, what: Option<&str>) {
    let asked = cut(visible(asked).to_string());
    let what = what.map(|what| format!(": {}", cut(visible(what).to_string()))).unwrap_or_default();
    control::inform(format_args!("failpoint-http: {from} called {asked}{what}"));
}

fn policy() -> Result<&'static Policy, NotAllowed> {
    policy::in_force().map_err(|error| {
        let why = format!("nothing can be armed over HTTP until this is fixed: {error}");
        NotAllowed { name: None, why }
    })
}

fn note_of_ttl(ttl: Option<Duration>, shortened: bool) -> Option<String> {
    // Milliseconds, because the note is ASCII and `µs` is not.
    let millis = ttl.filter(|_| shortened)?.as_millis();
    Some(format!("it is disarmed after {millis}ms because of FAILPOINT_HTTP_MAX_TTL"))
}

fn log_armed(from: &str, name: &str, was: Option<&str>, now: Option<&str>, ttl: Option<Duration>) {
    let for_ttl = ttl.map(|ttl| format!(", for {ttl:?}")).unwrap_or_default();
    control::inform(format_args!(
        "failpoint-http: {from} armed {}: was {}, now {}{for_ttl}",
        visible(name),
        or_idle(was),
        or_idle(now),
    ));
}

/// Terms for the log: on one line, so that one change cannot look like two.
fn or_idle(terms: Option<&str>) -> String {
    cut(visible_terms(terms.unwrap_or("idle")).into_owned())
}

/// Cuts a long text of the log, because a request may contain a megabyte of terms.
fn cut(text: String) -> String {
    /// In characters.
    const SHOWN: usize = 400;
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => {
            let rest = text.len() - end;
            format!("{}… ({rest} bytes more)", &text[..end])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::or_idle;

    #[test]
    fn long_terms_are_cut_on_the_log() {
        assert_eq!(or_idle(None), "idle");
        let short = "é".repeat(400);
        assert_eq!(or_idle(Some(&short)), short);
        assert_eq!(or_idle(Some(&format!("{short}éa"))), format!("{short}… (3 bytes more)"));
    }
}
