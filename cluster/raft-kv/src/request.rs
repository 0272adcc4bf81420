//! What is asked of a store, and what it answers.

use serde::{Deserialize, Serialize};

/// A number that each write which changes something raises by one. The empty store has revision 1.
pub type Revision = u64;

/// The number of a lease; never 0.
pub type LeaseId = u64;

/// A request to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Changes the store on all members.
    Write(Write),
    /// Reads the store. Unless `stale`, the answer has everything that was acknowledged before.
    Read {
        /// What is read.
        read: Read,
        /// Answers at once from the state of this member, which may be old.
        stale: bool,
    },
    /// Opens a watch under the id of the request. It is answered by [`Response::Watching`], then by
    /// messages, until it is cancelled or ends.
    Watch {
        /// The keys to watch.
        keys: KeyRange,
        /// The first revision of interest, which may lie in the future; 0: the next one.
        first: Revision,
    },
    /// Asks for the hash of the state of this member.
    Hash {
        /// At this revision; `None`: at its latest.
        revision: Option<Revision>,
    },
    /// Asks how this member is.
    Status,
    /// Asks for the state of this member as a snapshot, which [`restore`](crate::restore) takes.
    Snapshot,
    /// Adds a member.
    AddMember(Member),
    /// Removes the member with this id. A leader hands over before.
    RemoveMember(u64),
    /// Hands leadership to the member with this id.
    MoveLeader(u64),
}

/// A change of the store, which goes through the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Write {
    /// Writes a key.
    Put(Put),
    /// Deletes keys.
    Delete(KeyRange),
    /// Compares, and then does the one or the other.
    Txn(Txn),
    /// Forgets the revisions before this one.
    Compact(Revision),
    /// Grants a lease, which the store numbers.
    Grant {
        /// After so many ticks without a renewal, the lease expires.
        ttl: u64,
    },
    /// Renews a lease.
    KeepAlive(LeaseId),
    /// Ends a lease, and deletes its keys.
    Revoke(LeaseId),
    /// Ends a lease that was not renewed in time. Leaders propose it.
    Expire {
        /// The lease.
        lease: LeaseId,
        /// How often it had been renewed. If it was renewed since, nothing happens.
        renewals: u64,
    },
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The keys of a range with their values, in order.
    Range(Range),
    /// How long a lease still lives, and its keys.
    TimeToLive(LeaseId),
    /// Nothing: whether reads can be served.
    Nothing,
}

/// A key and its new value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The lease that the key goes with; 0: none.
    #[serde(default)]
    pub lease: LeaseId,
}

/// The keys `from <= key < to`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRange {
    /// The first key.
    pub from: String,
    /// The key after the last one; `None`: all from `from` on.
    #[serde(default)]
    pub to: Option<String>,
}

impl KeyRange {
    /// One key.
    pub fn key(key: &str) -> Self {
        Self { from: key.to_owned(), to: Some(format!("{key}\0")) }
    }

    /// All keys.
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether the key is in the range.
    pub fn contains(&self, key: &str) -> bool {
        *self.from <= *key && self.to.as_deref().is_none_or(|to| key < to)
    }
}

/// A read of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The keys.
    pub keys: KeyRange,
    /// The revision to read at; `None`: the latest.
    #[serde(default)]
    pub revision: Option<Revision>,
    /// The most keys to return; 0: all.
    #[serde(default)]
    pub limit: u64,
}

/// A transaction: if all comparisons hold, `then` is done, else `otherwise`; all of it at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Txn {
    /// What is compared.
    #[serde(default)]
    pub compare: Vec<Compare>,
    /// What is done if all comparisons hold.
    #[serde(default)]
    pub then: Vec<Operation>,
    /// What is done otherwise.
    #[serde(default)]
    pub otherwise: Vec<Operation>,
}

/// One comparison of a transaction. A key that does not exist has the numbers 0 and an empty value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The key.
    pub key: String,
    /// How what the key has is to be to `target`.
    pub is: Comparison,
    /// What it is compared with.
    pub target: Target,
}

/// How two things compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    Greater,
}

/// What of a key is compared, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the fields of `KeyValue`")]
pub enum Target {
    Value(String),
    CreateRevision(Revision),
    ModRevision(Revision),
    Version(u64),
    Lease(LeaseId),
}

/// One operation of a transaction. No two of them may write the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Writes a key.
    Put(Put),
    /// Deletes keys.
    Delete(KeyRange),
    /// Reads keys, after the operations before it.
    Range(Range),
}

/// A key with its value, as of some revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The key.
    pub key: String,
    /// The value; empty in the event of a delete.
    pub value: String,
    /// The revision at which the key came to be.
    pub create_revision: Revision,
    /// The revision of the last write.
    pub mod_revision: Revision,
    /// The number of writes since it came to be; 0 in the event of a delete.
    pub version: u64,
    /// The lease that it goes with; 0: none.
    pub lease: LeaseId,
}

/// A change of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened to it.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The key after it; after a delete, only the key and the revision of the delete.
    pub kv: KeyValue,
    /// The key before it; `None` if it was not there or was compacted.
    pub previous: Option<KeyValue>,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "their names say it")]
pub enum EventKind {
    Put,
    Delete,
}

/// A message of a watch. All events of a revision are in one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchMessage {
    /// All events up to this revision were sent.
    pub revision: Revision,
    /// The events, in order; empty in a message that only tells of the revision.
    pub events: Vec<Event>,
}

/// A member of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its number; never 0. Do not use it again after the member is removed, which nothing refuses.
    pub id: u64,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Where its peers connect.
    pub peer: String,
    /// Where its clients connect.
    #[serde(default)]
    pub client: String,
}

/// How a member is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The leader that it knows; 0: none.
    pub leader: u64,
    /// Its term.
    pub term: u64,
    /// Its role: `Follower`, `PreCandidate`, `Candidate` or `Leader`.
    pub role: String,
    /// The index up to which it knows that entries are committed.
    pub commit: u64,
    /// The index up to which it has applied them.
    pub applied: u64,
    /// The revision of its state.
    pub revision: Revision,
    /// The revisions before this one are forgotten.
    pub compacted: Revision,
    /// The index of its last snapshot.
    pub snapshot_index: u64,
    /// The members, in the order of their ids.
    pub members: Vec<Member>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// To [`Write::Put`].
    Put {
        /// The revision of the write.
        revision: Revision,
    },
    /// To [`Write::Delete`].
    Delete {
        /// The revision of the delete; without deleted keys, that of the store.
        revision: Revision,
        /// How many keys were deleted.
        deleted: u64,
    },
    /// To [`Write::Txn`].
    Txn(TxnResponse),
    /// To [`Write::Compact`].
    Compact {
        /// The revision of the store.
        revision: Revision,
    },
    /// To [`Write::Grant`] and [`Write::KeepAlive`].
    Lease {
        /// The lease.
        lease: LeaseId,
        /// After so many ticks without a renewal, it expires.
        ttl: u64,
    },
    /// To [`Write::Revoke`] and [`Write::Expire`].
    Revoke {
        /// The revision at which its keys were deleted; without keys, that of the store.
        revision: Revision,
        /// How many keys were deleted.
        deleted: u64,
    },
    /// To [`Read::Range`].
    Range(RangeResponse),
    /// To [`Read::TimeToLive`].
    TimeToLive {
        /// The lease.
        lease: LeaseId,
        /// The ticks that it was granted.
        ttl: u64,
        /// The ticks that are left, as this member counts. The leader's count is the one that matters.
        remaining: u64,
        /// Its keys, in order.
        keys: Vec<String>,
    },
    /// To [`Read::Nothing`].
    Nothing {
        /// The revision of the store.
        revision: Revision,
    },
    /// To [`Request::Watch`]: the watch is open.
    Watching {
        /// The revision of the store. Events after this one come as they happen.
        revision: Revision,
    },
    /// To [`Request::Hash`].
    Hash {
        /// The revision that was hashed.
        revision: Revision,
        /// The hash of what a reader sees at that revision, and of the changes since `compacted`.
        hash: u64,
        /// The revision that was compacted. Only hashes with the same one can be compared.
        compacted: Revision,
    },
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Snapshot`].
    Snapshot {
        /// The revision of the state in it.
        revision: Revision,
        /// The snapshot.
        bytes: Vec<u8>,
    },
    /// To [`Request::AddMember`] and [`Request::RemoveMember`]: the members from now on.
    Members(Vec<Member>),
    /// To [`Request::MoveLeader`]: the leader was asked to hand over.
    LeaderAsked,
}

/// The answer to a [`Range`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeResponse {
    /// The revision of the store.
    pub revision: Revision,
    /// The keys with their values, in order.
    pub kvs: Vec<KeyValue>,
    /// Whether there are more keys than `limit`.
    pub more: bool,
}

/// The answer to a [`Txn`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnResponse {
    /// The revision of the store afterwards, which is that of its writes.
    pub revision: Revision,
    /// Whether all comparisons held.
    pub succeeded: bool,
    /// The answer to each operation that was done.
    pub responses: Vec<OperationResponse>,
}

/// The answer to one operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are those of `Operation`")]
pub enum OperationResponse {
    Put,
    Delete { deleted: u64 },
    Range(RangeResponse),
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request cannot be done by any store. The text says why.
    #[error("{0}")]
    BadRequest(String),
    /// The write is too large for an entry.
    #[error("a write has at most {limit} bytes, and this one {bytes}")]
    TooLarge {
        /// How many bytes it may have, with its keys.
        limit: usize,
        /// How many it has.
        bytes: usize,
    },
    /// A lease is not there.
    #[error("there is no lease {0}")]
    LeaseNotFound(LeaseId),
    /// A member is not there.
    #[error("there is no member {0}")]
    MemberNotFound(u64),
    /// A member is there already.
    #[error("member {0} is there already; give the new one another id")]
    MemberExists(u64),
    /// The revision is forgotten; this is the first one that is not.
    #[error("the revision is compacted; the first one that is there is {0}")]
    Compacted(Revision),
    /// The revision is not there yet; this is the last one.
    #[error("the revision is not there yet; the last one is {0}")]
    FutureRevision(Revision),
    /// Too many requests wait. It did not happen.
    #[error("too many requests wait; send it again later")]
    TooManyRequests,
    /// No leader could be asked in time. It did not happen.
    #[error("there is no leader that answers; send it again later")]
    NoLeader,
    /// It did not happen. The text says why.
    #[error("{0}; it did not happen")]
    Failed(String),
    /// It may have happened, or may still happen.
    #[error("no answer in time; it may have happened, or may still happen")]
    Unknown,
}

/// What an owner asks of a node.
#[derive(Clone, Debug)]
pub enum Command {
    /// A client asks for something.
    Request {
        /// The number that the answer has: any that is not in use.
        id: u64,
        /// What it asks for.
        request: Request,
    },
    /// Closes the watch that was opened under this id. It has no answer.
    CancelWatch {
        /// The id.
        id: u64,
    },
    /// Asks something of the raft node.
    Raft(cluster_node::Command),
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer to a request, which has exactly one.
    Answer {
        /// The id of the request.
        id: u64,
        /// The index and the term of the entry that did it, if it went through the log.
        entry: Option<(u64, u64)>,
        /// The answer.
        result: Result<Response, RequestError>,
    },
    /// A message of a watch.
    Watch {
        /// The id of the request that opened it.
        id: u64,
        /// The message.
        message: WatchMessage,
    },
    /// A watch has ended, and no other message of it comes.
    WatchEnded {
        /// The id of the request that opened it.
        id: u64,
        /// Why.
        error: RequestError,
    },
    /// An answer of the raft node to [`Command::Raft`].
    Raft(cluster_node::Reply),
}

impl From<cluster_node::Reply> for Reply {
    fn from(reply: cluster_node::Reply) -> Self {
        Reply::Raft(reply)
    }
}
