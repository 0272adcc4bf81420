//! [`Address`]: where the control plane listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The address at which a control plane listens; returned by
/// [`Control::address`](crate::Control::address).
///
/// `Display` prints it in the form of `GOFAIL_HTTP`: `127.0.0.1:22381`, or `unix:/run/server.fail`.
///
/// ```
/// use failpoint_http::Address;
/// assert_eq!(Address::Tcp(([127, 0, 0, 1], 22381).into()).to_string(), "127.0.0.1:22381");
/// assert_eq!(Address::Unix("/run/server.fail".into()).to_string(), "unix:/run/server.fail");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and the bound port, also if port 0 was requested.
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
