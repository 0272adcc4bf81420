//! How is an HTTP server asked? Its body is the answer, and a status 2xx a success.

use std::time::Duration;

use reqwest::Method;

use super::judge::{Answered, NoAnswer};
use crate::driver::http::{Failure, Http};

/// A request, with all values in it.
pub(super) struct Filled {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

/// Sends a request, and reads the answer. One that is no success is judged with its status before it:
/// `503 the body`.
pub(super) async fn ask(
    http: &Http,
    filled: Filled,
    limit: Duration,
) -> Result<Answered, NoAnswer> {
    let Filled { method, url, headers, body } = filled;
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| NoAnswer::NotSent(format!("the method {method:?} cannot be sent")))?;
    let body = body.unwrap_or_default().into_bytes();
    let reply = http.call_with(method, &url, &headers, body, limit).await;
    let reply = reply.map_err(|Failure { sent, message }| match sent {
        true => NoAnswer::Lost(message),
        false => NoAnswer::NotSent(message),
    })?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    Ok(match reply.status {
        200..=299 => Answered::Text { text, success: true },
        404 => Answered::Missing(format!("404 {text}")),
        status => Answered::Text { text: format!("{status} {text}"), success: false },
    })
}
