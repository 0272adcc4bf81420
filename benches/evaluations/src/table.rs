//! The table of docs/cost.md: ratios first, then what has to hold.

use crate::cases::Case;
use crate::peers::Peer;
use crate::rounds::Measured;
use crate::subject::{THREADS, told};
use failpoint_bench_support::{Bound, machine, median, table_of_bounds, times};
use std::fmt::Write;

/// Below this a difference of two loops is noise, in nanoseconds.
const NOISE: f64 = 0.1;

pub fn render(all: &[Measured]) -> String {
    let mut text = format!("Measured on {}, `fail` 0.5, `fail-parallel` 0.6.\n\n", machine());
    let mut write = |line: String| writeln!(text, "{line}").expect("a string takes all");
    write("| | threads | `fail` to ours | `fail-parallel` to ours | ours to the floor | ours | `fail` | `fail-parallel` |".into());
    write("|---|--:|--:|--:|--:|--:|--:|--:|".into());
    for threads in THREADS {
        if let Some(floor) = (Row { all, case: Case::Idle, is_async: false, threads }).floor() {
            write(format!(
                "| the floor: one guard, one shared addition, one hash | {threads} | | | 1.00 | {:.1} ns | | |",
                median(floor)
            ));
        }
    }
    for is_async in [false, true] {
        for case in Case::ALL {
            for threads in THREADS {
                let row = Row { all, case, is_async, threads };
                if let Some(line) = row.line() {
                    write(line);
                }
            }
        }
    }
    write(String::new());
    table_of_bounds(&criteria(all)).into_iter().for_each(write);
    text
}

/// One state, evaluated by so many threads.
#[derive(Clone, Copy)]
struct Row<'a> {
    all: &'a [Measured],
    case: Case,
    is_async: bool,
    threads: usize,
}

impl Row<'_> {
    fn told(self) -> String {
        told(self.case, self.is_async)
    }

    fn line(self) -> Option<String> {
        self.net(Peer::Ours)?;
        let ratio = |peer| self.ratio(peer).map_or_else(String::new, times);
        let nanos = |peer| {
            self.net(peer).map_or_else(String::new, |nanos| format!("{:.1} ns", median(nanos)))
        };
        Some(format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            self.told(),
            self.threads,
            ratio(Peer::Fail),
            ratio(Peer::Parallel),
            self.to_the_floor().map_or_else(String::new, times),
            nanos(Peer::Ours),
            nanos(Peer::Fail),
            nanos(Peer::Parallel),
        ))
    }

    /// How many times as long as ours an evaluation of `peer` takes.
    fn ratio(self, peer: Peer) -> Option<f64> {
        let (theirs, ours) = (self.net(peer)?, self.net(Peer::Ours)?);
        Some(median(theirs.iter().zip(&ours).map(|(theirs, ours)| theirs / ours).collect()))
    }

    /// The floor of an armed point, with as many threads.
    fn floor(self) -> Option<Vec<f64>> {
        Self { case: Case::Idle, is_async: false, ..self }.net(Peer::Floor)
    }

    /// How many times as long as the floor ours takes where it is armed.
    fn to_the_floor(self) -> Option<f64> {
        if matches!(self.case, Case::Idle | Case::AnotherArmed) {
            return None;
        }
        let (ours, floor) = (self.net(Peer::Ours)?, self.floor()?);
        Some(median(ours.iter().zip(&floor).map(|(ours, floor)| ours / floor).collect()))
    }

    /// How many times as long as the bare load a loop with our idle point takes, the loop included.
    fn beside_the_load(self) -> Option<f64> {
        let [ours, load] = [Peer::Ours, Peer::Load].map(|peer| self.looped(Case::Idle, peer));
        Some(median(ours?.iter().zip(load?).map(|(ours, load)| ours / load).collect()))
    }

    /// What one evaluation took, by round; never less than what can be told from noise.
    fn net(self, peer: Peer) -> Option<Vec<f64>> {
        let empty = self.looped(Case::Idle, Peer::Empty)?;
        let looped = self.looped(self.case, peer)?;
        Some(looped.iter().zip(empty).map(|(looped, empty)| (looped - empty).max(NOISE)).collect())
    }

    /// The same with its part of the loop.
    fn looped(&self, case: Case, peer: Peer) -> Option<&[f64]> {
        let is_this = |measured: &&Measured| {
            (measured.subject.case, measured.subject.peer) == (case, peer)
                && (measured.subject.is_async, measured.subject.threads)
                    == (self.is_async, self.threads)
        };
        self.all.iter().find(is_this).map(|measured| measured.nanos.as_slice())
    }
}

fn criteria(all: &[Measured]) -> Vec<Bound> {
    let row = |case, threads| Row { all, case, is_async: false, threads };
    let line = |what: &str, is: f64, holds| Bound { what: what.to_owned(), is: times(is), holds };
    let mut lines = Vec::new();
    if let Some(load) = row(Case::Idle, 1).beside_the_load() {
        let what =
            "a loop with an idle point takes at most 1.15 times one with a bare relaxed load";
        lines.push(line(what, load, load <= 1.15));
    }
    let both = &[Peer::Fail, Peer::Parallel][..];
    for (case, is_async, threads, least, peers) in [
        (Case::Idle, false, 1, 10.0, &both[..1]),
        (Case::Idle, false, 8, 30.0, &both[..1]),
        (Case::Off, false, 1, 4.0, &both[..1]),
        (Case::Off, false, 8, 10.0, &both[..1]),
        (Case::OneInAHundred, false, 1, 2.0, both),
        (Case::OneInAHundred, false, 8, 5.0, both),
        (Case::Return, false, 1, 2.0, both),
        (Case::Return, false, 8, 5.0, both),
        (Case::Return, true, 1, 2.0, both),
        (Case::Return, true, 8, 5.0, both),
        (Case::InAnotherScope, false, 1, 1.5, &both[1..]),
        (Case::InAnotherScope, false, 8, 5.0, &both[1..]),
    ] {
        let row = Row { all, case, is_async, threads };
        for &peer in peers {
            let Some(ratio) = row.ratio(peer) else { continue };
            let what = format!(
                "{}, {threads} thread{}: `{}` takes at least {least} times as long",
                row.told(),
                if threads == 1 { "" } else { "s" },
                if peer == Peer::Fail { "fail" } else { "fail-parallel" },
            );
            lines.push(line(&what, ratio, ratio >= least));
        }
    }
    lines
}
