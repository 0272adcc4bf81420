//! Which ports are free?

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::atomic::{AtomicU32, Ordering};

use super::types::Config;
use super::values;

/// The first port that is tried. Below it are those of well-known servers.
const FIRST: u32 = 10_000;

impl Config {
    /// Puts a free port of this machine wherever an address has port 0. Ports below those that the
    /// system gives to connections are taken, so that they stay free until the members listen there.
    ///
    /// # Errors
    /// The system has no free port, or does not say so.
    pub fn choose_ports(&mut self) -> io::Result<()> {
        let fixed: Vec<String> = self.members.iter().flat_map(all).cloned().collect();
        let mut taken: HashSet<u16> = fixed
            .iter()
            .filter_map(|address| values::address(address).ok())
            .map(|(_, p)| p)
            .collect();
        for member in &mut self.members {
            let addresses =
                [Some(&mut member.client), Some(&mut member.peer), member.failpoints.as_mut()];
            for address in addresses.into_iter().flatten() {
                let Some(host) = address.strip_suffix(":0") else { continue };
                let port = free(host, &mut taken)?;
                *address = format!("{host}:{port}");
            }
        }
        Ok(())
    }
}

fn all(member: &crate::driver::Member) -> impl Iterator<Item = &String> {
    [Some(&member.client), Some(&member.peer), member.failpoints.as_ref()].into_iter().flatten()
}

/// A port of this host that is free now and was not taken before.
fn free(host: &str, taken: &mut HashSet<u16>) -> io::Result<u16> {
    // Runs that start at the same time begin at different ports.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let end = first_ephemeral().clamp(FIRST + 1_000, 65_535);
    let process = std::process::id().wrapping_mul(61);
    for _ in FIRST..end {
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(process);
        let port = (FIRST + step % (end - FIRST)) as u16;
        if taken.contains(&port) {
            continue;
        }
        match TcpListener::bind(format!("{host}:{port}")) {
            Ok(_) => {
                taken.insert(port);
                return Ok(port);
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AddrInUse, format!("no port of {host} is free")))
}

/// The first port that Linux gives to connections.
fn first_ephemeral() -> u32 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range.ok().and_then(|range| range.split_whitespace().next()?.parse().ok());
    first.unwrap_or(32_768)
}

/// Whether a server could listen at an address of this machine, or why not.
pub(super) fn can_listen(address: &str) -> Result<(), String> {
    let resolved = address
        .to_socket_addrs()
        .map_err(|error| format!("the address `{address}` is not known: {error}"))?;
    for one in resolved {
        match TcpListener::bind(one) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Err(format!(
                    "the port of `{address}` is in use; stop what listens there, or write port 0 for a \
                     free one"
                ));
            }
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                return Err(format!(
                    "this machine does not have the address `{address}`; a member on another machine \
                     needs `agent:`"
                ));
            }
            Err(error) => return Err(format!("nothing can listen at `{address}`: {error}")),
        }
    }
    Ok(())
}
