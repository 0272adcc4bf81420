//! Every crash of small workloads is tried, and every sync is taken away in turn.

use crate::seen::Seen;
use crate::writer::{DIRECTORY, Legal, Step, Writer};
use cluster_log::Options;
use failpoint_disk::{Explore, Run, Torn, Verdict};
use raft_kv::Log;
use std::path::Path;

/// With this, each save begins a new segment after the first.
pub(crate) const TINY: u64 = 1;
/// With this, a segment holds a few saves.
pub(crate) const SMALL: u64 = 300;

fn recover() -> Result<Seen, String> {
    let log = Log::open_with(Path::new(DIRECTORY), Options { segment_bytes: TINY });
    log.map(|log| Seen::of(&log)).map_err(|error| error.to_string())
}

/// What is there is what was acknowledged, or a part of what was being saved.
fn check(found: &Result<Seen, String>, told: &[Legal]) -> Result<(), String> {
    let found = found.as_ref().map_err(String::clone)?;
    let start = vec![Seen::default()];
    let legal = told.last().unwrap_or(&start);
    match legal.contains(found) {
        true => Ok(()),
        false => Err(format!("{found:?} is there, instead of one of {legal:?}")),
    }
}

/// The strictest: writes are torn at every byte, and the process may die alone.
fn strictest() -> Explore {
    Explore::new().torn(Torn::Byte).process_deaths(true).progress(false)
}

fn workload(segment_bytes: u64, steps: &[Step]) -> impl Fn(&Run<Legal>) {
    move |run| {
        let mut writer = Writer::start(run.scope(), segment_bytes);
        for step in steps {
            writer.step(step, &|legal| run.ack(legal));
        }
    }
}

/// All that a node does, in an order in which each step finds something to do.
const LIFE: &[Step] = &[
    Step::Save,
    Step::Commit,
    Step::Conflict,
    Step::Make,
    Step::Compact,
    Step::Save,
    Step::Receive,
    Step::Save,
    Step::Make,
    Step::Compact,
    Step::Conflict,
];

fn every_life(explore: &Explore, segment_bytes: u64) {
    let report = explore.crashes(workload(segment_bytes, LIFE), recover, check);
    println!("{report}");
    assert!(report.expect_held().exhaustive);
}

#[test]
fn every_crash_of_a_life_leaves_what_was_acknowledged() {
    every_life(&strictest(), SMALL);
    every_life(&strictest().torn(Torn::Sector), TINY);
}

#[test]
#[ignore = "it takes a minute on a busy machine"]
fn every_crash_of_a_life_with_many_segments_leaves_what_was_acknowledged() {
    every_life(&strictest(), TINY);
}

/// What a node does, and what the disk does to it.
pub(crate) const ALPHABET: &[Step] = &[
    Step::Save,
    Step::Conflict,
    Step::Commit,
    Step::Make,
    Step::Receive,
    Step::Compact,
    Step::Full(&Step::Save),
    Step::Full(&Step::Receive),
    Step::Full(&Step::Compact),
    Step::FailedSync(&Step::Save),
    Step::FailedSync(&Step::Receive),
    Step::FailedSync(&Step::Compact),
    Step::Restart,
];

fn every_sequence(explore: &Explore, length: usize) {
    for segment_bytes in [TINY, SMALL] {
        let report = explore.workloads(
            ALPHABET,
            length,
            |run| Writer::start(run.scope(), segment_bytes),
            |writer, run, step| writer.step(step, &|legal| run.ack(legal)),
            recover,
            check,
        );
        println!("{report}");
        let report = report.expect_held();
        assert_eq!(report.covered, report.operations);
        // Three steps can leave more than 8 changes that are not durable. Of their subsets, a part is tried.
        assert!(report.exhaustive || length > 2);
    }
}

#[test]
fn every_crash_of_every_two_steps_leaves_what_was_acknowledged() {
    every_sequence(&strictest().torn(Torn::Sector), 2);
}

#[test]
#[ignore = "it takes minutes"]
fn every_crash_of_every_three_steps_leaves_what_was_acknowledged() {
    every_sequence(&strictest(), 3);
}

/// All but one: after a write that failed, the log syncs what it cut off. A node starts again then, and does
/// not need that; a log that goes on does (`cluster/log/tests/crashes.rs`).
#[test]
fn every_sync_is_needed() {
    let explore = strictest().torn(Torn::Sector);
    let report = explore.syncs(workload(TINY, LIFE), recover, check);
    println!("{report}");
    assert_eq!(report.baseline.verdict, Verdict::Held, "{report}");
    assert!(report.baseline.exhaustive, "{report}");
    assert_eq!((report.syncs.len(), report.unnoticed().count()), (10, 0), "{report}");
}
