//! What is measured, and how is it measured once?

use crate::cases::Case;
use crate::peers::{self, Form, Loop, Peer, UNROLLED};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

pub const THREADS: [usize; 4] = [1, 2, 4, 8];
const PEERS: [Peer; 6] =
    [Peer::Empty, Peer::Load, Peer::Floor, Peer::Ours, Peer::Fail, Peer::Parallel];

/// A point of one crate in one state, evaluated by so many threads.
#[derive(Clone, Copy)]
pub struct Subject {
    pub case: Case,
    pub is_async: bool,
    pub threads: usize,
    pub peer: Peer,
    pub looped: Loop,
}

/// The name of a row.
pub fn told(case: Case, is_async: bool) -> String {
    format!("{}{}", if is_async { "async, " } else { "" }, case.told())
}

impl Subject {
    /// Everything there is to be measured, a crate's threads one behind the other.
    pub fn all() -> Vec<Self> {
        peers::other();
        let mut all = Vec::new();
        for is_async in [false, true] {
            for case in Case::ALL {
                for peer in PEERS {
                    let form = match peer {
                        Peer::Empty | Peer::Load | Peer::Floor => Form::Plain,
                        _ => case.form(),
                    };
                    let Some(looped) = peers::looped(peer, form, is_async) else { continue };
                    if case.set(peer, is_async).is_some() {
                        all.extend(THREADS.map(|threads| Self {
                            case,
                            is_async,
                            threads,
                            peer,
                            looped,
                        }));
                    }
                }
            }
        }
        all
    }

    /// Has each thread loop `n` times: from their common start to the end of the last. Asserts that
    /// the point was in its state.
    pub fn run(&self, n: u64) -> Duration {
        let state = self.case.set(self.peer, self.is_async).expect("it was there before");
        let start = Barrier::new(self.threads);
        let run = || {
            start.wait();
            let begun = Instant::now();
            let returned = state.run(self.looped, n);
            (begun, Instant::now(), returned)
        };
        let runs: Vec<_> = thread::scope(|all| {
            let threads: Vec<_> = (0..self.threads).map(|_| all.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no loop panics")).collect()
        });
        let begun = runs.iter().map(|run| run.0).min().expect("there is a thread");
        let ended = runs.iter().map(|run| run.1).max().expect("there is a thread");
        state.check(n * UNROLLED * self.threads as u64, runs.iter().map(|run| run.2).sum());
        ended - begun
    }
}
