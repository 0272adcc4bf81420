//! The table of docs/cost.md: ratios first, then what has to hold.

use crate::cases::Case;
use crate::peers::Peer;
use crate::rounds::Measured;
use crate::subject::THREADS;
use failpoint_bench_support::{Bound, machine, median, table_of_bounds, times};
use std::fmt::Write;

/// Below this a difference of two loops is noise, in nanoseconds.
const NOISE: f64 = 0.1;

pub fn render(all: &[Measured]) -> String {
    let mut text = format!("Measured on {}, `fail` 0.5, `fail-parallel` 0.6.\n\n", machine());
    let mut write = |line: String| writeln!(text, "{line}").expect("a string takes all");
    write("| | threads | `fail` to ours | `fail-parallel` to ours | ours | `fail` | `fail-parallel` |".into());
    write("|---|--:|--:|--:|--:|--:|--:|".into());
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
    fn line(self) -> Option<String> {
        self.net(Peer::Ours)?;
        let ratio = |peer| self.ratio(peer).map_or_else(String::new, times);
        let nanos = |peer| {
            self.net(peer).map_or_else(String::new, |nanos| format!("{:.1} ns", median(nanos)))
        };
        Some(format!(
            "| {}{} | {} | {} | {} | {} | {} | {} |",
            if self.is_async { "async, " } else { "" },
            self.case.told(),
            self.threads,
            ratio(Peer::Fail),
            ratio(Peer::Parallel),
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

    /// How many times as long as the bare load a loop with our idle point takes, the loop included.
    fn beside_the_load(self) -> f64 {
        let idle = |peer| self.looped(Case::Idle, peer).expect("it is measured");
        let ratios = idle(Peer::Ours).iter().zip(idle(Peer::Load)).map(|(ours, load)| ours / load);
        median(ratios.collect())
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
    let load = row(Case::Idle, 1).beside_the_load();
    let mut lines = vec![line(
        "a loop with an idle point takes at most 1.15 times one with a bare relaxed load",
        load,
        load <= 1.15,
    )];
    for (case, threads, least) in
        [(Case::Idle, 1, 10.0), (Case::Idle, 8, 30.0), (Case::Off, 1, 4.0), (Case::Off, 8, 10.0)]
    {
        let ratio = row(case, threads).ratio(Peer::Fail).expect("it is measured");
        let what = format!(
            "{}, {threads} thread{}: `fail` takes at least {least} times as long",
            case.told(),
            if threads == 1 { "" } else { "s" },
        );
        lines.push(line(&what, ratio, ratio >= least));
    }
    lines
}
