//! How is a member started?

use crate::Member;
use cluster_node::Level;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How a member is started, and how it behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Its number; not 0.
    pub id: u64,
    /// Its name, as its status tells it; empty: the one that the members have for it.
    pub name: String,
    /// The name of the cluster. Members of two clusters refuse each other.
    pub cluster_name: String,
    /// Where its log and its state are.
    pub data: PathBuf,
    /// Where it listens for clients: `HOST:PORT`.
    pub client: String,
    /// Where it listens for peers: `HOST:PORT`.
    pub peer: String,
    /// The members of the cluster: their numbers, and where their peers connect; the same on each of
    /// them. Empty: this one alone. Of a member that has data, they are taken from there.
    pub members: Vec<Member>,
    /// Where this member reaches others, if not at their addresses: proxies, in a test of the network. By
    /// their numbers; the others are not told.
    pub peer_via: BTreeMap<u64, String>,
    /// Whether it joins a cluster that runs, which knows of it already.
    pub join: bool,
    /// The time between two heartbeats of a leader, which is a tick.
    pub heartbeat: Duration,
    /// Without a leader for this long, up to twice as long, a member campaigns.
    pub election: Duration,
    /// How long a request may take.
    pub request_limit: Duration,
    /// Whether a member asks for votes before it raises its term. A member that hears no heartbeats, but
    /// is heard, then makes no election. By default it makes one, as [`crate::Settings`] says.
    pub pre_vote: bool,
    /// After so many applied entries, a member makes a snapshot.
    pub snapshot_count: u64,
    /// So many entries stay in the log before a snapshot, for followers that are a little behind.
    pub catch_up_entries: u64,
    /// The least important lines that are logged.
    pub log_level: Level,
}

impl Settings {
    /// The settings of member `id` on this machine, with the timings of a test.
    pub fn new(id: u64, data: impl Into<PathBuf>) -> Self {
        Self {
            id,
            name: String::new(),
            cluster_name: "raft-kv".to_owned(),
            data: data.into(),
            client: "127.0.0.1:0".to_owned(),
            peer: "127.0.0.1:0".to_owned(),
            members: Vec::new(),
            peer_via: BTreeMap::new(),
            join: false,
            heartbeat: Duration::from_millis(20),
            election: Duration::from_millis(200),
            request_limit: Duration::from_secs(5),
            pre_vote: false,
            snapshot_count: 100,
            catch_up_entries: 50,
            log_level: Level::Info,
        }
    }

    /// The settings of the node, in ticks.
    pub(super) fn node(&self) -> crate::Settings {
        let ticks = |time: Duration| {
            time.as_nanos().div_ceil(self.heartbeat.as_nanos().max(1)).max(1) as u64
        };
        let mut node = crate::Settings::new(self.id);
        if !self.join {
            node.members.clone_from(&self.members);
        }
        if !self.join && self.members.is_empty() {
            let peer = self.peer.clone();
            node.members = vec![Member { id: self.id, peer, ..Member::default() }];
        }
        node.election_ticks = ticks(self.election).max(2) as usize;
        node.heartbeat_ticks = 1;
        node.pre_vote = self.pre_vote;
        node.snapshot_count = self.snapshot_count;
        node.catch_up_entries = self.catch_up_entries;
        node.request_ticks = ticks(self.request_limit);
        node.progress_ticks = ticks(Duration::from_secs(10));
        node
    }
}
