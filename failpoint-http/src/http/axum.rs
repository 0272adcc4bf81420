//! The adapter between hyper's and axum's requests and the routes.

use axum::Router;

/// The control plane as an axum router, for a server that uses axum.
///
/// Its routes are at the root; [`mount`] puts them under a prefix. Requests are answered on the
/// server's own runtime. So if all of its workers are blocked, the control plane does not answer, and
/// the reply to a request that arms the end of the process may be lost. The listener of
/// [`serve_from_env`](crate::serve_from_env) has neither problem. Time limits and access control are up
/// to the server, for example with a layer; only web pages of a foreign origin are refused here. Long
/// polls and event streams work, also on a runtime without a timer; a graceful shutdown of the server
/// waits for those that are open. Without the feature `failpoints`, every request is answered with 501.
///
/// ```
/// let app: axum::Router = axum::Router::new().nest_service("/fail", failpoint_http::router());
/// ```
pub fn router() -> Router {
    world::router()
}

/// Adds the control plane to `app`, under `prefix`. With `/fail`, `GET /fail` and `GET /fail/` list the
/// points.
///
/// With the prefix `/`, it becomes the fallback of `app`. See [`router`] for what a mounted control
/// plane can and cannot guarantee.
///
/// ```
/// let app: axum::Router = failpoint_http::mount(axum::Router::new(), "/fail");
/// ```
pub fn mount<S>(app: Router<S>, prefix: &str) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    match prefix.trim_matches('/') {
        "" => app.fallback_service(router()),
        prefix => app.nest_service(&format!("/{prefix}"), router()),
    }
}

#[cfg(feature = "failpoints")]
pub(crate) use world::carry;

#[cfg(feature = "failpoints")]
mod world {
    use crate::change::policy;
    use crate::conn::Connection;
    use crate::conn::permits::{self, Permit, Semaphore};
    use crate::http::access::Access;
    use crate::http::dispatch;
    use crate::http::problem::{HttpError, Kind};
    use crate::http::request::Request;
    use crate::http::response::{NO_CONTENT, Reply};
    use crate::http::v1::{self, Events, Filter, HEARTBEAT, Open};
    use crate::wire::Problem;
    use axum::body::{Body, Bytes, HttpBody};
    use axum::extract::ConnectInfo;
    use axum::http::request::Parts;
    use axum::response::Response;
    use axum::{BoxError, Router};
    use failpoint::__bridge::control;
    use failpoint::ExitHold;
    use http_body_util::{BodyExt, LengthLimitError, Limited};
    use hyper::body::Frame;
    use std::borrow::Cow;
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// The longest body: 1 MiB.
    const BODY_LIMIT: usize = 1 << 20;

    pub(super) fn router() -> Router {
        if let Err(error) = policy::in_force() {
            control::warn(format_args!("nothing can be armed over HTTP: {error}"));
        }
        let carry =
            async |request: axum::extract::Request| carry(&Access::mounted(), request, None).await;
        Router::new().fallback(carry)
    }

    /// Answers a request if `access` accepts it. `connection` is set if the request is from our own
    /// listener.
    pub(crate) async fn carry<B>(
        access: &Access,
        request: hyper::Request<B>,
        connection: Option<&Connection>,
    ) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
    {
        let (head, body) = request.into_parts();
        let values = values(&head);
        let headers = headers(&head, &values);
        let from = from(&head, connection);
        let request = Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &headers,
            body: &[],
            from: &from,
        };
        // The body of a refused request is not read.
        if let Err(refusal) = access.admit(&request) {
            let reply = dispatch::refuse(&request, refusal);
            let reply = if body.is_end_stream() { reply } else { reply.closing() };
            return finish(reply, connection, failpoint::hold_exit());
        }
        let body = match read(body, connection).await {
            Ok(body) => body,
            Err(refusal) => {
                let reply = dispatch::refuse(&request, refusal);
                return finish(reply, connection, failpoint::hold_exit());
            }
        };
        let request = Request { body: &body, ..request };
        if let Some(open) = v1::held_open(&request) {
            return hold_open(open, request.method == "HEAD", connection).await;
        }
        // Taken before the request is handled, because what it arms may fire at once.
        let hold = failpoint::hold_exit();
        finish(dispatch::answer(&request), connection, hold)
    }

    /// Answers when there is an answer. During a wait, the end of the process is not held.
    async fn hold_open(
        open: Result<Open, Box<Problem>>,
        is_head: bool,
        connection: Option<&Connection>,
    ) -> Response {
        let reply = match (open, is_head) {
            (Err(problem), _) => Err(problem),
            (Ok(Open::Events(_)), true) => Ok(Reply::events()),
            (Ok(Open::Events(filter)), false) => match acquire(&permits::READERS, connection) {
                Ok(permit) => return stream(filter, connection, permit),
                Err(problem) => return refuse_to_hold(&problem, connection),
            },
            (Ok(Open::Extension(call)), _) => {
                // As for other changes, taken before the request is handled.
                let hold = failpoint::hold_exit();
                return finish(call.run_elsewhere().await, connection, hold);
            }
            (Ok(Open::Wait(wait)), _) => match acquire(&permits::WAITS, connection) {
                Ok(_permit) => Ok(wait.reply().await),
                Err(problem) => return refuse_to_hold(&problem, connection),
            },
        };
        let hold = failpoint::hold_exit();
        finish(reply.unwrap_or_else(|problem| Reply::problem(&problem)), connection, hold)
    }

    /// Takes a permit for a request. If there is a connection, it keeps the permit.
    fn acquire(
        semaphore: &'static Semaphore,
        connection: Option<&Connection>,
    ) -> Result<Option<Permit>, Box<Problem>> {
        let permit = semaphore.take().ok_or_else(|| {
            let taken = semaphore.limit();
            Kind::TooManyReaders.because(format!(
                "{taken} requests of this kind are open already; close one of them"
            ))
        })?;
        Ok(match connection {
            Some(connection) => {
                connection.hold_open(permit);
                None
            }
            None => Some(permit),
        })
    }

    /// Refuses a request for which there is no permit, and closes its connection: refused connections
    /// that stay open would use the permits of requests that end the waits.
    fn refuse_to_hold(problem: &Problem, connection: Option<&Connection>) -> Response {
        if let Some(connection) = connection {
            connection.close_promptly();
        }
        finish(Reply::problem(problem).closing(), connection, failpoint::hold_exit())
    }

    fn stream(filter: Filter, connection: Option<&Connection>, permit: Option<Permit>) -> Response {
        let heartbeat = connection.map_or(HEARTBEAT, |connection| connection.limits().heartbeat);
        let mut response = super::response(Reply::events());
        *response.body_mut() = Events::begin(filter, heartbeat, permit).into_body();
        response
    }

    fn finish(reply: Reply, connection: Option<&Connection>, hold: ExitHold) -> Response {
        if let Some(connection) = connection {
            connection.reply(hold);
        }
        let is_empty = reply.status == NO_CONTENT;
        let mut response = super::response(reply);
        if is_empty {
            *response.body_mut() = Body::new(Nothing);
        }
        response
    }

    /// No body and no length. axum would write a length into the reply to a `HEAD`, but a 204 has none.
    struct Nothing;

    impl HttpBody for Nothing {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(None)
        }

        fn is_end_stream(&self) -> bool {
            true
        }
    }

    async fn read<B>(body: B, connection: Option<&Connection>) -> Result<Bytes, HttpError>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
    {
        let limit = u64::try_from(BODY_LIMIT).unwrap_or(u64::MAX);
        if body.size_hint().lower() > limit {
            return Err(HttpError::BodyTooLarge);
        }
        let whole = Limited::new(body, BODY_LIMIT).collect();
        let whole = match connection {
            Some(connection) => tokio::time::timeout(connection.limits().body, whole)
                .await
                .map_err(|_| HttpError::BodyTooSlow)?,
            // The server's runtime may have no timer.
            None => whole.await,
        };
        match whole {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(HttpError::BodyTooLarge),
            Err(_) => Err(HttpError::BodyCutOff),
        }
    }

    /// The values of the headers. Invalid UTF-8 is replaced, so such a value matches neither the origin
    /// nor the token.
    fn values(head: &Parts) -> Vec<Cow<'_, str>> {
        head.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
    }

    fn headers<'a>(head: &'a Parts, values: &'a [Cow<'_, str>]) -> Vec<(&'a str, &'a str)> {
        let names = head.headers.iter().map(|(name, _)| name.as_str());
        let mut headers: Vec<(&str, &str)> =
            names.zip(values.iter().map(|value| &**value)).collect();
        // HTTP/2 has the host in the URI.
        if let (None, Some(authority)) = (head.headers.get("host"), head.uri.authority()) {
            headers.push(("host", authority.as_str()));
        }
        headers
    }

    /// The client, for the log.
    fn from<'a>(head: &Parts, connection: Option<&'a Connection>) -> Cow<'a, str> {
        match (connection, head.extensions.get::<ConnectInfo<SocketAddr>>()) {
            (Some(connection), _) => connection.from().into(),
            (None, Some(ConnectInfo(peer))) => peer.to_string().into(),
            (None, None) => "a mounted router".into(),
        }
    }
}

#[cfg(not(feature = "failpoints"))]
mod world {
    use crate::http::response::Reply;
    use axum::Router;

    pub(super) fn router() -> Router {
        Router::new()
            .fallback(async || super::response(Reply::compiled_out(crate::off::CompiledOut)))
    }
}

fn response(reply: crate::Reply) -> axum::response::Response {
    use axum::http::{HeaderName, HeaderValue, StatusCode};

    let mut response = axum::response::Response::new(axum::body::Body::from(reply.body));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).expect("the table of replies holds statuses");
    for (name, value) in reply.headers {
        let value = HeaderValue::try_from(value).expect("our values are visible ASCII");
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
    response
}
