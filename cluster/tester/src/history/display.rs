//! What do operations, answers and changes look like in a message?

use std::fmt::{Display, Formatter, Result};

use super::{Change, Compare, Event, Operation, Outcome, Request, Response};

/// An operation with its place in the history; the first is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its place among all operations of the history.
    pub number: usize,
    /// The operation.
    pub operation: Operation,
}

impl Display for Numbered {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "operation {} ({})", self.number, self.operation)
    }
}

impl Display for Operation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "client {}, from {} to {}: {}", self.client, self.start, self.end, self.request)?;
        match &self.outcome {
            Outcome::Done { response, revision } => {
                write!(f, ", answer: {response}")?;
                revision.map_or(Ok(()), |revision| write!(f, " at revision {revision}"))
            }
            Outcome::Unknown => f.write_str(", outcome unknown"),
            Outcome::Failed => f.write_str(", failed"),
        }
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let how = if self.is_stale_read() { "stale " } else { "" };
        match self {
            Self::Put { key, value } => write!(f, "put {key:?} = {}", Value(value)),
            Self::Get { key, .. } => write!(f, "{how}get {key:?}"),
            Self::Range { from, to, .. } => write!(f, "{how}range {from:?}..{to:?}"),
            Self::Delete { key } => write!(f, "delete {key:?}"),
            Self::DeleteRange { from, to } => write!(f, "delete-range {from:?}..{to:?}"),
            Self::Txn { compare, then, otherwise } => {
                write!(
                    f,
                    "txn if [{}] then [{}] else [{}]",
                    List(compare),
                    List(then),
                    List(otherwise)
                )
            }
        }
    }
}

impl Display for Compare {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Value { key, equals: Some(value) } => write!(f, "{key:?} is {}", Value(value)),
            Self::Value { key, equals: None } => write!(f, "{key:?} does not exist"),
            Self::ModRevision { key, equals } => write!(f, "{key:?} is of revision {equals}"),
        }
    }
}

impl Display for Response {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Put => f.write_str("written"),
            Self::Value(Some(value)) => Value(value).fmt(f),
            Self::Value(None) => f.write_str("no such key"),
            Self::Values(entries) => {
                f.write_str("{")?;
                for (n, (key, value)) in entries.iter().enumerate().take(LONG) {
                    let comma = if n > 0 { ", " } else { "" };
                    write!(f, "{comma}{key:?}: {}", Value(value))?;
                }
                if entries.len() > LONG {
                    write!(f, ", … ({} keys)", entries.len())?;
                }
                f.write_str("}")
            }
            Self::Deleted(count) => write!(f, "{count} deleted"),
            Self::Txn { succeeded, responses } => {
                write!(
                    f,
                    "branch {} [{}]",
                    if *succeeded { "then" } else { "else" },
                    List(responses)
                )
            }
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Put { key, value } => write!(f, "put {key:?} = {}", Value(value)),
            Self::Delete { key } => write!(f, "delete {key:?}"),
        }
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "revision {}: {}", self.revision, List(&self.events))
    }
}

/// How many keys of an answer are shown.
const LONG: usize = 50;

/// A value; of a long one, the start and the end.
struct Value<'a>(&'a str);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self(value) = self;
        if value.len() <= 100 {
            return write!(f, "{value:?}");
        }
        let at = |index| (index..value.len()).find(|&index| value.is_char_boundary(index));
        let (start, end) = (at(32).unwrap_or(0), at(value.len() - 32).unwrap_or(value.len()));
        write!(f, "{:?}…{:?} ({} bytes)", &value[..start], &value[end..], value.len())
    }
}

struct List<'a, T>(&'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (n, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if n > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
