//! The routes of extensions, below `/v1/ext/`: which there are, and how one is called.
//!
//! A handler may block, so a transport that serves other requests on its thread gives the call a thread of
//! its own. The number of these threads is limited.

use super::query::{Parameter, Query, Takes};
use crate::change;
use crate::conn::permits;
use crate::ext::{ExtendError, Handler, Request as ExtRequest, Route};
use crate::http::problem::Kind;
use crate::http::request::Request;
use crate::http::response::Reply;
use crate::percent::decode_strictly;
use crate::wire::Problem;
use failpoint::__bridge::control;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use tokio::sync::oneshot;

/// The root of all extensions.
const ROOT: &str = "/v1/ext";

/// All extensions, by prefix. They are never removed.
static EXTENSIONS: RwLock<BTreeMap<String, Arc<Extension>>> = RwLock::new(BTreeMap::new());

/// The routes of one extension.
type Extension = [Served];

/// One route of an extension.
pub(super) struct Served {
    pub(super) method: &'static str,
    /// The path below the prefix, with `{name}` as the placeholder for any one segment.
    below: &'static str,
    /// The whole path.
    pub(super) path: String,
    pub(super) about: &'static str,
    pub(super) parameters: Vec<Parameter>,
    handler: Handler,
}

/// See [`crate::extend`].
pub(crate) fn extend(
    prefix: &str,
    routes: impl IntoIterator<Item = Route>,
) -> Result<(), ExtendError> {
    if !is_prefix(prefix) {
        return Err(ExtendError::BadPrefix { given: prefix.to_owned() });
    }
    let mut extension: Vec<Served> = Vec::new();
    for route in routes {
        let is_there = |one: &Served| (one.method, one.below) == (route.method, route.path);
        let why = match why_not(&route) {
            None if extension.iter().any(is_there) => Some("it is given twice"),
            why => why,
        };
        if let Some(why) = why {
            let route = format!("{} {}", route.method, route.path);
            return Err(ExtendError::BadRoute { route, why });
        }
        extension.push(Served::new(prefix, route));
    }
    // The lock is held: the program's allocator may have points.
    let _quiet = control::quiet();
    let mut extensions = EXTENSIONS.write().unwrap_or_else(PoisonError::into_inner);
    if extensions.contains_key(prefix) {
        return Err(ExtendError::Taken { prefix: prefix.to_owned() });
    }
    extensions.insert(prefix.to_owned(), extension.into());
    Ok(())
}

/// All extensions, sorted by prefix.
pub(super) fn all() -> BTreeMap<String, Arc<Extension>> {
    EXTENSIONS.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn is_prefix(prefix: &str) -> bool {
    let is_one = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=32).contains(&prefix.len()) && prefix.bytes().all(is_one)
}

/// What is wrong with a route.
fn why_not(route: &Route) -> Option<&'static str> {
    let is_name = |text: &str| {
        let is_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !text.is_empty() && text.bytes().all(is_one)
    };
    let in_braces = |segment| placeholder(segment).unwrap_or(segment);
    let mut segments = segments(route.path);
    if !segments.clone().all(|segment| is_name(in_braces(segment))) {
        return Some(
            "a path has segments of ASCII letters, digits, -, _ and ., separated by /; a segment may \
             be in braces",
        );
    }
    let mut placeholders: Vec<&str> = segments.clone().filter_map(placeholder).collect();
    placeholders.sort_unstable();
    if placeholders.windows(2).any(|two| two[0] == two[1]) {
        return Some("two segments in braces have the same name");
    }
    // Clients resolve such segments before they send the path.
    if segments.any(|segment| matches!(segment, "." | "..")) {
        return Some("a segment is . or ..");
    }
    let mut parameters: Vec<&str> = route.parameters.iter().map(|(name, _)| *name).collect();
    parameters.sort_unstable();
    if parameters.windows(2).any(|two| two[0] == two[1]) {
        return Some("two parameters have the same name");
    }
    (!parameters.into_iter().all(is_name))
        .then_some("a parameter has a name of ASCII letters, digits, -, _ and .")
}

/// The segments of a path; none if it is empty.
fn segments(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.split('/').filter(|_| !path.is_empty())
}

/// The name in a segment that is in braces.
pub(super) fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

impl Served {
    fn new(prefix: &str, route: Route) -> Self {
        let Route { method, path: below, about, parameters, handler } = route;
        let parameter = |(name, about)| Parameter { name, takes: Takes::Text, about };
        let parameters = parameters.into_iter().map(parameter).collect();
        let separator = if below.is_empty() { "" } else { "/" };
        let path = format!("{ROOT}/{prefix}{separator}{below}");
        Self { method, below, path, about, parameters, handler }
    }

    fn matches(&self, given: &[String]) -> bool {
        let mut wanted = segments(self.below);
        let mut given = given.iter();
        loop {
            match (wanted.next(), given.next()) {
                (Some(wanted), Some(given)) if placeholder(wanted).is_some() => {
                    if given.is_empty() {
                        return false;
                    }
                }
                (Some(wanted), Some(given)) if wanted == given => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

/// A request that matches a route. It owns everything, so that it can go to another thread.
pub(crate) struct Call {
    extension: Arc<Extension>,
    /// The index of the route.
    at: usize,
    request: ExtRequest,
    /// The client and the request, for the log.
    from: String,
    asked: String,
}

/// Why a request has no route.
type Refused = (Box<Problem>, Option<String>);

/// The call that a request asks for, if its path is one of extensions.
pub(super) fn find(request: &Request<'_>) -> Option<Result<Call, Reply>> {
    let below = request.path.strip_prefix(ROOT)?;
    let below = if below.is_empty() { below } else { below.strip_prefix('/')? };
    Some(call(request, below).map_err(|(problem, methods)| {
        let reply = Reply::problem(&problem);
        match methods {
            Some(methods) => reply.allowing(&methods),
            None => reply,
        }
    }))
}

fn call(request: &Request<'_>, below: &str) -> Result<Call, Refused> {
    let (prefix, below) = below.split_once('/').map_or((below, None), |(a, b)| (a, Some(b)));
    let extensions = all();
    let Some(extension) = extensions.get(prefix) else {
        return Err((unknown_prefix(prefix, &extensions), None));
    };
    let given: Option<Vec<String>> =
        below.iter().flat_map(|path| path.split('/')).map(decoded).collect();
    let given = given.ok_or_else(|| {
        let path = request.path.escape_debug();
        (Kind::BadRequest.because(format!("the percent-encoding of {path} is broken")), None)
    })?;
    let method = if request.method == "HEAD" { "GET" } else { request.method };
    let here = || extension.iter().enumerate().filter(|(_, route)| route.matches(&given));
    let Some((at, route)) = here().find(|(_, route)| route.method == method) else {
        return Err(match methods(here().map(|(_, route)| route.method)) {
            None => (unknown_path(request, extension), None),
            Some(methods) => {
                let detail = format!("{} takes {methods}", request.path.escape_debug());
                (Kind::MethodNotAllowed.because(detail), Some(methods))
            }
        });
    };
    let query = Query::of(request, &route.parameters).map_err(|problem| (problem, None))?;
    let asked = match request.query {
        "" => request.path.to_owned(),
        query => format!("{}?{query}", request.path),
    };
    Ok(Call {
        at,
        request: ExtRequest {
            method: route.method,
            segments: given,
            query: query.into_pairs(),
            body: request.body.to_vec(),
        },
        from: request.from.to_owned(),
        asked: format!("{method} {asked}"),
        extension: extension.clone(),
    })
}

fn decoded(segment: &str) -> Option<String> {
    decode_strictly(segment).map(|segment| segment.into_owned())
}

/// What `Allow` lists; `None` if there is no route.
fn methods<'a>(of: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut methods: Vec<&str> = of.collect();
    methods.extend(methods.contains(&"GET").then_some("HEAD"));
    methods.sort_unstable();
    (!methods.is_empty()).then(|| methods.join(", "))
}

fn unknown_prefix(prefix: &str, extensions: &BTreeMap<String, Arc<Extension>>) -> Box<Problem> {
    let prefixes: Vec<&str> = extensions.keys().map(String::as_str).collect();
    let there = match prefixes.as_slice() {
        [] => "this process has no extensions; a call in its `main` adds them, such as \
               `failpoint_disk::extend_control()`"
            .to_owned(),
        prefixes => format!("the extensions of this process are: {}", prefixes.join(", ")),
    };
    let at = format!("{ROOT}/{prefix}");
    Kind::UnknownRoute.because(format!("there is nothing at {}; {there}", at.escape_debug()))
}

fn unknown_path(request: &Request<'_>, extension: &Extension) -> Box<Problem> {
    Kind::UnknownRoute.because(format!(
        "there is nothing at {}; the routes of this extension are: {}",
        request.path.escape_debug(),
        listed(extension).join(", ")
    ))
}

/// The routes, as `POST /v1/ext/disk/crash`.
pub(super) fn listed(extension: &Extension) -> Vec<String> {
    extension.iter().map(|route| format!("{} {}", route.method, route.path)).collect()
}

impl Call {
    /// Calls the handler on this thread.
    pub(super) fn run(self) -> Reply {
        self.outcome().unwrap_or_else(|problem| Reply::problem(&problem))
    }

    /// Calls the handler on a thread of its own. It runs to its end, even if the future is dropped.
    pub(crate) async fn run_elsewhere(self) -> Reply {
        let Some(permit) = permits::CALLS.take() else {
            let limit = permits::CALLS.limit();
            return Reply::problem(&Kind::TooManyCalls.because(format!(
                "{limit} requests to extensions are running already; wait until one has ended"
            )));
        };
        let (sender, reply) = oneshot::channel();
        let run = move || {
            let reply = self.run();
            // Before the client has the reply, so that its next request finds the permit.
            drop(permit);
            let _ = sender.send(reply);
        };
        let started = thread::Builder::new().name("failpoint-ext".to_owned()).spawn(run);
        if let Err(error) = started {
            return Reply::problem(
                &Kind::TooManyCalls.because(format!("no thread can be started: {error}")),
            );
        }
        // The sender is dropped without a reply if the panic of a handler cannot be dropped.
        reply.await.unwrap_or_else(|_| Reply::problem(&panicked("the handler")))
    }

    fn outcome(self) -> Result<Reply, Box<Problem>> {
        let route = &self.extension[self.at];
        let changes = route.method != "GET";
        if changes {
            // The name that the policy knows it by.
            let name = route.path.trim_start_matches('/');
            change::may_extension(name).map_err(|why| Kind::NotAllowed.because(why))?;
        }
        let _quiet = control::quiet();
        let handle = &route.handler.handle;
        let answered = panic::catch_unwind(AssertUnwindSafe(|| handle(&self.request)));
        let (logged, answer) = match answered {
            Ok(Ok(reply)) => {
                let (logged, reply) = reply.into_parts();
                (logged, Ok(reply))
            }
            Ok(Err(refusal)) => return Err(refusal.into_problem()),
            Err(_) => {
                let what = format!("the handler of {} {}", route.method, route.path);
                (Some("the handler panicked".to_owned()), Err(panicked(&what)))
            }
        };
        if changes {
            change::log_extension(&self.from, &self.asked, logged.as_deref());
        }
        answer
    }
}

fn panicked(what: &str) -> Box<Problem> {
    Kind::Panicked.because(format!(
        "{what} panicked, and may have made a part of its change; see the program's log"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Served, is_prefix, why_not};
    use crate::ext::{Reply, Route};

    fn route(path: &'static str) -> Route {
        Route::get(path, |_| Ok(Reply::done()))
    }

    #[test]
    fn a_prefix_is_one_segment_that_needs_no_encoding() {
        for good in ["disk", "a", "x-2", &"a".repeat(32)] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "Disk", "a/b", "a b", "é", "a_b", "..", "{a}", &"a".repeat(33)] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }

    #[test]
    fn a_route_is_checked() {
        for good in ["", "crash", "a/b.c_d-E", "files/{file}", "{a}/{b}"] {
            assert_eq!(why_not(&route(good)), None, "{good}");
        }
        for bad in [
            "/", "/a", "a/", "a//b", "a b", "é", "a?b", "a%20", "{}", "{a", "a{b}", "{a}/{a}",
            "..", "a/.",
        ] {
            assert!(why_not(&route(bad)).is_some(), "{bad}");
        }
        assert_eq!(why_not(&route("a").parameter("b", "").parameter("c", "")), None);
        assert!(why_not(&route("a").parameter("b", "").parameter("b", "")).is_some());
        assert!(why_not(&route("a").parameter("b=", "")).is_some());
        assert!(why_not(&route("a").parameter("", "")).is_some());
    }

    #[test]
    fn a_placeholder_is_one_segment() {
        let matches = |path: &'static str, given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&one| one.to_owned()).collect();
            Served::new("x", route(path)).matches(&given)
        };
        assert!(matches("", &[]));
        assert!(!matches("", &[""]), "/v1/ext/x/");
        assert!(matches("a/{b}", &["a", "c/d"]));
        assert!(!matches("a/{b}", &["a", ""]));
        assert!(!matches("a/{b}", &["a"]));
        assert!(!matches("a/{b}", &["a", "b", "c"]));
        assert!(!matches("a/{b}", &["b", "b"]));
    }
}
