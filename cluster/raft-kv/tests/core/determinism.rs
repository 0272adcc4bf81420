//! The same inputs give the same outputs, byte for byte: messages, answers, log lines and what is on the disks.

use crate::group::{Group, member, put, settings};
use crate::numbers::Numbers;
use cluster_node::Command as Raft;
use failpoint_disk::{Keep, fs};
use raft_kv::{KeyRange, Request, Write};
use std::path::Path;

/// A life with all that a node does, from the numbers of `seed`; at its end there are so many more ticks.
fn life(seed: u64, steps: u64, more: u64) -> String {
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
    group.place(settings(4));
    group.start(4);
    group.call(1, Request::AddMember(member(4))).unwrap();
    group.tick(100);
    group.assert_equal();
    group.tick(more);
    let mut outputs = group.trace.clone();
    for id in group.ids() {
        outputs += &group.lines(id).join("\n");
        group.in_scope(id, |directory| add_files(directory, &mut outputs));
    }
    outputs
}

/// Adds a line for each file below `directory`: its name, its length and the checksum of its bytes.
fn add_files(directory: &Path, outputs: &mut String) {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if fs::metadata(&path).unwrap().is_dir() {
            add_files(&path, outputs);
        } else {
            let bytes = fs::read(&path).unwrap();
            let (name, checksum) = (path.display(), crc32fast::hash(&bytes));
            *outputs += &format!("\n{name}: {} bytes, {checksum:08x}", bytes.len());
        }
    }
}

/// The first line in which two outputs differ.
fn difference<'a>(left: &'a str, right: &'a str) -> Option<(&'a str, &'a str)> {
    let lines = |text: &'a str| text.split('\n').chain(std::iter::repeat("nothing"));
    let count = left.split('\n').count().max(right.split('\n').count());
    lines(left).zip(lines(right)).take(count).find(|(left, right)| left != right)
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let first = life(1, 45, 0);
    assert!(first.contains("received snapshot") && first.contains("compacted raft log"));
    assert!(first.contains("/log/00") && first.contains("state.redb: "));
    for run in 1..100 {
        let again = life(1, 45, 0);
        assert_eq!(difference(&first, &again), None, "run {run} differs");
        assert_eq!(first, again);
    }
}

/// The comparison sees one tick more, and another first number.
#[test]
fn other_inputs_give_other_outputs() {
    let first = life(1, 45, 0);
    assert!(difference(&first, &life(1, 45, 1)).is_some());
    assert!(difference(&first, &life(2, 45, 0)).is_some());
}

#[test]
fn lives_end_in_equal_states() {
    for seed in 2..12 {
        println!("seed {seed}");
        life(seed, 150, 0);
    }
}
