//! Why does a client not get what it asked for? Every refusal, its status and its code.

use crate::RequestError;
use crate::wire::Problem;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::time::Duration;

/// A refusal, as the body [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The node's answer.
    Request(RequestError),
    /// The request cannot be read.
    BadRequest(String),
    /// There is no such route.
    NoRoute,
    /// The route has other methods.
    NoMethod,
    /// The body is too long.
    TooLarge {
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// The node's queue is full.
    Overloaded,
    /// The disk refused, and the node has stopped until it can be started again.
    Disk {
        /// What the disk said.
        error: String,
        /// Whether the request may have had an effect before.
        is_unknown: bool,
    },
    /// The server is stopping.
    Stopping {
        /// Whether the request may have had an effect before.
        is_unknown: bool,
    },
    /// The node gave no answer at all, for example because it is paused at a failpoint.
    NoAnswer {
        /// How long it had time.
        limit: Duration,
        /// Whether the request may have had an effect.
        is_unknown: bool,
    },
}

impl Refusal {
    /// The status and the code. 503 says that the request certainly has no effect and may be sent
    /// again, 504 that its fate is unknown, and 4xx that it would be refused again.
    pub(super) fn kind(&self) -> (StatusCode, &'static str) {
        use RequestError as E;
        let unknown = (StatusCode::GATEWAY_TIMEOUT, "unknown");
        match self {
            Refusal::Request(E::BadRequest(_)) | Refusal::BadRequest(_) => {
                (StatusCode::BAD_REQUEST, "bad-request")
            }
            Refusal::Request(E::LeaseNotFound(_)) => (StatusCode::NOT_FOUND, "lease-not-found"),
            Refusal::Request(E::MemberNotFound(_)) => (StatusCode::NOT_FOUND, "member-not-found"),
            Refusal::NoRoute => (StatusCode::NOT_FOUND, "no-route"),
            Refusal::NoMethod => (StatusCode::METHOD_NOT_ALLOWED, "no-method"),
            Refusal::Request(E::MemberExists(_)) => (StatusCode::CONFLICT, "member-exists"),
            Refusal::Request(E::Compacted(_)) => (StatusCode::CONFLICT, "compacted"),
            Refusal::Request(E::FutureRevision(_)) => (StatusCode::CONFLICT, "future-revision"),
            Refusal::Request(E::TooLarge { .. }) | Refusal::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
            }
            Refusal::Request(E::TooManyRequests) | Refusal::Overloaded => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests")
            }
            Refusal::Request(E::NoLeader) => (StatusCode::SERVICE_UNAVAILABLE, "no-leader"),
            Refusal::Disk { is_unknown: false, .. } => (StatusCode::SERVICE_UNAVAILABLE, "disk"),
            Refusal::Stopping { is_unknown: false } => {
                (StatusCode::SERVICE_UNAVAILABLE, "stopping")
            }
            Refusal::NoAnswer { is_unknown: false, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "no-answer")
            }
            Refusal::Request(E::Failed(_)) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
            Refusal::Request(E::Unknown)
            | Refusal::Disk { .. }
            | Refusal::Stopping { .. }
            | Refusal::NoAnswer { .. } => unknown,
        }
    }

    pub(super) fn problem(&self) -> Problem {
        Problem { error: self.to_string(), code: self.kind().1.to_owned() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = |is_unknown: &bool| match is_unknown {
            true => "; the request may have happened, or may still happen",
            false => "; the request did not happen",
        };
        match self {
            Refusal::Request(error) => error.fmt(f),
            Refusal::BadRequest(why) => f.write_str(why),
            Refusal::NoRoute => f.write_str("there is no such route; the README lists all of them"),
            Refusal::NoMethod => f.write_str("this route has other methods"),
            Refusal::TooLarge { limit } => write!(f, "a body has at most {limit} bytes"),
            Refusal::Overloaded => {
                f.write_str("the queue of the node is full; send it again later")
            }
            Refusal::Disk { error, is_unknown } => {
                write!(f, "the disk of this member refuses: {error}{}", fate(is_unknown))
            }
            Refusal::Stopping { is_unknown } => {
                write!(f, "this member is stopping{}", fate(is_unknown))
            }
            Refusal::NoAnswer { limit, is_unknown } => {
                write!(f, "the node gives no answer within {limit:?}{}", fate(is_unknown))
            }
        }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Refusal::Request(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.kind().0, Json(self.problem())).into_response()
    }
}
