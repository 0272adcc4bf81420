//! The log on a disk is the log in memory, also after crashes.

use cluster_node::{Logged, Memory, Storage};
use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk};
use proptest::prelude::*;
use raft::GetEntriesContext;
use raft::eraftpb::{Entry, HardState, Snapshot};
use std::path::Path;

#[derive(Clone, Debug)]
enum Operation {
    /// Entries from this many before the end of the log, in the next term or in the same one.
    Save {
        back: u64,
        count: u64,
        is_next_term: bool,
    },
    /// A snapshot of the entry this many before the end.
    Make {
        back: u64,
    },
    /// A snapshot from a leader, this many entries ahead.
    Receive {
        ahead: u64,
    },
    /// Compacts this much of what the snapshot covers.
    Compact {
        back: u64,
    },
    Crash,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..4u64, 0..5u64, any::<bool>())
            .prop_map(|(back, count, is_next_term)| Operation::Save { back, count, is_next_term }),
        1 => (0..4u64).prop_map(|back| Operation::Make { back }),
        1 => (1..6u64).prop_map(|ahead| Operation::Receive { ahead }),
        1 => (0..3u64).prop_map(|back| Operation::Compact { back }),
        2 => Just(Operation::Crash),
    ]
}

/// What a node sees of its storage.
fn seen(storage: &impl Storage) -> (HardState, Snapshot, Vec<Entry>, u64) {
    let first = storage.first_index().unwrap();
    let last = storage.last_index().unwrap();
    let entries = if first <= last {
        storage.entries(first, last + 1, None, GetEntriesContext::empty(false)).unwrap()
    } else {
        Vec::new()
    };
    let state = storage.initial_state().unwrap();
    assert_eq!(state.conf_state, *storage.snapshot(0, 1).unwrap().get_metadata().get_conf_state());
    let before = storage.term(first - 1).unwrap();
    (state.hard_state, storage.snapshot(0, 1).unwrap(), entries, before)
}

fn snapshot(index: u64, term: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.set_data(format!("state at {index}").into_bytes().into());
    let meta = snapshot.mut_metadata();
    (meta.index, meta.term) = (index, term);
    meta.mut_conf_state().set_voters(vec![1, index]);
    snapshot
}

/// Does `operation` on `storage`; `term` is the term of the node.
fn apply(storage: &mut impl Storage, operation: &Operation, term: &mut u64) {
    let (first, last) = (storage.first_index().unwrap(), storage.last_index().unwrap());
    match *operation {
        Operation::Save { back, count, is_next_term } => {
            *term += u64::from(is_next_term);
            // What a snapshot covers is committed, and raft replaces no committed entry.
            let covered = storage.snapshot(0, 1).unwrap().get_metadata().index;
            let start = (last + 1).saturating_sub(back).max(first).max(covered + 1);
            let entries: Vec<_> = (start..start + count)
                .map(|index| {
                    let mut entry = Entry::default();
                    (entry.index, entry.term) = (index, *term);
                    entry.set_data(format!("{term}/{index}").into_bytes().into());
                    entry
                })
                .collect();
            let mut state = HardState::default();
            (state.term, state.vote, state.commit) = (*term, last % 3, start - 1);
            state.commit = state.commit.max(storage.initial_state().unwrap().hard_state.commit);
            storage.save(Some(&state), &entries, true).unwrap();
        }
        Operation::Make { back } => {
            let index = last.saturating_sub(back).max(first - 1);
            storage.save_snapshot(&snapshot(index, storage.term(index).unwrap())).unwrap();
        }
        Operation::Receive { ahead } => {
            *term += 1;
            storage.save_snapshot(&snapshot(last + ahead, *term)).unwrap();
        }
        Operation::Compact { back } => {
            let covered = storage.snapshot(0, 1).unwrap().get_metadata().index;
            storage.compact(covered.saturating_sub(back)).unwrap();
        }
        Operation::Crash => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_on_a_disk_is_a_log_in_memory(operations in prop::collection::vec(operation(), 1..30)) {
        let scope = Scope::isolated("disk");
        let mut disk = SimDisk::new();
        scope.hold(disk.at("/node"));
        let _in = scope.enter();
        let mut logged = Logged::open(Path::new("/node/log")).unwrap();
        let mut memory = Memory::new();
        let (mut term, mut same_term) = (1, 1);
        for operation in &operations {
            apply(&mut memory, operation, &mut term);
            apply(&mut logged, operation, &mut same_term);
            if matches!(operation, Operation::Crash) {
                drop(logged);
                disk = disk.crash(Keep::Synced);
                scope.hold(disk.at("/node"));
                logged = Logged::open(Path::new("/node/log")).unwrap();
            }
            prop_assert_eq!(seen(&logged), seen(&memory));
        }
    }
}
