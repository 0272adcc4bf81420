//! Scripts by chance: none panics, none breaks a promise of raft, and each gives the same twice.

mod numbers;

use interaction::Interpreter;
use interaction::NodeKind;
use interaction::interpreter::interpreter;
use interaction::script::{FromWord, Source, Spanned, read};
use numbers::Random;

/// Commands that fit, unless a node is up or down.
const COMMANDS: &[&str] = &[
    "campaign {n}",
    "check",
    "crash {n} keep={keep}",
    "deliver-msgs {n} drop=({m})",
    "deliver-msgs {n}",
    "deliver-msgs {n} type=MsgAppend",
    "failpoint {n} {point}=1*{action}",
    "failpoint {n} {point}=nth(2):{action}",
    "heal",
    "partition {n} | {m},{o}",
    "partition {n},{m} | {o}",
    "process-ready {n}",
    "process-ready {n}",
    "propose {n} {number}",
    "read {n} {number}",
    "report-unreachable {n} {m}",
    "restart {n}",
    "restart {n}",
    "send-snapshot {n} {m}",
    "compact {n} {index}",
    "stabilize",
    "stabilize {n} {m}",
    "tick {n} 3",
    "tick-election {n}",
    "tick-heartbeat {n}",
    "transfer-leadership from={n} to={m}",
];

const POINTS: &[&str] = &[
    "raftBeforeLeaderSend",
    "raftAfterLeaderSend",
    "raftBeforeSaveSnap",
    "raftAfterSaveSnap",
    "raftBeforeSave",
    "raftAfterSave",
    "raftBeforeApplySnap",
    "raftAfterApplySnap",
    "raftBeforeFollowerSend",
    "raftAfterFollowerSend",
    "beforeApplyOneEntryNormal",
    "afterApplyOneEntryNormal",
    "beforeCommit",
    "afterCommit",
    "raftBeforeAdvance",
    "before_step",
    "walBeforeSync",
    "walAfterSync",
    "disk.sync",
    "disk.write",
    "disk.rename",
];

fn command(random: &mut Random) -> String {
    let nodes = random.one(&["1 2 3", "1 3 2", "2 1 3", "2 3 1", "3 1 2", "3 2 1"]);
    random
        .one(COMMANDS)
        .replace("{n}", &nodes[0..1])
        .replace("{m}", &nodes[2..3])
        .replace("{o}", &nodes[4..5])
        .replace("{point}", random.one(POINTS))
        .replace("{action}", random.one(&["panic", "kill", "sleep(30)"]))
        .replace("{keep}", random.one(&["synced", "all", "1", "2", "3", "4"]))
        .replace("{number}", &random.below(1_000).to_string())
        .replace("{index}", &random.below(12).to_string())
}

/// A group that runs one command after the other.
struct Group {
    interpreter: Box<dyn Interpreter>,
    seed: u64,
    /// What the commands gave.
    outputs: String,
}

impl Group {
    fn new(kind: &str, seed: u64) -> Self {
        let source = Source::new("random.txt", format!("node {kind}\n"));
        let script = read(&source).unwrap();
        let kind = NodeKind::from_word(&script.node).unwrap();
        let kind = Spanned { value: kind, span: script.node.span.clone() };
        Self { interpreter: interpreter(&kind).unwrap(), seed, outputs: String::new() }
    }

    /// The output, or the error in its place. Panics if that is a broken promise.
    fn run(&mut self, command: &str) -> String {
        let source = Source::new("random.txt", format!("node x\n\n{command}\n----\n"));
        let script = read(&source).unwrap();
        let output = match self.interpreter.run(&script.steps[0]) {
            Ok(output) => output,
            Err(error) => {
                let text = error.message();
                let is_wrong = text.starts_with("broken: ") || text.contains("do not come to rest");
                assert!(!is_wrong, "seed {}: {text}\n{}", self.seed, self.outputs);
                format!("{text}\n")
            }
        };
        self.outputs += &format!("{command}\n{output}");
        output
    }

    /// Ends all that is wrong, and waits until the group agrees.
    fn recover(&mut self) {
        self.run("heal");
        for point in POINTS {
            self.run(&format!("failpoint all {point}=off"));
        }
        for id in 1..=3 {
            self.run(&format!("restart {id}"));
        }
        for round in 0..12 {
            let id = round % 3 + 1;
            self.run("stabilize");
            self.run(&format!("tick-election {id}"));
            self.run("stabilize");
            self.run(&format!("propose {id} end"));
            self.run("stabilize");
            self.run(&format!("tick-heartbeat {id}"));
            self.run("stabilize");
            let state = self.run("raft-state");
            if state.contains("Leader") && self.run("check").contains("are equal") {
                return;
            }
        }
        panic!("seed {}: the group does not agree\n{}", self.seed, self.outputs);
    }
}

fn outputs(kind: &str, settings: &str, seed: u64) -> String {
    let mut random = Random(seed);
    let mut group = Group::new(kind, seed);
    group.run(&format!("add-nodes 3 voters=(1,2,3) index=2 {settings}"));
    for _ in 0..60 {
        group.run(&command(&mut random));
    }
    group.recover();
    group.outputs
}

/// How many scripts are run; `SEEDS=10000` runs more.
fn seeds() -> u64 {
    std::env::var("SEEDS").map_or(120, |seeds| seeds.parse().expect("SEEDS is a number"))
}

#[test]
fn groups_keep_the_promises_of_raft_and_agree_in_the_end() {
    for seed in 0..seeds() {
        // Syncs of a real disk take time.
        let kind = match seed % 20 {
            0 => "raft-log",
            1..=5 => "raft-memory",
            _ => "raft-simdisk",
        };
        let settings = ["", "prevote checkquorum", "inflight=1 checkquorum"];
        let settings = settings[seed as usize % 3];
        let first = outputs(kind, settings, seed);
        if seed % 10 == 0 {
            assert_eq!(outputs(kind, settings, seed), first, "seed {seed}");
        }
    }
}
