//! What entries of the log hold.

use super::database::encode;
use crate::request::{KeyRange, Member, Put, Write};
use cluster_node::describe;
use serde::{Deserialize, Serialize};
use std::io;

/// Who proposed something: it answers its client when it has applied the entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The id of the member.
    pub(crate) member: u64,
    /// How often it had started. A request of an earlier start has no client any more.
    pub(crate) incarnation: u64,
    /// The number of the request, among those of this start.
    pub(crate) number: u64,
}

/// What a normal entry holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    pub(crate) origin: Origin,
    pub(crate) write: Write,
}

/// What the context of a change of the configuration holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub(crate) origin: Origin,
    /// The member that is added.
    pub(crate) member: Option<Member>,
}

impl Origin {
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl Proposal {
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        encode(self)
    }

    /// `None`: an operator proposed it beside the requests, as in a script. It changes nothing.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// The data of an entry as text, such as `put "a" = "1"`, for a person who reads the log. A put without a
/// value is its key alone.
pub fn describe_entry(data: &[u8]) -> String {
    let quoted = |text: &str| describe::data(text.as_bytes());
    let Some(Proposal { write, .. }) = Proposal::decode(data) else { return describe::data(data) };
    match write {
        Write::Put(Put { key, value, .. }) if value.is_empty() => quoted(&key),
        Write::Put(Put { key, value, .. }) => format!("put {} = {}", quoted(&key), quoted(&value)),
        Write::Delete(KeyRange { from, to }) => {
            let to = to.map_or_else(|| "the last".to_owned(), |to| quoted(&to));
            format!("delete {} to {to}", quoted(&from))
        }
        Write::Txn(_) => "txn".to_owned(),
        Write::Compact(revision) => format!("compact {revision}"),
        Write::Grant { ttl } => format!("grant {ttl} ticks"),
        Write::KeepAlive(lease) => format!("keep-alive {lease}"),
        Write::Revoke(lease) => format!("revoke {lease}"),
        Write::Expire { lease, .. } => format!("expire {lease}"),
    }
}

impl Membership {
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        encode(self)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
