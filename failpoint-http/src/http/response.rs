//! What is answered, as a value for whoever carries it?
//!
//! The statuses of refusals stand in the table in `refusal`; those of success, and of a build
//! without failpoints, stand here. No other file names any.

/// An answer of the control plane, for any server to carry; given by [`respond`](crate::respond).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Name and value, the names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for 204.
    pub body: Vec<u8>,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Reply {
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        // Keeps pages of other origins from loading what is read without their `Origin`, as an
        // image or a script is: that it loads, and what terms do as a script, would tell them
        // something.
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

    /// All that a build without failpoints answers.
    #[cfg(not(feature = "failpoints"))]
    pub(crate) fn compiled_out(why: impl std::fmt::Display) -> Self {
        Self::refused(501, format!("{why}\n"))
    }
}

#[cfg(feature = "failpoints")]
pub(crate) use on::{NO_CONTENT, OK, PROMETHEUS, json};

#[cfg(feature = "failpoints")]
mod on {
    use super::{Reply, TEXT};
    use crate::wire::Problem;
    use failpoint::__private::text::visible_json;
    use serde::Serialize;

    /// What was asked for is in the body.
    pub(crate) const OK: u16 = 200;
    /// It was done, and there is nothing to say. gofail's clients take this status, and no other,
    /// for the success of a change.
    pub(crate) const NO_CONTENT: u16 = 204;

    /// What Prometheus reads.
    pub(crate) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

    impl Reply {
        pub(crate) fn prometheus(body: String) -> Self {
            Self::new(OK, PROMETHEUS, body)
        }

        /// The head of a stream of events.
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

        /// For a program: RFC 9457.
        pub(crate) fn problem(problem: &Problem) -> Self {
            Self::new(problem.status, "application/problem+json", written(problem))
        }

        /// Names the state that the answer is about, for `If-Match`.
        pub(crate) fn tagged(self, state: u64) -> Self {
            self.with("etag", format!("\"{state}\""))
        }

        /// Names the methods that there are.
        pub(crate) fn allowing(self, methods: &str) -> Self {
            self.with("allow", methods)
        }

        /// Says on the side what the caller may not expect; `note` is ASCII.
        pub(crate) fn noting(self, note: Option<String>) -> Self {
            match note {
                Some(note) => self.with("failpoint-note", note),
                None => self,
            }
        }

        /// What is left of the request will not be read.
        pub(crate) fn closing(self) -> Self {
            self.with("connection", "close")
        }

        /// The same without its body, of which only the length is told.
        pub(crate) fn of_head(mut self) -> Self {
            let body = std::mem::take(&mut self.body);
            if self.status == NO_CONTENT {
                return self;
            }
            self.with("content-length", body.len().to_string())
        }
    }

    /// On one line, with its end.
    fn written(value: &impl Serialize) -> String {
        json(value) + "\n"
    }

    /// JSON that shows no hidden character: many a reply is read on a terminal.
    pub(crate) fn json(value: &impl Serialize) -> String {
        // Our types hold nothing that JSON cannot: no maps but of text, no foreign `Serialize`.
        visible_json(serde_json::to_string(value).unwrap_or_default())
    }
}
