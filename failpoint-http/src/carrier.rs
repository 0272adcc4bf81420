//! How does axum carry requests to the answer?

use axum::Router;

/// The control plane as a router of axum, for a server that has one.
///
/// Its routes stand at the root; [`mount`] puts them under a prefix. Requests are answered on the
/// server's own runtime: where every worker of that is blocked, nobody answers, and the reply to a
/// request that arms the end of the process may be lost. The listener of
/// [`serve_from_env`](crate::serve_from_env) is better at both. Limits of time are the server's.
/// Who may come in is for the server to say, with a layer; only web pages of a foreign origin are
/// refused here. Long polls and streams of events work, on a runtime without a timer too; a graceful
/// shutdown of the server waits for those that are held open. Without the feature `failpoints` every
/// request is answered with 501.
///
/// ```
/// let app: axum::Router = axum::Router::new().nest_service("/fail", failpoint_http::router());
/// ```
pub fn router() -> Router {
    world::router()
}

/// Puts the control plane into `app`, under `prefix`: `GET /fail` and `GET /fail/` list.
///
/// `/` as the prefix makes it the fallback of `app`. See [`router`] for what a mounted control
/// plane can and cannot promise.
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
pub(crate) use world::router_with;

#[cfg(feature = "failpoints")]
mod world {
    use crate::door::Door;
    use crate::exchange::Exchange;
    use crate::refusal::{Kind, Refusal};
    use crate::reply::{NO_CONTENT, Reply};
    use crate::request::Request;
    use crate::respond;
    use crate::seat::{self, Row, Seat};
    use crate::v1::{self, Events, Filter, HEARTBEAT, Open};
    use crate::wire::Problem;
    use axum::Router;
    use axum::body::{Body, Bytes, HttpBody};
    use axum::extract::{ConnectInfo, State};
    use axum::http::Method;
    use axum::http::request::Parts;
    use axum::response::Response;
    use failpoint::ExitHold;
    use http_body_util::{BodyExt, LengthLimitError, Limited};
    use hyper::body::Frame;
    use std::borrow::Cow;
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    /// The longest body: 1 MiB.
    const BODY_LIMIT: usize = 1 << 20;

    pub(super) fn router() -> Router {
        router_with(Door::mounted())
    }

    pub(crate) fn router_with(door: Door) -> Router {
        Router::new().fallback(carry).with_state(Arc::new(door))
    }

    async fn carry(State(door): State<Arc<Door>>, request: axum::extract::Request) -> Response {
        let (head, body) = request.into_parts();
        let exchange = head.extensions.get::<Exchange>().cloned();
        let held_back = !body.is_end_stream();
        // Who is not let in sends no body either.
        let admitted = with_request(&head, &[], |request| {
            door.admit(request).map_err(|refusal| respond::refuse(request, refusal))
        });
        let body = match admitted {
            Ok(()) => read(body, exchange.as_ref()).await.map_err(|refusal| {
                with_request(&head, &[], |request| respond::refuse(request, refusal.clone()))
            }),
            Err(reply) => Err(if held_back { reply.closing() } else { reply }),
        };
        let exchange = exchange.as_ref();
        let open = body.as_ref().ok().and_then(|body| with_request(&head, body, v1::held_open));
        if let Some(open) = open {
            return hold_open(open, &head, exchange).await;
        }
        // Taken before the request is acted upon, for what it arms may strike at once.
        let hold = failpoint::hold_exit();
        let reply = match body {
            Ok(body) => with_request(&head, &body, respond::answer),
            Err(reply) => reply,
        };
        finish(reply, exchange, hold)
    }

    /// Holds the request open, and does not hold the end of the process meanwhile.
    async fn hold_open(
        open: Result<Open, Box<Problem>>,
        head: &Parts,
        exchange: Option<&Exchange>,
    ) -> Response {
        let reply = match (open, head.method == Method::HEAD) {
            (Err(problem), _) => Err(problem),
            (Ok(Open::Events(_)), true) => Ok(Reply::events()),
            (Ok(Open::Events(filter)), false) => match sit_down(&seat::READERS, exchange) {
                Ok(seat) => return stream(filter, exchange, seat),
                Err(problem) => Err(problem),
            },
            (Ok(Open::Wait(wait)), _) => match sit_down(&seat::WAITS, exchange) {
                Ok(_seat) => Ok(wait.reply().await),
                Err(problem) => Err(problem),
            },
        };
        let hold = failpoint::hold_exit();
        finish(reply.unwrap_or_else(|problem| Reply::problem(&problem)), exchange, hold)
    }

    /// Takes a seat for a request; where there is an exchange, its connection keeps it.
    fn sit_down(
        row: &'static Row,
        exchange: Option<&Exchange>,
    ) -> Result<Option<Seat>, Box<Problem>> {
        let seat = row.take().ok_or_else(|| {
            let taken = row.limit();
            Kind::TooManyReaders
                .because(format!("{taken} requests like this are held open; end one of them"))
        })?;
        Ok(match exchange {
            Some(exchange) => {
                exchange.hold_open(seat);
                None
            }
            None => Some(seat),
        })
    }

    fn stream(filter: Filter, exchange: Option<&Exchange>, seat: Option<Seat>) -> Response {
        let heartbeat = exchange.map_or(HEARTBEAT, |exchange| exchange.limits().heartbeat);
        let mut response = super::response(Reply::events());
        *response.body_mut() = Events::begin(filter, heartbeat, seat).into_body();
        response
    }

    fn finish(reply: Reply, exchange: Option<&Exchange>, hold: ExitHold) -> Response {
        if let Some(exchange) = exchange {
            exchange.reply(hold);
        }
        let is_empty = reply.status == NO_CONTENT;
        let mut response = super::response(reply);
        if is_empty {
            *response.body_mut() = Body::new(Nothing);
        }
        response
    }

    /// No body, and no length of one: axum would write that into the answer to a `HEAD`, where a 204
    /// has none.
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

    async fn read(body: Body, exchange: Option<&Exchange>) -> Result<Vec<u8>, Refusal> {
        let limit = u64::try_from(BODY_LIMIT).unwrap_or(u64::MAX);
        if body.size_hint().lower() > limit {
            return Err(Refusal::BodyTooLarge);
        }
        let whole = Limited::new(body, BODY_LIMIT).collect();
        let whole = match exchange {
            Some(exchange) => tokio::time::timeout(exchange.limits().body, whole)
                .await
                .map_err(|_| Refusal::BodyTooSlow)?,
            // The runtime is the server's, and may keep no time.
            None => whole.await,
        };
        match whole {
            Ok(whole) => Ok(whole.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
            Err(_) => Err(Refusal::BodyCutOff),
        }
    }

    fn with_request<R>(head: &Parts, body: &[u8], act: impl FnOnce(&Request<'_>) -> R) -> R {
        // What is not UTF-8 becomes something that is neither our origin nor our token.
        let values: Vec<(&str, Cow<'_, str>)> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let mut headers: Vec<(&str, &str)> =
            values.iter().map(|(name, value)| (*name, &**value)).collect();
        // HTTP/2 says it elsewhere.
        if let (None, Some(authority)) = (head.headers.get("host"), head.uri.authority()) {
            headers.push(("host", authority.as_str()));
        }
        act(&Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &headers,
            body,
            from: &from(head),
        })
    }

    fn from(head: &Parts) -> String {
        if let Some(exchange) = head.extensions.get::<Exchange>() {
            return exchange.from().to_owned();
        }
        match head.extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(peer)) => peer.to_string(),
            None => "a mounted router".to_owned(),
        }
    }
}

#[cfg(not(feature = "failpoints"))]
mod world {
    use crate::reply::Reply;
    use axum::Router;

    pub(super) fn router() -> Router {
        Router::new()
            .fallback(async || super::response(Reply::compiled_out(crate::stub::CompiledOut)))
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
