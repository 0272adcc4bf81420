//! How is any subject run and asked? By programs, HTTP calls and lines over TCP.

use std::collections::BTreeMap;

use super::{Abilities, Member, Point};

/// How the driver `commands` does something: a program, or an HTTP call. Its texts have places for
/// values: `{name}`, `{client}`, `{failpoint}`, `{data}`, `{directory}`, `{key}`, `{value}`,
/// `{from}`, `{to}`, `{signal}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A program with its arguments.
    Program(Vec<String>),
    /// An HTTP call.
    Http {
        /// `GET`, `POST`, …
        method: String,
        /// The URL.
        url: String,
        /// The body.
        body: Option<String>,
        /// The headers.
        headers: Vec<(String, String)>,
    },
    /// One line sent over TCP, and one line (or RESP reply) read: fast where a program for each
    /// request would be too slow.
    Tcp {
        /// `HOST:PORT`.
        address: String,
        /// The line, without its end.
        send: String,
    },
}

/// What the driver `commands` expects of the answer of a [`Call`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// A regular expression that an answer must match to count as success. Its first group, if it has
    /// one, is the value.
    pub success: Option<String>,
    /// A regular expression for an answer that says that the key does not exist.
    pub missing: Option<String>,
    /// A regular expression for an answer that says that the request certainly took no effect.
    pub failed: Option<String>,
}

/// How any subject is run and asked.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The program that runs a member in the foreground.
    pub start: Option<Vec<String>>,
    /// Variables that are added to its environment.
    pub env: BTreeMap<String, String>,
    /// Calls by name: `stop`, `kill`, `pause`, `unpause`, `logs`, `health`, `leader`, `put`, `get`,
    /// `range`, `delete`, `hash`, `revision`.
    pub calls: BTreeMap<String, (Call, Expect)>,
    /// The points that it has, and what is known of them.
    pub points: BTreeMap<String, Point>,
}

impl Settings {
    /// What a subject of these members can do. A subject has no revisions, transactions, watches and
    /// leases here, and its members are not replaced.
    #[must_use]
    pub fn abilities(&self, members: &[Member]) -> Abilities {
        let has = |call: &str| self.calls.contains_key(call);
        Abilities {
            members: members.len(),
            leader: members.len() > 1 && has("leader"),
            ranges: has("range"),
            deletes: has("delete"),
            hash: has("hash"),
            failpoints: members.iter().all(|member| member.failpoints.is_some()),
            logs: self.start.is_some() || has("logs"),
            signals: self.start.is_some(),
            ..Abilities::default()
        }
    }
}
