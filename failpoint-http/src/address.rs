//! Where does the control plane listen?

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a control plane listens, as [`Control::address`](crate::Control::address) gives it.
///
/// Its `Display` is what `GOFAIL_HTTP` takes: `127.0.0.1:22381`, or `unix:/run/server.fail`.
///
/// ```
/// use failpoint_http::Address;
/// assert_eq!(Address::Tcp(([127, 0, 0, 1], 22381).into()).to_string(), "127.0.0.1:22381");
/// assert_eq!(Address::Unix("/run/server.fail".into()).to_string(), "unix:/run/server.fail");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address with the port that is really bound, also where port 0 was asked for.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
