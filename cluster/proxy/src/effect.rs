//! What can be done to one direction of a connection?

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// How long a lost chunk waits for its first retransmission. Each further one takes twice as long.
pub const RETRANSMISSION_TIMEOUT: Duration = Duration::from_millis(200);
/// After so many lost retransmissions of one chunk, the connection is reset.
pub const RETRANSMISSIONS: u32 = 6;

/// One direction of the connections of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the caller to the one that it calls.
    Upstream,
    /// The answers.
    Downstream,
}

impl Direction {
    /// Both directions.
    pub const ALL: [Self; 2] = [Self::Upstream, Self::Downstream];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Upstream => 0,
            Self::Downstream => 1,
        }
    }
}

impl Display for Direction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        })
    }
}

/// What is done to one direction of a connection.
///
/// All but [`Blackhole`](Self::Blackhole), [`Timeout`](Self::Timeout), [`LimitData`](Self::LimitData) and
/// [`ResetPeer`](Self::ResetPeer) keep the stream whole: each byte arrives, once and in order, as long as
/// the connection lives. Of those four, none lets a later byte through after it dropped one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Drops all bytes, and the end of the stream. When it is removed, the connection is reset, because
    /// its stream has a hole.
    Blackhole,
    /// Delays each chunk by `latency`, plus or minus a random time up to `jitter`.
    Delay {
        /// The mean.
        latency: Duration,
        /// The largest deviation from the mean.
        jitter: Duration,
    },
    /// Loses chunks as a network below TCP does: the stream stays whole, and a lost chunk arrives with
    /// its retransmission, after [`RETRANSMISSION_TIMEOUT`], doubling. A retransmission may be lost too;
    /// after [`RETRANSMISSIONS`] of them, the connection is reset.
    Loss {
        /// The probability that a chunk, or a retransmission, is lost: from 0 to 1.
        probability: f64,
    },
    /// Passes at most so much; the rest waits, and the sender is slowed down.
    Bandwidth {
        /// Bytes a second. With 0, nothing passes.
        rate: u64,
    },
    /// Cuts the stream into small pieces, and delays each one after the other.
    Slicer {
        /// Bytes of a piece, on average. Not 0.
        average_size: usize,
        /// By how many bytes a piece may be smaller or larger.
        size_variation: usize,
        /// The time between two pieces.
        delay: Duration,
    },
    /// Closes the connection after so many bytes.
    LimitData {
        /// Bytes of each connection.
        bytes: u64,
    },
    /// Delays the end of the stream.
    SlowClose {
        /// For how long.
        delay: Duration,
    },
    /// Drops all bytes, and closes the connection after a time, or when it is removed.
    Timeout {
        /// From its addition, or from the connection. `None`: it does not close by itself.
        after: Option<Duration>,
    },
    /// Drops all bytes, and resets the connection.
    ResetPeer {
        /// How long after the first byte or the end of the stream.
        after: Duration,
    },
}

impl Effect {
    /// Whether it passes no byte from its start on.
    pub(crate) fn drops(&self) -> bool {
        matches!(self, Self::Blackhole | Self::Timeout { .. } | Self::ResetPeer { .. })
    }

    fn check(&self) -> Result<(), ToxicError> {
        match *self {
            Self::Loss { probability } if !(0.0..=1.0).contains(&probability) => {
                Err(ToxicError::Invalid("the probability of a loss must be between 0 and 1"))
            }
            Self::Slicer { average_size: 0, .. } => {
                Err(ToxicError::Invalid("the average size of a slicer must be at least 1 byte"))
            }
            _ => Ok(()),
        }
    }
}

/// An effect with a name. Its link does it to the connections that it has, and to those to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Toxic {
    /// The name: unique in its link.
    pub name: String,
    /// Which bytes it is done to.
    pub direction: Direction,
    /// What is done.
    pub effect: Effect,
    /// The probability that it is done to a connection, drawn once for each: from 0 to 1.
    pub toxicity: f64,
}

impl Toxic {
    /// A toxic of all connections.
    pub fn new(name: impl Into<String>, direction: Direction, effect: Effect) -> Self {
        Self { name: name.into(), direction, effect, toxicity: 1.0 }
    }

    pub(crate) fn check(&self) -> Result<(), ToxicError> {
        if !(0.0..=1.0).contains(&self.toxicity) {
            return Err(ToxicError::Invalid("the toxicity must be between 0 and 1"));
        }
        self.effect.check()
    }
}

/// Why a toxic cannot be added, changed or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToxicError {
    /// The link has a toxic of that name.
    Exists,
    /// The link has no toxic of that name.
    NotFound,
    /// A change of its direction or of its kind; remove it, and add another one.
    Kind,
    /// The link has as many toxics as it can have.
    TooMany,
    /// A value that means nothing.
    Invalid(&'static str),
}

impl Display for ToxicError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "toxic already exists",
            Self::NotFound => "toxic not found",
            Self::Kind => "the direction and the kind of a toxic cannot change; remove it, and add another one",
            Self::TooMany => "the link has too many toxics; remove one",
            Self::Invalid(what) => what,
        })
    }
}

impl std::error::Error for ToxicError {}
