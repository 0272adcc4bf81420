//! How does a client see a watch? As lines of JSON, for as long as it likes.

use super::extract::Query;
use super::{App, Refusal};
use crate::server::inputs::OpenWatch;
use crate::wire::WatchQuery;
use crate::{KeyRange, WatchMessage};
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub(super) async fn open(
    State(app): State<App>,
    Query(query): Query<WatchQuery>,
) -> Result<Response, Refusal> {
    let WatchQuery { from, to, revision } = query;
    let watch = app.inputs.watch(KeyRange { from, to }, revision).await?;
    // Tells that the watch has begun, and where: up to here, no event is missing.
    let before = revision.checked_sub(1).unwrap_or(watch.revision).min(watch.revision);
    let first = WatchMessage { revision: before, events: Vec::new() };
    let lines = Lines { first: Some(line(&first)), watch: Some(watch) };
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// The lines of a watch. Dropping it closes the watch.
struct Lines {
    first: Option<String>,
    watch: Option<OpenWatch>,
}

impl Stream for Lines {
    type Item = Result<String, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(watch) = &mut self.watch else { return Poll::Ready(None) };
        let line = match ready!(watch.poll_next(context)) {
            Some(Ok(message)) => line(&message),
            Some(Err(error)) => {
                self.watch = None;
                line(&Refusal::from(error).problem())
            }
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(line)))
    }
}

fn line(value: &impl Serialize) -> String {
    // Only maps without text as keys cannot be written.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}
