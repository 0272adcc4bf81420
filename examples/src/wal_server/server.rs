//! The line protocol.
//!
//! ```text
//! SET KEY VALUE   OK after it is saved
//! GET KEY         VALUE … or NONE
//! DEL KEY         OK after it is saved, or NONE
//! LEN             LEN n
//! QUIT            OK, and the connection ends
//! anything else   ERR and what is expected
//! ```
//!
//! Requests and answers are one line each, in UTF-8, without control characters. A key has no blanks; a
//! value may. Each connection has a thread.

use super::store::Store;
use super::wal::AppendError;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The longest line, in bytes, without its end.
pub const MAX_LINE: usize = 64 << 10;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 256;

/// Connections at a time.
pub const MAX_CONNECTIONS: usize = 256;

/// How long to pause if no connection can be accepted, for example without free descriptors.
const REST: Duration = Duration::from_millis(50);

/// Accepts connections until the process ends.
pub fn serve(listener: &TcpListener, store: &Arc<Store>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = listener.accept().and_then(|(stream, peer)| {
            let place = Place::take(&open);
            let store = Arc::clone(store);
            // An event of a failpoint names the thread.
            thread::Builder::new().name(format!("client {peer}")).spawn(move || {
                // An error means that the client has gone, so it cannot be told.
                let _ = match place {
                    Some(_place) => talk(&stream, &store),
                    None => say(&stream, &Reply::Error(Complaint::TooManyConnections)),
                };
            })
        });
        if let Err(error) = accepted {
            eprintln!("wal_server: no connection accepted: {error}");
            thread::sleep(REST);
        }
    }
}

/// A permit for a connection; returned when dropped, also by a panic.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Place(Arc::clone(open));
        (open.fetch_add(1, Ordering::Relaxed) < MAX_CONNECTIONS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn talk(stream: &TcpStream, store: &Store) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream);
    loop {
        let (reply, goes_on) = match read_line(&mut lines)? {
            Line::End => return Ok(()),
            Line::TooLong => (Reply::Error(Complaint::LineTooLong), true),
            Line::Text(line) => match Request::parse(&line) {
                Ok(Request::Quit) => (Reply::Ok, false),
                Ok(request) => (answer(request, store), true),
                Err(complaint) => (Reply::Error(complaint), true),
            },
        };
        say(stream, &reply)?;
        if !goes_on {
            return Ok(());
        }
    }
}

fn say(mut stream: &TcpStream, reply: &Reply) -> io::Result<()> {
    // One write: with two packets, the second would wait until the first is acknowledged.
    stream.write_all(format!("{reply}\n").as_bytes())
}

fn answer(request: Request<'_>, store: &Store) -> Reply {
    let saved = match request {
        Request::Get { key } => return store.get(key).map_or(Reply::None, Reply::Value),
        Request::Len => return Reply::Len(store.len()),
        Request::Quit => return Reply::Ok,
        Request::Set { key, value } => store.set(key, value).map(|()| Reply::Ok),
        Request::Delete { key } => {
            store.delete(key).map(|was| if was { Reply::Ok } else { Reply::None })
        }
    };
    saved.unwrap_or_else(|error| Reply::Error(Complaint::NotSaved(error)))
}

enum Line {
    Text(Vec<u8>),
    TooLong,
    End,
}

/// One line without its end. A line that is too long is read to its end and dropped.
fn read_line(lines: &mut impl BufRead) -> io::Result<Line> {
    let mut line = Vec::new();
    let limit = MAX_LINE as u64 + 2;
    lines.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(Line::End);
    }
    let complete = drop_last(&mut line, b'\n');
    drop_last(&mut line, b'\r');
    if line.len() > MAX_LINE {
        if !complete {
            skip_line(lines)?;
        }
        return Ok(Line::TooLong);
    }
    // Text without a line end was cut off in transit: it is not a request.
    Ok(if complete { Line::Text(line) } else { Line::End })
}

/// Removes `byte` at the end of the line; returns whether it was there.
fn drop_last(line: &mut Vec<u8>, byte: u8) -> bool {
    let found = line.last() == Some(&byte);
    if found {
        line.pop();
    }
    found
}

fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = lines.fill_buf()?;
        let (used, over) = match bytes.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (bytes.len(), bytes.is_empty()),
        };
        lines.consume(used);
        if over {
            return Ok(());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request<'a> {
    Set { key: &'a str, value: &'a str },
    Get { key: &'a str },
    Delete { key: &'a str },
    Len,
    Quit,
}

impl<'a> Request<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, Complaint> {
        let line = std::str::from_utf8(line).map_err(|_| Complaint::NotText)?;
        if line.chars().any(char::is_control) {
            return Err(Complaint::NotText);
        }
        let (verb, rest) = match line.split_once(' ') {
            Some((verb, rest)) => (verb, Some(rest)),
            None => (line, None),
        };
        match (verb.to_ascii_uppercase().as_str(), rest) {
            ("SET", rest) => {
                let (key, value) = rest
                    .and_then(|rest| rest.split_once(' '))
                    .ok_or(Complaint::Usage("SET KEY VALUE"))?;
                Ok(Request::Set { key: good_key(key, "SET KEY VALUE")?, value })
            }
            ("GET", Some(key)) => Ok(Request::Get { key: good_key(key, "GET KEY")? }),
            ("GET", None) => Err(Complaint::Usage("GET KEY")),
            ("DEL", Some(key)) => Ok(Request::Delete { key: good_key(key, "DEL KEY")? }),
            ("DEL", None) => Err(Complaint::Usage("DEL KEY")),
            ("LEN", None) => Ok(Request::Len),
            ("LEN", Some(_)) => Err(Complaint::Usage("LEN")),
            ("QUIT", None) => Ok(Request::Quit),
            _ => Err(Complaint::UnknownRequest),
        }
    }
}

fn good_key<'a>(key: &'a str, usage: &'static str) -> Result<&'a str, Complaint> {
    match key.len() {
        0 => Err(Complaint::Usage(usage)),
        _ if key.contains(' ') => Err(Complaint::Usage(usage)),
        length if length > MAX_KEY => Err(Complaint::KeyTooLong),
        _ => Ok(key),
    }
}

enum Reply {
    Ok,
    Value(String),
    None,
    Len(usize),
    Error(Complaint),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Ok => f.write_str("OK"),
            Reply::Value(value) => write!(f, "VALUE {value}"),
            Reply::None => f.write_str("NONE"),
            Reply::Len(len) => write!(f, "LEN {len}"),
            Reply::Error(complaint) => write!(f, "ERR {complaint}"),
        }
    }
}

/// Every `ERR` there is.
#[derive(Debug)]
enum Complaint {
    UnknownRequest,
    Usage(&'static str),
    NotText,
    LineTooLong,
    KeyTooLong,
    TooManyConnections,
    NotSaved(AppendError),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Complaint::UnknownRequest => {
                f.write_str("no such request; write SET KEY VALUE, GET KEY, DEL KEY, LEN or QUIT")
            }
            Complaint::Usage(usage) => write!(f, "write {usage}"),
            Complaint::NotText => f.write_str("a line is UTF-8 text without control characters"),
            Complaint::LineTooLong => write!(f, "a line has at most {MAX_LINE} bytes"),
            Complaint::KeyTooLong => write!(f, "a key has at most {MAX_KEY} bytes"),
            Complaint::TooManyConnections => {
                write!(f, "there are {MAX_CONNECTIONS} connections already; try again later")
            }
            Complaint::NotSaved(error) => write!(f, "not saved: {error}"),
        }
    }
}
