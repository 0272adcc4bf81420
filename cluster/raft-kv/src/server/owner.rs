//! Who steps the node? One thread, with a clock, a disk and a network: the node has none.
//!
//! The thread takes all inputs that wait, steps the node with each, and then lets it work until it has
//! nothing to do: that is the group commit, since all entries of a batch are saved by one sync. If the
//! disk refuses, the node is dropped and started again from what is on the disk, as often as it takes.
//! Until then, clients are told what the disk said.

use super::inputs::{Reply, WatchError, WatchSender, Work, changes_something};
use super::locked;
use super::log;
use super::metrics::Metrics;
use super::peers::{self, Peers};
use super::refusal::Refusal;
use crate::{Command, Member, Node, Request, Settings, Status};
use cluster_node::{
    Input, Level, LogLines, Node as _, Outputs, Sender, Sent, StepClock, StepError,
};
use raft::eraftpb::Message;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many inputs are taken before the node works.
const BATCH: usize = 1_024;
/// How long to wait before a node is started again whose disk refused.
const REST: Duration = Duration::from_millis(100);

/// The node, and everything that it is stepped with.
pub(super) struct Owner {
    settings: Settings,
    directory: PathBuf,
    tick: Duration,
    lines: LogLines,
    level: Level,
    work: Receiver<Work>,
    peers: Arc<Mutex<Peers>>,
    /// Gives messages to the peers while the node saves.
    sender: Sender<Message>,
    metrics: Arc<Metrics>,
    node: State,
    next_tick: Instant,
    /// The role that the election time-out was last chosen for.
    role: (u64, String),
    pending: HashMap<u64, Pending>,
    watches: HashMap<u64, WatchSender>,
    /// The members, as of what the node has applied.
    members: Vec<Member>,
    /// Peers say that this member was removed. It may not have applied that, and never will.
    is_removed: bool,
    /// What the disk refused, until the node has a leader again.
    disk_error: Option<String>,
    stops: Option<Instant>,
}

/// Whether there is a node.
enum State {
    Running(Box<Node>),
    /// The disk refused. It is tried again then.
    Stopped {
        again: Instant,
    },
}

/// A client that waits.
struct Pending {
    reply: Reply,
    is_write: bool,
}

/// Why the owner ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server was stopped.
    Stopped,
    /// The member was removed from its cluster.
    Removed,
}

/// What the owner needs.
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) directory: PathBuf,
    /// The time of a tick.
    pub(super) tick: Duration,
    /// The least important lines that are written.
    pub(super) level: Level,
    pub(super) work: Receiver<Work>,
    pub(super) peers: Peers,
    pub(super) metrics: Arc<Metrics>,
}

impl Owner {
    /// Starts the node.
    pub(super) fn start(parts: Parts) -> Result<Self, StepError> {
        let Parts { settings, directory, tick, level, work, peers, metrics } = parts;
        // Its own lines say what raft does. Those of the crate `raft` help to find a mistake.
        let lines = LogLines::at_least(if level == Level::Debug { level } else { Level::Warn });
        let node = Node::start(&settings, &directory, &lines)?;
        let peers = Arc::new(Mutex::new(peers));
        let sender = {
            let (peers, metrics) = (Arc::clone(&peers), Arc::clone(&metrics));
            Sender::new(move |Sent { to, message, .. }| {
                metrics.message(locked(&peers).send(to, message));
            })
        };
        let mut owner = Self {
            settings,
            directory,
            tick,
            lines,
            level,
            work,
            peers,
            sender,
            metrics,
            node: State::Running(Box::new(node)),
            next_tick: Instant::now() + tick,
            role: (0, String::new()),
            pending: HashMap::new(),
            watches: HashMap::new(),
            members: Vec::new(),
            is_removed: false,
            disk_error: None,
            stops: None,
        };
        owner.look_around();
        Ok(owner)
    }

    /// Steps the node until the server stops.
    pub(super) fn run(mut self) -> End {
        loop {
            self.take_work();
            self.start_again();
            self.tick_if_due();
            while self.is_ready() {
                self.step(Input::Proceed);
                // A node that is slow, for example at a failpoint that sleeps, still sends heartbeats.
                self.tick_if_due();
            }
            let is_removed = self.look_around();
            if is_removed {
                return End::Removed;
            }
            if self.has_stopped() {
                return End::Stopped;
            }
        }
    }

    /// Waits for an input until the next tick, and takes all that are there.
    fn take_work(&mut self) {
        let patience = self.next_tick.saturating_duration_since(Instant::now());
        let mut next = self.work.recv_timeout(patience);
        for _ in 0..BATCH {
            match next {
                Ok(work) => self.take(work),
                Err(RecvTimeoutError::Timeout) => return,
                // All that could ask have gone.
                Err(RecvTimeoutError::Disconnected) => return self.stop(),
            }
            next = self.work.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
    }

    fn take(&mut self, work: Work) {
        match work {
            Work::Peer(peers::Event::Message(message)) => self.step(Input::Message(message)),
            Work::Peer(peers::Event::Unreachable(id)) => {
                self.raft(cluster_node::Command::ReportUnreachable(id));
            }
            Work::Peer(peers::Event::Snapshot(id, status)) => {
                self.raft(cluster_node::Command::ReportSnapshot(id, status));
            }
            Work::Peer(peers::Event::Removed) => self.is_removed = true,
            Work::Request { id, request, reply, watch } => self.request(id, request, reply, watch),
            Work::CancelWatch(id) => {
                self.watches.remove(&id);
                self.step(Input::Command(Command::CancelWatch { id }));
            }
            Work::Stop => self.stop(),
        }
    }

    fn request(&mut self, id: u64, request: Request, reply: Reply, watch: Option<WatchSender>) {
        let refusal = if self.stops.is_some() {
            Some(Refusal::Stopping { is_unknown: false })
        } else {
            // A node that was started again, and has no leader, would let a write wait.
            let error = self.disk_error.clone();
            error.map(|error| Refusal::Disk { error, is_unknown: false })
        };
        if let Some(refusal) = refusal {
            let _ = reply.send(Err(refusal));
            return;
        }
        self.pending.insert(id, Pending { reply, is_write: changes_something(&request) });
        if let Some(watch) = watch {
            self.watches.insert(id, watch);
        }
        self.step(Input::Command(Command::Request { id, request }));
    }

    fn raft(&mut self, command: cluster_node::Command) {
        self.step(Input::Command(Command::Raft(command)));
    }

    fn tick_if_due(&mut self) {
        let now = Instant::now();
        if now >= self.next_tick {
            // Ticks that were missed do not come later. A node that slept, or that had no core, would
            // campaign at once, although messages of a healthy leader may wait in its queue. The price:
            // under load, leases and limits last longer than their time.
            self.next_tick = (self.next_tick + self.tick).max(now);
            self.step(Input::Tick);
        }
    }

    fn is_ready(&self) -> bool {
        matches!(&self.node, State::Running(node) if node.is_ready())
    }

    /// Steps the node, and does what comes of it.
    fn step(&mut self, input: Input<Message, Command>) {
        let State::Running(node) = &mut self.node else { return };
        // Points sleep in real time here, so the clock of the step stands still, and a message leaves as
        // soon as the node sends it. No report is wanted.
        let clock = StepClock::default();
        let mut outputs = Outputs::quiet(&clock).sending(&self.sender);
        let stepped = node.step(input, &mut outputs);
        for reply in outputs.replies {
            self.reply(reply);
        }
        match stepped {
            Ok(()) => {}
            Err(error @ StepError::Disk { .. }) => self.disk_refused(&error.to_string()),
            // It had no effect. For example, a message of a member that was removed.
            Err(error) => self.lines.add(Level::Debug, format!("raft refuses an input: {error}")),
        }
    }

    fn reply(&mut self, reply: crate::Reply) {
        match reply {
            crate::Reply::Answer { id, result, .. } => {
                if result.is_err() {
                    self.watches.remove(&id);
                }
                if let Some(pending) = self.pending.remove(&id) {
                    let _ = pending.reply.send(result.map_err(Refusal::from));
                }
            }
            crate::Reply::Watch { id, message } => {
                let sent = self.watches.get(&id).map(|watch| watch.try_send(Ok(message)));
                if let Some(Err(error)) = sent {
                    if error == WatchError::Slow {
                        self.metrics.slow_watch();
                        let text = format!("watch ended because its client is slow id={id}");
                        self.lines.add(Level::Warn, text);
                    }
                    self.watches.remove(&id);
                    self.step(Input::Command(Command::CancelWatch { id }));
                }
            }
            crate::Reply::WatchEnded { id, error } => {
                if let Some(watch) = self.watches.remove(&id) {
                    let _ = watch.try_send(Err(error));
                }
            }
            crate::Reply::Raft(_) => {}
        }
    }

    /// Drops the node, and tells the clients.
    fn disk_refused(&mut self, error: &str) {
        self.metrics.disk_error();
        if self.disk_error.as_deref() != Some(error) {
            log::line(Level::Error, format_args!("node stopped error={error:?}"));
        }
        self.node = State::Stopped { again: Instant::now() + REST };
        self.disk_error = Some(error.to_owned());
        for (_, Pending { reply, is_write }) in self.pending.drain() {
            let _ =
                reply.send(Err(Refusal::Disk { error: error.to_owned(), is_unknown: is_write }));
        }
        self.watches.clear();
    }

    /// Starts the node again, when it is time.
    fn start_again(&mut self) {
        let State::Stopped { again } = self.node else { return };
        if Instant::now() < again {
            return;
        }
        match Node::start_again(&self.settings, &self.directory, &self.lines) {
            Ok(node) => {
                self.node = State::Running(Box::new(node));
                self.role = (0, String::new());
            }
            Err(error) => self.disk_refused(&error.to_string()),
        }
    }

    /// Follows what has changed in the node: its role, its members, its log. Returns whether the member
    /// was removed.
    fn look_around(&mut self) -> bool {
        for line in self.lines.take() {
            if line.level >= self.level {
                log::line(line.level, format_args!("{}", line.text));
            }
        }
        let State::Running(node) = &self.node else { return false };
        let (status, is_removed) = (node.status(), node.is_removed());
        if node.members() != self.members {
            let members = node.members().to_vec();
            self.follow_members(members);
        }
        if status.leader != 0 && self.disk_error.take().is_some() {
            log::line(Level::Info, format_args!("node serves again leader={}", status.leader));
        }
        let role = (status.term, status.role.clone());
        if role != self.role {
            self.role = role;
            let ticks = self.election_ticks();
            self.raft(cluster_node::Command::SetElectionTimeout(ticks));
        }
        self.metrics.set_status(status);
        is_removed || self.is_removed
    }

    /// Connects to the members that there are now.
    fn follow_members(&mut self, members: Vec<Member>) {
        let is_there = |id: u64| members.iter().any(|member| member.id == id);
        let mut peers = locked(&self.peers);
        for gone in self.members.iter().filter(|member| !is_there(member.id)) {
            peers.set_removed(gone.id, true);
        }
        for member in &members {
            peers.set_removed(member.id, false);
        }
        peers.set_members(&members);
        drop(peers);
        self.members = members;
    }

    /// Between one and two election time-outs, so that two members rarely campaign at the same time.
    fn election_ticks(&self) -> usize {
        let least = self.settings.election_ticks;
        // Each value hashes with keys of its own.
        let random = RandomState::new().hash_one(self.settings.id);
        least + (random % least.max(1) as u64) as usize
    }

    fn stop(&mut self) {
        if self.stops.is_some() {
            return;
        }
        self.stops = Some(Instant::now() + self.tick * 2 * self.settings.election_ticks as u32);
        let State::Running(node) = &self.node else { return };
        // The others need no election if the leader hands over.
        let Status { id, leader, members, .. } = node.status();
        if let Some(to) = members.iter().find(|member| leader == id && member.id != id) {
            self.raft(cluster_node::Command::TransferLeader(to.id));
        }
    }

    /// Whether the node may be dropped: it leads no more, and all clients have their answers; or time is up.
    fn has_stopped(&self) -> bool {
        let Some(deadline) = self.stops else { return false };
        let is_done = match &self.node {
            State::Stopped { .. } => true,
            State::Running(node) => {
                let status = node.status();
                let is_alone = status.members.len() < 2;
                self.pending.is_empty() && (is_alone || status.leader != status.id)
            }
        };
        is_done || Instant::now() >= deadline
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        for (_, Pending { reply, is_write }) in self.pending.drain() {
            let _ = reply.send(Err(Refusal::Stopping { is_unknown: is_write }));
        }
    }
}
