//! A reply, independent of the transport.
//!
//! This file has the statuses of success, and of a build without failpoints. The table in `problem` has
//! those of errors. No other file names a status, except `ext`, which lets a handler choose one.

/// A reply of the control plane, for any server to send; returned by [`respond`](crate::respond).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values; the names are in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for 204.
    pub body: Vec<u8>,
}

/// The body has the result.
pub(crate) const OK: u16 = 200;
/// Success without a body. For gofail's clients, only this status means that a change succeeded.
pub(crate) const NO_CONTENT: u16 = 204;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

impl Reply {
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        // Keeps pages of other origins from loading a reply as an image or a script. Such requests have
        // no `Origin`, and even the fact that it loads would reveal something.
        let policy = ("cross-origin-resource-policy", "same-origin".to_owned());
        let headers = vec![("content-type", media_type.to_owned()), policy];
        Self { status, headers, body: body.into() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An error as Go's `http.Error` writes it, which gofail answers with.
    pub(crate) fn refused(status: u16, text: String) -> Self {
        Self::new(status, TEXT, text).with("x-content-type-options", "nosniff")
    }

    /// The only reply of a build without failpoints.
    #[cfg(not(feature = "failpoints"))]
    pub(crate) fn compiled_out(why: impl std::fmt::Display) -> Self {
        Self::refused(501, format!("{why}\n"))
    }
}

#[cfg(feature = "failpoints")]
pub(crate) use on::{PROMETHEUS, json};

#[cfg(feature = "failpoints")]
mod on {
    use super::{NO_CONTENT, OK, Reply, TEXT};
    use crate::wire::Problem;
    use failpoint::__private::text::visible_json;
    use serde::Serialize;

    /// The media type of Prometheus' text format.
    pub(crate) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

    impl Reply {
        pub(crate) fn prometheus(body: String) -> Self {
            Self::new(OK, PROMETHEUS, body)
        }

        /// The head of an event stream.
        pub(crate) fn events() -> Self {
            Self::new(OK, "text/event-stream", String::new()).with("cache-control", "no-store")
        }

        pub(crate) fn text(body: String) -> Self {
            Self::new(OK, TEXT, body)
        }

        pub(crate) fn json(value: &impl Serialize) -> Self {
            Self::new(OK, "application/json", written(value))
        }

        pub(crate) fn html(body: String) -> Self {
            Self::new(OK, "text/html; charset=utf-8", body)
        }

        pub(crate) fn done() -> Self {
            Self { status: NO_CONTENT, headers: Vec::new(), body: Vec::new() }
        }

        /// Problem details (RFC 9457).
        pub(crate) fn problem(problem: &Problem) -> Self {
            Self::new(problem.status, "application/problem+json", written(problem))
        }

        /// Adds the state as `ETag`, for `If-Match`.
        pub(crate) fn tagged(self, state: u64) -> Self {
            self.with("etag", format!("\"{state}\""))
        }

        /// Adds the allowed methods.
        pub(crate) fn allowing(self, methods: &str) -> Self {
            self.with("allow", methods)
        }

        /// Adds a note about effects that the caller may not expect; `note` is ASCII.
        pub(crate) fn noting(self, note: Option<String>) -> Self {
            match note {
                Some(note) => self.with("failpoint-note", note),
                None => self,
            }
        }

        /// Closes the connection, because the rest of the request is not read.
        pub(crate) fn closing(self) -> Self {
            self.with("connection", "close")
        }

        /// The reply to `HEAD`: the length of the body, without the body.
        pub(crate) fn of_head(mut self) -> Self {
            let body = std::mem::take(&mut self.body);
            if self.status == NO_CONTENT {
                return self;
            }
            self.with("content-length", body.len().to_string())
        }
    }

    /// JSON on one line, with a line end.
    fn written(value: &impl Serialize) -> String {
        json(value) + "\n"
    }

    /// JSON with hidden characters escaped, because replies are often read on a terminal.
    pub(crate) fn json(value: &impl Serialize) -> String {
        // Our types have only string keys and no foreign `Serialize`, so this cannot fail.
        visible_json(serde_json::to_string(value).unwrap_or_default())
    }
}
