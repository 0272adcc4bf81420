//! Opens the listening socket for an address, written as in `GOFAIL_HTTP`.
//!
//! ```ebnf
//! address = [ host ] ":" port                    (* no host is every address, as in Go *)
//!         | "unix:" path [ "?mode=" octal ] ;    (* 0600 by default *)
//! ```

use crate::address::Address;
use crate::error::ServeError;
use crate::server::runtime::OwnRuntime;
#[cfg(unix)]
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
#[cfg(unix)]
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::task::{Context, Poll, Waker};
use tokio::net::TcpSocket;

/// The length of the queue for new connections. If it is full, clients retry after a second. `std` uses
/// 128.
const BACKLOG: u32 = 1024;

/// A listening socket. Dropping it closes it, and removes the file of a Unix socket.
pub(crate) struct Listening {
    pub(crate) address: Address,
    // Dropped before the socket.
    pub(crate) closed_in_children: ClosedInChildren,
    pub(crate) socket: Socket,
    #[cfg(unix)]
    pub(crate) _file: Option<SocketFile>,
}

pub(crate) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

/// A child of `fork` has a copy of the socket but not the thread that accepts connections.
#[cfg(unix)]
pub(crate) use failpoint::__bridge::control::ClosedInChildren;

#[cfg(unix)]
fn closed_in_children(socket: &impl std::os::fd::AsFd) -> ClosedInChildren {
    failpoint::__bridge::control::closed_in_children(socket.as_fd())
}

#[cfg(not(unix))]
pub(crate) type ClosedInChildren = ();

#[cfg(not(unix))]
fn closed_in_children(_: &TcpListener) -> ClosedInChildren {}

/// Binds `given`; only on loopback, or a Unix socket, unless `open`.
pub(crate) fn bind(given: &str, open: bool) -> Result<Listening, ServeError> {
    let given = given.trim();
    match given.strip_prefix("unix:") {
        Some(rest) => bind_unix(given, rest),
        None => bind_tcp(given, open),
    }
}

fn bind_tcp(given: &str, open: bool) -> Result<Listening, ServeError> {
    let bad = |why: &str| ServeError::BadAddress { given: given.to_owned(), why: why.to_owned() };
    let (host, port) = given.rsplit_once(':').ok_or_else(|| bad("`:PORT` is missing"))?;
    let port: u16 = port.parse().map_err(|_| bad("its port is not a number from 0 to 65535"))?;
    let candidates = resolve(host, port).map_err(|why| bad(&why))?;

    if let Some(other) = candidates.iter().find(|one| !one.ip().to_canonical().is_loopback()) {
        if !open {
            let suggestion = format!("127.0.0.1:{}", other.port());
            return Err(ServeError::NotLoopback { given: given.to_owned(), suggestion });
        }
    }
    let mut result = Err(io::Error::from(ErrorKind::AddrNotAvailable));
    for candidate in candidates {
        result = listen_at(candidate);
        if result.is_ok() {
            break;
        }
    }
    let listener = result.map_err(|source| refused(given, source))?;
    listener.set_nonblocking(true).map_err(|source| refused(given, source))?;
    let address = listener.local_addr().map_err(|source| refused(given, source))?;
    Ok(Listening {
        address: Address::Tcp(address),
        closed_in_children: closed_in_children(&listener),
        socket: Socket::Tcp(listener),
        #[cfg(unix)]
        _file: None,
    })
}

/// As `TcpListener::bind`, but with a longer queue.
fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    // tokio separates binding from listening, and needs a runtime for it.
    let runtime = OwnRuntime::new()?;
    let _within = runtime.enter();
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows, this would allow other processes to take over the address.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// The addresses of `host`, in the order to try: IPv4 addresses of a name first, as in Go.
fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    if host.is_empty() {
        // The IPv6 address also accepts IPv4. The IPv4 address is for machines without IPv6.
        let all = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        return Ok(all.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    if host.contains('/') {
        return Err("it is a URL, or a path without `unix:`".to_owned());
    }
    if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        if ip.is_ipv6() == host.starts_with('[') {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        return Err("write an IPv6 address in brackets, and an IPv4 address without".to_owned());
    }
    let found = (host, port).to_socket_addrs();
    let mut found: Vec<SocketAddr> =
        found.map_err(|error| format!("its host cannot be resolved: {error}"))?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    Ok(found)
}

fn refused(given: &str, source: io::Error) -> ServeError {
    let given = given.to_owned();
    match source.kind() {
        ErrorKind::AddrInUse => ServeError::InUse { given },
        _ => ServeError::Bind { given, source },
    }
}

#[cfg(not(unix))]
fn bind_unix(given: &str, _: &str) -> Result<Listening, ServeError> {
    let why = "this system has no Unix sockets".to_owned();
    Err(ServeError::BadAddress { given: given.to_owned(), why })
}

#[cfg(unix)]
fn bind_unix(given: &str, rest: &str) -> Result<Listening, ServeError> {
    let bad = |why: &str| ServeError::BadAddress { given: given.to_owned(), why: why.to_owned() };
    let (path, query) = rest.split_once('?').unwrap_or((rest, "mode=0600"));
    let mode = query.strip_prefix("mode=").filter(|mode| mode.bytes().all(|b| b.is_ascii_digit()));
    let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()).filter(|&m| m <= 0o777);
    let mode = mode.ok_or_else(|| bad("after `?`, write mode= and a mode such as 0660"))?;
    if path.is_empty() {
        return Err(bad("it has no path"));
    }
    let path = Path::new(path);
    replace_stale(path).map_err(|source| refused(given, source))?;
    let (listener, file) = SocketFile::bind(path, mode).map_err(|source| refused(given, source))?;
    Ok(Listening {
        address: Address::Unix(path.to_owned()),
        closed_in_children: closed_in_children(&listener),
        socket: Socket::Unix(listener),
        _file: Some(file),
    })
}

/// Removes a socket file without a listener, which a killed process leaves behind.
#[cfg(unix)]
fn replace_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;

    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "a file that is not a socket exists there",
        ));
    }
    match connect(path)? {
        Poll::Ready(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            // There is a listener whose queue is full, for example a stopped process.
            ErrorKind::WouldBlock => Err(ErrorKind::AddrInUse.into()),
            // Removed in the meantime, or another error, which binding will report.
            _ => Ok(()),
        },
        Poll::Ready(Ok(_)) | Poll::Pending => Err(ErrorKind::AddrInUse.into()),
    }
}

/// Connects without waiting for room in the listener's queue, as `std` would.
#[cfg(unix)]
fn connect(path: &Path) -> io::Result<Poll<io::Result<tokio::net::UnixStream>>> {
    // The system answers at the first poll. `block_on` is not possible, because the caller may be inside
    // a runtime.
    let runtime = OwnRuntime::new()?;
    let _within = runtime.enter();
    let connecting = std::pin::pin!(tokio::net::UnixStream::connect(path));
    Ok(connecting.poll(&mut Context::from_waker(Waker::noop())))
}

/// The file of a Unix socket; removed when dropped, if it is still the one that was bound.
#[cfg(unix)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

#[cfg(unix)]
impl SocketFile {
    fn bind(path: &Path, mode: u32) -> io::Result<(std::os::unix::net::UnixListener, Self)> {
        use std::fs::{File, Permissions, set_permissions};
        use std::os::fd::AsFd;
        use std::os::unix::fs::PermissionsExt;

        // tokio separates creating a socket from binding it, and needs a runtime for it.
        let runtime = OwnRuntime::new()?;
        let _within = runtime.enter();
        let socket = tokio::net::UnixSocket::new_stream()?;
        // Linux creates the file with the mode of the socket, so it is never more open than that. The
        // mode is set again by name, because the first is subject to the umask and has no effect on
        // other systems.
        let permissions = Permissions::from_mode(mode);
        let by_descriptor = File::from(socket.as_fd().try_clone_to_owned()?);
        let _ = by_descriptor.set_permissions(permissions.clone());
        socket.bind(path)?;
        let file = Self { path: path.to_owned(), identity: identity(path)? };
        set_permissions(path, permissions)?;
        Ok((socket.listen(BACKLOG)?.into_std()?, file))
    }
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::bind;
    use crate::error::ServeError;

    #[test]
    fn invalid_addresses() {
        for given in [
            "",
            "22381",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "::1:0",
            "[127.0.0.1]:0",
            "http://127.0.0.1:22381",
            "/run/x:1",
            "unix:",
            "unix:?mode=0660",
            "unix:/x?mode=",
            "unix:/x?mode=0999",
            "unix:/x?mode=1777",
            "unix:/x?mod=0660",
            "unix:/x?mode=+7",
            "unix:/x?",
        ] {
            let refused = bind(given, false).err();
            assert!(matches!(refused, Some(ServeError::BadAddress { .. })), "{given}: {refused:?}");
        }
    }

    #[test]
    fn addresses_other_than_loopback_are_refused() {
        for (given, suggestion) in [
            (":22381", "127.0.0.1:22381"),
            ("0.0.0.0:0", "127.0.0.1:0"),
            ("[::]:7", "127.0.0.1:7"),
            ("10.1.2.3:80", "127.0.0.1:80"),
            ("[::ffff:10.1.2.3]:80", "127.0.0.1:80"),
        ] {
            match bind(given, false).err() {
                Some(ServeError::NotLoopback { suggestion: found, .. }) => {
                    assert_eq!(found, suggestion, "{given}");
                }
                other => panic!("{given}: {other:?}"),
            }
        }
    }

    #[test]
    fn loopback_is_accepted_and_a_port_chosen() {
        for given in ["127.0.0.1:0", "localhost:0", " 127.0.0.1:0 "] {
            let listening = bind(given, false).unwrap_or_else(|error| panic!("{given}: {error}"));
            let address = listening.address.to_string();
            assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
        }
        let all = bind(":0", true).map(|listening| listening.address.to_string());
        assert!(all.is_ok_and(|address| !address.ends_with(":0")));
    }
}
