//! A log that lives on after its crashes: what it saves next does not mix with what they left.

use crate::crashes::{ALPHABET, SMALL, TINY};
use crate::numbers::Numbers;
use crate::seen::Seen;
use crate::writer::{Legal, Writer};
use failpoint::Scope;
use failpoint_disk::{HoldDisk as _, Keep, SimDisk};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn a_log_that_crashes_again_and_again_keeps_what_was_acknowledged() {
    let (mut lives, mut interrupted) = (0, 0);
    for seed in 1..=100 {
        let mut numbers = Numbers(seed);
        let mut disk = SimDisk::new();
        let legal = RefCell::new(vec![Seen::default()]);
        for life in 0..8 {
            interrupted += usize::from(live(&disk, &legal, &mut numbers, (seed, life)));
            lives += 1;
            disk = disk.crash(match numbers.below(4) {
                0 => Keep::Synced,
                1 => Keep::All,
                _ => Keep::Random(numbers.below(1 << 40)),
            });
        }
    }
    println!("{lives} lives, {interrupted} of them ended in the middle of a step");
    assert!(interrupted > lives / 10);
}

/// A process from its start on. Returns whether it died at a sync.
fn live(disk: &SimDisk, legal: &RefCell<Legal>, numbers: &mut Numbers, at: (u64, u64)) -> bool {
    let scope = Scope::new();
    scope.hold(disk.at("/sim"));
    let _in = scope.enter();
    let segment_bytes = [TINY, SMALL, 10_000][numbers.below(3) as usize];
    let mut writer = Writer::start(&scope, segment_bytes);
    let (now, before) = (writer.now().clone(), legal.take());
    assert!(before.contains(&now), "(seed, life) {at:?}: {now:?} instead of {before:?}");
    legal.replace(vec![now]);
    // At one of the next syncs, if there are so many, the process dies.
    let terms = format!("{}*off->panic", numbers.below(4) + 1);
    scope.arm("walBeforeSync", &terms).expect("a point of the log");
    catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..numbers.below(12) {
            let step = &ALPHABET[numbers.below(ALPHABET.len() as u64) as usize];
            writer.step(step, &|told| drop(legal.replace(told)));
        }
    }))
    .is_err_and(|panic| {
        // Anything else is what this test is for.
        let is_injected = failpoint::InjectedPanic::of(&*panic).is_some();
        is_injected || std::panic::resume_unwind(panic)
    })
}
