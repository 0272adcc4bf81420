//! The routes of version 1. One table defines them, and `/openapi.json` is generated from it.
//!
//! ```text
//! query shape ─▶ call list ext ─▶ about events metrics points wait ─▶ route ─▶ routes ─▶ openapi
//! ```

mod about;
mod call;
mod events;
mod ext;
mod list;
mod metrics;
mod openapi;
mod points;
mod query;
mod route;
mod routes;
mod shape;
mod wait;

use crate::http::problem::Kind;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::wire::Problem;
use call::Call;
use route::{Act, Held, Route};
use routes::ROUTES;

pub(crate) use events::{Events, Filter, HEARTBEAT};
pub(crate) use ext::{Call as ExtCall, extend};
pub(crate) use wait::Wait;

/// The reply, if the request is for a route of version 1. `HEAD` gets the reply to `GET`; the caller
/// leaves out the body.
pub(crate) fn answer(request: &Request<'_>) -> Option<Reply> {
    if !is_route(request.path) {
        return None;
    }
    if let Some(found) = ext::find(request) {
        return Some(match found {
            Ok(call) => call.run(),
            Err(refused) => refused,
        });
    }
    Some(match find(request) {
        Ok((route, name)) => {
            let done = Call::of(request, name, route.parameters).and_then(|call| match route.act {
                Act::Now(act) => act(&call),
                Act::Document => Ok(Reply::json(&*openapi::with_extensions())),
                Act::Held(_) => Err(Kind::NeedsListener.because(
                    "waits and event streams need the listener of serve_from_env(), or the axum \
                     router",
                )),
            });
            done.unwrap_or_else(|problem| {
                debug_assert!(route.may_refuse(&problem), "undocumented: {problem:?}");
                Reply::problem(&problem)
            })
        }
        Err(NotFound::Route) => Reply::problem(&Kind::UnknownRoute.because(format!(
            "there is nothing at {}; GET /openapi.json lists all routes",
            request.path.escape_debug()
        ))),
        Err(NotFound::Method(methods)) => {
            let is_put = request.method == "POST" && methods.split(", ").any(|one| one == "PUT");
            let hint = if is_put { "use PUT to arm: " } else { "" };
            let detail = format!("{hint}{} takes {methods}", request.path.escape_debug());
            Reply::problem(&Kind::MethodNotAllowed.because(detail)).allowing(&methods)
        }
    })
}

/// A request that cannot be answered at once.
pub(crate) enum Open {
    Wait(Wait),
    Events(Filter),
    Extension(ExtCall),
}

/// What to hold open, if the request cannot be answered at once.
pub(crate) fn held_open(request: &Request<'_>) -> Option<Result<Open, Box<Problem>>> {
    if !is_route(request.path) {
        return None;
    }
    if let Some(found) = ext::find(request) {
        // `answer` refuses the others.
        return found.ok().map(|call| Ok(Open::Extension(call)));
    }
    let (route, name) = find(request).ok()?;
    let Act::Held(held) = route.act else { return None };
    Some(Call::of(request, name, route.parameters).and_then(|call| match held {
        Held::Wait => Wait::of(&call).map(Open::Wait),
        Held::Events => Filter::of(&call).map(Open::Events),
    }))
}

/// Whether `path` is reserved for version 1. Names of points cannot begin like this.
pub(crate) fn is_route(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/") || ROUTES.iter().any(|route| route.path == path)
}

enum NotFound {
    Route,
    /// The allowed methods.
    Method(String),
}

fn find<'a>(request: &Request<'a>) -> Result<(&'static Route, &'a str), NotFound> {
    let (template, name) = ROUTES
        .iter()
        .find_map(|route| Some((route.path, named(route.path, request.path)?)))
        .ok_or(NotFound::Route)?;
    let here = || ROUTES.iter().filter(move |route| route.path == template);
    let method = if request.method == "HEAD" { "GET" } else { request.method };
    match here().find(|route| route.method == method) {
        Some(route) => Ok((route, name)),
        None => {
            let mut methods: Vec<&str> = here().map(|route| route.method).collect();
            methods.extend(methods.contains(&"GET").then_some("HEAD"));
            methods.sort_unstable();
            Err(NotFound::Method(methods.join(", ")))
        }
    }
}

/// The value of `{name}` if `path` matches `template`; empty if the template has no `{name}`.
fn named<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    // Searching for one character is much faster than searching for `{name}`.
    let Some((before, after)) = template.split_once('{') else {
        return (template == path).then_some("");
    };
    let after = after.strip_prefix("name}")?;
    path.strip_prefix(before)?.strip_suffix(after).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_hold_slashes() {
        let one = "/v1/points/{name}";
        assert_eq!(named(one, "/v1/points/a/b"), Some("a/b"));
        assert_eq!(named(one, "/v1/points/"), None);
        assert_eq!(named("/v1/points/{name}/wait", "/v1/points/a/b/wait"), Some("a/b"));
        assert_eq!(named("/v1/points/{name}/wait", "/v1/points/wait"), None);
        assert_eq!(named("/v1/points", "/v1/points"), Some(""));
        assert_eq!(named("/v1/points", "/v1/points/a"), None);
    }
}
