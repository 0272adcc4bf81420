//! All nodes of a script, in one thread.
//!
//! Each node has a scope of its own, with its disk and its armed points, and is stepped inside it. Nodes
//! are visited in order, and time passes only when a command says so.

mod caught;
mod disk;
mod label;
mod member;
mod network;
mod node;
mod output;
mod requests;

pub use caught::{Panicked, caught};
pub use disk::Disk;
use disk::SIMULATED;
pub(crate) use disk::{InMemory, Real, Simulated, start_raft, start_store};
pub(crate) use member::{Armed, Down, Member};
pub(crate) use network::{Flight, Network};
pub(crate) use node::member;
pub use node::{GroupNode, NodeSettings};
pub(crate) use output::Output;
pub(crate) use requests::{Asked, Requests};

use crate::trace::Event;
use cluster_node::describe::{self, DataText};
use cluster_node::{Broken, Input, Level, Outputs, Promises, StepError, View};
use failpoint_disk::Keep;
use raft::eraftpb::Message;
use raft_kv::{Command, Reply};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most nodes of a group.
pub(crate) const MOST_NODES: u64 = 100;

/// How much time passes in a tick of a node.
const TICK: Duration = Duration::from_millis(20);

/// All nodes of a script.
pub(crate) struct Group {
    pub(crate) members: BTreeMap<u64, Member>,
    pub(crate) network: Network,
    pub(crate) output: Output,
    pub(crate) events: Vec<Event>,
    /// What clients of stores have asked.
    pub(crate) requests: Requests,
    /// What entries hold, as text.
    pub(crate) data: DataText,
    promises: Promises,
    /// The promises that were broken, each once, in order.
    broken: Vec<Broken>,
    /// The index and the term of what clients were told.
    acknowledged: Vec<(u64, u64)>,
}

impl Group {
    pub(crate) fn new(data: DataText) -> Self {
        Self {
            members: BTreeMap::new(),
            network: Network::default(),
            output: Output::new(Some(Level::Warn)),
            events: Vec::new(),
            requests: Requests::default(),
            data,
            promises: Promises::new(data),
            broken: Vec::new(),
            acknowledged: Vec::new(),
        }
    }

    pub(crate) fn broken(&self) -> &[Broken] {
        &self.broken
    }

    pub(crate) fn acknowledged(&self) -> &[(u64, u64)] {
        &self.acknowledged
    }

    /// The numbers of all nodes, in order.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.members.keys().copied().collect()
    }

    /// The node, if it runs.
    pub(crate) fn node(&self, id: u64) -> Option<&dyn GroupNode> {
        self.members.get(&id)?.node()
    }

    /// The nodes that run, as they are.
    pub(crate) fn views(&self) -> Vec<View> {
        self.members.values().filter_map(Member::node).map(GroupNode::view).collect()
    }

    /// Adds a node and starts it.
    pub(crate) fn add(&mut self, settings: NodeSettings, disk: Box<dyn Disk>) {
        let id = settings.raft.id;
        self.members.insert(id, Member::new(settings, disk));
        self.start(id);
    }

    /// Starts a node that is down.
    pub(crate) fn start(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.clock.reset();
        let started = caught(|| member.start());
        member.busy_until = self.network.now + member.clock.elapsed();
        self.print_log(id);
        match started {
            Ok(Ok(())) => {
                let Some(view) = self.node(id).map(GroupNode::view) else { return };
                if let Err(broken) = self.promises.restarted(&view) {
                    self.tell_broken(broken);
                }
                self.observe(id);
            }
            Ok(Err(stopped)) => {
                self.stop(id, &format!("node {id} cannot start: {stopped}"));
            }
            Err(panicked) => self.end(id, panicked),
        }
    }

    /// Lets a node take an input, and says whether it still runs.
    pub(crate) fn step(&mut self, id: u64, input: Input<Message, Command>) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let Member { node: Some(node), scope, clock, busy_until, .. } = member else {
            return false;
        };
        let mut outputs = Outputs::new(clock);
        let ended = caught(|| {
            let _in = scope.enter();
            node.step(input, &mut outputs)
        });
        // A node that slept does its next work when it has woken.
        let start = self.network.now.max(*busy_until);
        *busy_until = start + clock.elapsed();
        let fired = member.fired();
        outputs.report.iter().for_each(|line| self.output.line(line));
        self.print_log(id);
        for sent in outputs.messages {
            self.send(id, start + sent.after, sent.message);
        }
        for reply in outputs.replies {
            self.reply(id, reply);
        }
        if matches!(ended, Ok(Ok(()))) {
            fired.into_iter().for_each(|text| self.note(id, text));
        }
        // Also if it goes down now: what it committed in this step stays committed.
        if matches!(ended, Err(Panicked::Otherwise(_))) {
            // A node that panicked anywhere may panic when it is looked at.
            let _ = caught(|| self.observe(id));
        } else {
            self.observe(id);
        }
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(StepError::Refused(error))) => {
                self.output.always(&format!("node {id}: {error}"))
            }
            Ok(Err(stopped)) => {
                self.stop(id, &format!("node {id} stopped: {stopped}"));
            }
            Err(panicked) => self.end(id, panicked),
        }
        self.node(id).is_some()
    }

    /// One tick of a node's clock, in which time passes. Says whether the node still runs.
    pub(crate) fn tick(&mut self, id: u64) -> bool {
        self.network.now += TICK;
        self.step(id, Input::Tick)
    }

    /// A node crashes, and its disk keeps what `keep` says.
    ///
    /// # Errors
    /// The disk cannot do that, with what it can do. Then the node runs on.
    pub(crate) fn crash(&mut self, id: u64, keep: Option<&Keep>) -> Result<(), String> {
        let Some(member) = self.members.get_mut(&id) else { return Ok(()) };
        member.disk.crash(&member.scope, keep)?;
        self.set_down(id, Down::Crashed);
        Ok(())
    }

    /// Loses what a node would have sent later: it sleeps at a point.
    pub(crate) fn lose_delayed(&mut self, id: u64) {
        let now = self.network.now;
        let delayed = self.network.take(|flight| flight.from == id && flight.due > now);
        delayed.iter().for_each(|flight| self.lose(flight));
    }

    /// The messages arrive at their node, one after the other.
    pub(crate) fn deliver(&mut self, flights: Vec<Flight>) {
        for flight in flights {
            if self.node(flight.message.to).is_none() {
                self.lose(&flight);
                continue;
            }
            self.output.line(&describe::message(&flight.message, self.data));
            self.events.push(Event::Receive { id: flight.id });
            self.step(flight.message.to, Input::Message(flight.message));
        }
    }

    /// A message is lost.
    pub(crate) fn lose(&mut self, flight: &Flight) {
        self.output.line(&format!("dropped: {}", describe::message(&flight.message, self.data)));
        self.events.push(Event::Drop { id: flight.id });
    }

    fn send(&mut self, from: u64, due: Duration, message: Message) {
        self.promises.sent(&message);
        let id = self.network.number();
        let to = message.to;
        let label = label::label(&message);
        self.events.push(Event::Send { id, from, to, label });
        let flight = Flight { id, from, due, message };
        if self.network.reaches(from, to) {
            self.network.send(flight);
        } else {
            self.lose(&flight);
        }
    }

    fn reply(&mut self, id: u64, reply: Reply) {
        match reply {
            Reply::Raft(cluster_node::Reply::Acknowledged { index, term, data }) => {
                self.acknowledge(id, index, term);
                let data = describe::data(&data);
                self.output.line(&format!("acknowledged {term}/{index} {data}"));
            }
            Reply::Raft(cluster_node::Reply::Readable { context, index }) => {
                let context = describe::data(&context);
                self.output.line(&format!("node {id} may read {context} at index {index}"));
            }
            Reply::Answer { id: request, entry, result } => {
                if let (Some((index, term)), Ok(_)) = (entry, &result) {
                    self.acknowledge(id, index, term);
                }
                for line in self.requests.answer(id, request, entry, result) {
                    self.output.line(&line);
                }
            }
            Reply::Watch { id: request, message } => {
                for line in self.requests.watched(id, request, &message) {
                    self.output.line(&line);
                }
            }
            Reply::WatchEnded { id: request, error } => {
                let line = self.requests.watch_ended(id, request, &error);
                self.output.line(&line);
            }
        }
    }

    fn acknowledge(&mut self, id: u64, index: u64, term: u64) {
        self.promises.acknowledged(id, index, term);
        self.acknowledged.push((index, term));
    }

    /// A node cannot go on.
    fn stop(&mut self, id: u64, why: &str) {
        let why = self.portable(id, why);
        self.output.always(&why);
        self.note(id, why);
        self.set_down(id, Down::Stopped);
    }

    /// The text without what differs from run to run.
    fn portable(&self, id: u64, text: &str) -> String {
        let directory = self.members.get(&id).and_then(|member| member.disk.directory());
        match directory.and_then(std::path::Path::to_str) {
            Some(directory) => text.replace(directory, SIMULATED),
            None => text.to_owned(),
        }
    }

    /// A step did not come to its end.
    fn end(&mut self, id: u64, panicked: Panicked) {
        match panicked {
            Panicked::AtPoint(point) => {
                self.output.always(&format!("node {id} crashed: {point}"));
                let note = point.strip_prefix("failpoint ").unwrap_or(&point);
                self.note(id, note.to_owned());
                if let Err(error) = self.crash(id, None) {
                    self.output.always(&error);
                    self.set_down(id, Down::Crashed);
                }
            }
            Panicked::Otherwise(message) => {
                let message = self.portable(id, &message);
                self.output.always(&format!("node {id} panicked: {message}"));
                self.note(id, format!("panicked: {message}"));
                self.set_down(id, Down::Panicked);
            }
        }
    }

    fn set_down(&mut self, id: u64, down: Down) {
        // Its clients lost their connections.
        self.requests.forget(id);
        let Some(member) = self.members.get_mut(&id) else { return };
        member.down = down;
        member.known = None;
        // What a node does when it is dropped reaches the disk that has crashed.
        if let Err(Panicked::Otherwise(message)) = caught(|| member.drop_node()) {
            self.output.always(&format!("node {id} panicked when it was dropped: {message}"));
        }
        self.print_log(id);
        self.events.push(Event::Crash { node: id });
    }

    fn note(&mut self, node: u64, text: String) {
        self.events.push(Event::Note { node, text });
    }

    fn print_log(&mut self, id: u64) {
        let Some(member) = self.members.get(&id) else { return };
        member.log.take().iter().for_each(|line| self.output.log(line));
    }

    /// Checks the promises after a step of a node, and notes what has changed on it.
    fn observe(&mut self, id: u64) {
        let views = self.views();
        if let (Some(view), Some(member)) =
            (views.iter().find(|view| view.id == id), self.members.get_mut(&id))
        {
            member.changes(view, &mut self.events);
        }
        if let Err(broken) = self.promises.observe(&views) {
            self.tell_broken(broken);
        }
    }

    fn tell_broken(&mut self, broken: Broken) {
        if !self.broken.contains(&broken) {
            self.output.always(&broken.to_string());
            self.broken.push(broken);
        }
    }
}

/// Nodes are dropped inside their scopes, and a node that panics then does not take the others along.
impl Drop for Group {
    fn drop(&mut self) {
        for member in self.members.values_mut() {
            let _ = caught(|| member.drop_node());
        }
    }
}
