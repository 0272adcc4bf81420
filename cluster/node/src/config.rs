//! How a node of a group starts.

/// How a node starts for the first time, and how it behaves.
///
/// A node that finds a log on its disk starts from that: then only its behaviour is taken from here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The number of the node; not 0.
    pub id: u64,
    /// The voters of the group. A node without voters and learners waits until a leader adds it.
    pub voters: Vec<u64>,
    /// The learners of the group.
    pub learners: Vec<u64>,
    /// The index that the log starts at: a snapshot at this index and at term 1 stands for what came
    /// before. 0 only without voters and learners.
    pub index: u64,
    /// What the state machine holds at that index.
    pub content: Vec<u8>,
    /// After so many ticks without a leader a node campaigns.
    pub election_ticks: usize,
    /// A leader sends a heartbeat every so many ticks.
    pub heartbeat_ticks: usize,
    /// How many append messages a leader sends ahead of the answers.
    pub inflight: usize,
    /// Whether a node asks for votes before it raises its term.
    pub pre_vote: bool,
    /// Whether a leader steps down that hears from no quorum.
    pub check_quorum: bool,
    /// Whether reads rely on the lease of the leader, and not on a round of heartbeats.
    pub lease_reads: bool,
    /// How many bytes of committed entries a node applies at once.
    pub max_committed_size_per_ready: u64,
    /// How many bytes of entries an append message has; at least one entry.
    pub max_size_per_message: u64,
    /// Whether a leader steps down before it applies its own removal. Otherwise `raft` 0.7 panics.
    pub steps_down_before_removal: bool,
}

impl Settings {
    /// The settings of node `id`, which belongs to no group yet.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            voters: Vec::new(),
            learners: Vec::new(),
            index: 0,
            content: Vec::new(),
            election_ticks: 3,
            heartbeat_ticks: 1,
            inflight: 256,
            pre_vote: false,
            check_quorum: false,
            lease_reads: false,
            max_committed_size_per_ready: u64::MAX,
            max_size_per_message: u64::MAX,
            steps_down_before_removal: false,
        }
    }

    pub(crate) fn raft(&self) -> raft::Config {
        raft::Config {
            id: self.id,
            election_tick: self.election_ticks,
            heartbeat_tick: self.heartbeat_ticks,
            max_size_per_msg: self.max_size_per_message,
            // With it, `raft` 0.7 adds entries to an empty append message that waits to be sent, whatever
            // index that message says. If it is another one, the follower counts the entries twice, and
            // acknowledges some that it does not have.
            batch_append: false,
            max_inflight_msgs: self.inflight,
            pre_vote: self.pre_vote,
            check_quorum: self.check_quorum,
            read_only_option: if self.lease_reads {
                raft::ReadOnlyOption::LeaseBased
            } else {
                raft::ReadOnlyOption::Safe
            },
            max_committed_size_per_ready: self.max_committed_size_per_ready,
            ..raft::Config::default()
        }
    }
}
