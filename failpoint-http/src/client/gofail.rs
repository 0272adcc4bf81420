//! [`Gofail`]: requests to a server that has only gofail's routes.

use super::caller::{Caller, Request};
use super::error::ClientError;
use crate::percent::encode;
use hyper::Method;
use std::collections::BTreeMap;

/// gofail's routes; returned by [`Client::gofail`](crate::Client::gofail). They work with gofail in Go
/// and with this control plane.
///
/// They offer less: no guards, no waits, no counts except of fires, and errors are plain text.
///
/// ```no_run
/// # async fn example() -> Result<(), failpoint_http::ClientError> {
/// let etcd = failpoint_http::Client::new("127.0.0.1:22381")?;
/// etcd.gofail().arm("raftBeforeSave", "sleep(100)").await?;
/// assert_eq!(etcd.gofail().count("raftBeforeSave").await?, Some(0));
/// assert!(etcd.gofail().disarm("raftBeforeSave").await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Gofail {
    caller: Caller,
}

impl Gofail {
    pub(super) fn new(caller: &Caller) -> Self {
        Self { caller: caller.clone() }
    }

    /// Every point with its terms; `None` if it is idle.
    ///
    /// # Errors
    /// The errors of all methods of [`Client`](crate::Client).
    pub async fn list(&self) -> Result<BTreeMap<String, Option<String>>, ClientError> {
        let text = self.caller.text(Request::get("/")).await?;
        let lines = text.lines().filter(|line| !line.is_empty());
        let pair = |line: &str| {
            let (name, terms) = line.split_once('=')?;
            Some((name.to_owned(), Some(terms.to_owned()).filter(|terms| !terms.is_empty())))
        };
        let bad = || self.caller.bad("a list with a line that is not NAME=TERMS");
        lines.map(|line| pair(line).ok_or_else(bad)).collect()
    }

    /// The terms of a point; `None` if it is idle.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with gofail's text if the point does not exist, and the errors of all
    /// methods of [`Client`](crate::Client).
    pub async fn get(&self, name: &str) -> Result<Option<String>, ClientError> {
        let request = Request::get(format!("/{}", encode(name)));
        let terms = self.unless_idle(request).await?;
        Ok(terms.map(|terms| terms.strip_suffix('\n').unwrap_or(&terms).to_owned()))
    }

    /// The fires of a point since it was armed; `None` if it is idle.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn count(&self, name: &str) -> Result<Option<u64>, ClientError> {
        let request = Request::get(format!("/{}/count", encode(name)));
        let Some(count) = self.unless_idle(request).await? else { return Ok(None) };
        count.trim().parse().map(Some).map_err(|_| self.caller.bad("a count that is not a number"))
    }

    /// Arms a point.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with gofail's text if the server refuses, and the errors of all
    /// methods of [`Client`](crate::Client).
    pub async fn arm(&self, name: &str, terms: &str) -> Result<(), ClientError> {
        self.put(&encode(name), terms).await
    }

    /// Arms several points, written `a=terms;b=terms`; all or none.
    ///
    /// # Errors
    /// As [`arm`](Self::arm).
    pub async fn arm_all(&self, config: &str) -> Result<(), ClientError> {
        self.put("failpoints", config).await
    }

    /// Disarms a point. Returns whether it was armed.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn disarm(&self, name: &str) -> Result<bool, ClientError> {
        let request = Request::new(Method::DELETE, format!("/{}", encode(name)));
        Ok(self.unless_idle(request).await?.is_some())
    }

    async fn put(&self, path: &str, body: &str) -> Result<(), ClientError> {
        let request = Request::new(Method::PUT, format!("/{path}")).text(body);
        self.unless_idle(request).await.map(drop)
    }

    /// The reply; `None` if it says that the point is idle.
    async fn unless_idle(&self, request: Request) -> Result<Option<String>, ClientError> {
        let response = self.caller.request(request).await?;
        let text = response.text();
        match response.status {
            200..=299 => Ok(Some(text)),
            400 | 404 | 500 if text.trim_end().ends_with("failpoint is disabled") => Ok(None),
            400 | 404 | 405 | 500 => Err(self.caller.refused_in_text(&response)),
            _ => Err(self.caller.refused(&response)),
        }
    }
}
