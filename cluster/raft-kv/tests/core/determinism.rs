//! The same inputs give the same outputs, byte for byte.

use crate::group::{Group, member, put};
use cluster_node::Command as Raft;
use failpoint_disk::Keep;
use raft_kv::{KeyRange, Request, Settings, Write};

/// A life with all that a node does, from the numbers of `seed`.
fn life(seed: u64, steps: u64) -> String {
    let mut group = Group::with(3, |settings| {
        (settings.snapshot_count, settings.catch_up_entries, settings.batch) = (10, 5, 4);
    });
    let mut numbers = Numbers(seed);
    group.ask(2, Request::Watch { keys: KeyRange::all(), first: 0 });
    group.ask(3, Request::Watch { keys: KeyRange::all(), first: 40 });
    group.write(1, Write::Grant { ttl: 60 }).unwrap();
    for step in 0..steps {
        let id = 1 + numbers.below(3);
        let key = format!("k{}", numbers.below(10));
        match numbers.below(20) {
            0 => group.raft(id, Raft::Campaign),
            1 => {
                group.ask(id, Request::Write(Write::Delete(KeyRange::key(&key))));
            }
            2 => {
                let revision = group.node(id).status().revision;
                group.ask(id, Request::Write(Write::Compact(revision)));
            }
            3 => {
                group.cut.clear();
                group.cut.insert(id);
            }
            4 => group.cut.clear(),
            5 => {
                let keep = Keep::Random(step);
                group.crash(id, keep);
                group.start(id);
            }
            6 => {
                group.ask(id, Request::Hash { revision: None });
            }
            7 => {
                let read = raft_kv::Read::Range(raft_kv::Range::default());
                group.ask(id, Request::Read { read, stale: false });
            }
            _ => {
                group.ask(id, Request::Write(put(&key, &step.to_string(), 0)));
            }
        }
        if numbers.below(3) == 0 {
            group.tick(1 + numbers.below(5));
        }
    }
    group.cut.clear();
    group.tick(40);
    group.place(Settings::new(4));
    group.start(4);
    group.call(1, Request::AddMember(member(4))).unwrap();
    group.tick(100);
    group.assert_equal();
    let logs: Vec<_> = group.ids().into_iter().map(|id| group.lines(id).join("\n")).collect();
    group.trace.clone() + &logs.join("\n")
}

/// A sequence of numbers that only looks random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let first = life(1, 45);
    assert!(first.contains("received snapshot") && first.contains("compacted raft log"));
    for run in 1..100 {
        let again = life(1, 45);
        if let Some((expected, found)) = first.lines().zip(again.lines()).find(|(a, b)| a != b) {
            panic!("run {run} differs:\n{expected}\n{found}");
        }
        assert_eq!(again.len(), first.len());
    }
}

#[test]
fn lives_end_in_equal_states() {
    for seed in 2..12 {
        println!("seed {seed}");
        life(seed, 150);
    }
}
