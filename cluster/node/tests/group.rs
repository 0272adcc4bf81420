//! Three nodes in memory: an election, a proposal, a restart.

use cluster_node::{
    Command, Durable, Input, LogLines, Machine, Memory, Node, Outputs, Promise, Promises, RaftNode,
    Reply, Role, Settings, StepClock, describe,
};
use raft::eraftpb::{Message, MessageType};
use std::collections::{BTreeMap, VecDeque};

struct Group {
    nodes: BTreeMap<u64, RaftNode<Memory>>,
    disks: BTreeMap<u64, (Memory, Durable)>,
    messages: VecDeque<Message>,
    replies: Vec<Reply>,
    promises: Promises,
}

impl Group {
    fn new(size: u64) -> Self {
        let disks = (1..=size).map(|id| (id, (Memory::new(), Durable::default()))).collect();
        let mut group = Self {
            nodes: BTreeMap::new(),
            disks,
            messages: VecDeque::new(),
            replies: Vec::new(),
            promises: Promises::new(describe::data),
        };
        for id in 1..=size {
            group.start(id);
        }
        group
    }

    fn start(&mut self, id: u64) {
        let mut settings = Settings::new(id);
        settings.voters = self.disks.keys().copied().collect();
        settings.index = 10;
        settings.content = b"start".to_vec();
        let (storage, machine) = self.disks[&id].clone();
        let machine = Machine::open(machine).unwrap();
        let node = RaftNode::start(&settings, storage, machine, &LogLines::default()).unwrap();
        self.promises.restarted(&node.view()).unwrap();
        self.nodes.insert(id, node);
    }

    fn step(&mut self, id: u64, input: Input<Message, Command>) {
        let mut outputs = Outputs::new(&StepClock::default());
        self.nodes.get_mut(&id).unwrap().step(input, &mut outputs).unwrap();
        for sent in outputs.messages {
            self.promises.sent(&sent.message);
            self.messages.push_back(sent.message);
        }
        for reply in &outputs.replies {
            if let Reply::Acknowledged { index, term, .. } = reply {
                self.promises.acknowledged(id, *index, *term);
            }
        }
        self.replies.extend(outputs.replies);
        let views: Vec<_> = self.nodes.values().map(|node| node.view()).collect();
        self.promises.observe(&views).unwrap();
    }

    /// Lets a node do what is ready.
    fn proceed(&mut self, id: u64) {
        for _ in 0..100 {
            if !self.nodes[&id].is_ready() {
                return;
            }
            self.step(id, Input::Proceed);
        }
        panic!("node {id} does not come to rest");
    }

    /// Takes the messages to a node that are on their way, and gives them to it.
    fn deliver(&mut self, to: u64) {
        let messages = std::mem::take(&mut self.messages).into_iter();
        let (messages, others): (Vec<_>, _) = messages.partition(|message| message.to == to);
        self.messages = others.into();
        messages.into_iter().for_each(|message| self.step(to, Input::Message(message)));
    }

    /// Until there is nothing left to do.
    fn stabilize(&mut self) {
        for _ in 0..1_000 {
            let ready = self.nodes.values().find(|node| node.is_ready()).map(|node| node.id());
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
}

#[test]
fn a_group_elects_replicates_and_restarts() {
    let mut group = Group::new(3);
    group.step(1, Input::Command(Command::Campaign));
    group.stabilize();
    assert_eq!(group.nodes[&1].view().role, Role::Leader);

    group.step(1, Input::Command(Command::Propose(b"one".to_vec())));
    group.stabilize();
    let acknowledged = Reply::Acknowledged { index: 12, term: 1, data: b"one".to_vec() };
    assert_eq!(group.replies, [acknowledged]);
    for node in group.nodes.values() {
        assert_eq!(node.machine().content(), b"start\none", "node {}", node.id());
    }

    group.step(1, Input::Command(Command::Compact(12)));
    for id in 1..=3 {
        let before = group.nodes.remove(&id).unwrap().view();
        group.start(id);
        let after = group.nodes[&id].view();
        assert_eq!((after.term, after.vote), (before.term, before.vote));
        assert_eq!(after.entries, before.entries);
    }
    group.step(2, Input::Command(Command::Campaign));
    group.stabilize();
    group.step(2, Input::Command(Command::Propose(b"two".to_vec())));
    group.stabilize();
    for node in group.nodes.values() {
        assert_eq!(node.machine().content(), b"start\none\ntwo", "no value is applied twice");
    }
}

#[test]
fn a_node_that_forgets_its_vote_or_its_log_breaks_a_promise() {
    let mut group = Group::new(3);
    group.step(1, Input::Command(Command::Campaign));
    group.stabilize();
    let mut view = group.nodes[&2].view();
    view.vote = 0;
    assert_eq!(group.promises.restarted(&view).unwrap_err().promise, Promise::VoteIsKept);
    view.term = 0;
    assert_eq!(group.promises.restarted(&view).unwrap_err().promise, Promise::TermIsKept);
    let mut view = group.nodes[&2].view();
    view.entries.clear();
    assert_eq!(group.promises.restarted(&view).unwrap_err().promise, Promise::EntriesAreKept);
}

#[test]
fn two_leaders_of_a_term_are_seen() {
    let mut group = Group::new(3);
    group.step(1, Input::Command(Command::Campaign));
    group.stabilize();
    let mut views: Vec<_> = group.nodes.values().map(|node| node.view()).collect();
    views[1].role = Role::Leader;
    assert_eq!(group.promises.observe(&views).unwrap_err().promise, Promise::OneLeader);
}

#[test]
fn a_term_that_was_led_and_not_told_did_not_happen() {
    let mut group = Group::new(3);
    group.step(1, Input::Command(Command::Campaign));
    group.stabilize();
    let mut views: Vec<_> = group.nodes.values().map(|node| node.view()).collect();
    // What the only voter of a group does before it has saved its term.
    views[1].role = Role::Leader;
    views[1].term = 2;
    group.promises.observe(&views).unwrap();
    (views[1].role, views[1].term) = (Role::Follower, 1);
    group.promises.restarted(&views[1]).unwrap();
    views[2].role = Role::Leader;
    views[2].term = 2;
    group.promises.observe(&views).unwrap();
}

#[test]
fn a_committed_entry_that_changes_is_seen() {
    let mut group = Group::new(3);
    group.step(1, Input::Command(Command::Campaign));
    group.stabilize();
    let mut views: Vec<_> = group.nodes.values().map(|node| node.view()).collect();
    views[2].entries[0].term += 1;
    assert_eq!(group.promises.observe(&views).unwrap_err().promise, Promise::CommittedStays);
}

#[test]
fn entries_follow_the_index_of_their_message() {
    let mut group = Group::new(3);
    group.step(1, Input::Command(Command::Campaign));
    group.stabilize();
    for value in ["one", "two"] {
        group.step(1, Input::Command(Command::Propose(value.into())));
        group.proceed(1);
    }
    // Node 2 does not get the first entry, and refuses the second one.
    let first = group.messages.iter().position(|message| message.to == 2);
    group.messages.remove(first.unwrap());
    group.deliver(2);
    group.proceed(2);
    group.deliver(3);
    group.proceed(3);
    // That node 3 has both comes first: a message with the new commit index, and without entries, waits for
    // node 2 when its refusal comes.
    group.messages.make_contiguous().sort_by_key(|message| std::cmp::Reverse(message.from));
    let answers: Vec<_> = group.messages.iter().map(|message| message.reject).collect();
    assert_eq!(answers, [false, false, true]);
    group.deliver(1);
    group.proceed(1);

    let is_append =
        |message: &&Message| message.to == 2 && message.get_msg_type() == MessageType::MsgAppend;
    let appends: Vec<_> = group.messages.iter().filter(is_append).collect();
    let entries: Vec<_> = appends.iter().flat_map(|append| append.get_entries()).collect();
    assert_eq!(entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), [12, 13]);
    for append in appends {
        let first = append.get_entries().first().map(|entry| entry.index);
        assert!(first.is_none_or(|first| first == append.index + 1), "{append:?}");
    }
    group.stabilize();
    assert_eq!(group.nodes[&2].machine().content(), b"start\none\ntwo");
}
