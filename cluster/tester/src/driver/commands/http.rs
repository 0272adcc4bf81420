//! How is an HTTP server asked? Its body is the answer, and a status 2xx a success.

use std::time::Duration;

use reqwest::{Client, Method, redirect, retry};
use tokio::time::timeout;

use super::judge::{Answered, NoAnswer};
use crate::cause::innermost;

/// The longest body that is read, in bytes.
const LONGEST: usize = 16 << 20;

/// A client that sends a request once, to the server that the URL names.
pub(super) fn client() -> Result<Client, String> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .tcp_nodelay(true)
        .build()
        .map_err(|error| error.to_string())
}

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
    client: &Client,
    filled: Filled,
    limit: Duration,
) -> Result<Answered, NoAnswer> {
    let not_sent = |what: &str| NoAnswer::NotSent(format!("{what} cannot be sent"));
    let method = Method::from_bytes(filled.method.as_bytes())
        .map_err(|_| not_sent(&format!("the method {:?}", filled.method)))?;
    let mut request = client.request(method, &filled.url).body(filled.body.unwrap_or_default());
    for (name, value) in filled.headers {
        request = request.header(name, value);
    }
    let whole = async {
        let mut response = request.send().await.map_err(|error| {
            match error.is_connect() || error.is_builder() {
                true => NoAnswer::NotSent(innermost(&error)),
                false => NoAnswer::Lost(innermost(&error)),
            }
        })?;
        let status = response.status();
        let mut body = Vec::new();
        let lost = |error: reqwest::Error| NoAnswer::Lost(innermost(&error));
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(NoAnswer::Lost(format!("an answer of more than {LONGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(match status.as_u16() {
            200..=299 => Answered::Text { text: body, success: true },
            404 => Answered::Missing(format!("404 {body}")),
            status => Answered::Text { text: format!("{status} {body}"), success: false },
        })
    };
    timeout(limit, whole).await.map_err(|_| NoAnswer::late(limit))?
}
