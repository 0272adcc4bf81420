//! The client of the line protocol.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a waiting client checks whether to give up.
const GLANCE: Duration = Duration::from_millis(50);

/// A connection to a `wal_server`.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    give_up: Arc<AtomicBool>,
}

/// Why a request failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The server refused; the text after `ERR`.
    Refused(String),
    /// The connection broke. The request may or may not have been executed.
    Connection(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Refused(why) => write!(f, "ERR {why}"),
            ClientError::Connection(error) => write!(f, "the connection broke: {error}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        ClientError::Connection(error)
    }
}

impl Client {
    /// Connects, and waits for answers without a limit.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub fn connect(address: &str) -> io::Result<Self> {
        Self::connect_until(address, Arc::default())
    }

    /// Connects, and waits for answers until `give_up` is true.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub fn connect_until(address: &str, give_up: Arc<AtomicBool>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(GLANCE))?;
        Ok(Self { stream: BufReader::new(stream), give_up })
    }

    /// Sets a key, durably.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ClientError> {
        match self.request(&format!("SET {key} {value}"))?.as_str() {
            "OK" => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get(&mut self, key: &str) -> Result<Option<String>, ClientError> {
        let reply = self.request(&format!("GET {key}"))?;
        match reply.strip_prefix("VALUE ") {
            Some(value) => Ok(Some(value.to_owned())),
            None if reply == "NONE" => Ok(None),
            None => Err(unexpected(&reply)),
        }
    }

    /// Sends a line and returns the answer.
    ///
    /// # Errors
    /// [`ClientError`]; an `ERR` is [`ClientError::Refused`].
    pub fn request(&mut self, line: &str) -> Result<String, ClientError> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let reply = self.read_line()?;
        match reply.strip_prefix("ERR ") {
            Some(why) => Err(ClientError::Refused(why.to_owned())),
            None => Ok(reply),
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            match self.stream.read_until(b'\n', &mut line) {
                Ok(_) if line.ends_with(b"\n") => break,
                Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
                // The bytes read so far stay in `line`.
                Err(error) if is_time_out(&error) && !self.give_up.load(Ordering::Relaxed) => {}
                Err(error) => return Err(error),
            }
        }
        line.pop();
        String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

/// Which error it is depends on the platform.
fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn unexpected(reply: &str) -> ClientError {
    ClientError::Connection(io::Error::other(format!("not an answer of a wal_server: {reply}")))
}
