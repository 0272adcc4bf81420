//! A member of the store, stepped by its owner.
//!
//! The node is [`RaftNode`], which has the Ready loop, and those who wait for something: requests for their
//! entry, reads for their index, watches for events, leases for their end. After each step they get what
//! the step led to.

mod check;
mod countdowns;
mod departures;
mod pending;
mod reads;
mod requests;
mod transfers;
mod watches;

use crate::request::{Command, Member, Reply, RequestError, Response, Status, Write};
use crate::settings::Settings;
use crate::storage::{self, Log};
use crate::store::{Origin, Proposal, Store};
use cluster_node::{Input, Level, LogLines, Node as _, Outputs, RaftNode, StepError, View};
use countdowns::Countdowns;
use departures::Departures;
use failpoint::{fail_point, fail_value};
use pending::Pending;
use raft::eraftpb::{Message, MessageType};
use raft::{ProgressState, SnapshotStatus, StateRole};
use reads::Reads;
use std::fmt;
use std::io;
use std::path::Path;
use transfers::Transfers;
use watches::Watches;

/// What a node takes in a step.
type In = Input<Message, Command>;
/// What it gives.
type Out = Outputs<Message, Reply>;

/// A member of the store, stepped by its owner. See [`cluster_node::Node`].
///
/// A step that fails with [`StepError::Disk`] ends the node: its owner drops it, starts another one from the
/// same directory, and tells the clients whose requests had no answer that they may have happened. After
/// [`StepError::Refused`] the node goes on.
///
/// ```
/// use cluster_node::{Command as Raft, Input, LogLines, Node as _, Outputs, StepClock};
/// use raft_kv::{Command, Member, Node, Put, Reply, Request, Response, Settings, Write};
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path();
/// let mut settings = Settings::new(1);
/// settings.members = vec![Member { id: 1, peer: "127.0.0.1:2380".into(), ..Member::default() }];
/// let mut node = Node::start(&settings, directory, &LogLines::default())?;
///
/// let put = Put { key: "a".into(), value: "1".into(), lease: 0 };
/// let put = Command::Request { id: 7, request: Request::Write(Write::Put(put)) };
/// let mut replies = Vec::new();
/// for command in [Command::Raft(Raft::Campaign), put] {
///     let mut outputs = Outputs::new(&StepClock::default());
///     node.step(Input::Command(command), &mut outputs)?;
///     while node.is_ready() {
///         node.step(Input::Proceed, &mut outputs)?;
///     }
///     replies.extend(outputs.replies);
/// }
/// let Reply::Answer { id: 7, result: Ok(response), .. } = &replies[0] else { panic!() };
/// assert_eq!(*response, Response::Put { revision: 2 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Node {
    raft: RaftNode<Log, Store>,
    settings: Settings,
    log: LogLines,
    incarnation: u64,
    /// The ticks since the start.
    now: u64,
    /// The number of the last question to the group.
    number: u64,
    pending: Pending,
    departures: Departures,
    transfers: Transfers,
    reads: Reads,
    watches: Watches,
    countdowns: Countdowns,
    known: Known,
}

/// What the log of the node has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    role: StateRole,
    leader: u64,
    snapshot_index: u64,
}

impl Node {
    /// Starts a node from what `directory` holds, or as `settings` say if it is empty.
    ///
    /// # Errors
    /// The disk refused, what it holds is damaged, or the settings contradict each other.
    pub fn start(settings: &Settings, directory: &Path, log: &LogLines) -> Result<Self, StepError> {
        let raft_settings = settings.raft()?;
        let (storage, store) = storage::open(directory).map_err(disk("open the data"))?;
        let mut raft = RaftNode::start(&raft_settings, storage, store, log)?;
        let machine = raft.machine_mut();
        let incarnation = machine.begin_incarnation(settings.id).map_err(disk("open the data"))?;
        let leases = machine.leases().map_err(disk("read the leases"))?;
        machine.take_effects();
        let mut node = Self {
            raft,
            settings: settings.clone(),
            log: log.clone(),
            incarnation,
            now: 0,
            number: 0,
            pending: Pending::default(),
            departures: Departures::default(),
            transfers: Transfers::default(),
            reads: Reads::default(),
            watches: Watches::default(),
            countdowns: Countdowns::of(leases),
            known: Known { role: StateRole::Follower, leader: 0, snapshot_index: 0 },
        };
        node.known.snapshot_index = node.snapshot_index()?;
        Ok(node)
    }

    /// Starts a node that ran in `directory` before. If its data are gone, a new one would forget its vote
    /// and what it acknowledged, so this is an error.
    ///
    /// # Errors
    /// Those of [`Node::start`], and missing data.
    pub fn start_again(
        settings: &Settings,
        directory: &Path,
        log: &LogLines,
    ) -> Result<Self, StepError> {
        if !storage::has_data(directory).map_err(disk("open the data"))? {
            let why = format!("{} was removed while the member ran", directory.display());
            return Err(disk("open the data")(io::Error::new(io::ErrorKind::NotFound, why)));
        }
        Self::start(settings, directory, log)
    }

    /// How the node is.
    pub fn status(&self) -> Status {
        let head = self.raft.machine().head();
        let raft = self.raft.raft();
        let me = head.members.iter().find(|member| member.id == raft.id);
        Status {
            id: raft.id,
            name: me.map(|me| me.name.clone()).unwrap_or_default(),
            leader: raft.leader_id,
            term: raft.term,
            role: cluster_node::Role::from(raft.state).to_string(),
            commit: raft.raft_log.committed,
            applied: head.index,
            revision: head.revision,
            compacted: head.compacted,
            snapshot_index: self.known.snapshot_index,
            members: head.members.clone(),
        }
    }

    /// What raft sees.
    pub fn view(&self) -> View {
        self.raft.view()
    }

    /// The members, in the order of their ids, as of what the node has applied. The owner connects to
    /// them.
    pub fn members(&self) -> &[Member] {
        &self.raft.machine().head().members
    }

    /// Whether the node was removed from the cluster. It then does nothing that matters any more.
    pub fn is_removed(&self) -> bool {
        let members = self.members();
        !members.is_empty() && members.iter().all(|member| member.id != self.id())
    }

    fn snapshot_index(&self) -> Result<u64, StepError> {
        self.raft.raft().store().snapshot_index().map_err(disk("read the snapshot"))
    }

    fn leads(&self) -> bool {
        self.raft.raft().state == StateRole::Leader
    }

    fn next_origin(&mut self) -> Origin {
        self.number += 1;
        Origin { member: self.id(), incarnation: self.incarnation, number: self.number }
    }

    fn origin(&self, number: u64) -> Origin {
        Origin { member: self.id(), incarnation: self.incarnation, number }
    }

    fn is_mine(&self, origin: Origin) -> bool {
        (origin.member, origin.incarnation) == (self.id(), self.incarnation)
    }

    fn tick(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        self.now += 1;
        self.raft.step_as(Input::Tick, outputs)?;
        for id in self.pending.expire(self.now) {
            answer(outputs, id, Err(RequestError::Unknown));
        }
        let pending = &self.pending;
        self.departures.keep(|number| pending.is_waiting(number));
        for (id, _) in self.reads.expire(self.now, self.settings.request_ticks) {
            answer(outputs, id, Err(RequestError::NoLeader));
        }
        let retry = (self.settings.election_ticks as u64 / 2).max(1);
        for number in self.reads.unanswered(self.now, retry) {
            self.ask_index(number, outputs)?;
        }
        if self.now.is_multiple_of(self.settings.election_ticks.max(1) as u64) {
            self.ask_to_hand_over(outputs)?;
        }
        if self.settings.progress_ticks > 0 {
            let revision = self.raft.machine().head().revision;
            let (now, period) = (self.now, self.settings.progress_ticks);
            self.watches.tell_progress(revision, now, period, &mut outputs.replies);
        }
        self.give_up_snapshots(outputs)?;
        self.countdowns.tick();
        self.expire_leases()
    }

    /// Lets the leader begin again with a follower whose snapshot was lost.
    fn give_up_snapshots(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        let raft = self.raft.raft();
        let mut pending = Vec::new();
        if self.leads() {
            let followers = raft.prs().iter();
            let sent = followers.filter(|(_, to)| to.state == ProgressState::Snapshot);
            pending.extend(sent.map(|(id, to)| (*id, to.pending_snapshot)));
            pending.sort_unstable();
        }
        // Long enough for one that arrives.
        let patience = 10 * self.settings.election_ticks as u64;
        for id in self.transfers.lost(&pending, self.now, patience) {
            let lost = cluster_node::Command::ReportSnapshot(id, SnapshotStatus::Failure);
            self.raft.step_as(Input::Command(lost), outputs)?;
        }
        Ok(())
    }

    fn expire_leases(&mut self) -> Result<(), StepError> {
        if !self.leads() {
            return Ok(());
        }
        for (lease, renewals) in self.countdowns.take_expired(self.settings.election_ticks as u64) {
            // A crash of a leader with a lease that has expired, and whose keys are still there.
            fail_point!("leaseBeforeExpire");
            let write = Write::Expire { lease, renewals };
            let proposal = Proposal { origin: self.next_origin(), write };
            let data = proposal.encode().map_err(disk("encode an entry"))?;
            // A leader that hands over refuses. It, or the next one, expires the lease later.
            let _ = self.raft.propose(data);
            fail_point!("leaseAfterExpire");
        }
        Ok(())
    }

    fn message(&mut self, message: Message, outputs: &mut Out) -> Result<(), StepError> {
        let is_heartbeat = message.get_msg_type() == MessageType::MsgHeartbeat;
        if is_heartbeat && fail_value!("raftDropHeartbeat").is_some() {
            return Ok(());
        }
        // Raft would pass it on, and end the process because the message has a term already.
        let is_transfer = message.get_msg_type() == MessageType::MsgTransferLeader;
        if is_transfer && !self.leads() {
            return Ok(());
        }
        self.raft.step_as(Input::Message(message), outputs)
    }

    fn proceed(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        if self.reads.is_new() {
            let origin = self.next_origin();
            self.reads.begin_group(origin.number, self.now);
            self.ask_index(origin.number, outputs)?;
        }
        self.raft.step_as(Input::Proceed, outputs)?;
        self.settle(outputs)?;
        self.snapshot_if_due(outputs)?;
        self.tell_snapshot()?;
        if self.raft.machine().is_compacting() {
            let batch = self.settings.batch;
            let machine = self.raft.machine_mut();
            machine.compact_batch(batch).map_err(disk("compact the state"))?;
        }
        if self.watches.is_behind() {
            let (store, batch) = (self.raft.machine(), self.settings.batch);
            let caught_up = self.watches.catch_up(store, batch, self.now, &mut outputs.replies);
            caught_up.map_err(disk("read the state"))?;
        }
        Ok(())
    }

    /// Asks from which index on a group of reads may be served.
    fn ask_index(&mut self, number: u64, outputs: &mut Out) -> Result<(), StepError> {
        let context = self.origin(number).encode().map_err(disk("encode a question"))?;
        let read = cluster_node::Command::Read(context);
        self.raft.step_as(Input::Command(read), outputs)
    }

    /// Gives what the last step led to, to those who wait for it.
    fn settle(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        self.take_indexes(outputs);
        let effects = self.raft.machine_mut().take_effects();
        if effects.is_restored {
            self.tell_received()?;
            let leases = self.raft.machine().leases().map_err(disk("read the leases"))?;
            self.countdowns = Countdowns::of(leases);
            self.watches.restored(self.raft.machine().head().revision);
        }
        for (lease, granted) in effects.leases {
            self.countdowns.set(lease, granted);
        }
        for outcome in effects.outcomes {
            let mine = Some(outcome.origin).filter(|origin| self.is_mine(*origin));
            let Some(id) = mine.and_then(|mine| self.pending.take(mine.number)) else { continue };
            let (entry, result) = (Some(outcome.entry), outcome.result);
            outputs.replies.push(Reply::Answer { id, entry, result });
        }
        let head = self.raft.machine().head();
        let (applied, last) = (head.index, head.revision);
        let first = last + 1 - effects.events.len() as u64;
        for (revision, events) in (first..).zip(&effects.events) {
            self.watches.deliver(events, revision, self.now, &mut outputs.replies);
        }
        for (id, read) in self.reads.take_ready(applied) {
            let result = self.read(&read).map_err(disk("read the state"))?;
            answer(outputs, id, result);
        }
        Ok(())
    }

    /// Takes the answers to questions of this node out of those of raft.
    fn take_indexes(&mut self, outputs: &mut Out) {
        let me = self.id();
        outputs.replies.retain(|reply| {
            let Reply::Raft(cluster_node::Reply::Readable { context, index }) = reply else {
                return true;
            };
            let origin = Origin::decode(context).filter(|origin| origin.member == me);
            if let Some(origin) = origin.filter(|origin| origin.incarnation == self.incarnation) {
                self.reads.answered(origin.number, *index);
            }
            // An answer to an earlier start, or one that came before, has no reader any more.
            origin.is_none()
        });
    }

    /// Makes a snapshot when enough entries were applied since the last one.
    fn snapshot_if_due(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        let applied = self.raft.machine().head().index;
        let first = self.raft.raft().raft_log.first_index();
        let keep = self.settings.catch_up_entries;
        if applied - self.snapshot_index()?.min(applied) < self.settings.snapshot_count {
            return Ok(());
        }
        let index = applied.saturating_sub(keep).max(first - 1);
        let compact = cluster_node::Command::Compact(index);
        self.raft.step_as(Input::Command(compact), outputs)?;
        // Before the next line, in the order in which it happened.
        self.tell_snapshot()?;
        if index >= first {
            self.tell(Level::Info, format!("compacted raft log index={index}"));
        }
        Ok(())
    }

    fn tell(&self, level: Level, text: String) {
        self.log.add(level, text);
    }

    fn tell_received(&mut self) -> Result<(), StepError> {
        self.known.snapshot_index = self.snapshot_index()?;
        let (index, from) = (self.known.snapshot_index, self.raft.raft().leader_id);
        self.tell(Level::Info, format!("received snapshot index={index} from={from}"));
        Ok(())
    }

    fn tell_snapshot(&mut self) -> Result<(), StepError> {
        let index = self.snapshot_index()?;
        if index > self.known.snapshot_index {
            self.known.snapshot_index = index;
            self.tell(Level::Info, format!("saved snapshot index={index}"));
        }
        Ok(())
    }

    /// Tells what has changed since the last step, and does what a change of the role asks for.
    fn observe(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        let raft = self.raft.raft();
        let (role, leader, term) = (raft.state, raft.leader_id, raft.term);
        if role != self.known.role {
            self.known.role = role;
            let name = match role {
                StateRole::Follower => "follower",
                StateRole::PreCandidate => "pre-candidate",
                StateRole::Candidate => "candidate",
                StateRole::Leader => "leader",
            };
            self.tell(Level::Info, format!("became {name} term={term}"));
            if role == StateRole::Leader && !cfg!(feature = "bug_lost_lease") {
                self.countdowns.restart();
            }
        }
        if leader != self.known.leader {
            let old = std::mem::replace(&mut self.known.leader, leader);
            self.tell(
                Level::Info,
                match leader {
                    0 => format!("lost leader id={old} term={term}"),
                    _ => format!("has leader id={leader} term={term}"),
                },
            );
            for departure in self.departures.take_ready(leader) {
                self.propose_removal(departure, outputs)?;
            }
        }
        Ok(())
    }
}

impl cluster_node::Node for Node {
    type Message = Message;
    type Command = Command;
    type Reply = Reply;
    type Error = StepError;

    fn id(&self) -> u64 {
        self.raft.id()
    }

    fn step(&mut self, input: In, outputs: &mut Out) -> Result<(), StepError> {
        let done = match input {
            Input::Tick => self.tick(outputs),
            Input::Message(message) => self.message(message, outputs),
            Input::Command(command) => self.command(command, outputs),
            Input::Proceed => self.proceed(outputs),
        };
        match done {
            Ok(()) | Err(StepError::Refused(_)) => self.observe(outputs).and(done),
            stopped => stopped,
        }
    }

    fn is_ready(&self) -> bool {
        self.raft.is_ready()
            || self.reads.is_new()
            || self.watches.is_behind()
            || self.raft.machine().is_compacting()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("raft", &self.raft).finish_non_exhaustive()
    }
}

/// Answers a request that needed no entry.
fn answer(outputs: &mut Out, id: u64, result: Result<Response, RequestError>) {
    outputs.replies.push(Reply::Answer { id, entry: None, result });
}

fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> StepError {
    move |error| StepError::Disk { doing, error }
}
