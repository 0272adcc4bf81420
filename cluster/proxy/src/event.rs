//! What happens at a link, for the log.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Takes the events of links, each with the name of its link. It must not block.
pub type Sink = Arc<dyn Fn(&str, &Event) + Send + Sync>;

/// What happened at a link.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// It listens.
    Listening(SocketAddr),
    /// It does not listen any more, and its connections are closed.
    Stopped,
    /// A connection could not be accepted. It tries again.
    AcceptFailed(io::Error),
    /// A connection was reset, because the link has as many as it may have.
    TooMany(SocketAddr),
    /// The upstream of a connection could not be reached; the connection was reset.
    ConnectFailed {
        /// The number of the connection.
        connection: u64,
        /// Where it should go.
        upstream: String,
        /// Why not.
        error: io::Error,
    },
    /// A connection began.
    Accepted {
        /// Its number.
        connection: u64,
        /// Who called.
        client: SocketAddr,
    },
    /// A connection ended.
    Ended {
        /// Its number.
        connection: u64,
        /// How.
        end: End,
    },
}

/// How a connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum End {
    /// Both sides ended their streams.
    Finished,
    /// A toxic closed it.
    Closed,
    /// It was reset.
    Reset(Reason),
}

/// Why a connection was reset.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// A toxic did it.
    Toxic,
    /// It was there while the link was cut.
    Healed,
    /// [`Link::reset_connections`](crate::Link::reset_connections).
    Asked,
    /// Its sender reset it, or failed.
    Read(io::Error),
    /// Its receiver reset it, or failed.
    Write(io::Error),
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening(address) => write!(f, "listening at {address}"),
            Self::Stopped => f.write_str("stopped"),
            Self::AcceptFailed(error) => write!(f, "cannot accept a connection: {error}"),
            Self::TooMany(client) => write!(f, "too many connections; {client} was reset"),
            Self::ConnectFailed { connection, upstream, error } => {
                write!(f, "connection {connection}: cannot connect to {upstream}: {error}")
            }
            Self::Accepted { connection, client } => {
                write!(f, "connection {connection}: from {client}")
            }
            Self::Ended { connection, end } => write!(f, "connection {connection}: {end}"),
        }
    }
}

impl Display for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Closed => f.write_str("closed by a toxic"),
            Self::Reset(Reason::Toxic) => f.write_str("reset by a toxic"),
            Self::Reset(Reason::Healed) => f.write_str("reset, because the link was cut"),
            Self::Reset(Reason::Asked) => f.write_str("reset, as asked"),
            Self::Reset(Reason::Read(error)) => write!(f, "reset: cannot read: {error}"),
            Self::Reset(Reason::Write(error)) => write!(f, "reset: cannot write: {error}"),
        }
    }
}
