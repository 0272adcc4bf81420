//! What did the clients of a store ask, what were they told, and what did a watch see?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

mod display;
mod lines;

pub use display::Numbered;
pub use lines::{LineError, ReadError};

/// A number that the store gives to each of its states. Every write that changes something raises
/// it by one.
pub type Revision = u64;

/// One request of a client, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Who asked.
    pub client: u64,
    /// When the client sent the request: nanoseconds, or any other clock that all clients share.
    pub start: u64,
    /// When the client had the answer, or gave up. Not before `start`.
    pub end: u64,
    /// What was asked.
    pub request: Request,
    /// What the client knows afterwards.
    pub outcome: Outcome,
}

/// What a client can ask of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Writes a value.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Reads a value.
    Get {
        /// The key.
        key: String,
        /// Whether the answer may come from the past (etcd: serializable).
        #[serde(default, skip_serializing_if = "is_false")]
        stale: bool,
    },
    /// Reads all keys `from <= key < to`.
    Range {
        /// The first key.
        from: String,
        /// The key after the last.
        to: String,
        /// Whether the answer may come from the past (etcd: serializable).
        #[serde(default, skip_serializing_if = "is_false")]
        stale: bool,
    },
    /// Removes a key.
    Delete {
        /// The key.
        key: String,
    },
    /// Removes all keys `from <= key < to`.
    DeleteRange {
        /// The first key.
        from: String,
        /// The key after the last.
        to: String,
    },
    /// Takes one of two branches, in one step.
    Txn {
        /// What must hold, all of it, for the branch `then`.
        compare: Vec<Compare>,
        /// The requests if all comparisons hold.
        then: Vec<Request>,
        /// The requests if one does not.
        #[serde(default)]
        otherwise: Vec<Request>,
    },
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A condition of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Compare {
    /// The key has this value; `None`: the key does not exist.
    Value {
        /// The key.
        key: String,
        /// The value that it must have.
        equals: Option<String>,
    },
    /// The key was last written at this revision; 0: the key does not exist.
    ModRevision {
        /// The key.
        key: String,
        /// The revision that it must have.
        equals: Revision,
    },
}

/// What a client knows of its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// The store answered.
    Done {
        /// The answer.
        response: Response,
        /// The revision in the answer, where the store gives one: of the write, if it changed
        /// something; else of the state that was read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<Revision>,
    },
    /// The client does not know whether the request took effect, or whether it still will.
    Unknown,
    /// The request took no effect, and never will.
    Failed,
}

/// The answer of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Response {
    /// The value is written.
    Put,
    /// The value of the key; `None`: it does not exist.
    Value(Option<String>),
    /// Keys and values, in the order of the keys.
    Values(Vec<(String, String)>),
    /// How many keys were removed.
    Deleted(u64),
    /// Which branch was taken, and the answers of its requests.
    Txn {
        /// Whether all comparisons held.
        succeeded: bool,
        /// One answer for each request of the branch.
        responses: Vec<Response>,
    },
}

/// What one write changed, as a watch shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The revision of the write.
    pub revision: Revision,
    /// One event for each key that it changed.
    pub events: Vec<Event>,
}

/// What happened to one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The key has this value now.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// The key does not exist any more: a client removed it, or its lease expired.
    Delete {
        /// The key.
        key: String,
    },
}

/// What one watch of a client asked for, and what it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The first revision that the watch asked for.
    pub first: Revision,
    /// The first key that it asked for.
    pub from: String,
    /// The key after the last; `None`: all keys from `from` on.
    pub to: Option<String>,
    /// The messages that it got, in their order.
    pub deliveries: Vec<Vec<Change>>,
}

/// A part of a history in which the store never goes back. A store that is restored from a
/// snapshot starts a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// The revision of the state at its start.
    pub revision: Revision,
    /// What clients did, in any order: all of it. What is in flight at the end of the recording is
    /// of unknown outcome.
    pub operations: Vec<Operation>,
    /// What the watch of the tester saw from `revision + 1` on: every change of every key.
    pub changes: Vec<Change>,
    /// The watches of clients, by number.
    pub watches: BTreeMap<u64, Watch>,
    /// The keys that were ever written with a lease, which may end at any time and remove them.
    /// `None`: that was not recorded, so each key may be one.
    pub leased: Option<BTreeSet<String>>,
}

/// Everything that was recorded in a run.
///
/// The first epoch starts with an empty store; each later one starts with the state that the epoch
/// before had at its [revision](Epoch::revision).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The epochs in their order.
    pub epochs: Vec<Epoch>,
}

impl Request {
    /// Whether it is a read that may come from the past.
    #[must_use]
    pub fn is_stale_read(&self) -> bool {
        matches!(self, Self::Get { stale: true, .. } | Self::Range { stale: true, .. })
    }

    /// Whether it can remove this key.
    #[must_use]
    pub fn can_delete(&self, key: &str) -> bool {
        match self {
            Self::Delete { key: deleted } => deleted == key,
            Self::DeleteRange { from, to } => from.as_str() <= key && key < to.as_str(),
            Self::Txn { then, otherwise, .. } => {
                then.iter().chain(otherwise).any(|request| request.can_delete(key))
            }
            Self::Put { .. } | Self::Get { .. } | Self::Range { .. } => false,
        }
    }

    /// Whether it can change something.
    #[must_use]
    pub fn can_write(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Delete { .. } | Self::DeleteRange { .. } => true,
            Self::Get { .. } | Self::Range { .. } => false,
            Self::Txn { then, otherwise, .. } => then.iter().chain(otherwise).any(Self::can_write),
        }
    }
}

impl Response {
    /// Whether it is the answer of a request that changed something.
    #[must_use]
    pub fn changed(&self) -> bool {
        match self {
            Self::Put => true,
            Self::Deleted(count) => *count > 0,
            Self::Value(_) | Self::Values(_) => false,
            Self::Txn { responses, .. } => responses.iter().any(Self::changed),
        }
    }
}

impl Event {
    /// The key that was changed.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

impl Watch {
    /// Whether the watch asked for this key.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        self.from.as_str() <= key && self.to.as_ref().is_none_or(|to| key < to.as_str())
    }
}

impl History {
    /// A history of one epoch, whose store is empty at `revision`.
    #[must_use]
    pub fn new(revision: Revision) -> Self {
        Self { epochs: vec![Epoch { revision, ..Epoch::default() }] }
    }

    /// Each epoch with the number that its first operation has in the history; the first is 1.
    pub(crate) fn numbered_epochs(&self) -> impl Iterator<Item = (usize, &Epoch)> {
        let mut next = 1;
        self.epochs.iter().map(move |epoch| {
            let first = next;
            next += epoch.operations.len();
            (first, epoch)
        })
    }
}
