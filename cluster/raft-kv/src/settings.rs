//! How a node starts, and how it behaves.

use crate::request::Member;
use crate::store::Contents;
use cluster_node::StepError;
use std::collections::BTreeSet;

/// How a node starts for the first time, and how it behaves. Times are in ticks.
///
/// A node that finds its data on the disk starts from them: then only its behaviour is taken from here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The id of the node; not 0.
    pub id: u64,
    /// The first members of a new cluster, with the node itself; the same on each of them. Empty: the node
    /// waits until it is added to a cluster that runs.
    pub members: Vec<Member>,
    /// After so many ticks without a leader, a node campaigns, until its owner sets another number.
    pub election_ticks: usize,
    /// A leader sends a heartbeat every so many ticks.
    pub heartbeat_ticks: usize,
    /// Whether a node asks for votes before it raises its term. Not by default, here and in the server: a
    /// node that hears nothing then makes an election, which is what a lost heartbeat should show in a test.
    pub pre_vote: bool,
    /// Whether a leader steps down that hears from no quorum.
    pub check_quorum: bool,
    /// After so many applied entries, a node makes a snapshot.
    pub snapshot_count: u64,
    /// So many entries stay in the log before a snapshot, for followers that are a little behind.
    pub catch_up_entries: u64,
    /// After so many ticks without an answer, a client is told that it does not come.
    pub request_ticks: u64,
    /// The most requests that wait at once, without watches.
    pub max_requests: usize,
    /// The most bytes that writes which wait may have.
    pub max_request_bytes: usize,
    /// The most revisions in one message of a watch, or in one step of a compaction.
    pub batch: usize,
    /// A watch without events tells its revision every so many ticks; 0: never.
    pub progress_ticks: u64,
}

impl Settings {
    /// The settings of node `id`, for ticks of 20 ms.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            members: Vec::new(),
            election_ticks: 10,
            heartbeat_ticks: 1,
            pre_vote: false,
            check_quorum: true,
            snapshot_count: 100,
            catch_up_entries: 50,
            request_ticks: 250,
            max_requests: 4096,
            max_request_bytes: 64 << 20,
            batch: 1000,
            progress_ticks: 0,
        }
    }

    /// What of them concerns raft.
    pub(crate) fn raft(&self) -> Result<cluster_node::Settings, StepError> {
        self.check()?;
        let mut raft = cluster_node::Settings::new(self.id);
        if !self.members.is_empty() {
            raft.voters = self.members.iter().map(|member| member.id).collect();
            raft.voters.sort_unstable();
            // The log of a new cluster begins with its members.
            raft.index = 1;
            raft.content = Contents::of_new_cluster(&self.members)
                .encode()
                .map_err(|error| StepError::Disk { doing: "encode the members", error })?;
        }
        raft.election_ticks = self.election_ticks;
        raft.heartbeat_ticks = self.heartbeat_ticks;
        raft.pre_vote = self.pre_vote;
        raft.check_quorum = self.check_quorum;
        raft.max_committed_size_per_ready = 4 << 20;
        raft.max_size_per_message = 1 << 20;
        raft.steps_down_before_removal = true;
        Ok(raft)
    }

    fn check(&self) -> Result<(), StepError> {
        let ids: BTreeSet<_> = self.members.iter().map(|member| member.id).collect();
        let wrong = if self.election_ticks <= self.heartbeat_ticks {
            "election_ticks is not more than heartbeat_ticks"
        } else if ids.len() < self.members.len() {
            "two members have the same id"
        } else if ids.contains(&0) {
            "a member has id 0"
        } else if !ids.is_empty() && !ids.contains(&self.id) {
            "the node is not among the members"
        } else if self.batch == 0 || self.snapshot_count == 0 {
            "batch or snapshot_count is 0"
        } else {
            return Ok(());
        };
        Err(raft::Error::ConfigInvalid(wrong.to_owned()).into())
    }
}
