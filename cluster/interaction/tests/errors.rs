//! A mistake in a script is an error with its place.

use cluster_node::{
    Durable, Input, LogLines, Machine, Memory, Node, Outputs, RaftNode, StepError, View,
};
use failpoint::Scope;
use failpoint_disk::Keep;
use interaction::interpreter::{GroupInterpreter, interpreter};
use interaction::{Disk, GroupNode, NodeSettings, Report, Runner};
use raft::eraftpb::Message;
use raft_kv::{Command, Reply};
use std::io;

/// Runs a script: a line for each command.
fn run(kind: &str, commands: &str) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    let steps: String = commands.lines().map(|line| format!("\n{line}\n----\nok\n")).collect();
    std::fs::write(&path, format!("node {kind}\n{steps}")).unwrap();
    Runner::new(interpreter).run(&path)
}

/// The message of the error and what the carets mark.
fn error(kind: &str, commands: &str) -> (String, String) {
    let report = run(kind, commands);
    let error = report.error.unwrap_or_else(|| panic!("no error: {commands}")).to_string();
    let mut lines = error.lines();
    let message = lines.next().unwrap().split_once(": ").unwrap().1.to_owned();
    let [line, carets] = [lines.next().unwrap(), lines.next().unwrap()];
    let marked = line.chars().zip(carets.chars()).filter(|(_, caret)| *caret == '^');
    (message, marked.map(|(char, _)| char).collect())
}

#[track_caller]
fn assert_error(kind: &str, commands: &str, message: &str, marked: &str) {
    assert_eq!(error(kind, commands), (message.into(), marked.into()), "{commands}");
}

#[test]
fn a_script_with_a_mistake_is_refused_at_its_place() {
    let cases = [
        ("campain 1", "there is no command `campain`; did you mean `campaign`?", "campain"),
        ("campaign", "`campaign` needs a node", "campaign"),
        ("campaign 0", "a node is a number from 1", "0"),
        ("campaign 4", "there is no node 4; the nodes are 1, 2, 3", "4"),
        ("campaign 1 2", "`campaign` does not take this", "2"),
        ("campaign one", "this must be a number from 0 to 18446744073709551615", "one"),
        ("propose 1", "`propose` needs what is proposed", "propose"),
        (
            "propose 1 x=1",
            "`propose` needs what is proposed; text with `=` stands in quotes",
            "x=1",
        ),
        ("propose 1 (a)", "this must be one value without parentheses", "(a)"),
        ("compact 1 9", "node 1 has applied entries up to 2 only", "9"),
        ("read 1", "`read` needs a text that its answer carries", "read"),
        (
            "transfer-leadership from=1",
            "`transfer-leadership` needs `to=NODE`",
            "transfer-leadership",
        ),
        ("transfer-leadership from=1 to=9", "there is no node 9; the nodes are 1, 2, 3", "9"),
        (
            "set-randomized-election-timeout 1",
            "`set-randomized-election-timeout` needs `timeout=TICKS`",
            "set-randomized-election-timeout",
        ),
        ("set-randomized-election-timeout 1 timeout=6", "`timeout` must be from 3 to 5 ticks", "6"),
        ("send-snapshot 1 2", "node 1 is not a leader, and only leaders send snapshots", "1"),
        ("send-snapshot 1", "`send-snapshot` needs a node", "send-snapshot"),
        ("tick 1 0", "a node ticks 1 to 10000 times", "0"),
        ("tick 1 100000", "a node ticks 1 to 10000 times", "100000"),
        ("process-ready", "`process-ready` needs a node", "process-ready"),
        ("deliver-msgs", "`deliver-msgs` needs a node, or `drop=(…)`", "deliver-msgs"),
        ("deliver-msgs 1 drop=(2,1)", "messages to a node are either delivered or dropped", "1"),
        (
            "deliver-msgs 1 type=MsgApend",
            "`type` must be a type of message, such as `MsgAppend`",
            "MsgApend",
        ),
        ("stabilize 1 9", "there is no node 9; the nodes are 1, 2, 3", "9"),
        (
            "stabilize log-level=loud",
            "`log-level` must be none, error, warn, info or debug",
            "loud",
        ),
        ("log-level", "`log-level` needs a level", "log-level"),
        ("log-level loud", "this must be none, error, warn, info or debug", "loud"),
        ("partition 1,2 | 9", "there is no node 9; the nodes are 1, 2, 3", "9"),
        ("partition 1,2|2", "node 2 is given twice", "2"),
        ("partition 1,b | 3", "this must be a node; groups look like `1,2 | 3`", "b"),
        (
            "partition 1 |",
            "each group of a `partition` needs a node, as in `partition 1,2 | 3`",
            "partition",
        ),
        (
            "partition",
            "each group of a `partition` needs a node, as in `partition 1,2 | 3`",
            "partition",
        ),
        ("partition k=1", "`partition` takes groups, as in `1,2 | 3`", "k=1"),
        ("heal 1", "`heal` does not take this", "1"),
        ("restart 1", "node 1 runs; `crash 1` lets it crash first", "1"),
        (
            "crash 1 keep=most",
            "`keep` must be synced, all, or a number that chooses by chance",
            "most",
        ),
        (
            "crash 1 keep=7",
            "memory keeps all that was saved; `node raft-simdisk` has a disk that can lose a part",
            "7",
        ),
        ("fsync 1", "memory has no sync; `node raft-simdisk` has a disk that syncs", "fsync"),
        (
            "lie-sync 1",
            "the disk of this node cannot lie; `node raft-simdisk` has a disk that can",
            "lie-sync",
        ),
        ("crash 1\ncampaign 1", "node 1 has crashed; `restart 1` starts it", "1"),
        ("raft-state 1", "`raft-state` does not take this", "1"),
        ("check now", "`check` does not take this", "now"),
        ("failpoints 7", "there is no node 7; the nodes are 1, 2, 3", "7"),
        ("failpoint", "`failpoint` needs a node, or `all`", "failpoint"),
        ("failpoint x a=panic", "this must be a node, or `all`", "x"),
        ("failpoint 9 a=panic", "there is no node 9; the nodes are 1, 2, 3", "9"),
        ("failpoint 1", "`failpoint` needs a point and its terms, as in `NAME=panic`", "failpoint"),
        (
            "failpoint 1 raftBeforeSave",
            "this must be a point and its terms, as in `NAME=panic`",
            "raftBeforeSave",
        ),
        (
            "failpoint 1 raftBeforeSav=panic",
            "there is no failpoint `raftBeforeSav`; did you mean `raftBeforeSave`?",
            "raftBeforeSav",
        ),
        (
            "failpoint all raftBeforeSave=1*panc",
            "expected an action such as return, sleep or panic (did you mean \"panic\"?)",
            "panc",
        ),
        (
            "failpoint 1 raftBeforeSave=sleep(1)->pause",
            "`pause` at the failpoint `raftBeforeSave` cannot be used: nothing waits in a simulated \
             scope; use `sleep(…)`, or let the script decide when this code runs on",
            "pause",
        ),
        (
            "failpoint 1 raftBeforeSave=barrier(2)",
            "`barrier` at the failpoint `raftBeforeSave` cannot be used: nothing waits in a \
             simulated scope; let the script decide in which order code runs",
            "barrier",
        ),
        (
            "failpoint 1 raftBeforeSave=wait(raftAfterSave)",
            "`wait` at the failpoint `raftBeforeSave` cannot be used: nothing waits in a simulated \
             scope; let the script decide that the other code runs first",
            "wait",
        ),
        ("_breakpoint 1", "`_breakpoint` does not take this", "1"),
        ("expect-broken 1", "`expect-broken` does not take this", "1"),
        (
            "propose-conf-change 1 v1",
            "`v1` takes one change, and there are 0",
            "propose-conf-change",
        ),
        (
            "propose-conf-change 1 v1 transition=auto",
            "a change with `v1` has no transition",
            "auto",
        ),
        (
            "propose-conf-change 1 transition=fast",
            "`transition` must be auto, implicit or explicit",
            "fast",
        ),
        ("propose-conf-change 1\nv1", "there is no command `v1`", "v1"),
    ];
    for (commands, message, marked) in cases {
        let commands = format!("add-nodes 3 voters=(1,2,3) index=2\n{commands}");
        let (given, place) = error("raft-memory", &commands);
        assert!(given.starts_with(message), "{commands}: {given}");
        assert_eq!(place, marked, "{commands}: {given}");
    }
}

#[test]
fn nodes_are_added_with_settings_that_fit() {
    let cases = [
        ("add-nodes", "`add-nodes` needs the number of nodes", "add-nodes"),
        ("add-nodes 0", "a group has at most 100 nodes: 1 to 100 can be added here", "0"),
        ("add-nodes 101", "a group has at most 100 nodes: 1 to 100 can be added here", "101"),
        (
            "add-nodes 1\nadd-nodes 100",
            "a group has at most 100 nodes: 1 to 99 can be added here",
            "100",
        ),
        (
            "add-nodes 1 vters=(1)",
            "`add-nodes` has no argument `vters`; did you mean `voters`?",
            "vters",
        ),
        (
            "add-nodes 1 voters=(1)",
            "nodes with `voters` or `learners` need `index=INDEX`",
            "add-nodes",
        ),
        ("add-nodes 1 voters=(1) index=1", "`index` must be at least 2", "1"),
        (
            "add-nodes 1 voters=(1) index=18446744073709551615",
            "`index` must be at most 9223372036854775807",
            "18446744073709551615",
        ),
        ("add-nodes 1 index=2", "`index` is for nodes with `voters` or `learners`", "2"),
        ("add-nodes 1 content=a", "`content` is for nodes with `voters` or `learners`", "a"),
        ("add-nodes 1 voters=(0) index=2", "a node is a number from 1", "0"),
        ("add-nodes 1 voters=(1,1) index=2", "node 1 is given twice", "1"),
        ("add-nodes 1 voters=(1) learners=(1) index=2", "node 1 is given twice", "1"),
        ("add-nodes 1 learners=(1) index=2", "learners need a voter", "1"),
        ("add-nodes 1 inflight=0", "`inflight` must be from 1 to 4096", "0"),
        ("add-nodes 1 read-only=lease", "`read-only=lease` needs `checkquorum`", "lease"),
        ("add-nodes 1 read-only=never", "`read-only` must be safe or lease", "never"),
        ("add-nodes 1 prevote=maybe", "`prevote` must be true or false", "maybe"),
        ("campaign 1", "there is no node 1; `add-nodes` adds nodes", "1"),
        ("add-nodes 1\ncampaign 2", "there is no node 2; there is node 1", "2"),
    ];
    for (commands, message, marked) in cases {
        assert_error("raft-memory", commands, message, marked);
    }
}

#[test]
fn a_real_disk_does_not_lose_what_was_written() {
    assert_error(
        "raft-log",
        "add-nodes 1 voters=(1) index=2\ncrash 1 keep=synced",
        "the machine goes on, so the real disk keeps all that was written; `node raft-simdisk` has \
         a disk that loses what was not synced",
        "synced",
    );
}

#[test]
fn a_command_without_input_refuses_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    std::fs::write(&path, "node raft-memory\n\nheal\nnow\n----\nok\n").unwrap();
    let error = Runner::new(interpreter).run(&path).error.unwrap().to_string();
    assert!(
        error.ends_with("a.txt:4:1: `heal` takes no input; `----` must stand here\n  now\n  ^^^")
    );
    let conf = "node raft-memory\n\nadd-nodes 1 voters=(1) index=2\n----\nok\n\n\
                propose-conf-change 1\nv2  x3\n----\nok\n";
    std::fs::write(&path, conf).unwrap();
    let error = Runner::new(interpreter).run(&path).error.unwrap().to_string();
    assert!(error.ends_with(
        "a.txt:8:5: this must be `v3` (add a voter), `l3` (add a learner) or `r3` (remove)\n  v2  \
         x3\n      ^^"
    ), "{error}");
}

/// A broken promise is no output that a script accepts by accident.
#[test]
fn a_broken_promise_is_an_error() {
    let commands = "add-nodes 3 voters=(1,2,3) index=2\nlie-sync 2\nlog-level none\ncampaign 1\n\
                    stabilize\ncrash 2\nrestart 2";
    let (message, marked) = error("raft-simdisk", commands);
    assert!(message.starts_with("broken: a restart keeps the term: node 2 "), "{message}");
    let hint = "; a script that shows this on purpose says `expect-broken` at its beginning";
    assert!(message.ends_with(hint), "{message}");
    assert_eq!(marked, "restart");
}

/// A disk in memory, whose node has a mistake.
#[derive(Clone, Default)]
struct Wrong {
    log: Memory,
    machine: Durable,
}

impl Disk for Wrong {
    fn start(
        &self,
        settings: &NodeSettings,
        log: &LogLines,
    ) -> Result<Box<dyn GroupNode>, StepError> {
        let machine = Machine::open(self.machine.clone()).unwrap();
        let node = RaftNode::start(&settings.raft, self.log.clone(), machine, log)?;
        Ok(Box::new(WrongNode(node)))
    }

    fn crash(&mut self, _: &Scope, _: Option<&Keep>) -> Result<(), String> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// A node that always has something to do, and panics on a proposal and when it is dropped.
struct WrongNode(RaftNode<Memory>);

impl Drop for WrongNode {
    fn drop(&mut self) {
        panic!("a node was dropped");
    }
}

impl Node for WrongNode {
    type Message = Message;
    type Command = Command;
    type Reply = Reply;
    type Error = StepError;

    fn id(&self) -> u64 {
        self.0.id()
    }

    fn step(
        &mut self,
        input: Input<Message, Command>,
        outputs: &mut Outputs<Message, Reply>,
    ) -> Result<(), StepError> {
        match input {
            Input::Tick => self.0.step_as(Input::Tick, outputs),
            Input::Message(message) => self.0.step_as(Input::Message(message), outputs),
            Input::Proceed => self.0.step_as(Input::Proceed, outputs),
            Input::Command(_) => panic!("a value\nwas proposed"),
        }
    }

    fn is_ready(&self) -> bool {
        true
    }
}

impl GroupNode for WrongNode {
    fn view(&self) -> View {
        self.0.view()
    }

    fn content(&self) -> Option<&[u8]> {
        Some(self.0.machine().content())
    }
}

#[test]
fn nodes_with_mistakes_do_not_end_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    let script = "node raft-memory\n\nadd-nodes 2 voters=(1,2) index=2\n----\n\npropose 1 \
                  a\n----\n\nraft-state\n----\n\nstabilize\n----\n";
    std::fs::write(&path, script).unwrap();
    let disk = |_| -> io::Result<Box<dyn Disk>> { Ok(Box::new(Wrong::default())) };
    let report = Runner::new(|_| Ok(Box::new(GroupInterpreter::new(disk)))).run(&path);
    let outputs: Vec<_> = report.outputs.iter().map(|output| &*output.text).collect();
    let panicked = "node 1 panicked: a value\nwas proposed\nnode 1 panicked when it was dropped: a \
                    node was dropped\n";
    let state = "1: panicked\n2: Follower (Voter) Term:0 Lead:0\n";
    assert_eq!(outputs, ["ok\n", panicked, state]);
    let error = report.error.unwrap().to_string();
    assert!(
        error.contains("12:1: the nodes do not come to rest in 1000 rounds: node 2 is ready"),
        "{error}"
    );
}
