//! The control plane of [`failpoint`]: arm and disarm the points of a server while it runs.
//!
//! ```no_run
//! fn main() -> Result<(), failpoint_http::ServeError> {
//!     let _control = failpoint_http::serve_from_env()?;
//!     // … the server …
//!     Ok(())
//! }
//! ```
//! ```text
//! $ GOFAIL_HTTP=127.0.0.1:22381 ./server &
//! $ curl 127.0.0.1:22381                                        # every point, and what is armed
//! raftAfterSave=
//! raftBeforeSave=
//! $ curl -XPUT -d'3*sleep(100)' '127.0.0.1:22381/raftAfterSave?ttl=5m'
//! $ curl 127.0.0.1:22381/raftAfterSave/count                    # fires since it was armed
//! $ curl -XPUT -d'raftBeforeSave=panic;raftAfterSave=off' 127.0.0.1:22381/failpoints
//! $ curl -XDELETE 127.0.0.1:22381/raftAfterSave
//! $ curl -XDELETE 127.0.0.1:22381/v1/points                     # disarms all; returns what was armed
//! ```
//! The routes, statuses and texts are gofail's, so gofail's clients work unchanged. There are some
//! additions: `?ttl=30s` disarms the point after that time, also after the listener has stopped, unless
//! it is armed again before; `?unlisted=1` allows a name that no code declares; with
//! `Accept: application/json` the reply is JSON; a header `Failpoint-Note` warns about effects that a
//! caller may not expect. `GET /` shows terms that contain control characters with escapes, in a
//! spelling that parses to the same terms; `GET /name` returns the original text.
//!
//! **In JSON.** The routes below `/v1` use JSON (the module `wire` has the types) and offer more:
//! filters, counts, conditional changes by generation with `If-Match`, several points at once by name or
//! by glob, `resume`, a report of what was never tried, and what is armed as a value for
//! `GOFAIL_FAILPOINTS`. An error is an `application/problem+json` that says what is wrong and where.
//! `/openapi.json` describes all of it.
//!
//! ```text
//! $ curl -XPUT -d'{"terms":"3*sleep(100)","ttl":"5m"}' 127.0.0.1:22381/v1/points/raftAfterSave
//! $ curl -XPUT -d'{"terms":"off"}' '127.0.0.1:22381/v1/points?match=raft*'
//! $ curl -XPOST '127.0.0.1:22381/v1/points/raftAfterSave/resume?n=1'    # resumes one paused caller
//! $ GOFAIL_FAILPOINTS="$(curl -s 127.0.0.1:22381/v1/export)" ./another-server
//! ```
//!
//! **Waiting and events.** `GET /v1/points/{name}/wait?paused=1&since=GENERATION` is a long poll: it
//! returns when the arming has reached the number of `hits`, `fires` or `paused` callers, when the
//! arming ends, or after `timeout`. `GET /v1/events` streams server-sent events; a reader that is too
//! slow loses the oldest events and is told how many. Neither uses a thread or blocks other requests,
//! and both end with the connection and with the listener. `GET /metrics` is for Prometheus: sums over
//! all armings, which never decrease. A name that no code declares is forgotten when it is disarmed.
//!
//! **Limits.** A body has at most 1 MiB, and arms at most 10,000 points, steps and conditions (413);
//! the terms of one point have at most 1,000 steps and conditions (422); at most 1,024 points that no
//! code declares are armed at once (409). So no request blocks the others, or the program, for long.
//!
//! **Separate thread.** The listener has its own thread and runtime: it answers even if all workers of
//! the server are paused or stuck, and the reply to a request that arms `kill` arrives before the
//! process ends. `mount` (feature `axum`) and [`respond`] give the same replies on your server's
//! runtime, without these two guarantees; [`respond`] does not support waits and events.
//!
//! **Access.** Without a token, the listener accepts only loopback addresses and Unix sockets, and
//! refuses a `Host` that is neither an IP address, nor `localhost`, nor listed in
//! `FAILPOINT_HTTP_HOSTS`. A foreign `Origin` is always refused.
//!
//! | variable | value |
//! |---|---|
//! | `GOFAIL_HTTP`, or else `FAILPOINT_HTTP` | `HOST:PORT` (port 0 picks a free one; without a host, all addresses), or `unix:/path?mode=0660` |
//! | `FAILPOINT_HTTP_PORT_FILE` | a file to which the bound address is written, atomically; a symbolic link there is replaced |
//! | `FAILPOINT_HTTP_TOKEN`, or a file in `FAILPOINT_HTTP_TOKEN_FILE` | the token that requests must send as `Authorization: Bearer`; allows addresses other than loopback |
//! | `FAILPOINT_HTTP_INSECURE` | `1` allows such addresses without a token |
//! | `FAILPOINT_HTTP_HOSTS` | names that are allowed as `Host`, separated by commas |
//! | `FAILPOINT_HTTP_ALLOW` | the points that may be armed over HTTP: names separated by commas, in which `*` matches any text and `?` any character; also the changes of [extensions](ext#policy), as `v1/ext/PREFIX/PATH` |
//! | `FAILPOINT_HTTP_DENY` | points that may not, in the same form; takes precedence over `ALLOW` |
//! | `FAILPOINT_HTTP_ACTIONS` | the actions that may be armed over HTTP, such as `off,sleep,return`; `ext` is any change of an extension |
//! | `FAILPOINT_HTTP_MAX_TTL` | how long a point that is armed over HTTP stays armed at most, such as `15m` |
//! | `FAILPOINT_HTTP_WAIT` | how long [`serve_from_env`] waits for the first arming over HTTP, such as `30s` |
//!
//! The limits on what may be armed apply to all requests over HTTP, also through `mount` and
//! [`respond`], and are read once. What they do not allow is refused with 403; a request for several
//! points is refused as a whole.
//!
//! **Routes of other crates.** [`extend`] adds routes below `/v1/ext/PREFIX/`, with the same access check,
//! limits, policy, log and problems; see [`ext`]. `GET /v1/info` lists them.
//!
//! **Clients.** The feature `client` has `Client`, `blocking::Client` and `ClientSet` to control servers
//! from a test or a tool: a method per route, guards that disarm when they are dropped, waits instead
//! of sleeps. It is independent of the feature `failpoints`, and needs hyper and tokio.
//!
//! **The crate `fail`.** With the feature `fail`, the points that a dependency configures in the crate
//! `fail` 0.5 are listed, armed and disarmed as `fail/NAME`, one at a time, in the syntax of that
//! crate, which accepts every name and counts nothing. If you patch `fail` with this project's package,
//! its points are points of `failpoint` and need no prefix.
//!
//! **Cost.** Without the feature `failpoints` the only dependency is `failpoint`. Then
//! [`serve_from_env`] only prints a message on stderr that failpoints were compiled out, if the
//! environment asks for them. Your `main` needs no `#[cfg]`.
//!
//! # Wiring
//!
//! ```toml
//! [dependencies]
//! failpoint = "0.1"
//! failpoint-http = "0.1"    # in the binary, for control over HTTP
//!
//! [features]                # in the binary only
//! failpoints = ["failpoint/failpoints", "failpoint-http/failpoints"]
//! ```
//!
//! Libraries depend only on `failpoint`. What turns failpoints on, and how to keep them out of a
//! release, is described in [docs/wiring.md](https://github.com/failpoint-rs/failpoint/blob/main/docs/wiring.md).
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `failpoints` | no | the control plane; turns on `failpoint/failpoints` and `axum`. Only the final binary enables it |
//! | `axum` | no | `router()` and `mount()` also in builds without failpoints, where they answer 501 |
//! | `fail` | no | the points of the crate `fail` 0.5 as `fail/NAME`, if a dependency uses it; turns on `failpoints` |
//! | `client` | no | `Client`, `blocking::Client` and `ClientSet`, to control servers from tests and tools; independent of `failpoints` |
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod error;
pub mod ext;
mod http;

#[cfg(any(feature = "client", feature = "failpoints"))]
mod env;
#[cfg(any(feature = "client", feature = "failpoints"))]
mod percent;
#[cfg(any(feature = "client", feature = "failpoints"))]
pub mod wire;

#[cfg(feature = "client")]
mod client;

#[cfg(feature = "failpoints")]
mod change;
#[cfg(feature = "failpoints")]
mod conn;
#[cfg(feature = "failpoints")]
mod server;

#[cfg(not(feature = "failpoints"))]
mod off;
#[cfg(not(feature = "failpoints"))]
use off as imp;
#[cfg(feature = "failpoints")]
mod imp {
    pub(crate) use crate::http::dispatch::respond;
    pub(crate) use crate::http::v1::extend;
    pub(crate) use crate::server::{Running, serve, serve_from_env};
}

pub use address::Address;
#[cfg(feature = "client")]
pub use client::{
    Arming, Armings, ByAddress, Client, ClientBuilder, ClientError, ClientSet, EventStream, Events,
    Filter, Gofail, Received, RemoteArmed, Wait, blocking,
};
pub use error::ServeError;
#[cfg(feature = "axum")]
pub use http::axum::{mount, router};
pub use http::compat;
pub use http::response::Reply;

use std::fmt;

/// Listens at the address in `GOFAIL_HTTP` (or `FAILPOINT_HTTP`); does nothing if it is unset or empty.
///
/// It first reads the environment of failpoints, as [`failpoint::init_from_env`] does, so that `main`
/// gets an error if that is invalid. Dropping the [`Control`] stops the listener. With
/// `FAILPOINT_HTTP_WAIT` it returns when something was armed over HTTP, or after that time.
///
/// # Daemons
/// Call it after the program has forked into the background. A child of `fork` does not serve the control
/// plane of its parent: the child starts with that listener closed, its copy of the [`Control`] has no
/// address, and the first evaluation of a site that the parent had not reached logs a warning. The child
/// can call this function itself, at the same address as soon as the parent has closed its listener.
/// Connections that were open at the `fork` stay open until both processes have ended. A bare `fork` or
/// `clone` system call, which does not go through the C library, leaves the listener open in the child.
///
/// # Errors
/// All variants of [`ServeError`]. Then nothing listens. What the environment arms stays armed, unless
/// the environment itself was refused.
///
/// ```
/// let control = failpoint_http::serve_from_env()?;
/// assert!(control.address().is_none(), "GOFAIL_HTTP is not set here");
/// # Ok::<(), failpoint_http::ServeError>(())
/// ```
pub fn serve_from_env() -> Result<Control, ServeError> {
    imp::serve_from_env().map(|running| Control { running })
}

/// Listens at `address`, written as in `GOFAIL_HTTP`. All other settings come from the environment.
///
/// # Errors
/// As [`serve_from_env`].
///
/// ```
/// let control = failpoint_http::serve("127.0.0.1:0")?;
/// assert_eq!(control.address().is_some(), cfg!(feature = "failpoints"));
/// # Ok::<(), failpoint_http::ServeError>(())
/// ```
pub fn serve(address: &str) -> Result<Control, ServeError> {
    imp::serve(address).map(|running| Control { running })
}

/// Answers a request to your own server; needs no framework.
///
/// `path` is raw and includes the query; names of `headers` may be in any case. The caller reads the
/// body, at most 1 MiB, checks access, and calls [`failpoint::hold_exit`] before this function if the
/// reply must be sent before the process ends. A foreign `Origin` is refused here. The long-lived
/// requests `/v1/points/{name}/wait` and `/v1/events` are answered with 501. [`compat`] answers as
/// other servers do.
///
/// ```
/// # fn save() { failpoint::fail_point!("raftAfterSave"); }
/// let reply = failpoint_http::respond("PUT", "/raftAfterSave?ttl=30s", &[], b"sleep(10)");
/// assert_eq!(reply.status, if cfg!(feature = "failpoints") { 204 } else { 501 });
/// ```
pub fn respond(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    imp::respond(method, path, headers, body)
}

/// Adds routes of another crate to the control plane, below `/v1/ext/PREFIX/`.
///
/// They are part of every listener, of mounted routers and of [`respond`], also of those that are running,
/// until the process ends. They have the same access check, limits, problems and log as the other routes
/// of version 1; see [`ext`], which also says how a handler runs. `prefix` is 1 to 32 lower-case ASCII
/// letters, digits and `-`. Without failpoints it does nothing, and returns `Ok` for any arguments.
///
/// # Errors
/// All variants of [`ExtendError`](ext::ExtendError): the prefix or a route is not valid, or the prefix is
/// taken. Then nothing was added.
///
/// ```
/// use failpoint_http::ext::{Reply, Route};
///
/// failpoint_http::extend("clock", [Route::get("now", |_| Ok(Reply::text("12:00\n")))])?;
/// let reply = failpoint_http::respond("GET", "/v1/ext/clock/now", &[], b"");
/// assert_eq!(reply.body == b"12:00\n", cfg!(feature = "failpoints"));
/// # Ok::<(), failpoint_http::ext::ExtendError>(())
/// ```
pub fn extend(
    prefix: &str,
    routes: impl IntoIterator<Item = ext::Route>,
) -> Result<(), ext::ExtendError> {
    imp::extend(prefix, routes)
}

/// Keeps the control plane running; returned by [`serve_from_env`] and [`serve`].
///
/// Dropping it stops the listener, waits for its thread, and removes the socket file and the port file
/// that it created. What is armed stays armed, and each `?ttl=` still expires.
#[must_use = "dropping it stops the listener"]
pub struct Control {
    running: Option<imp::Running>,
}

impl Control {
    /// The address at which it listens. `None` if the variable is not set, if failpoints are compiled out,
    /// and in a child of `fork`, which does not listen.
    pub fn address(&self) -> Option<&Address> {
        self.running.as_ref().and_then(|running| running.address())
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("address", &self.address()).finish()
    }
}

/// Compiles the code of the README, some of which needs the client.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
