//! What clients and members say to each other: the JSON of the routes below `/v1`.
//!
//! Most of it are the types of [requests](crate::Request) and their parts. Here is the rest. Keys and
//! values are UTF-8 text. Numbers are whole, and times are seconds.

use crate::{KeyValue, LeaseId, Member, Revision};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU16;

/// The parameters of `PUT /v1/kv/{key}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutQuery {
    /// The lease that the key goes with; 0: none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lease: LeaseId,
}

/// How a read is done: the parameters of `GET /v1/kv/{key}`. The default is a linearizable read of the
/// last revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadOptions {
    /// Whether the member may answer from what it has, which may be old.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stale: bool,
    /// The revision to read; `None`: the last one.
    pub revision: Option<Revision>,
    /// How many keys are returned at most; 0: all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limit: u64,
}

/// The parameters of `GET /v1/range`: a [`KeyRange`](crate::KeyRange) and [`ReadOptions`], in one, because
/// parameters of a URL cannot be nested. Those of `DELETE /v1/range` are a `KeyRange`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "they are those of the two types")]
pub struct RangeQuery {
    pub from: String,
    pub to: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub stale: bool,
    pub revision: Option<Revision>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub limit: u64,
}

/// The parameters of `GET /v1/watch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchQuery {
    /// The first key.
    pub from: String,
    /// The key after the last one; `None`: all from `from` on.
    pub to: Option<String>,
    /// The first revision, in the past or in the future; 0: the next one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub revision: Revision,
}

/// The parameters of `GET /v1/hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashQuery {
    /// The revision to hash; `None`: the last one.
    pub revision: Option<Revision>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The answer to `PUT /v1/kv/{key}`, `POST /v1/compact` and `GET /health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The revision of the write, or the one that the store is at.
    pub revision: Revision,
}

/// The answer to `GET /v1/kv/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    /// The revision that the store was at.
    pub revision: Revision,
    /// What was found.
    pub kv: Option<KeyValue>,
}

/// The answer to `DELETE /v1/kv/{key}`, `DELETE /v1/range` and `DELETE /v1/leases/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The revision of the write; if nothing was there, the revision that the store was at.
    pub revision: Revision,
    /// How many keys were there.
    pub deleted: u64,
}

/// The body of `POST /v1/leases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// After so many seconds without a renewal, the lease expires.
    pub ttl: u64,
}

/// The answer to `POST /v1/leases` and `POST /v1/leases/{id}/keepalive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The lease.
    pub id: LeaseId,
    /// After so many seconds without a renewal, it expires.
    pub ttl: u64,
}

/// The answer to `GET /v1/leases/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The lease.
    pub id: LeaseId,
    /// The seconds that it was granted.
    pub ttl: u64,
    /// The seconds that are left.
    pub remaining: u64,
    /// Its keys, in order.
    pub keys: Vec<String>,
}

/// The body of `POST /v1/compact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compact {
    /// The revisions before this one are forgotten.
    pub revision: Revision,
}

/// The answer to `GET /v1/hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash {
    /// The revision that was hashed.
    pub revision: Revision,
    /// The hash of what a reader sees at that revision, and of the changes since `compacted`.
    pub hash: u64,
    /// The revision that was compacted. Only hashes with the same one can be compared.
    pub compacted: Revision,
}

/// The answer to `GET /v1/members`, `POST /v1/members` and `DELETE /v1/members/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The members, in the order of their ids.
    pub members: Vec<Member>,
}

/// The body of every answer that is not 200, and the last line of a watch that ends by an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What went wrong, for a person.
    pub error: String,
    /// The same, for a program.
    pub code: String,
}

/// Whether a text is `HOST:PORT`, which is how addresses are written.
///
/// ```
/// use raft_kv::wire::is_address;
///
/// assert!(is_address("localhost:2380") && is_address("[::1]:2380"));
/// assert!(!is_address("localhost") && !is_address(":2380") && !is_address("http://localhost:2380"));
/// assert!(!is_address("localhost:0"), "a port to listen at, and not one to connect to");
/// ```
pub fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_host = !host.is_empty() && !host.contains(['/', ' ', '@']);
        is_host && port.parse::<NonZeroU16>().is_ok()
    })
}
