//! [`ServeError`]: why the control plane did not start, and what to do about it.

use failpoint::__private::text::visible_lines;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why [`serve_from_env`](crate::serve_from_env) or [`serve`](crate::serve) failed.
///
/// Each message says what to do next. `Debug` prints the `Display` text, because a `main` that returns an
/// error prints its `Debug`.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// let refused = failpoint_http::serve("0.0.0.0:22381").unwrap_err();
/// assert!(refused.to_string().contains("127.0.0.1:22381"));
/// # }
/// ```
#[non_exhaustive]
pub enum ServeError {
    /// The address is not valid.
    #[non_exhaustive]
    BadAddress {
        /// The address.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// Without a token it listens on loopback and Unix sockets only.
    #[non_exhaustive]
    NotLoopback {
        /// The address.
        given: String,
        /// The same port on loopback.
        suggestion: String,
    },
    /// Another listener uses the address.
    #[non_exhaustive]
    InUse {
        /// The address.
        given: String,
    },
    /// The system refused the address.
    #[non_exhaustive]
    Bind {
        /// The address.
        given: String,
        /// The system's error.
        source: io::Error,
    },
    /// A variable of failpoints is not valid: `GOFAIL_FAILPOINTS`, `FAILPOINT_SEED`, …
    Environment(failpoint::Error),
    /// The value of a variable of the control plane is not valid.
    #[non_exhaustive]
    BadVariable {
        /// The variable.
        variable: &'static str,
        /// What it takes. Its value is not repeated because it may be a secret.
        expected: &'static str,
    },
    /// The file named by `FAILPOINT_HTTP_TOKEN_FILE` cannot be read.
    #[non_exhaustive]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file named by `FAILPOINT_HTTP_PORT_FILE` cannot be written.
    #[non_exhaustive]
    PortFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The thread of the control plane could not be started.
    Thread(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible_lines(&Raw(self).to_string()).fmt(f)
    }
}

/// An error without escapes.
struct Raw<'a>(&'a ServeError);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only for errors whose text does not already name a variable.
        if let ServeError::BadAddress { .. }
        | ServeError::NotLoopback { .. }
        | ServeError::InUse { .. }
        | ServeError::Bind { .. }
        | ServeError::Thread(_) = self.0
        {
            f.write_str("the failpoint control plane did not start: ")?;
        }
        match self.0 {
            ServeError::BadAddress { given, why } => write!(
                f,
                "`{}` is not a valid address: {why}; write HOST:PORT such as 127.0.0.1:22381, or \
                 unix:/path?mode=0660",
                given.escape_debug()
            ),
            ServeError::NotLoopback { given, suggestion } => write!(
                f,
                "`{given}` can be reached from other machines, and any client that reaches it can end this \
                 process; write {suggestion}, or set FAILPOINT_HTTP_TOKEN to a secret, or \
                 FAILPOINT_HTTP_INSECURE=1 if you trust the network"
            ),
            ServeError::InUse { given } => write!(
                f,
                "`{given}` is in use by another listener; stop that one, or choose another address \
                 (port 0 picks a free one, and FAILPOINT_HTTP_PORT_FILE names a file to write it to)"
            ),
            ServeError::Bind { given, source } => {
                write!(f, "cannot bind `{given}`: {source}; choose another address")
            }
            ServeError::Environment(error) => write!(f, "in the environment: {error}"),
            ServeError::BadVariable { variable, expected } => {
                write!(f, "{variable} takes {expected}")
            }
            ServeError::TokenFile { path, source } => write!(
                f,
                "FAILPOINT_HTTP_TOKEN_FILE names `{}`, which cannot be read: {source}",
                path.display()
            ),
            ServeError::PortFile { path, source } => write!(
                f,
                "FAILPOINT_HTTP_PORT_FILE names `{}`, which cannot be written: {source}",
                path.display()
            ),
            ServeError::Thread(source) => write!(f, "its thread cannot be started: {source}"),
        }
    }
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServeError::Environment(error) => Some(error),
            ServeError::Bind { source, .. }
            | ServeError::TokenFile { source, .. }
            | ServeError::PortFile { source, .. }
            | ServeError::Thread(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(feature = "failpoints")]
impl From<crate::env::Unusable> for ServeError {
    fn from(unusable: crate::env::Unusable) -> Self {
        use crate::env::Unusable;

        match unusable {
            Unusable::Variable { name, expected } => {
                ServeError::BadVariable { variable: name, expected }
            }
            Unusable::File { path, source } => ServeError::TokenFile { path, source },
        }
    }
}
