//! Parses the address of a control plane.
//!
//! ```ebnf
//! address = [ host ] ":" port                             (* no host is this machine *)
//!         | "http://" host [ ":" port ] [ "/" prefix ]    (* mounted on a server's own router *)
//!         | "unix:" path [ "?" anything ] ;               (* `?mode=` is for the listener *)
//! ```
//! Values of `GOFAIL_HTTP` that are meant for a server work here too: if the server listens on all
//! addresses, the client connects to loopback.

use super::error::ClientError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// Where to connect, and what to put before each path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// For people and for [`Target::parse`], in a normalized form.
    pub(super) address: String,
    pub(super) peer: Peer,
    /// `http://HOST:PORT/prefix`, without `/` at its end.
    pub(super) base: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Target {
    pub(super) fn parse(given: &str) -> Result<Self, ClientError> {
        let text = given.trim();
        let bad = |why: &str| ClientError::BadAddress { given: given.into(), why: why.into() };
        if let Some(rest) = text.strip_prefix("unix:") {
            return unix(rest).map_err(bad);
        }
        if text.starts_with("https://") {
            return Err(bad("the control plane speaks plain HTTP"));
        }
        match text.strip_prefix("http://") {
            Some(rest) => {
                let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if prefix.contains(['?', '#']) {
                    return Err(bad("a prefix has no query"));
                }
                if authority.is_empty() || authority.starts_with(':') {
                    return Err(bad("it has no host"));
                }
                let lacks_port = authority.ends_with(']') || !authority.contains(':');
                let port = if lacks_port { ":80" } else { "" };
                let authority = format!("{authority}{port}");
                tcp(&authority, prefix.trim_matches('/')).map_err(bad)
            }
            None if text.contains('/') => Err(bad("a URL begins with http://, a path with unix:")),
            None => tcp(text, "").map_err(bad),
        }
    }
}

fn tcp(authority: &str, prefix: &str) -> Result<Target, &'static str> {
    let (host, port) = authority.rsplit_once(':').ok_or("`:PORT` is missing")?;
    let port: u16 = port.parse().map_err(|_| "the port is not a number from 1 to 65535")?;
    if port == 0 {
        return Err("port 0 is only for a listener");
    }
    let host = host_of(host)?;
    let written =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let base = match prefix {
        "" => format!("http://{written}"),
        prefix => format!("http://{written}/{prefix}"),
    };
    if base.parse::<hyper::Uri>().is_err() {
        return Err("the host or the prefix has characters that a URL cannot have");
    }
    let address = if prefix.is_empty() { written } else { base.clone() };
    Ok(Target { address, peer: Peer::Tcp { host, port }, base })
}

/// A host name, or an IP address without brackets, to which a client can connect.
fn host_of(host: &str) -> Result<String, &'static str> {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match (inner.unwrap_or(host).parse::<IpAddr>(), inner) {
        (Ok(IpAddr::V4(_)), Some(_)) | (Err(_), Some(_)) => {
            Err("only an IPv6 address is written in brackets")
        }
        (Ok(IpAddr::V6(_)), None) => Err("write an IPv6 address in brackets"),
        (Ok(ip), _) if !ip.is_unspecified() => Ok(ip.to_string()),
        (Ok(IpAddr::V6(_)), _) => Ok(Ipv6Addr::LOCALHOST.to_string()),
        (Ok(IpAddr::V4(_)), _) => Ok(Ipv4Addr::LOCALHOST.to_string()),
        (Err(_), None) if host.is_empty() => Ok(Ipv4Addr::LOCALHOST.to_string()),
        (Err(_), None) if host.contains([':', '@']) => Err("the host is not valid"),
        (Err(_), None) => Ok(host.to_owned()),
    }
}

fn unix(rest: &str) -> Result<Target, &'static str> {
    let path = rest.split('?').next().unwrap_or_default();
    if path.is_empty() {
        return Err("it has no path");
    }
    if cfg!(not(unix)) {
        return Err("this system has no Unix sockets");
    }
    Ok(Target {
        address: format!("unix:{path}"),
        peer: Peer::Unix(path.into()),
        base: "http://localhost".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Peer, Target};

    #[test]
    fn what_addresses_mean() {
        for (given, address, base) in [
            ("127.0.0.1:22381", "127.0.0.1:22381", "http://127.0.0.1:22381"),
            (" localhost:1 ", "localhost:1", "http://localhost:1"),
            (":22381", "127.0.0.1:22381", "http://127.0.0.1:22381"),
            ("0.0.0.0:7", "127.0.0.1:7", "http://127.0.0.1:7"),
            ("[::]:7", "[::1]:7", "http://[::1]:7"),
            ("[::1]:7", "[::1]:7", "http://[::1]:7"),
            ("http://db-1:80", "db-1:80", "http://db-1:80"),
            ("http://db-1", "db-1:80", "http://db-1:80"),
            ("http://[::1]/", "[::1]:80", "http://[::1]:80"),
            ("http://db-1:8080/fail/", "http://db-1:8080/fail", "http://db-1:8080/fail"),
            ("http://db-1:8080/a/b", "http://db-1:8080/a/b", "http://db-1:8080/a/b"),
        ] {
            let target = Target::parse(given).unwrap_or_else(|error| panic!("{given}: {error}"));
            assert_eq!((target.address.as_str(), target.base.as_str()), (address, base), "{given}");
            assert_eq!(Target::parse(&target.address).ok(), Some(target), "{given}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_file() {
        for given in ["unix:/run/a.fail", "unix:/run/a.fail?mode=0660"] {
            let target = Target::parse(given).unwrap_or_else(|error| panic!("{given}: {error}"));
            assert_eq!(target.peer, Peer::Unix("/run/a.fail".into()));
            assert_eq!(target.address, "unix:/run/a.fail");
        }
    }

    #[test]
    fn what_is_no_address() {
        for given in [
            "",
            "22381",
            "localhost",
            ":",
            ":x",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "::1:7",
            "[127.0.0.1]:7",
            "[x]:7",
            "a b:7",
            "user@host:7",
            "/run/a.fail",
            "host:7/fail",
            "unix:",
            "unix:?mode=0660",
            "https://host:7",
            "http://",
            "http://host:7/a?b",
            "http://:x",
            "é:\u{0}",
        ] {
            let refused = Target::parse(given).err().map(|error| error.to_string());
            let told = refused.unwrap_or_else(|| panic!("`{given}` is taken"));
            assert!(told.contains("write HOST:PORT"), "{told}");
        }
    }
}
