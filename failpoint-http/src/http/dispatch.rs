//! Answers a request, independent of the transport.

use crate::http::access::Access;
use crate::http::gofail;
use crate::http::problem::HttpError;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::http::v1;
use failpoint::__bridge::control;
use std::panic::{self, AssertUnwindSafe};

/// See [`crate::respond`].
pub(crate) fn respond(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let reply = respond_by(method, path, headers, body, "respond()", answer);
    // Our own adapters leave the body out themselves.
    if method == "HEAD" { reply.of_head() } else { reply }
}

/// Lets `act` answer a request to another server, if the access check accepts it.
pub(crate) fn respond_by(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    from: &str,
    act: impl FnOnce(&Request<'_>) -> Reply,
) -> Reply {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = Request { method, path, query, headers, body, from };
    match Access::mounted().admit(&request) {
        Ok(()) => act(&request),
        Err(refusal) => refuse(&request, refusal),
    }
}

/// Answers a request that the access check has accepted.
pub(crate) fn answer(request: &Request<'_>) -> Reply {
    guarded(request, || match v1::answer(request) {
        Some(reply) => Ok(reply),
        None => gofail::answer(request),
    })
}

/// Lets `act` answer. No point is evaluated during the call, whatever code it runs.
pub(crate) fn guarded(
    request: &Request<'_>,
    act: impl FnOnce() -> Result<Reply, HttpError>,
) -> Reply {
    let _quiet = control::quiet();
    // This runs `FromTerm` implementations of the program, which may panic.
    let answered = panic::catch_unwind(AssertUnwindSafe(act));
    match answered.unwrap_or(Err(HttpError::Panicked)) {
        Ok(reply) => reply,
        Err(refusal) => refuse(request, refusal),
    }
}

/// Refuses as JSON or as text, as the caller expects.
pub(crate) fn refuse(request: &Request<'_>, refusal: HttpError) -> Reply {
    if request.wants_json() || v1::is_route(request.path) {
        refusal.into_problem()
    } else {
        refusal.into_text()
    }
}
