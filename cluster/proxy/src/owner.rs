//! Whose connection is it? On Linux, the kernel tells which process holds a socket of this machine.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Which of these processes holds the caller's end of a connection. `None`: none of them, as of a
/// connection that has ended.
///
/// It reads `/proc`, which may take milliseconds. A process that shares its sockets with another one
/// counts as their owner, too.
///
/// # Errors
/// `/proc` cannot be read, or the connection is not one of IPv4.
pub fn owner(caller: SocketAddr, callee: SocketAddr, pids: &[u32]) -> io::Result<Option<u32>> {
    let (SocketAddr::V4(caller), SocketAddr::V4(callee)) = (caller, callee) else {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "only connections of IPv4 are looked up",
        ));
    };
    let table = fs::read_to_string("/proc/net/tcp")?;
    let Some(inode) = inode(&table, caller, callee) else { return Ok(None) };
    let socket = format!("socket:[{inode}]");
    Ok(pids.iter().copied().find(|pid| holds(*pid, &socket)))
}

/// The inode of the socket with these ends: the number by which `/proc` names it.
fn inode(table: &str, local: SocketAddrV4, remote: SocketAddrV4) -> Option<&str> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let ends = (address(fields.next()?)?, address(fields.next()?)?);
        // The state, queues, timers, retransmissions, user and time-out stand before it.
        let inode = fields.nth(6)?;
        (ends == (local, remote) && inode != "0").then_some(inode)
    })
}

/// Reads `0100007F:1F90`: the bytes of the address as one number of this machine.
fn address(text: &str) -> Option<SocketAddrV4> {
    let (ip, port) = text.split_once(':')?;
    let ip = u32::from_str_radix(ip, 16).ok()?.to_ne_bytes();
    Some(SocketAddrV4::new(Ipv4Addr::from(ip), u16::from_str_radix(port, 16).ok()?))
}

fn holds(pid: u32, socket: &str) -> bool {
    // A process that has ended holds nothing.
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|target| target.as_os_str() == socket)
}

#[cfg(test)]
mod tests {
    use super::{inode, owner};
    use std::net::{TcpListener, TcpStream};

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_the_table_of_the_kernel() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0\n\
            \x20  1: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n\
            \x20  2: 0100007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0\n";
        let address = |text: &str| text.parse().unwrap();
        let find =
            |port| inode(table, address(&format!("127.0.0.1:{port}")), address("127.0.0.1:8080"));
        // 50000 has closed: it has no inode.
        assert_eq!((find(50_001), find(50_000), find(50_002)), (Some("4711"), None, None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_is_of_the_process_that_made_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let ends = (caller.local_addr().unwrap(), caller.peer_addr().unwrap());
        let this = std::process::id();
        assert_eq!(owner(ends.0, ends.1, &[1, this]).unwrap(), Some(this));
        assert_eq!(owner(ends.0, ends.1, &[]).unwrap(), None);
        let v6 = "[::1]:1".parse().unwrap();
        assert!(owner(v6, ends.1, &[this]).is_err());
    }
}
