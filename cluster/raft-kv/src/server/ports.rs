//! Which ports of this machine are free?

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The first port that is tried. Below it are those of well-known servers.
const FIRST: u32 = 10_000;

/// Ports of 127.0.0.1 that are free now, each another one at every call of the process.
///
/// They lie below those that the system gives to connections, so they stay free until a server listens
/// there, unless another program takes them on purpose.
///
/// # Errors
/// No port is free, or the system does not say so.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    for port in &mut ports {
        *port = free_port()?;
    }
    Ok(ports)
}

fn free_port() -> io::Result<u16> {
    // Processes that start at the same time begin at different ports.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let end = first_ephemeral().clamp(FIRST + 1_000, 65_535);
    let process = process::id().wrapping_mul(61);
    for _ in FIRST..end {
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(process);
        let port = (FIRST + step % (end - FIRST)) as u16;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AddrInUse, "no port of 127.0.0.1 is free"))
}

/// The first port that Linux gives to connections.
fn first_ephemeral() -> u32 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range.ok().and_then(|range| range.split_whitespace().next()?.parse().ok());
    first.unwrap_or(32_768)
}
