//! The nodes of a group: the crate `raft`, or a whole store on it.

use cluster_node::{
    Command, Input, LogLines, Machine, Node, Outputs, RaftNode, Settings, StepError, Storage, View,
};
use raft::eraftpb::Message;

/// How a node starts.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// What every node has.
    pub raft: Settings,
    /// After so many applied entries, a store makes a snapshot.
    pub snapshot_count: u64,
    /// So many entries stay in its log before the snapshot.
    pub catch_up_entries: u64,
}

impl NodeSettings {
    /// The settings of node `id`, which makes no snapshots by itself.
    pub(crate) fn new(id: u64) -> Self {
        Self { raft: Settings::new(id), snapshot_count: u64::MAX, catch_up_entries: 0 }
    }

    /// The settings of a store.
    pub(super) fn store(&self) -> raft_kv::Settings {
        let mut settings = raft_kv::Settings::new(self.raft.id);
        settings.members = self.raft.voters.iter().copied().map(member).collect();
        settings.election_ticks = self.raft.election_ticks;
        settings.heartbeat_ticks = self.raft.heartbeat_ticks;
        settings.pre_vote = self.raft.pre_vote;
        settings.check_quorum = self.raft.check_quorum;
        settings.snapshot_count = self.snapshot_count;
        settings.catch_up_entries = self.catch_up_entries;
        settings
    }
}

/// A member of a store. The group delivers its messages, so its address says only that there is one.
pub(crate) fn member(id: u64) -> raft_kv::Member {
    raft_kv::Member { id, peer: format!("node {id}"), ..raft_kv::Member::default() }
}

/// A node of a group. One that is no store takes only [`raft_kv::Command::Raft`].
pub trait GroupNode:
    Node<Message = Message, Command = raft_kv::Command, Reply = raft_kv::Reply, Error = StepError>
    + Send
{
    /// What raft sees.
    fn view(&self) -> View;

    /// What the state machine holds, a value a line; `None`: it is a store, and is asked.
    fn content(&self) -> Option<&[u8]>;
}

/// The crate `raft` over a [`Storage`], with a state machine that remembers values.
pub(crate) struct Plain<S: Storage>(RaftNode<S>);

impl<S: Storage> Plain<S> {
    pub(crate) fn start(
        settings: &NodeSettings,
        storage: S,
        machine: Machine,
        log: &LogLines,
    ) -> Result<Self, StepError> {
        RaftNode::start(&settings.raft, storage, machine, log).map(Self)
    }
}

impl<S: Storage> Node for Plain<S> {
    type Message = Message;
    type Command = raft_kv::Command;
    type Reply = raft_kv::Reply;
    type Error = StepError;

    fn id(&self) -> u64 {
        self.0.id()
    }

    fn step(
        &mut self,
        input: Input<Message, raft_kv::Command>,
        outputs: &mut Outputs<Message, raft_kv::Reply>,
    ) -> Result<(), StepError> {
        let input = match input {
            Input::Tick => Input::Tick,
            Input::Message(message) => Input::Message(message),
            Input::Proceed => Input::Proceed,
            Input::Command(raft_kv::Command::Raft(command)) => {
                Input::<_, Command>::Command(command)
            }
            Input::Command(_) => unreachable!("the commands of a store are refused before"),
        };
        self.0.step_as(input, outputs)
    }

    fn is_ready(&self) -> bool {
        self.0.is_ready()
    }
}

impl<S: Storage> GroupNode for Plain<S> {
    fn view(&self) -> View {
        self.0.view()
    }

    fn content(&self) -> Option<&[u8]> {
        Some(self.0.machine().content())
    }
}

impl GroupNode for raft_kv::Node {
    fn view(&self) -> View {
        raft_kv::Node::view(self)
    }

    fn content(&self) -> Option<&[u8]> {
        None
    }
}
