//! Routes that another crate adds to the control plane, with [`extend`](crate::extend).
//!
//! An extension is a prefix and a list of [`Route`]s. Each route has a handler, which gets a [`Request`]
//! and returns a [`Reply`] or a [`Refusal`]. No type of an HTTP library is involved, so the same handler
//! serves the listener, mounted routers and [`respond`](crate::respond).
//!
//! ```
//! use failpoint_http::ext::{Refusal, Reply, Route};
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! static SIZE: AtomicU64 = AtomicU64::new(64);
//!
//! failpoint_http::extend(
//!     "cache",
//!     [
//!         Route::get("size", |_| {
//!             Ok(Reply::json(format!(r#"{{"size":{}}}"#, SIZE.load(Ordering::Relaxed))))
//!         })
//!         .about("How many entries the cache holds at most."),
//!         Route::put("size", |request| {
//!             let size = std::str::from_utf8(request.body()).ok().and_then(|size| size.parse().ok());
//!             let Some(size) = size else {
//!                 return Err(Refusal::new(422, "the body: expected a number of entries"));
//!             };
//!             let was = SIZE.swap(size, Ordering::Relaxed);
//!             Ok(Reply::done().logged(format!("was {was}, now {size}")))
//!         })
//!         .about("Changes it."),
//!     ],
//! )?;
//!
//! let reply = failpoint_http::respond("PUT", "/v1/ext/cache/size", &[], b"8");
//! assert_eq!(reply.status, if cfg!(feature = "failpoints") { 204 } else { 501 });
//! # Ok::<(), failpoint_http::ext::ExtendError>(())
//! ```
//! The `PUT` leaves this line in the log:
//!
//! ```text
//! failpoint-http: 127.0.0.1:51034 called PUT /v1/ext/cache/size: was 64, now 8
//! ```
//!
//! # What a route gets
//! - **Access**: the token, the `Host` and the `Origin` are checked before the handler is called.
//! - **Limits**: the body has at most 1 MiB, and the client has 10 s to send it; in a mounted router, the
//!   time is up to the server. A parameter of the query that the route does not declare, or that is given
//!   twice, is refused with 400.
//! - **Problems**: a [`Refusal`] becomes an `application/problem+json`, like every error of version 1. An
//!   unknown prefix or path is a 404 that lists what there is, and another method is a 405.
//! - **The log**: a change (`PUT`, `POST`, `DELETE`) that succeeds, or whose handler panics, is one line.
//!   `GET` is not logged, and must change nothing: a web page can send it.
//! - **A listing**: `GET /v1/info` lists the routes, and `/openapi.json` describes them.
//!
//! # How a handler runs
//! - It may block: the listener and a mounted router call it on a thread of its own, so it delays no other
//!   request. `respond` calls it on the caller's thread. It has no time limit. At most 16 run at once in
//!   these threads; one more request is refused with 503. If the client disconnects, the handler still
//!   runs to its end.
//! - Several threads may call it at once.
//! - No failpoint is evaluated on the thread while the handler runs.
//! - If it panics, the reply is a 500 problem, and the control plane continues. (If the program is built
//!   with `panic = "abort"`, the process ends.)
//! - The end of the process by an armed action waits for the reply, for at most a second. So a handler
//!   that ends the process should do so on another thread, after it has returned.
//!
//! # Policy
//! `FAILPOINT_HTTP_ALLOW` and `FAILPOINT_HTTP_DENY` also limit the changes of extensions. Their name is
//! the path, without the first `/`, as the route declares it: `v1/ext/cache/size`. No point can have such a
//! name. So `FAILPOINT_HTTP_DENY=v1/ext/*` refuses all changes of extensions, and `FAILPOINT_HTTP_ALLOW=wal*`
//! does, too. If `FAILPOINT_HTTP_ACTIONS` is set, it must list `ext`, or the changes are refused. `GET` is
//! not limited. `FAILPOINT_HTTP_MAX_TTL` and `FAILPOINT_HTTP_WAIT` concern armings over HTTP only; they do
//! not apply to what a handler does, also if it arms points.

use crate::http::response::{NO_CONTENT, OK, TEXT};
use std::borrow::Cow;
use std::fmt;

/// A method and a path below `/v1/ext/PREFIX/`, with its handler.
///
/// A path has segments separated by `/`. A segment consists of ASCII letters, digits, `-`, `_` and `.`. A
/// segment in braces, as in `files/{file}`, matches any one segment of a request. If two routes match, the
/// first one is used. The empty path is `/v1/ext/PREFIX` itself.
///
/// A `GET` route also answers `HEAD`.
#[must_use = "a route does nothing until it is passed to `extend`"]
#[cfg_attr(not(feature = "failpoints"), expect(dead_code, reason = "nothing is served"))]
pub struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    /// Names, and what they are for.
    pub(crate) parameters: Vec<(&'static str, &'static str)>,
    pub(crate) handler: Handler,
}

impl Route {
    /// A route that reads. Its handler must change nothing.
    pub fn get<H>(path: &'static str, handler: H) -> Self
    where
        H: Fn(&Request) -> Result<Reply, Refusal> + Send + Sync + 'static,
    {
        Self::new("GET", path, handler)
    }

    /// A route that changes something, and does nothing if it is called again.
    pub fn put<H>(path: &'static str, handler: H) -> Self
    where
        H: Fn(&Request) -> Result<Reply, Refusal> + Send + Sync + 'static,
    {
        Self::new("PUT", path, handler)
    }

    /// A route that does something each time.
    pub fn post<H>(path: &'static str, handler: H) -> Self
    where
        H: Fn(&Request) -> Result<Reply, Refusal> + Send + Sync + 'static,
    {
        Self::new("POST", path, handler)
    }

    /// A route that ends or removes something.
    pub fn delete<H>(path: &'static str, handler: H) -> Self
    where
        H: Fn(&Request) -> Result<Reply, Refusal> + Send + Sync + 'static,
    {
        Self::new("DELETE", path, handler)
    }

    fn new<H>(method: &'static str, path: &'static str, handler: H) -> Self
    where
        H: Fn(&Request) -> Result<Reply, Refusal> + Send + Sync + 'static,
    {
        let handler = Handler::new(handler);
        Self { method, path, about: "", parameters: Vec::new(), handler }
    }

    /// Says in a sentence what the route does, for `/openapi.json`.
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Declares a parameter of the query. It is optional, and a request gives it at most once.
    pub fn parameter(mut self, name: &'static str, about: &'static str) -> Self {
        self.parameters.push((name, about));
        self
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("method", &self.method).field("path", &self.path).finish()
    }
}

#[cfg(feature = "failpoints")]
type Handle = dyn Fn(&Request) -> Result<Reply, Refusal> + Send + Sync;

/// What a route calls. Without failpoints it is not even stored, so that its code is not compiled in.
pub(crate) struct Handler {
    #[cfg(feature = "failpoints")]
    pub(crate) handle: Box<Handle>,
}

impl Handler {
    #[cfg_attr(not(feature = "failpoints"), expect(unused_variables, reason = "not stored"))]
    fn new<H>(handle: H) -> Self
    where
        H: Fn(&Request) -> Result<Reply, Refusal> + Send + Sync + 'static,
    {
        Self {
            #[cfg(feature = "failpoints")]
            handle: Box::new(handle),
        }
    }
}

/// A request for a route of an extension.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: &'static str,
    /// Decoded.
    pub(crate) segments: Vec<String>,
    /// Decoded.
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The method of the route: `GET`, also for a `HEAD`; `PUT`, `POST` or `DELETE`.
    pub fn method(&self) -> &str {
        self.method
    }

    /// The segments of the path below the prefix, decoded: `["files", "a b"]` for
    /// `/v1/ext/PREFIX/files/a%20b`.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The value of a declared parameter of the query, decoded; empty for `?name`.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| *given == name).map(|(_, value)| &**value)
    }

    /// The body, at most 1 MiB.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// A success: a status from 200 to 299, and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    media_type: Cow<'static, str>,
    body: Vec<u8>,
    logged: Option<String>,
}

impl Reply {
    /// 204, without a body.
    pub fn done() -> Self {
        Self { status: NO_CONTENT, ..Self::new(TEXT, Vec::new()) }
    }

    /// 200 with `json`, which must be valid JSON: it is not checked. Characters that a terminal would not
    /// show are escaped, and a line end is added.
    pub fn json(json: impl Into<String>) -> Self {
        let json = failpoint::__private::text::visible_json(json.into());
        Self::new("application/json", json + "\n")
    }

    /// 200 with `text`, as UTF-8. It is sent as it is.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(TEXT, text.into())
    }

    /// 200 with `body`, of any media type.
    ///
    /// # Panics
    /// If `media_type` is not visible ASCII.
    pub fn new(media_type: impl Into<Cow<'static, str>>, body: impl Into<Vec<u8>>) -> Self {
        let media_type = media_type.into();
        let is_visible = media_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        assert!(is_visible, "a media type is visible ASCII, not {media_type:?}");
        Self { status: OK, media_type, body: body.into(), logged: None }
    }

    /// Changes the status; with 204 the body is left out.
    ///
    /// # Panics
    /// If `status` is not from 200 to 299. An error is a [`Refusal`].
    pub fn with_status(mut self, status: u16) -> Self {
        assert!((200..300).contains(&status), "a reply has a status from 200 to 299, not {status}");
        self.status = status;
        self
    }

    /// Adds what was changed to the line in the log, such as `was durable, now volatile`. Hidden characters
    /// are escaped, and a long text is cut.
    pub fn logged(mut self, what: impl Into<String>) -> Self {
        self.logged = Some(what.into());
        self
    }
}

/// An error: a status from 400 to 599, and a text that says what is wrong and what to do.
///
/// It becomes a problem of the type `urn:failpoint:refused`. A handler that refuses must have changed
/// nothing: the request is not logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    detail: String,
}

impl Refusal {
    /// A refusal.
    ///
    /// # Panics
    /// If `status` is not from 400 to 599.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        assert!(
            (400..600).contains(&status),
            "a refusal has a status from 400 to 599, not {status}"
        );
        Self { status, detail: detail.into() }
    }
}

#[cfg(feature = "failpoints")]
mod on {
    use super::{Refusal, Reply};
    use crate::http::problem::Kind;
    use crate::http::response;
    use crate::wire::Problem;

    impl Reply {
        /// What to log, and the reply to send.
        pub(crate) fn into_parts(self) -> (Option<String>, response::Reply) {
            if self.status == response::NO_CONTENT {
                return (self.logged, response::Reply::done());
            }
            let reply = response::Reply::new(self.status, &self.media_type, self.body);
            (self.logged, reply.with("x-content-type-options", "nosniff"))
        }
    }

    impl Refusal {
        pub(crate) fn into_problem(self) -> Box<Problem> {
            let mut problem = Kind::Refused.because(self.detail);
            problem.status = self.status;
            problem
        }
    }
}

/// Why [`extend`](crate::extend) added nothing. It is a mistake in the calling crate.
///
/// `Debug` prints the `Display` text.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendError {
    /// The prefix is not 1 to 32 lower-case ASCII letters, digits and `-`.
    #[non_exhaustive]
    BadPrefix {
        /// The prefix.
        given: String,
    },
    /// The process has an extension with this prefix.
    #[non_exhaustive]
    Taken {
        /// The prefix.
        prefix: String,
    },
    /// A route is not valid.
    #[non_exhaustive]
    BadRoute {
        /// The method and the path.
        route: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl fmt::Display for ExtendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtendError::BadPrefix { given } => write!(
                f,
                "`{}` is not a valid prefix of an extension: use 1 to 32 lower-case ASCII letters, \
                 digits and -",
                given.escape_debug()
            ),
            ExtendError::Taken { prefix } => write!(
                f,
                "the control plane has an extension `{prefix}` already; extend it once, with all routes"
            ),
            ExtendError::BadRoute { route, why } => {
                write!(
                    f,
                    "the route `{}` of an extension is not valid: {why}",
                    route.escape_debug()
                )
            }
        }
    }
}

impl fmt::Debug for ExtendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ExtendError {}
