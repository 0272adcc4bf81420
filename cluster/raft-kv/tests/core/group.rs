//! The owner: it gives nodes their inputs, delivers their messages, and keeps all that they put out.

use cluster_node::{
    Command as Raft, Input, Level, LogLines, Node as _, Outputs, StepClock, StepError,
};
use failpoint::{InjectedPanic, Scope};
use failpoint_disk::{HoldDisk as _, Keep, SimDisk};
use raft::eraftpb::Message;
use raft_kv::{
    Command, KeyRange, KeyValue, Member, Node, Put, Range, RangeResponse, Read, Reply, Request,
    RequestError, Response, Settings, WatchMessage, Write,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

const DIRECTORY: &str = "/data";
pub(crate) type Answer = Result<Response, RequestError>;

pub(crate) struct Place {
    pub(crate) settings: Settings,
    pub(crate) scope: Scope,
    pub(crate) log: LogLines,
    clock: StepClock,
    disk: SimDisk,
    node: Option<Node>,
}

#[derive(Default)]
pub(crate) struct Group {
    pub(crate) places: BTreeMap<u64, Place>,
    /// Messages to and from these are lost.
    pub(crate) cut: BTreeSet<u64>,
    messages: VecDeque<Message>,
    next: u64,
    answers: BTreeMap<u64, (Option<(u64, u64)>, Answer)>,
    pub(crate) watched: BTreeMap<u64, Vec<WatchMessage>>,
    pub(crate) ended: BTreeMap<u64, RequestError>,
    /// All that the nodes put out.
    pub(crate) trace: String,
}

pub(crate) fn member(id: u64) -> Member {
    let name = format!("m{id}");
    Member { id, name, peer: format!("peer-{id}"), client: format!("client-{id}") }
}

/// The settings of a node of a group. A node that was cut off asks for votes before it raises its term, so
/// that it does not end the term of the leader when it comes back.
pub(crate) fn settings(id: u64) -> Settings {
    let mut settings = Settings::new(id);
    settings.pre_vote = true;
    settings
}

impl Group {
    pub(crate) fn new(size: u64) -> Self {
        Self::with(size, |_| {})
    }

    /// A group that has a leader, which is node 1.
    pub(crate) fn with(size: u64, change: impl Fn(&mut Settings)) -> Self {
        let mut group = Self::default();
        for id in 1..=size {
            let mut settings = settings(id);
            settings.members = (1..=size).map(member).collect();
            change(&mut settings);
            group.place(settings);
            group.start(id);
        }
        group.raft(1, Raft::Campaign);
        group.run();
        assert_eq!(group.node(1).status().leader, 1);
        group
    }

    pub(crate) fn place(&mut self, settings: Settings) {
        let scope = Scope::isolated(&format!("node {}", settings.id));
        let disk = SimDisk::new();
        scope.hold(disk.at(DIRECTORY));
        let (log, clock) = (LogLines::at_least(Level::Warn), StepClock::default());
        let id = settings.id;
        self.places.insert(id, Place { settings, scope, log, clock, disk, node: None });
    }

    /// Starts a node from its disk.
    pub(crate) fn start(&mut self, id: u64) {
        let place = self.places.get_mut(&id).unwrap();
        let _in = place.scope.enter();
        let started = Node::start(&place.settings, Path::new(DIRECTORY), &place.log);
        place.node = Some(started.unwrap());
        drop(_in);
        // Each its own, so that one campaigns first.
        self.raft(id, Raft::SetElectionTimeout(10 + 2 * id as usize));
    }

    pub(crate) fn in_scope<T>(&self, id: u64, run: impl FnOnce(&Path) -> T) -> T {
        let _in = self.places[&id].scope.enter();
        run(Path::new(DIRECTORY))
    }

    /// The machine of a node loses power.
    pub(crate) fn crash(&mut self, id: u64, keep: Keep) {
        let place = self.places.get_mut(&id).unwrap();
        let restarted = place.disk.crash(keep);
        place.disk.power_off();
        {
            let _in = place.scope.enter();
            drop(place.node.take());
        }
        place.disk = restarted;
        place.scope.hold(place.disk.at(DIRECTORY));
    }

    /// The process of a node ends as it should.
    pub(crate) fn stop(&mut self, id: u64) {
        let place = self.places.get_mut(&id).unwrap();
        let _in = place.scope.enter();
        drop(place.node.take());
    }

    pub(crate) fn arm(&self, id: u64, point: &str, terms: &str) {
        self.places[&id].scope.arm(point, terms).unwrap();
    }

    pub(crate) fn is_running(&self, id: u64) -> bool {
        self.places[&id].node.is_some()
    }

    pub(crate) fn node(&self, id: u64) -> &Node {
        self.places[&id].node.as_ref().unwrap()
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        let running = self.places.iter().filter(|(_, place)| place.node.is_some());
        running.map(|(id, _)| *id).collect()
    }

    pub(crate) fn leader(&self) -> u64 {
        let running = self.ids().into_iter().filter(|id| !self.cut.contains(id));
        let leaders: BTreeSet<_> = running.map(|id| self.node(id).status().leader).collect();
        assert_eq!(leaders.len(), 1, "they agree on the leader: {leaders:?}");
        *leaders.first().unwrap()
    }

    pub(crate) fn step(&mut self, id: u64, input: Input<Message, Command>) {
        let Some(place) = self.places.get_mut(&id) else { return };
        let Some(node) = &mut place.node else { return };
        let mut outputs = Outputs::new(&place.clock);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let _in = place.scope.enter();
            node.step(input, &mut outputs)
        }));
        self.trace += &format!("{id}: {:?} {:?} {:?}\n", outputs.messages, outputs.replies, done);
        match done {
            Ok(Err(StepError::Disk { doing, error })) => {
                panic!("node {id} cannot {doing}: {error}")
            }
            Ok(_) => {}
            // An armed point: what was put out before it has happened.
            Err(payload) if InjectedPanic::of(&*payload).is_some() => self.crash(id, Keep::Synced),
            Err(payload) => resume_unwind(payload),
        }
        for sent in outputs.messages {
            if !self.cut.contains(&id) && !self.cut.contains(&sent.to) {
                self.messages.push_back(sent.message);
            }
        }
        for reply in outputs.replies {
            match reply {
                Reply::Answer { id, entry, result } => {
                    let before = self.answers.insert(id, (entry, result));
                    assert_eq!(before, None, "a request has one answer");
                }
                Reply::Watch { id, message } => self.watched.entry(id).or_default().push(message),
                Reply::WatchEnded { id, error } => assert!(self.ended.insert(id, error).is_none()),
                Reply::Raft(_) => {}
            }
        }
    }

    pub(crate) fn raft(&mut self, id: u64, command: Raft) {
        self.step(id, Input::Command(Command::Raft(command)));
    }

    /// The messages that are on their way.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    /// Until there is nothing left to do.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            let ready = self.ids().into_iter().find(|id| self.node(*id).is_ready());
            if let Some(id) = ready {
                self.step(id, Input::Proceed);
            } else if let Some(message) = self.messages.pop_front() {
                self.step(message.to, Input::Message(message));
            } else {
                return;
            }
        }
        panic!("the group does not come to rest");
    }

    /// So many ticks of all nodes.
    pub(crate) fn tick(&mut self, ticks: u64) {
        for _ in 0..ticks {
            for id in self.ids() {
                self.step(id, Input::Tick);
            }
            self.run();
        }
    }

    /// Until those that are not cut off have a leader.
    pub(crate) fn elect(&mut self) -> u64 {
        for _ in 0..200 {
            let running = self.ids().into_iter().filter(|id| !self.cut.contains(id));
            let leaders: BTreeSet<_> = running.map(|id| self.node(id).status().leader).collect();
            let leader = *leaders.first().unwrap();
            let leads = leader != 0
                && self.ids().contains(&leader)
                && !self.cut.contains(&leader)
                && self.node(leader).status().leader == leader;
            if leaders.len() == 1 && leads {
                return leader;
            }
            self.tick(1);
        }
        panic!("no leader");
    }

    /// Asks a node for something, and returns the number of the request.
    pub(crate) fn ask(&mut self, id: u64, request: Request) -> u64 {
        self.next += 1;
        let command = Command::Request { id: self.next, request };
        self.step(id, Input::Command(command));
        self.next
    }

    pub(crate) fn answer(&self, request: u64) -> Option<Answer> {
        Some(self.answers.get(&request)?.1.clone())
    }

    pub(crate) fn entry(&self, request: u64) -> (u64, u64) {
        self.answers[&request].0.unwrap()
    }

    /// Asks and waits for the answer.
    pub(crate) fn call(&mut self, id: u64, request: Request) -> Answer {
        let number = self.ask(id, request);
        self.run();
        for _ in 0..1_000 {
            if let Some(answer) = self.answer(number) {
                return answer;
            }
            self.tick(1);
        }
        panic!("no answer to {number} from {id}");
    }

    pub(crate) fn write(&mut self, id: u64, write: Write) -> Answer {
        self.call(id, Request::Write(write))
    }

    pub(crate) fn put(&mut self, id: u64, key: &str, value: &str) -> u64 {
        let answer = self.write(id, put(key, value, 0));
        let Ok(Response::Put { revision }) = answer else { panic!("{answer:?}") };
        revision
    }

    pub(crate) fn range(&mut self, id: u64, range: Range, stale: bool) -> RangeResponse {
        let answer = self.call(id, Request::Read { read: Read::Range(range), stale });
        let Ok(Response::Range(found)) = answer else { panic!("{answer:?}") };
        found
    }

    pub(crate) fn get(&mut self, id: u64, key: &str) -> Option<KeyValue> {
        let range = Range { keys: KeyRange::key(key), ..Range::default() };
        self.range(id, range, false).kvs.pop()
    }

    /// The value of a key, as this member has it.
    pub(crate) fn stale(&mut self, id: u64, key: &str) -> Option<String> {
        let range = Range { keys: KeyRange::key(key), ..Range::default() };
        self.range(id, range, true).kvs.pop().map(|kv| kv.value)
    }

    pub(crate) fn hash(&mut self, id: u64) -> (u64, u64, u64) {
        let answer = self.call(id, Request::Hash { revision: None });
        let Ok(Response::Hash { revision, hash, compacted }) = answer else { panic!("{answer:?}") };
        (revision, hash, compacted)
    }

    /// All members have the same state.
    pub(crate) fn assert_equal(&mut self) {
        let hashes: BTreeSet<_> = self.ids().into_iter().map(|id| self.hash(id)).collect();
        assert_eq!(hashes.len(), 1, "{hashes:?}");
    }

    /// The lines of a node's log since the last call.
    pub(crate) fn lines(&self, id: u64) -> Vec<String> {
        self.places[&id].log.take().into_iter().map(|line| line.text).collect()
    }
}

pub(crate) fn put(key: &str, value: &str, lease: u64) -> Write {
    Write::Put(Put { key: key.into(), value: value.into(), lease })
}

impl Drop for Group {
    fn drop(&mut self) {
        for place in self.places.values_mut() {
            let _in = place.scope.enter();
            drop(place.node.take());
        }
    }
}
