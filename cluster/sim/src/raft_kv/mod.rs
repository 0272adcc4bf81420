//! The store as a subject: its nodes, its clients, and raft's promises.

mod clients;

pub use clients::{Operation, Outcome};

use crate::report::Rule;
use crate::subject::Checked;
use crate::{Draws, Plan, Point, Subject, Violation};
use clients::Clients;
use cluster_node::{LogLines, Promises, Role, StepError, View};
use protobuf::Message as _;
use raft::eraftpb::{Message, MessageType};
use raft_kv::{
    Command, KeyRange, Member, Node, Put, Reply, Request, Response, Settings, WatchMessage, Write,
};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

/// The points of disks, beside those of the store.
const DISK_POINTS: [&str; 4] = ["disk.write", "disk.sync", "disk.rename", "disk.remove"];

/// raft-kv, with its clients.
#[derive(Debug)]
pub struct RaftKv {
    settings: Settings,
    promises: Promises,
    /// The nodes that run, as they were when they last proceeded.
    views: Vec<View>,
    /// The term and the role that the election time-out of a node was last drawn for.
    terms: BTreeMap<u64, (u64, String)>,
    clients: Clients,
    last: Last,
}

/// What is learned from the last questions.
#[derive(Debug, Default)]
struct Last {
    asked: BTreeMap<u64, Question>,
    /// The state of each member: revision and hash.
    hashes: BTreeMap<u64, (u64, u64)>,
    wrong: Option<String>,
    /// The revision up to which the watch of all keys has to come.
    head: u64,
    /// What it has seen.
    seen: Vec<WatchMessage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Put,
    Hash(u64),
    Watch,
}

impl RaftKv {
    /// What clients did, in the order of their ends. The last write is among them.
    pub fn operations(&self) -> &[Operation] {
        self.clients.operations()
    }

    /// What a watch of all keys saw at the end, from the first revision on.
    pub fn watched(&self) -> &[WatchMessage] {
        &self.last.seen
    }

    /// The member that a question goes to.
    fn ask_last(&self, number: u64) -> Option<(Question, u64)> {
        let members = self.settings.members.len() as u64;
        match number {
            0 => Some((Question::Put, 1)),
            _ if number <= members => Some((Question::Hash(number), number)),
            _ if number == members + 1 => Some((Question::Watch, 1)),
            _ => None,
        }
    }

    fn answered(&mut self, question: Question, id: u64, response: Response) {
        match (question, response) {
            (Question::Hash(member), Response::Hash { revision, hash, .. }) => {
                self.last.hashes.insert(member, (revision, hash));
                self.last.head = revision;
            }
            (Question::Watch, Response::Watching { .. }) => {
                // It stays asked until it has seen all.
                self.last.asked.insert(id, Question::Watch);
                self.end_watch(id);
            }
            (question, other) => {
                self.last.wrong = Some(format!("{question:?} is answered by {other:?}"));
            }
        }
    }

    fn end_watch(&mut self, id: u64) {
        let seen = self.last.seen.last().map_or(1, |message| message.revision);
        if seen >= self.last.head {
            self.last.asked.remove(&id);
        }
    }
}

fn promise(broken: cluster_node::Broken) -> Violation {
    Violation::new(Rule::Promise, broken.to_string())
}

impl Subject for RaftKv {
    type Node = Node;

    fn points() -> Vec<Point> {
        let names = raft_kv::POINTS.iter().map(|point| point.name).chain(DISK_POINTS);
        names.map(|name| Point { name, returns: name == "raftDropHeartbeat" }).collect()
    }

    fn new(plan: &Plan, draws: &mut Draws) -> Self {
        let mut settings = Settings::new(1);
        let member = |id| Member { id, peer: format!("member {id}"), ..Member::default() };
        settings.members = (1..=plan.members).map(member).collect();
        settings.election_ticks = draws.between(5..=15) as usize;
        settings.snapshot_count = draws.between(5..=100);
        settings.catch_up_entries = draws.between(0..=50);
        settings.pre_vote = draws.chance(800);
        settings.check_quorum = draws.chance(800);
        settings.request_ticks = draws.between(20..=150);
        Self {
            settings,
            promises: Promises::new(raft_kv::describe_entry),
            views: Vec::new(),
            terms: BTreeMap::new(),
            clients: Clients::new(plan.clients),
            last: Last::default(),
        }
    }

    fn drawn(&self) -> String {
        let Settings { election_ticks, snapshot_count, catch_up_entries, request_ticks, .. } =
            self.settings;
        format!(
            "elections after {election_ticks} ticks, snapshots after {snapshot_count} entries, of which \
             {catch_up_entries} stay, requests wait {request_ticks} ticks, pre-vote {}, check-quorum {}",
            self.settings.pre_vote, self.settings.check_quorum
        )
    }

    fn start(&self, id: u64, directory: &Path, log: &LogLines) -> Result<Node, StepError> {
        let mut settings = self.settings.clone();
        settings.id = id;
        Node::start(&settings, directory, log)
    }

    fn goes_on(error: &StepError) -> bool {
        matches!(error, StepError::Refused(_))
    }

    fn digest(message: &Message) -> u64 {
        let mut hasher = DefaultHasher::new();
        match message.write_to_bytes() {
            Ok(bytes) => bytes.hash(&mut hasher),
            Err(_) => format!("{message:?}").hash(&mut hasher),
        }
        hasher.finish()
    }

    fn may_double(message: &Message) -> bool {
        // raft does not recognize a proposal that was passed on twice. The server sends over TCP, once.
        message.get_msg_type() != MessageType::MsgPropose
    }

    fn started(&mut self, node: &Node) -> Checked {
        self.promises.restarted(&node.view()).map_err(promise)?;
        self.proceeded(node)
    }

    fn sent(&mut self, message: &Message) {
        self.promises.sent(message);
    }

    fn replied(&mut self, id: u64, reply: Reply, now: Duration) -> Checked {
        match reply {
            Reply::Answer { id: request, entry, result } => {
                if let (Some((index, term)), Ok(_)) = (entry, &result) {
                    self.promises.acknowledged(id, index, term);
                }
                match (self.last.asked.remove(&request), result) {
                    (Some(Question::Put) | None, result) => {
                        self.clients.answered(request, result, now);
                    }
                    (Some(question), Ok(response)) => self.answered(question, request, response),
                    (Some(question), Err(error)) => {
                        self.last.wrong = Some(format!("{question:?} of member {id}: {error}"));
                    }
                }
            }
            Reply::Watch { id: request, message } => {
                self.last.seen.push(message);
                self.end_watch(request);
            }
            Reply::WatchEnded { id: request, error } => {
                self.last.asked.remove(&request);
                self.last.wrong = Some(format!("the last watch ended: {error}"));
            }
            Reply::Raft(_) => {}
        }
        Ok(())
    }

    fn proceeded(&mut self, node: &Node) -> Checked {
        let view = node.view();
        match self.views.iter_mut().find(|known| known.id == view.id) {
            Some(known) if *known == view => return Ok(()),
            Some(known) => *known = view,
            None => self.views.push(view),
        }
        self.promises.observe(&self.views).map_err(promise)
    }

    fn order(&mut self, node: &Node, draws: &mut Draws) -> Option<Command> {
        let status = node.status();
        let role = (status.term, status.role);
        if self.terms.get(&status.id) == Some(&role) {
            return None;
        }
        self.terms.insert(status.id, role);
        let shortest = self.settings.election_ticks as u64;
        let ticks = draws.between(shortest..=2 * shortest - 1) as usize;
        Some(Command::Raft(cluster_node::Command::SetElectionTimeout(ticks)))
    }

    fn went_down(&mut self, id: u64, now: Duration) {
        self.views.retain(|view| view.id != id);
        self.terms.remove(&id);
        self.clients.lost(id, now);
    }

    fn ask(
        &mut self,
        client: u64,
        up: &[u64],
        now: Duration,
        draws: &mut Draws,
    ) -> Option<(u64, Command)> {
        self.clients.ask(client, up, now, draws)
    }

    fn is_idle(&self) -> bool {
        self.clients.are_idle() && self.last.asked.is_empty()
    }

    fn converged(&self, nodes: &[&Node]) -> Result<(), String> {
        let status: Vec<_> = nodes.iter().map(|node| node.status()).collect();
        let leader = Role::Leader.to_string();
        let leaders: Vec<u64> =
            status.iter().filter(|one| one.role == leader).map(|one| one.id).collect();
        let [leader] = leaders[..] else { return Err(format!("leaders: {leaders:?}")) };
        let Some(term) = status.iter().find(|one| one.id == leader).map(|one| one.term) else {
            return Err(format!("no leader {leader}"));
        };
        for one in &status {
            if (one.leader, one.term) != (leader, term) {
                return Err(format!(
                    "member {} follows {} in term {}",
                    one.id, one.leader, one.term
                ));
            }
            if (one.commit, one.applied) != (status[0].commit, status[0].commit) {
                return Err(format!(
                    "member {} has applied {} of {}, and member {} knows {}",
                    one.id, one.applied, one.commit, status[0].id, status[0].commit
                ));
            }
        }
        Ok(())
    }

    fn last_question(&mut self, number: u64, now: Duration) -> Option<(u64, Command)> {
        let (question, member) = self.ask_last(number)?;
        let request = match question {
            Question::Put => {
                let put = Put { key: "last".into(), value: "last".into(), lease: 0 };
                Request::Write(Write::Put(put))
            }
            Question::Hash(_) => Request::Hash { revision: None },
            Question::Watch => Request::Watch { keys: KeyRange::all(), first: 2 },
        };
        let id = match question {
            Question::Put => self.clients.open(u64::MAX, member, request.clone(), now),
            _ => self.clients.number(),
        };
        self.last.asked.insert(id, question);
        Some((member, Command::Request { id, request }))
    }

    fn verdict(&mut self) -> Checked {
        let last = self.operations().iter().find(|operation| operation.client == u64::MAX);
        match last.map(|operation| &operation.outcome) {
            Some(Outcome::Done(_)) => {}
            other => {
                let seen = format!("the last write, when all agreed: {other:?}");
                return Err(Violation::new(Rule::Serves, seen));
            }
        }
        if let Some(wrong) = self.last.wrong.take() {
            return Err(Violation::new(Rule::Serves, wrong));
        }
        let mut hashes: Vec<_> = self.last.hashes.values().collect();
        hashes.dedup();
        if hashes.len() != 1 {
            let seen = format!("revision and hash of each member: {:?}", self.last.hashes);
            return Err(Violation::new(Rule::Converges, seen));
        }
        Ok(())
    }
}
