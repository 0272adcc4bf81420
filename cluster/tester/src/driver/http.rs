//! How is a server asked over HTTP, so that the client knows what an error means?
//!
//! A request that fails has either certainly not been sent, or may have arrived. [`Failure::sent`]
//! tells the two apart. Nothing is sent twice, no redirect is followed, no proxy of the environment
//! is used, and answers are bounded.

use std::time::Duration;

use reqwest::{Method, Response, redirect, retry};

use crate::cause::innermost;

/// The longest body that is read, in bytes.
pub(crate) const MAX_BODY: usize = 64 << 20;

/// The longest line of a stream that is read, in bytes.
pub(crate) const MAX_LINE: usize = 32 << 20;

/// One server. Clones share its connections, which are kept open.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whether the server may have got the request.
    pub(crate) sent: bool,
    /// What went wrong.
    pub(crate) message: String,
}

/// A streamed answer, line by line.
#[derive(Debug)]
pub(crate) struct Lines {
    response: Response,
    /// What was received and not yet returned.
    buffer: Vec<u8>,
    /// Up to here, the buffer has no end of a line.
    searched: usize,
}

impl Http {
    /// A server at `HOST:PORT`. Connects at the first request.
    pub(crate) fn new(address: &str) -> Result<Self, Failure> {
        Ok(Self { base: format!("http://{address}"), ..Self::anywhere()? })
    }

    /// Any server: its paths are whole URLs.
    pub(crate) fn anywhere() -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Failure::of(&error))?;
        Ok(Self { client, base: String::new() })
    }

    /// Sends one request, and reads the whole answer. `limit` covers both.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Reply, Failure> {
        self.call_with(method, path, &[], body, limit).await
    }

    /// Sends one request with headers, and reads the whole answer. `limit` covers both.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Reply, Failure> {
        within(limit, async {
            let mut response = self.send(method, path, headers, body).await?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) =
                response.chunk().await.map_err(|error| Failure::after_sending(&error))?
            {
                if body.len() + chunk.len() > MAX_BODY {
                    return Err(Failure::too_long("the answer", MAX_BODY));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Reply { status, body })
        })
        .await
    }

    /// Sends one request whose answer is a stream of lines. `limit` covers the time until it begins.
    /// A status other than 200 is an answer too, and is returned with its body.
    pub(crate) async fn lines(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<(u16, Lines), Failure> {
        let response = within(limit, self.send(method, path, &[], body)).await?;
        let status = response.status().as_u16();
        Ok((status, Lines { response, buffer: Vec::new(), searched: 0 }))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Response, Failure> {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.map_err(|error| Failure::of(&error))
    }
}

impl Lines {
    /// The next line, without its end; `None`: the stream has ended. What stands behind the last end
    /// of a line is a line too.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') {
                let rest = self.buffer.split_off(self.searched + end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_LINE {
                return Err(Failure::too_long("a line", MAX_LINE));
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|error| Failure::after_sending(&error))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(std::mem::take(&mut self.buffer)));
                }
            }
        }
    }
}

impl Failure {
    fn of(error: &reqwest::Error) -> Self {
        Self { sent: !error.is_connect() && !error.is_builder(), message: innermost(error) }
    }

    fn after_sending(error: &reqwest::Error) -> Self {
        Self { sent: true, message: innermost(error) }
    }

    fn too_long(what: &str, limit: usize) -> Self {
        Self { sent: true, message: format!("{what} is longer than {limit} bytes") }
    }
}

async fn within<T>(
    limit: Duration,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Ok(result) = tokio::time::timeout(limit, future).await else {
        // It may have been sent: the limit can end a request at any moment.
        return Err(Failure { sent: true, message: format!("no answer within {limit:?}") });
    };
    result
}
