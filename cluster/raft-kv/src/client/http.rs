//! How is one member asked, so that the client knows what an error means?
//!
//! A request that fails was either certainly not sent, or may have arrived: [`Failure::sent`] tells the
//! two apart. Nothing is sent twice here, no redirect is followed, no proxy of the environment is used,
//! and answers are bounded.

use reqwest::{Method, Response, redirect, retry};
use std::error::Error;
use std::time::Duration;

/// The longest answer, and the longest line of a stream, in bytes.
const MAX_BODY: usize = 1 << 30;

/// The connections to all members, which are kept open. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// Whether the member may have got the request.
    pub(super) sent: bool,
    pub(super) message: String,
}

/// A streamed answer, line by line.
#[derive(Debug)]
pub(super) struct Lines {
    response: Response,
    /// What was received and not yet returned.
    buffer: Vec<u8>,
    /// Up to here, the buffer has no end of a line.
    searched: usize,
}

impl Http {
    pub(super) fn new() -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Failure::of(&error))?;
        Ok(Self { client })
    }

    /// Sends one request to the member at `HOST:PORT`, and reads the whole answer within `limit`.
    pub(super) async fn call(
        &self,
        member: &str,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        within(limit, async {
            let mut response = self.send(member, method, path, body).await?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = chunk(&mut response, body.len()).await? {
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, body })
        })
        .await
    }

    /// Sends a GET whose answer is a stream of lines. `limit` covers the time until it begins. A status
    /// other than 200 is returned too, with its body as lines.
    pub(super) async fn lines(
        &self,
        member: &str,
        path: &str,
        limit: Duration,
    ) -> Result<(u16, Lines), Failure> {
        let response = within(limit, self.send(member, Method::GET, path, Vec::new())).await?;
        let status = response.status().as_u16();
        Ok((status, Lines { response, buffer: Vec::new(), searched: 0 }))
    }

    async fn send(
        &self,
        member: &str,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Response, Failure> {
        let request = self.client.request(method, format!("http://{member}{path}")).body(body);
        request.send().await.map_err(|error| Failure::of(&error))
    }
}

impl Lines {
    /// The next line, without its end; `None`: the stream has ended. What follows the last end of a
    /// line was cut off, and is no line.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            match chunk(&mut self.response, self.buffer.len()).await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// All that comes after the lines that were returned.
    pub(super) async fn rest(mut self) -> Result<Vec<u8>, Failure> {
        while let Some(chunk) = chunk(&mut self.response, self.buffer.len()).await? {
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(self.buffer)
    }
}

async fn chunk(response: &mut Response, have: usize) -> Result<Option<Vec<u8>>, Failure> {
    let chunk = response.chunk().await;
    let chunk = chunk.map_err(|error| Failure { sent: true, message: innermost(&error) })?;
    match chunk {
        Some(chunk) if have + chunk.len() > MAX_BODY => {
            let message = format!("the answer is longer than {MAX_BODY} bytes");
            Err(Failure { sent: true, message })
        }
        chunk => Ok(chunk.map(|chunk| chunk.to_vec())),
    }
}

impl Failure {
    fn of(error: &reqwest::Error) -> Self {
        Self { sent: !error.is_connect() && !error.is_builder(), message: innermost(error) }
    }
}

/// The cause that says what happened; those around it say only that a request failed.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, asking).await.unwrap_or_else(|_| {
        // It may have been sent: the limit can end a request at any moment.
        Err(Failure { sent: true, message: format!("no answer within {} ms", limit.as_millis()) })
    })
}
