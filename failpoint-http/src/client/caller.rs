//! Sends one request and interprets its reply.

use super::error::ClientError;
use super::settings::Settings;
use super::transport::{Transport, root};
use crate::wire::Problem;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Method;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The largest reply that is accepted: about two hundred thousand points in full.
const LARGEST: usize = 64 << 20;

/// Sends requests to one server. Clones share its connections.
#[derive(Clone)]
pub(super) struct Caller {
    shared: Arc<(Settings, Transport)>,
}

/// One request.
pub(super) struct Request {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
    /// How long the server is asked to wait.
    waits: Duration,
}

/// One answer.
pub(super) struct Response {
    pub(super) status: u16,
    media_type: String,
    body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { method, path: path.into(), headers, body, waits: Duration::ZERO }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn text(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        // Only strings, numbers and maps with string keys, so this cannot fail.
        self.body = serde_json::to_vec(body).unwrap_or_default();
        self.headers.push((CONTENT_TYPE, "application/json".into()));
        self
    }

    pub(super) fn accept(mut self, media_type: &str) -> Self {
        self.headers.push((ACCEPT, media_type.into()));
        self
    }

    pub(super) fn if_match(mut self, generation: Option<u64>) -> Self {
        self.headers.extend(generation.map(|generation| (IF_MATCH, format!("\"{generation}\""))));
        self
    }

    pub(super) fn waits(mut self, time: Duration) -> Self {
        self.waits = time;
        self
    }
}

impl Caller {
    pub(super) fn new(settings: Settings) -> Self {
        let transport = Transport::new(&settings);
        Self { shared: Arc::new((settings, transport)) }
    }

    /// A caller for the same server with its own connections, for another runtime.
    pub(super) fn with_own_connections(&self) -> Self {
        Self::new(self.settings().clone())
    }

    pub(super) fn address(&self) -> &str {
        &self.settings().target.address
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.0
    }

    /// Requests JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, ClientError> {
        let response = self.succeed(request.accept("application/json")).await?;
        serde_json::from_slice(&response.body).map_err(|error| self.bad(format!("{error}")))
    }

    /// Requests text.
    pub(super) async fn text(&self, request: Request) -> Result<String, ClientError> {
        let response = self.succeed(request.accept("text/plain")).await?;
        String::from_utf8(response.body.into()).map_err(|error| self.bad(error))
    }

    /// Sends a request; an unsuccessful status is an error.
    pub(super) async fn succeed(&self, request: Request) -> Result<Response, ClientError> {
        let response = self.request(request).await?;
        if (200..300).contains(&response.status) {
            Ok(response)
        } else {
            Err(self.refused(&response))
        }
    }

    /// Sends a request; any status is accepted.
    pub(super) async fn request(&self, request: Request) -> Result<Response, ClientError> {
        let limit = self.settings().total.saturating_add(request.waits);
        let whole = async {
            let (head, body) = self.send(request).await?.into_parts();
            self.collect(head.status.as_u16(), head.headers.get(CONTENT_TYPE), body).await
        };
        self.within(limit, whole).await
    }

    /// Sends a request whose reply is a stream; an unsuccessful status is an error.
    pub(super) async fn open(&self, request: Request) -> Result<Incoming, ClientError> {
        let opening = async {
            let (head, body) = self.send(request).await?.into_parts();
            if head.status.is_success() {
                return Ok(body);
            }
            let status = head.status.as_u16();
            let response = self.collect(status, head.headers.get(CONTENT_TYPE), body).await?;
            Err(self.refused(&response))
        };
        self.within(self.settings().total, opening).await
    }

    pub(super) fn unreached(&self, why: impl fmt::Display) -> ClientError {
        ClientError::NotReachable { address: self.address().into(), why: why.to_string() }
    }

    pub(super) fn bad(&self, why: impl fmt::Display) -> ClientError {
        ClientError::BadAnswer { address: self.address().into(), why: why.to_string() }
    }

    /// The error for a refusal in gofail's text.
    pub(super) fn refused_in_text(&self, response: &Response) -> ClientError {
        let problem = Problem {
            kind: "about:blank".into(),
            title: "refused".into(),
            status: response.status,
            detail: response.excerpt(),
            name: None,
            offset: None,
            caret: None,
            nearest: Vec::new(),
            errors: Vec::new(),
            counts: None,
        };
        ClientError::Refused { address: self.address().into(), problem: Box::new(problem) }
    }

    /// The error for an unsuccessful reply.
    pub(super) fn refused(&self, response: &Response) -> ClientError {
        let address = || self.address().to_owned();
        if response.media_type == "application/problem+json" {
            return match serde_json::from_slice::<Problem>(&response.body) {
                Ok(Problem { counts: Some(counts), status: 408, .. }) => {
                    ClientError::TimedOut { address: address(), counts }
                }
                Ok(problem) => {
                    ClientError::Refused { address: address(), problem: Box::new(problem) }
                }
                Err(error) => self.bad(error),
            };
        }
        let text = response.excerpt();
        match response.status {
            501 => ClientError::CompiledOut { address: address() },
            status if gofail_says(&text) => match status {
                400 | 404 | 405 | 500 => ClientError::OnlyGofail { address: address() },
                _ => self.bad(format!("status {status}: {text}")),
            },
            status => self.bad(format!("status {status}: {text}")),
        }
    }

    async fn send(&self, request: Request) -> Result<hyper::Response<Incoming>, ClientError> {
        let (settings, transport) = &*self.shared;
        let mut message = hyper::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", settings.target.base, request.path));
        for (name, value) in request.headers {
            message = message.header(name, value);
        }
        if let Some(token) = &settings.token {
            message = message.header(AUTHORIZATION, token);
        }
        let message = message.body(Full::from(request.body)).map_err(|error| self.bad(error))?;
        transport.send(message).await.map_err(|why| self.unreached(why))
    }

    async fn collect(
        &self,
        status: u16,
        media_type: Option<&HeaderValue>,
        body: Incoming,
    ) -> Result<Response, ClientError> {
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_lowercase();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| self.unreached(root(&*error)))?.to_bytes();
        Ok(Response { status, media_type, body })
    }

    async fn within<T>(
        &self,
        limit: Duration,
        attempt: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        match timeout(limit, attempt).await {
            Ok(result) => result,
            Err(_) => Err(self.unreached(format_args!("no answer within {limit:?}"))),
        }
    }
}

impl Response {
    /// The body, with invalid UTF-8 replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The beginning of the body, for a message.
    fn excerpt(&self) -> String {
        let text = self.text();
        let text = text.trim_end();
        match text.char_indices().nth(2000) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        }
    }
}

/// Whether `text` begins like an error of a gofail, of any version.
fn gofail_says(text: &str) -> bool {
    [
        "fail to set failpoint",
        // That of 2022.
        "failed to set failpoint",
        "failed ReadAll in PUT",
        "failed to GET",
        "failed to delete failpoint",
        "Method not allowed",
    ]
    .iter()
    .any(|beginning| text.starts_with(beginning))
}
