//! How is a request read, so that every mistake in it is a [`Refusal`]?

use super::{MAX_BODY, Refusal};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use std::error::Error;

/// What the path has in braces.
pub(super) struct Segment<T>(pub(super) T);

/// The parameters behind `?`.
pub(super) struct Query<T>(pub(super) T);

/// The body, as JSON.
pub(super) struct Body<T>(pub(super) T);

/// The body, as UTF-8 text.
pub(super) struct Text(pub(super) String);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segment<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segment)) => Ok(Self(segment)),
            Err(error) => Err(Refusal::BadRequest(error.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // The extractor would replace what is not UTF-8.
        let query = percent_decode_str(parts.uri.query().unwrap_or_default());
        if query.decode_utf8().is_err() {
            return Err(Refusal::BadRequest("the query is not UTF-8".to_owned()));
        }
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => Err(Refusal::BadRequest(error.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = bytes(request, state).await?;
        // Without this, a list of its fields would be read as the object.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Refusal::BadRequest("the body is not a JSON object: write {…}".to_owned()));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Refusal::BadRequest(format!("the body cannot be read as JSON of this route: {error}"))
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = bytes(request, state).await?;
        String::from_utf8(bytes.into())
            .map(Self)
            .map_err(|error| Refusal::BadRequest(format!("the body is not UTF-8: {error}")))
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Refusal> {
    Bytes::from_request(request, state).await.map_err(|error| match error {
        BytesRejection::FailedToBufferBody(error) if error.status() == 413 => {
            Refusal::TooLarge { limit: MAX_BODY }
        }
        error => Refusal::BadRequest(format!(
            "the body cannot be read: {}",
            error.source().map_or_else(|| error.body_text(), ToString::to_string)
        )),
    })
}
