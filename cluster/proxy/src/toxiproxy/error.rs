//! Every refusal, its status and its text. The words are those of toxiproxy, where it has any.

use crate::effect::ToxicError;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiError {
    /// The body is not what it should be.
    BadRequestBody(String),
    /// A field is left out, or empty.
    MissingField(String),
    /// No proxy has that name.
    ProxyNotFound,
    /// A proxy has that name.
    ProxyAlreadyExists,
    /// Neither upstream nor downstream.
    InvalidStream,
    /// There is no such type.
    InvalidToxicType,
    /// The proxy has a toxic of that name.
    ToxicAlreadyExists,
    /// The proxy has no toxic of that name.
    ToxicNotFound,
    /// There are too many proxies or toxics.
    TooMany(&'static str),
    /// The address cannot be listened at.
    Listen {
        /// The address.
        address: String,
        /// Why not.
        error: String,
    },
    /// The body is larger than the server takes, or comes too slowly.
    Body(StatusCode, &'static str),
    /// There is no such route.
    NoRoute,
    /// The route has no such method.
    NoMethod,
    /// It needs a token.
    Unauthorized,
    /// A defect of this server.
    Panicked,
    /// It comes from a web page.
    Forbidden(&'static str),
}

impl ApiError {
    /// The status of the reply.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequestBody(_)
            | Self::MissingField(_)
            | Self::InvalidStream
            | Self::InvalidToxicType => StatusCode::BAD_REQUEST,
            Self::ProxyNotFound | Self::ToxicNotFound | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::ProxyAlreadyExists | Self::ToxicAlreadyExists | Self::TooMany(_) => {
                StatusCode::CONFLICT
            }
            Self::Listen { .. } | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Body(status, _) => *status,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
        }
    }

    /// The body of the reply.
    pub(super) fn body(&self) -> ErrorBody {
        ErrorBody { error: self.to_string(), status: self.status().as_u16() }
    }
}

/// A refusal as JSON.
#[derive(Debug, Serialize)]
pub(super) struct ErrorBody {
    error: String,
    status: u16,
}

impl Display for ApiError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequestBody(why) => write!(f, "bad request body: {why}"),
            Self::MissingField(field) => write!(f, "missing required field: {field}"),
            Self::ProxyNotFound => f.write_str("proxy not found"),
            Self::ProxyAlreadyExists => f.write_str("proxy already exists"),
            Self::InvalidStream => {
                f.write_str("stream was invalid, can be either upstream or downstream")
            }
            Self::InvalidToxicType => f.write_str("invalid toxic type"),
            Self::ToxicAlreadyExists => f.write_str("toxic already exists"),
            Self::ToxicNotFound => f.write_str("toxic not found"),
            Self::Listen { address, error } => write!(f, "listen tcp {address}: {error}"),
            Self::NoRoute => f.write_str("no such route"),
            Self::NoMethod => f.write_str("the route has no such method"),
            Self::Panicked => f.write_str("the server panicked; its standard error says where"),
            Self::Unauthorized => f.write_str("a token is needed: Authorization: Bearer TOKEN"),
            Self::TooMany(what) | Self::Body(_, what) | Self::Forbidden(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for ApiError {}

impl From<ToxicError> for ApiError {
    fn from(error: ToxicError) -> Self {
        match error {
            ToxicError::Exists => Self::ToxicAlreadyExists,
            ToxicError::NotFound => Self::ToxicNotFound,
            ToxicError::TooMany => Self::TooMany("the proxy has too many toxics; remove one"),
            ToxicError::Kind | ToxicError::Invalid(_) => Self::BadRequestBody(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        json(self.status(), &self.body())
    }
}

/// A reply of JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // The types of this module have no key that is not a string, and no error of their own.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
