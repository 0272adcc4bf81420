//! What do the tests of all packages share?
//!
//! The tests run in parallel, also on a machine that does much else, and beside another run of
//! themselves. [`PATIENCE`] bounds a wait for what must come, [`needs`] skips a test that lacks an
//! outside program, [`own_loopback`] gives an address whose ports no other process takes, and
//! [`Killed`] ends a child also when the test fails.
#![forbid(unsafe_code)]

pub mod container;
pub mod needs;

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a test waits for what must come. It only ends a test that hangs, so it is much longer than
/// a busy machine needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until it is so, for what cannot be awaited.
///
/// # Panics
/// Where it is still not so after [`PATIENCE`].
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// `HOST:0` on the loopback interface, where no other process listens.
///
/// Use it where a test closes a port and then expects no answer there, or listens there
/// again. On `127.0.0.1` another test may take the port in between. Linux has 2^24 loopback addresses,
/// so there each process has its own; elsewhere this is `127.0.0.1:0`.
#[must_use]
pub fn own_loopback() -> String {
    if cfg!(target_os = "linux") {
        // A process id has at most 22 bits.
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        format!("127.{}.{middle}.{low}:0", 64 + high)
    } else {
        "127.0.0.1:0".to_owned()
    }
}

/// An address without a listener.
///
/// # Panics
/// Where the system refuses to listen on loopback, or a listener stays open beyond [`PATIENCE`].
#[must_use]
pub fn closed_address() -> String {
    let listener = TcpListener::bind(own_loopback()).expect("loopback can be listened on");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    // A child that another test starts has a copy of the listener until it runs its own program.
    until("the listener is closed", || TcpStream::connect(address).is_err());
    address.to_string()
}

/// A child process, killed when this is dropped.
#[derive(Debug)]
pub struct Killed(Child);

impl Killed {
    /// Starts `command`.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[track_caller]
    #[must_use]
    pub fn spawn(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("{command:?}: there is no such program")
            }
            Err(error) => panic!("{command:?}: {error}"),
        }
    }
}

impl Deref for Killed {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Killed {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_listens_at_a_closed_address() {
        let refused = TcpStream::connect(closed_address()).map(drop).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
    }

    #[test]
    fn what_is_so_is_not_waited_for() {
        let mut asked = 0;
        until("the third time", || {
            asked += 1;
            asked == 3
        });
        assert_eq!(asked, 3);
    }
}
