//! How is a change made over HTTP, whichever route asked for it?
//!
//! It is held to the rails, made, given its end, and told to the log: who, which point, what it was
//! and what it is.

use crate::first;
use crate::lease;
use crate::rails::{self, NotAllowed};
use failpoint::__private::control::{
    self, Applied, Changed, Disarmed, Precondition, Stale, Unfulfilled, Wish,
};
use failpoint::{Error, PointInfo};
use std::time::Duration;

/// What came of an arming.
pub(crate) struct Armed {
    pub(crate) revision: u64,
    pub(crate) points: Vec<Applied>,
    /// What the caller may not expect, in ASCII.
    pub(crate) notes: Vec<String>,
}

/// Why there was none. Nothing is changed.
pub(crate) enum Unarmed {
    /// Never empty.
    NotAllowed(Vec<NotAllowed>),
    Unfulfilled(Unfulfilled),
}

/// Arms all that is wished for, or nothing.
pub(crate) fn arm(
    wish: Wish,
    ttl: Option<Duration>,
    precondition: &Precondition,
    from: &str,
) -> Result<Armed, Unarmed> {
    let rails = rails::in_force().map_err(|error| {
        let why = format!("nothing is armed over HTTP until this is put right: {error}");
        Unarmed::NotAllowed(vec![NotAllowed { name: None, why }])
    })?;
    let refused = rails.refuse(&wish);
    if !refused.is_empty() {
        return Err(Unarmed::NotAllowed(refused));
    }
    let (ttl, shortened) = rails.limit(ttl);
    let Changed { revision, made: points } =
        wish.arm(precondition).map_err(Unarmed::Unfulfilled)?;
    first::note();
    let for_ttl = ttl.map(|ttl| format!(", for {ttl:?}")).unwrap_or_default();
    for Applied { was, point, .. } in &points {
        if let Some(ttl) = ttl {
            lease::keep(&point.name, point.generation, ttl);
        }
        control::inform(format_args!(
            "failpoint-http: {from} armed {}: was {}, now {}{for_ttl}",
            point.name,
            or_idle(was.as_deref()),
            or_idle(point.terms.as_deref()),
        ));
    }
    let mut notes = Vec::new();
    if points.iter().any(|one| one.unwinds) {
        notes.push(
            "panic unwinds only the thread that comes by; start the process with \
             FAILPOINT_PANIC=abort to end it"
                .to_owned(),
        );
    }
    if let (Some(ttl), true) = (ttl, shortened) {
        // In ASCII, which the sign of microseconds is not.
        let millis = ttl.as_millis();
        notes.push(format!("it is disarmed after {millis}ms, as FAILPOINT_HTTP_MAX_TTL says"));
    }
    Ok(Armed { revision, points, notes })
}

/// Disarms one point, whether it is armed or not.
pub(crate) fn disarm(
    name: &str,
    precondition: &Precondition,
    from: &str,
) -> Result<Disarmed, Unfulfilled> {
    let disarmed = control::disarm(name, precondition)?;
    if let Some(was) = &disarmed.was {
        let terms = or_idle(was.terms.as_deref());
        control::inform(format_args!("failpoint-http: {from} disarmed {name}: was {terms}"));
    }
    Ok(disarmed)
}

/// Disarms everything; gives what was armed, as it stood.
pub(crate) fn reset(
    precondition: &Precondition,
    from: &str,
) -> Result<Changed<Vec<PointInfo>>, Stale> {
    let reset = control::reset(precondition)?;
    for point in &reset.made {
        let terms = or_idle(point.terms.as_deref());
        control::inform(format_args!("failpoint-http: {from} reset {}: was {terms}", point.name));
    }
    Ok(reset)
}

/// Lets at most `n` paused callers go: how many went, and how many stand there still.
pub(crate) fn resume(name: &str, n: usize, from: &str) -> Result<(usize, u64), Error> {
    let (resumed, paused) = control::resume(name, n)?;
    if resumed > 0 {
        control::inform(format_args!(
            "failpoint-http: {from} resumed {resumed} at {name}: {paused} still paused"
        ));
    }
    Ok((resumed, paused))
}

fn or_idle(terms: Option<&str>) -> &str {
    terms.unwrap_or("idle")
}
