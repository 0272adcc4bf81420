//! A `wal_server` as a child process: for the demo, and for the tests that kill it.

use crate::curl::Curl;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The line that the server prints when it accepts connections; the address follows.
pub const LISTENING: &str = "listening on ";

/// The line that names the control address.
pub const CONTROL: &str = "control on ";

/// How long a server may take to recover.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running server; dropping this kills it by its id.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Its output; closed when it ends.
    lines: Receiver<String>,
    greeting: Vec<String>,
    address: String,
    control: Option<Curl>,
}

impl ServerProcess {
    /// Starts `command` and waits until it accepts connections.
    ///
    /// # Errors
    /// If it cannot be started, ends before it listens, or takes too long to listen.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            // Reads on even without a receiver, so that the server never blocks on its output.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut server =
            Self { child, lines, greeting: Vec::new(), address: String::new(), control: None };
        server.read_greeting()?;
        Ok(server)
    }

    fn read_greeting(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(address) = line.strip_prefix(CONTROL) {
                        self.control = Some(Curl::new(address));
                    }
                    let address = line.strip_prefix(LISTENING).map(str::to_owned);
                    self.greeting.push(line);
                    if let Some(address) = address {
                        self.address = address;
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("the server does not listen after {START_LIMIT:?}"),
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    return Err(io::Error::other(format!(
                        "the server ended before it listened, with {status}"
                    )));
                }
            }
        }
    }

    /// The address for requests.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its control plane, if it has one.
    pub fn control(&self) -> Option<&Curl> {
        self.control.as_ref()
    }

    /// What it printed before it accepted connections.
    pub fn greeting(&self) -> &[String] {
        &self.greeting
    }

    /// Waits until the process has ended; `None` if it still runs after `limit`.
    ///
    /// # Errors
    /// As [`Child::wait`].
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return self.child.try_wait(),
                // Its end of the pipe is closed, so it is ending.
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().map(Some),
            }
        }
    }

    /// Kills it with SIGKILL and waits until it has ended.
    ///
    /// # Errors
    /// As [`Child::kill`] and [`Child::wait`].
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
