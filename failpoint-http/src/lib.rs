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
//! $ curl -XDELETE 127.0.0.1:22381/v1/points                     # all of them; says what was armed
//! ```
//! The routes, statuses and texts are gofail's, so that its clients need no change. Ours on top:
//! `?ttl=30s` ends the arming by itself, also after the listener is gone, unless the point was armed
//! anew; `?unlisted=1` takes a name that no code declares; `Accept: application/json` is answered in
//! JSON; a header `Failpoint-Note` says what the caller may not expect. `GET /` shows terms that hold
//! control characters with escapes, in a spelling that parses to the same; `GET /name` gives back what
//! was written.
//!
//! **In JSON.** Below `/v1` the same is said in JSON (the module `wire` has the types), with more: filters,
//! counts, generations to change by with `If-Match`, several points at once by name or by glob,
//! `resume`, what was never tried, and what is armed as one value of `GOFAIL_FAILPOINTS`. Whatever is
//! refused is an `application/problem+json` that says what was wrong and where. `/openapi.json`
//! describes it all.
//!
//! ```text
//! $ curl -XPUT -d'{"terms":"3*sleep(100)","ttl":"5m"}' 127.0.0.1:22381/v1/points/raftAfterSave
//! $ curl -XPUT -d'{"terms":"off"}' '127.0.0.1:22381/v1/points?match=raft*'
//! $ curl -XPOST '127.0.0.1:22381/v1/points/raftAfterSave/resume?n=1'    # one paused caller goes on
//! $ GOFAIL_FAILPOINTS="$(curl -s 127.0.0.1:22381/v1/export)" ./another-server
//! ```
//!
//! **Waiting and events.** `GET /v1/points/{name}/wait?paused=1&since=GENERATION` is a long poll: it
//! comes back when the arming has had so many `hits`, `fires` or `paused` callers, when it is over,
//! or after `timeout`. `GET /v1/events` streams what happens as server-sent events; a reader that is
//! too slow loses the oldest and is told how many. Neither costs a thread nor keeps others out, and
//! both end with the connection and with the listener. `GET /metrics` is for Prometheus: sums over
//! all armings, which never go back. A name that no code declares is forgotten when it is disarmed.
//!
//! **Bounds.** A body has 1 MiB, and arms at most 10,000 points, steps and conditions (413); terms of
//! one point hold at most 1,000 (422); at most 1,024 points that no code declares are armed at once
//! (409). So no request holds up the others, or the program, for long.
//!
//! **Own thread.** The listener has a thread and a runtime of its own: a server whose every worker
//! is paused or wedged still answers, and the reply to a request that arms `kill` arrives before the
//! process ends. `mount` (feature `axum`) and [`respond`] carry the same answers on somebody else's
//! runtime, without these two promises; [`respond`] leaves out waits and events.
//!
//! **Who may come in.** Without a token only loopback and Unix sockets are listened on, and a
//! `Host` that is neither an IP address, nor `localhost`, nor named in `FAILPOINT_HTTP_HOSTS` is
//! refused; so is a foreign `Origin`, always.
//!
//! | variable | holds |
//! |---|---|
//! | `GOFAIL_HTTP`, else `FAILPOINT_HTTP` | `HOST:PORT` (port 0 picks one, no host is every address), or `unix:/path?mode=0660` |
//! | `FAILPOINT_HTTP_PORT_FILE` | a file to write the bound address to; it appears whole, and a symbolic link there is replaced |
//! | `FAILPOINT_HTTP_TOKEN`, or `FAILPOINT_HTTP_TOKEN_FILE` with it | a secret, asked for as `Authorization: Bearer`; opens other addresses |
//! | `FAILPOINT_HTTP_INSECURE` | `1` opens other addresses without a token |
//! | `FAILPOINT_HTTP_HOSTS` | names that a `Host` may bear, with commas between |
//! | `FAILPOINT_HTTP_ALLOW` | the points that may be armed over HTTP: names with commas between, in which `*` is any text and `?` any character |
//! | `FAILPOINT_HTTP_DENY` | those that may not, written alike; it goes before `ALLOW` |
//! | `FAILPOINT_HTTP_ACTIONS` | the actions that may be armed over HTTP, such as `off,sleep,return` |
//! | `FAILPOINT_HTTP_MAX_TTL` | how long something that was armed over HTTP stays so at most, such as `15m` |
//! | `FAILPOINT_HTTP_WAIT` | how long [`serve_from_env`] holds the program until the first arming has come in over HTTP, such as `30s` |
//!
//! What may be armed holds for every way over HTTP, also through `mount` and [`respond`], and is read
//! once. What it does not allow is refused with 403; a request for several points is refused as a
//! whole.
//!
//! **The other end.** The feature `client` has `Client`, `blocking::Client` and `ClientSet` to control
//! servers from a test or a tool: every route a method, guards that disarm when they are dropped, waits
//! instead of sleeps. It is independent of the feature `failpoints`, and needs hyper and tokio.
//!
//! **Beside `fail`.** With the feature `fail`, the points that a dependency configures in the crate
//! `fail` 0.5 are listed, armed and disarmed as `fail/NAME`, one at a time, in the language of that
//! crate, which takes every name and counts nothing. Where `fail` is patched to stand on failpoint
//! they are ours already.
//!
//! **Cost.** Without the feature `failpoints` the only dependency is `failpoint`, and
//! [`serve_from_env`] does nothing but say on stderr that failpoints were compiled out, if the
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
//! Libraries depend on `failpoint` alone. What turns failpoints on, and how to keep them out of what
//! you ship, is in [docs/wiring.md](https://github.com/failpoint-rs/failpoint/blob/main/docs/wiring.md).
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `failpoints` | no | the control plane; turns on `failpoint/failpoints` and `axum`. The final binary asks for it |
//! | `axum` | no | `router()` and `mount()` also in builds without failpoints, where they answer 501 |
//! | `fail` | no | the points of the crate `fail` 0.5, where a dependency uses it, as `fail/NAME`; turns on `failpoints` |
//! | `client` | no | `Client`, `blocking::Client` and `ClientSet`, to control servers from tests and tools; independent of `failpoints` |
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod error;
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

/// Listens where `GOFAIL_HTTP` (or `FAILPOINT_HTTP`) says; does nothing where it is unset or empty.
///
/// It reads the environment of failpoints first, as [`failpoint::init_from_env`] does, so that
/// `main` gets what is wrong with that as an error. Dropping the [`Control`] stops the listener.
/// With `FAILPOINT_HTTP_WAIT` it comes back when something was armed over HTTP, or that time is over.
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
/// Everything that [`ServeError`] lists. Nothing listens then, and what the environment arms stays
/// armed unless it was the environment that was refused.
///
/// ```
/// let control = failpoint_http::serve_from_env()?;
/// assert!(control.address().is_none(), "GOFAIL_HTTP is not set here");
/// # Ok::<(), failpoint_http::ServeError>(())
/// ```
pub fn serve_from_env() -> Result<Control, ServeError> {
    imp::serve_from_env().map(|running| Control { running })
}

/// Listens at `address`, which is written as in `GOFAIL_HTTP`; all else comes from the environment.
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

/// Answers a request that somebody else's server carries; needs no framework.
///
/// `path` is raw, with its query; names of `headers` are in any case. The caller reads the body, at
/// most 1 MiB, says who may come in, and takes [`failpoint::hold_exit`] before the call if the reply
/// is to go out before the process ends. A foreign `Origin` is refused here. What holds a request
/// open, `/v1/points/{name}/wait` and `/v1/events`, is answered with 501. [`compat`] answers as other
/// servers do.
///
/// ```
/// # fn save() { failpoint::fail_point!("raftAfterSave"); }
/// let reply = failpoint_http::respond("PUT", "/raftAfterSave?ttl=30s", &[], b"sleep(10)");
/// assert_eq!(reply.status, if cfg!(feature = "failpoints") { 204 } else { 501 });
/// ```
pub fn respond(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    imp::respond(method, path, headers, body)
}

/// Keeps the control plane; given by [`serve_from_env`] and [`serve`].
///
/// Dropping it stops the listener, waits for its thread, and removes the socket file and the port
/// file that it made. What was armed stays armed, and a `?ttl=` ends when it would have ended.
#[must_use = "dropping it stops the listener"]
pub struct Control {
    running: Option<imp::Running>,
}

impl Control {
    /// The address that it listens at. `None` if the variable is not set, if failpoints are compiled out,
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

/// The code of the README compiles; some of it is for clients.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
