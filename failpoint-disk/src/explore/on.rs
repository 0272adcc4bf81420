//! Exploring, with failpoints compiled in.

use super::Explore;
use super::run::{Recording, Run};
use super::search::Search;
use super::watch::Watch;
use crate::report::{Report, SyncReport, Verdict};
use std::cell::Cell;
use std::fmt;

pub(super) fn crashes<A, S: PartialEq>(
    explore: &Explore,
    workload: impl Fn(&Run<A>),
    recover: impl Fn() -> S,
    check: impl Fn(&S, &[A]) -> Result<(), String>,
) -> Report {
    let watch = Watch::new();
    let mut search = Search::new(explore, &watch, &recover, &check);
    match Recording::of(explore, &watch, &workload) {
        Ok(recording) => search.explore(&recording),
        Err(broken) => return search.broken(broken),
    }
    search.report()
}

pub(super) fn syncs<A, S: PartialEq>(
    explore: &Explore,
    workload: impl Fn(&Run<A>),
    recover: impl Fn() -> S,
    check: impl Fn(&S, &[A]) -> Result<(), String>,
) -> SyncReport {
    let watch = Watch::new();
    let mut search = Search::new(explore, &watch, &recover, &check);
    let recording = match Recording::of(explore, &watch, &workload) {
        Ok(recording) => recording,
        Err(broken) => return SyncReport { baseline: search.broken(broken), syncs: Vec::new() },
    };
    search.explore(&recording);
    let calls = search.sync_calls();
    let baseline = search.report();
    let mut syncs = Vec::new();
    if baseline.verdict == Verdict::Held {
        for mut call in calls {
            let mut search = Search::new(explore, &watch, &recover, &check).lying(call.location);
            search.explore(&recording);
            call.noticed = search.report().failure;
            syncs.push(call);
        }
    }
    SyncReport { baseline, syncs }
}

pub(super) fn workloads<O: fmt::Debug, W, A, S: PartialEq>(
    explore: &Explore,
    alphabet: &[O],
    length: usize,
    start: impl Fn(&Run<A>) -> W,
    apply: impl Fn(&mut W, &Run<A>, &O),
    recover: impl Fn() -> S,
    check: impl Fn(&S, &[A]) -> Result<(), String>,
) -> Report {
    let watch = Watch::new();
    let mut search = Search::new(explore, &watch, &recover, &check);
    // Once a workload failed, the later ones are of no interest.
    let mut last = usize::MAX;
    for depths in search.passes() {
        if !search.begin(depths) {
            break;
        }
        for (number, sequence) in sequences(alphabet, length).enumerate() {
            let known = Cell::new(0);
            let workload = |run: &Run<A>| {
                let mut state = start(run);
                for (number, letter) in sequence.iter().enumerate() {
                    if number + 1 == sequence.len() {
                        known.set(run.recorded());
                    }
                    apply(&mut state, run, letter);
                }
            };
            let recording = match Recording::of(explore, &watch, &workload) {
                Ok(recording) => recording,
                Err(broken) => return search.broken(format!("with {sequence:?}: {broken}")),
            };
            let known = known.get().min(recording.journal.entries.len());
            search.explore_from(number, &recording, known);
            if search.has_failed() && last == usize::MAX {
                last = number;
            }
            if search.is_stopped() || number == last {
                break;
            }
        }
    }
    search.report_of(|number| sequences(alphabet, length).nth(number).map(|it| format!("{it:?}")))
}

/// Every sequence of up to `length` letters: first none of them, so that what comes before the first letter
/// is crashed too; then the shorter ones first.
fn sequences<O>(alphabet: &[O], length: usize) -> impl Iterator<Item = Vec<&O>> {
    let longest = if alphabet.is_empty() { 0 } else { length };
    (0..=longest).flat_map(move |length| {
        let mut next = Some(vec![0; length]);
        std::iter::from_fn(move || {
            let places = next.as_mut()?;
            let sequence = places.iter().map(|&place| &alphabet[place]).collect();
            if !advance(places, alphabet.len()) {
                next = None;
            }
            Some(sequence)
        })
    })
}

/// The next sequence of the same length; false after the last one.
fn advance(sequence: &mut [usize], letters: usize) -> bool {
    for place in sequence.iter_mut().rev() {
        *place += 1;
        if *place < letters {
            return true;
        }
        *place = 0;
    }
    false
}
