//! The crate `raft` as a node that its owner steps.

use crate::conf_change::conf_change;
use crate::machine::{Machine, StateMachine};
use crate::view::{Follower, View};
use crate::{Input, LogLines, Node, Outputs, Reply, Settings, Storage, describe};
use failpoint::fail_point;
use raft::eraftpb::{
    ConfChange, ConfChangeType, ConfChangeV2, Entry, EntryType, HardState, Message, MessageType,
    Snapshot,
};
use raft::{RawNode, Ready, SnapshotStatus, StateRole};
use std::fmt;
use std::io;
use std::mem;

/// What an operator or a client asks of a [`RaftNode`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Starts an election.
    Campaign,
    /// Proposes a value.
    Propose(Vec<u8>),
    /// Proposes a change of the configuration.
    ProposeConfChange(ConfChangeV2),
    /// The same of one change, in the older of the two forms.
    ProposeConfChangeV1(ConfChange),
    /// Asks from which index on a read sees everything that was acknowledged.
    Read(Vec<u8>),
    /// Hands leadership to this node.
    TransferLeader(u64),
    /// Tells that messages to this node do not arrive.
    ReportUnreachable(u64),
    /// Tells that this node received the snapshot that was sent to it, or that it did not.
    ReportSnapshot(u64, SnapshotStatus),
    /// Makes a snapshot, and forgets the entries up to this index.
    Compact(u64),
    /// Sends the last snapshot to this node.
    SendSnapshot(u64),
    /// Campaigns after so many ticks without a leader. It holds until it is set again.
    SetElectionTimeout(usize),
    /// A tick that only followers and candidates know.
    TickElection,
}

/// Why a step failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StepError {
    /// The disk refused. The node cannot go on.
    Disk {
        /// What was tried.
        doing: &'static str,
        /// What the disk said.
        error: io::Error,
    },
    /// The crate `raft` refused the input, which had no effect. The node goes on.
    Refused(raft::Error),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepError::Disk { doing, error } => write!(f, "cannot {doing}: {error}"),
            StepError::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StepError::Disk { error, .. } => Some(error),
            StepError::Refused(error) => Some(error),
        }
    }
}

impl From<raft::Error> for StepError {
    fn from(error: raft::Error) -> Self {
        StepError::Refused(error)
    }
}

fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> StepError {
    move |error| StepError::Disk { doing, error }
}

/// The crate `raft` with its Ready loop, between a [`Storage`] and a [`StateMachine`].
pub struct RaftNode<S: Storage, M: StateMachine = Machine> {
    raft: RawNode<S>,
    machine: M,
    /// Set after every step, because `raft` draws another one at random.
    election_timeout: usize,
    /// What was proposed here and is not applied yet.
    proposed: Vec<Vec<u8>>,
    steps_down_before_removal: bool,
}

impl<S: Storage, M: StateMachine> RaftNode<S, M> {
    /// Starts a node from what `storage` and `machine` hold, or as `settings` say if they are empty.
    ///
    /// # Errors
    /// The disk refused, or the settings contradict each other.
    pub fn start(
        settings: &Settings,
        mut storage: S,
        mut machine: M,
        log: &LogLines,
    ) -> Result<Self, StepError> {
        let is_empty = storage.last_index()? == 0;
        if is_empty && settings.index > 0 {
            let first = first_snapshot(settings);
            storage.save_snapshot(&first).map_err(disk("save the first snapshot"))?;
        }
        let last = storage.snapshot(0, settings.id)?;
        machine.restore(&last).map_err(disk("restore the snapshot"))?;
        // Entries after the snapshot are given again after a restart: raft needs the changes of the
        // configuration among them, and the machine knows what it has applied.
        let config = raft::Config { applied: last.get_metadata().index, ..settings.raft() };
        let raft = RawNode::new(&config, storage, &log.logger())?;
        let mut node = Self {
            raft,
            machine,
            election_timeout: settings.election_ticks,
            proposed: Vec::new(),
            steps_down_before_removal: settings.steps_down_before_removal,
        };
        node.fix_election_timeout();
        Ok(node)
    }

    /// The state machine.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The state machine, to be changed beside the log: it must not change what entries are applied to.
    pub fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The crate `raft`, to be looked at.
    pub fn raft(&self) -> &raft::Raft<S> {
        &self.raft.raft
    }

    fn fix_election_timeout(&mut self) {
        self.raft.raft.set_randomized_election_timeout(self.election_timeout);
    }

    fn command(&mut self, command: Command) -> Result<(), StepError> {
        let raft = &mut self.raft;
        match command {
            Command::Campaign => raft.campaign()?,
            Command::Propose(data) => {
                raft.propose(Vec::new(), data.clone())?;
                self.proposed.push(data);
            }
            Command::ProposeConfChange(change) => raft.propose_conf_change(Vec::new(), change)?,
            Command::ProposeConfChangeV1(change) => raft.propose_conf_change(Vec::new(), change)?,
            Command::Read(context) => raft.read_index(context),
            Command::TransferLeader(to) => raft.transfer_leader(to),
            Command::ReportUnreachable(id) => raft.report_unreachable(id),
            Command::ReportSnapshot(id, status) => raft.report_snapshot(id, status),
            Command::Compact(index) => {
                self.checkpoint()?;
                self.raft.mut_store().compact(index).map_err(disk("compact the log"))?;
            }
            Command::SendSnapshot(to) => self.send_snapshot(to)?,
            Command::SetElectionTimeout(ticks) => self.election_timeout = ticks,
            Command::TickElection => {
                raft.raft.tick_election();
            }
        }
        Ok(())
    }

    fn send_snapshot(&mut self, to: u64) -> Result<(), StepError> {
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgSnapshot);
        message.set_snapshot(self.raft.store().snapshot(0, to)?);
        (message.to, message.from, message.term) = (to, self.id(), self.raft.raft.term);
        self.raft.raft.msgs.push(message);
        Ok(())
    }

    /// Proposes a value without a reply: the state machine tells what came of it.
    ///
    /// # Errors
    /// [`StepError::Refused`]: there is no leader, or it hands over.
    pub fn propose(&mut self, data: Vec<u8>) -> Result<(), StepError> {
        Ok(self.raft.propose(Vec::new(), data)?)
    }

    /// Takes one input, like [`Node::step`], and puts the replies among those of another kind of node.
    ///
    /// # Errors
    /// Those of [`Node::step`].
    pub fn step_as<R: From<Reply>>(
        &mut self,
        input: Input<Message, Command>,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        let done = match input {
            Input::Tick => {
                self.raft.tick();
                Ok(())
            }
            Input::Message(message) => self.raft.step(message).map_err(StepError::from),
            Input::Command(command) => self.command(command),
            Input::Proceed => self.proceed(outputs),
        };
        self.fix_election_timeout();
        done
    }

    /// The Ready loop, once: send, save, apply, in the order that raft's safety asks for.
    fn proceed<R: From<Reply>>(
        &mut self,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        if !self.raft.has_ready() {
            return Ok(());
        }
        let mut ready = self.raft.ready();
        // A leader sends while it saves, since its followers do not rely on its disk. But they rely on its
        // term. The only voter leads a term before it has saved it, and does not know it after a crash.
        let saves_first = self.saves_term(&ready)?;
        outputs.tell(|| describe::ready(&ready, saves_first, M::describe));
        let mut messages = ready.take_messages();
        if !saves_first {
            self.send_as_leader(mem::take(&mut messages), outputs)?;
        }
        if cfg!(feature = "bug_ack_before_save") {
            self.send_as_follower(ready.take_persisted_messages(), outputs)?;
        }

        let snapshot = ready.snapshot().clone();
        let is_snapshot = !snapshot.is_empty();
        if is_snapshot {
            self.save_snapshot(&snapshot)?;
        }
        self.save(ready.hs(), ready.entries(), ready.must_sync())?;
        if is_snapshot {
            fail_point!("raftBeforeApplySnap");
            self.machine.restore(&snapshot).map_err(disk("restore a snapshot"))?;
            self.machine.commit().map_err(disk("commit the state"))?;
            fail_point!("raftAfterApplySnap");
        }
        self.send_as_leader(messages, outputs)?;
        self.send_as_follower(ready.take_persisted_messages(), outputs)?;
        for read in ready.take_read_states() {
            let reply = Reply::Readable { context: read.request_ctx, index: read.index };
            outputs.replies.push(reply.into());
        }
        self.apply(ready.take_committed_entries(), outputs)?;

        fail_point!("raftBeforeAdvance");
        let mut light = self.raft.advance_append(ready);
        outputs.tell(|| describe::light_ready(&light, M::describe));
        if light.commit_index().is_some() {
            let hard_state = self.raft.raft.hard_state();
            self.raft
                .mut_store()
                .save(Some(&hard_state), &[], false)
                .map_err(disk("save the commit index"))?;
        }
        self.send_as_leader(light.take_messages(), outputs)?;
        self.apply(light.take_committed_entries(), outputs)?;
        self.raft.advance_apply();
        Ok(())
    }

    /// Whether others must not hear of the term of the node before the work of `ready` is saved.
    fn saves_term(&self, ready: &Ready) -> Result<bool, StepError> {
        let saved = self.raft.store().initial_state()?.hard_state;
        Ok(ready.hs().is_some_and(|now| (now.term, now.vote) != (saved.term, saved.vote)))
    }

    fn save(
        &mut self,
        hard_state: Option<&HardState>,
        entries: &[Entry],
        must_sync: bool,
    ) -> Result<(), StepError> {
        if hard_state.is_none() && entries.is_empty() {
            return Ok(());
        }
        fail_point!("raftBeforeSave");
        let store = self.raft.mut_store();
        store.save(hard_state, entries, must_sync).map_err(disk("save entries"))?;
        fail_point!("raftAfterSave");
        Ok(())
    }

    fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StepError> {
        fail_point!("raftBeforeSaveSnap");
        self.raft.mut_store().save_snapshot(snapshot).map_err(disk("save a snapshot"))?;
        fail_point!("raftAfterSaveSnap");
        Ok(())
    }

    /// Lets the log begin at what the state machine holds.
    fn checkpoint(&mut self) -> Result<(), StepError> {
        let checkpoint = self.machine.checkpoint().map_err(disk("make the state durable"))?;
        self.save_snapshot(&checkpoint)
    }

    /// Applies committed entries, makes the state durable, and answers those who proposed them.
    fn apply<R: From<Reply>>(
        &mut self,
        entries: Vec<Entry>,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut is_reconfigured = false;
        for entry in entries {
            match entry.get_entry_type() {
                EntryType::EntryNormal => self.apply_value(entry, outputs)?,
                EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => {
                    is_reconfigured |= entry.index > self.machine.applied();
                    self.apply_conf_change(&entry, outputs)?;
                }
            }
        }
        fail_point!("beforeCommit");
        self.machine.commit().map_err(disk("commit the state"))?;
        fail_point!("afterCommit");
        if is_reconfigured {
            // A new member is sent a snapshot, which must name it.
            self.checkpoint()?;
        }
        Ok(())
    }

    fn apply_value<R: From<Reply>>(
        &mut self,
        entry: Entry,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        fail_point!("beforeApplyOneEntryNormal");
        self.machine.apply(&entry).map_err(disk("apply an entry"))?;
        fail_point!("afterApplyOneEntryNormal");
        let mine = self.proposed.iter().position(|data| *data == entry.data);
        if let Some(mine) = mine.filter(|_| !entry.data.is_empty()) {
            let data = self.proposed.remove(mine);
            let reply = Reply::Acknowledged { index: entry.index, term: entry.term, data };
            outputs.replies.push(reply.into());
        }
        Ok(())
    }

    fn apply_conf_change<R: From<Reply>>(
        &mut self,
        entry: &Entry,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        fail_point!("beforeApplyOneConfChange");
        let change = conf_change(entry)?;
        if self.steps_down_before_removal && self.removes_me_as_leader(&change) {
            let term = self.raft.raft.term;
            self.raft.raft.become_follower(term, raft::INVALID_ID);
        }
        let configuration = match self.raft.apply_conf_change(&change) {
            Ok(configuration) => Some(configuration),
            // All nodes refuse it, since they have the same configuration here.
            Err(error) => {
                outputs.tell(|| {
                    let entry = describe::entry(entry, M::describe);
                    vec![format!("{entry} changes nothing: {error}")]
                });
                None
            }
        };
        let applied = self.machine.apply_conf_change(entry, &change, configuration);
        applied.map_err(disk("apply a change of the configuration"))
    }

    fn removes_me_as_leader(&self, change: &ConfChangeV2) -> bool {
        let raft = &self.raft.raft;
        raft.state == StateRole::Leader
            && change.changes.iter().any(|single| {
                single.node_id == raft.id && single.get_change_type() == ConfChangeType::RemoveNode
            })
    }

    fn send_as_leader<R>(
        &self,
        mut messages: Vec<Message>,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.complete_snapshots(&mut messages)?;
        fail_point!("raftBeforeLeaderSend");
        send(messages, outputs);
        fail_point!("raftAfterLeaderSend");
        Ok(())
    }

    /// A leader that has just stepped down may have a snapshot among these, from before.
    fn send_as_follower<R>(
        &self,
        mut messages: Vec<Message>,
        outputs: &mut Outputs<Message, R>,
    ) -> Result<(), StepError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.complete_snapshots(&mut messages)?;
        fail_point!("raftBeforeFollowerSend");
        send(messages, outputs);
        fail_point!("raftAfterFollowerSend");
        Ok(())
    }

    /// Gives the snapshots that are sent their data.
    fn complete_snapshots(&self, messages: &mut [Message]) -> Result<(), StepError> {
        for message in messages.iter_mut().filter(|message| message.has_snapshot()) {
            let snapshot = self.machine.complete(message.take_snapshot());
            message.set_snapshot(snapshot.map_err(disk("read the state for a snapshot"))?);
        }
        Ok(())
    }

    /// The node as it is.
    pub fn view(&self) -> View {
        let raft = &self.raft.raft;
        let first = raft.raft_log.first_index();
        let mut followers: Vec<_> = if raft.state == StateRole::Leader {
            raft.prs().iter().map(|(&id, progress)| follower(id, progress, raft.prs())).collect()
        } else {
            Vec::new()
        };
        followers.sort_by_key(|follower| follower.id);
        View {
            id: raft.id,
            role: raft.state.into(),
            term: raft.term,
            vote: raft.vote,
            leader: raft.leader_id,
            commit: raft.raft_log.committed,
            applied: raft.raft_log.applied,
            compacted: (first - 1, raft.raft_log.term(first - 1).unwrap_or(0)),
            entries: raft.raft_log.all_entries(),
            configuration: raft.prs().conf().to_conf_state(),
            followers,
        }
    }
}

/// The snapshot that the log of a new group starts at.
fn first_snapshot(settings: &Settings) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.set_data(settings.content.clone().into());
    let meta = snapshot.mut_metadata();
    (meta.index, meta.term) = (settings.index, 1);
    let configuration = meta.mut_conf_state();
    configuration.set_voters(settings.voters.clone());
    configuration.set_learners(settings.learners.clone());
    snapshot
}

/// Sends in the order of the receivers: raft goes through its members in the order of a hash.
fn send<R>(mut messages: Vec<Message>, outputs: &mut Outputs<Message, R>) {
    messages.sort_by_key(|message| message.to);
    for message in messages {
        outputs.send(message.to, message);
    }
}

impl<S: Storage, M: StateMachine> Node for RaftNode<S, M> {
    type Message = Message;
    type Command = Command;
    type Reply = Reply;
    type Error = StepError;

    fn id(&self) -> u64 {
        self.raft.raft.id
    }

    fn step(
        &mut self,
        input: Input<Message, Command>,
        outputs: &mut Outputs<Message, Reply>,
    ) -> Result<(), StepError> {
        self.step_as(input, outputs)
    }

    fn is_ready(&self) -> bool {
        self.raft.has_ready()
    }
}

fn follower(id: u64, progress: &raft::Progress, tracker: &raft::ProgressTracker) -> Follower {
    Follower {
        id,
        state: progress.state,
        matched: progress.matched,
        next: progress.next_idx,
        is_paused: progress.is_paused(),
        snapshot: progress.pending_snapshot,
        is_active: progress.recent_active,
        inflight: progress.ins.count(),
        is_learner: tracker.conf().learners().contains(&id),
    }
}

impl<S: Storage, M: StateMachine> fmt::Debug for RaftNode<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaftNode").field("view", &self.view()).finish_non_exhaustive()
    }
}
