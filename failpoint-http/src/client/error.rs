//! [`ClientError`]: why a request failed, and what to do about it.

use crate::env::{TOKEN_FILE, Unusable};
use crate::wire::{Counts, Problem};
use failpoint::__private::compiled_out::BuildWith;
use failpoint::__private::text::visible_lines;
use std::fmt;
use std::io;

/// Why a request of a [`Client`](crate::Client) failed.
///
/// Each message says what to do next. `Debug` prints the `Display` text, because a test that returns an
/// error prints its `Debug`.
///
/// ```
/// let refused = failpoint_http::Client::new("https://db-1:22381").unwrap_err();
/// assert!(refused.to_string().contains("plain HTTP"), "{refused}");
/// ```
#[non_exhaustive]
pub enum ClientError {
    /// The address is not valid. Nothing was sent.
    #[non_exhaustive]
    BadAddress {
        /// The address.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// Neither `GOFAIL_HTTP` nor `FAILPOINT_HTTP` is set. Nothing was sent.
    NoAddress,
    /// The value of a variable, the file that it names, or the token is not valid. Nothing was sent.
    #[non_exhaustive]
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// What it takes. Its value is not repeated because it may be a secret.
        expected: String,
    },
    /// Nothing listens at the address, or no complete reply arrived in time. The server may have done
    /// what was requested.
    #[non_exhaustive]
    NotReachable {
        /// The server.
        address: String,
        /// What happened.
        why: String,
    },
    /// A wait timed out.
    #[non_exhaustive]
    TimedOut {
        /// The server.
        address: String,
        /// The counts at that time.
        counts: Counts,
    },
    /// The arming has ended: the point was disarmed, armed again or reset, or its ttl expired.
    #[non_exhaustive]
    Disarmed {
        /// The server.
        address: String,
        /// The point and its last counts; zeros if the server does not know them.
        counts: Counts,
    },
    /// The server refused, and changed nothing.
    #[non_exhaustive]
    Refused {
        /// The server.
        address: String,
        /// Why, with the position in the terms and similar names.
        problem: Box<Problem>,
    },
    /// The server has only gofail's routes; use [`Client::gofail`](crate::Client::gofail).
    #[non_exhaustive]
    OnlyGofail {
        /// The server.
        address: String,
    },
    /// The server was built without failpoints.
    #[non_exhaustive]
    CompiledOut {
        /// The server.
        address: String,
    },
    /// The reply is not one of a control plane.
    #[non_exhaustive]
    BadAnswer {
        /// The server.
        address: String,
        /// What is wrong with the reply.
        why: String,
    },
    /// Several servers of a [`ClientSet`](crate::ClientSet) failed, each for its own reason.
    Several(Vec<ClientError>),
    /// The background thread of blocking clients and dropped guards could not be started.
    Thread(io::Error),
}

impl ClientError {
    /// The server's problem details, if it refused the request with JSON.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            ClientError::Refused { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Whether the server refused for this reason: `"unknown-point"`, `"bad-terms"`, `"stale"`, …
    ///
    /// The words are those after `urn:failpoint:` in [`Problem::kind`].
    pub fn is_refused_as(&self, kind: &str) -> bool {
        let found = self.problem().and_then(|problem| problem.kind.strip_prefix("urn:failpoint:"));
        found == Some(kind)
    }
}

/// Hidden characters are escaped, because parts of the text come from the server.
impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible_lines(&Raw(self).to_string()).fmt(f)
    }
}

/// An error without escapes.
struct Raw<'a>(&'a ClientError);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ClientError::BadAddress { given, why } => write!(
                f,
                "`{}` is not a valid control plane address: {why}; write HOST:PORT such as \
                 127.0.0.1:22381, http://HOST:PORT/prefix, or unix:/path",
                given.escape_debug()
            ),
            ClientError::NoAddress => f.write_str(
                "no control plane address: set GOFAIL_HTTP to the value that the server was \
                 started with, such as 127.0.0.1:22381",
            ),
            ClientError::BadVariable { variable, expected } => {
                write!(f, "{variable} takes {expected}")
            }
            ClientError::NotReachable { address, why } => write!(
                f,
                "no control plane answers at {address}: {why}; check that the server is running, \
                 was built with failpoints, and was started with GOFAIL_HTTP={address}"
            ),
            ClientError::TimedOut { address, counts } => {
                write!(f, "at {address}, {} was not reached in time: ", counts.name)?;
                write_counts(f, counts)?;
                f.write_str("; is the point armed, and does the server reach it?")
            }
            ClientError::Disarmed { address, counts } => {
                write!(f, "at {address}, the arming of {} has ended: ", counts.name)?;
                write_counts(f, counts)
            }
            ClientError::Refused { address, problem } => {
                write!(f, "{address} refuses: ")?;
                explain(f, problem)
            }
            ClientError::OnlyGofail { address } => write!(
                f,
                "{address} has only gofail's routes: use Client::gofail(), or build the server with \
                 this project's control plane"
            ),
            ClientError::CompiledOut { address } => write!(
                f,
                "failpoints were compiled out of the server at {address}; {}",
                BuildWith("failpoint-http/failpoints")
            ),
            ClientError::BadAnswer { address, why } => write!(
                f,
                "the reply from {address} is not one of a control plane: {why}; check the address \
                 and, if the control plane is mounted on a router, its prefix"
            ),
            ClientError::Several(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            ClientError::Thread(source) => {
                write!(f, "the thread of blocking clients cannot be started: {source}")
            }
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Thread(source) => Some(source),
            _ => None,
        }
    }
}

impl From<Unusable> for ClientError {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Variable { name, expected } => {
                ClientError::BadVariable { variable: name, expected: expected.to_owned() }
            }
            Unusable::File { path, source } => ClientError::BadVariable {
                variable: TOKEN_FILE,
                expected: format!("a readable file; `{}`: {source}", path.display()),
            },
        }
    }
}

fn write_counts(f: &mut fmt::Formatter<'_>, counts: &Counts) -> fmt::Result {
    write!(f, "{} hits, {} fires, {} paused", counts.hits, counts.fires, counts.paused)
}

/// The detail, then the name, position and similar names unless the detail contains them.
fn explain(f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
    if let Some(name) = problem.name.as_deref().filter(|name| !problem.detail.contains(name)) {
        write!(f, "{name}: ")?;
    }
    // The individual errors follow below.
    match problem.detail.split_once("; errors lists ") {
        Some((detail, "them")) => write!(f, "{detail}:")?,
        Some((detail, which)) => write!(f, "{detail}; {which}:")?,
        None => f.write_str(&problem.detail)?,
    }
    if !problem.nearest.is_empty() && !problem.detail.contains(&problem.nearest[0]) {
        write!(f, "; the nearest are {}", problem.nearest.join(", "))?;
    }
    if let Some(caret) = problem.caret.as_deref().filter(|caret| !problem.detail.contains(caret)) {
        write!(f, "\n{caret}")?;
    }
    for one in &problem.errors {
        f.write_str("\n  ")?;
        explain(f, one)?;
    }
    Ok(())
}
