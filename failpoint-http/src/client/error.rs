//! What can go wrong when a control plane is asked, and what is to be done about it?

use crate::env::{TOKEN_FILE, Unusable};
use crate::wire::{Counts, Problem};
use failpoint::__private::compiled_out::BuildWith;
use failpoint::__private::text::visible_lines;
use std::fmt;
use std::io;

/// Why a [`Client`](crate::Client) did not get what it asked for.
///
/// Each says what to do next. `Debug` prints the `Display` text, because a test that returns an
/// error prints its `Debug`.
///
/// ```
/// let refused = failpoint_http::Client::new("https://db-1:22381").unwrap_err();
/// assert!(refused.to_string().contains("plain HTTP"), "{refused}");
/// ```
#[non_exhaustive]
pub enum ClientError {
    /// Not an address that a client understands. Nothing was sent.
    #[non_exhaustive]
    BadAddress {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// Neither `GOFAIL_HTTP` nor `FAILPOINT_HTTP` is set. Nothing was sent.
    NoAddress,
    /// A variable, or the file that it names, or a token, holds something else than it should.
    /// Nothing was sent.
    #[non_exhaustive]
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// What it takes. What it holds is not repeated: it may be a secret.
        expected: String,
    },
    /// Nobody listens there, or no whole answer came in time. What was asked for may have been done.
    #[non_exhaustive]
    NotReachable {
        /// The server.
        address: String,
        /// What happened.
        why: String,
    },
    /// The time of a wait ran out.
    #[non_exhaustive]
    TimedOut {
        /// The server.
        address: String,
        /// What there was until then.
        counts: Counts,
    },
    /// The arming that was asked about is over: disarmed, armed anew, reset, or its ttl ended.
    #[non_exhaustive]
    Disarmed {
        /// The server.
        address: String,
        /// The point, and what there was, as far as the server knows; zeros else.
        counts: Counts,
    },
    /// The server refused, and changed nothing.
    #[non_exhaustive]
    Refused {
        /// The server.
        address: String,
        /// Why, with the place and the nearest names.
        problem: Box<Problem>,
    },
    /// The server knows gofail's routes alone; [`Client::gofail`](crate::Client::gofail) speaks those.
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
    /// What came is no answer of a control plane.
    #[non_exhaustive]
    BadAnswer {
        /// The server.
        address: String,
        /// What came.
        why: String,
    },
    /// Several servers of a [`ClientSet`](crate::ClientSet) failed, each for its own reason.
    Several(Vec<ClientError>),
    /// The thread that blocking clients and dropped guards work on could not be started.
    Thread(io::Error),
}

impl ClientError {
    /// What the server said, where it refused in JSON.
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

/// Much of it a server wrote, which may be any server: hidden characters are escaped.
impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible_lines(&Raw(self).to_string()).fmt(f)
    }
}

/// An error with all that a server wrote as it came.
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
                tell(f, counts)?;
                f.write_str("; is the point armed, and does the server reach it?")
            }
            ClientError::Disarmed { address, counts } => {
                write!(f, "at {address}, the arming of {} has ended: ", counts.name)?;
                tell(f, counts)
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

fn tell(f: &mut fmt::Formatter<'_>, counts: &Counts) -> fmt::Result {
    write!(f, "{} hits, {} fires, {} paused", counts.hits, counts.fires, counts.paused)
}

/// The detail, and of name, place and nearest names what the detail does not hold itself.
fn explain(f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
    if let Some(name) = problem.name.as_deref().filter(|name| !problem.detail.contains(name)) {
        write!(f, "{name}: ")?;
    }
    // Here they are listed below.
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
