//! How is everything measured once in each round, so that all see the same machine?

use crate::cases::Case;
use crate::peers::{self, Form, Loop, Peer, UNROLLED};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// What one measurement should take on one thread that has a core to itself.
const ENOUGH: Duration = Duration::from_millis(2);

pub const THREADS: [usize; 4] = [1, 2, 4, 8];
pub const PEERS: [Peer; 5] = [Peer::Empty, Peer::Load, Peer::Ours, Peer::Fail, Peer::Parallel];

/// Everything that was measured of one peer in one state with so many threads.
pub struct Measured {
    pub case: Case,
    pub is_async: bool,
    pub threads: usize,
    pub peer: Peer,
    looped: Loop,
    /// How often a thread loops.
    n: u64,
    /// Nanoseconds for one evaluation and its part of the loop, by round.
    pub nanos: Vec<f64>,
}

pub fn measure(rounds: usize) -> Vec<Measured> {
    peers::other();
    let mut all = Vec::new();
    for is_async in [false, true] {
        for case in Case::ALL {
            for peer in PEERS {
                let form = match peer {
                    Peer::Empty | Peer::Load => Form::Plain,
                    _ => case.form(),
                };
                let Some(looped) = peers::looped(peer, form, is_async) else { continue };
                let Some(state) = case.set(peer, is_async) else { continue };
                let n = calibrate(|n| state.run(looped, n));
                let measured = |threads| {
                    let nanos = Vec::new();
                    Measured { case, is_async, threads, peer, looped, n, nanos }
                };
                all.extend(THREADS.map(measured));
            }
        }
    }
    for round in 1..=rounds {
        let begun = Instant::now();
        all.iter_mut().for_each(Measured::once);
        eprintln!("round {round} of {rounds}: {:.1?}", begun.elapsed());
    }
    all
}

impl Measured {
    fn once(&mut self) {
        let state = self.case.set(self.peer, self.is_async).expect("it was there before");
        let (looped, n) = (self.looped, self.n);
        let start = Barrier::new(self.threads);
        let run = || {
            start.wait();
            let begun = Instant::now();
            let returned = state.run(looped, n);
            (begun, Instant::now(), returned)
        };
        let runs: Vec<_> = thread::scope(|all| {
            let threads: Vec<_> = (0..self.threads).map(|_| all.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no loop panics")).collect()
        });
        let begun = runs.iter().map(|run| run.0).min().expect("there is a thread");
        let ended = runs.iter().map(|run| run.1).max().expect("there is a thread");
        state.check(n * UNROLLED * self.threads as u64, runs.iter().map(|run| run.2).sum());
        self.nanos.push((ended - begun).as_nanos() as f64 / (n * UNROLLED) as f64);
    }
}

/// How many turns of the loop take long enough.
fn calibrate(run: impl Fn(u64) -> u64) -> u64 {
    let mut n = 100;
    loop {
        let begun = Instant::now();
        run(n);
        let took = begun.elapsed();
        if took >= ENOUGH / 4 {
            let more = ENOUGH.as_secs_f64() / took.as_secs_f64();
            return (n as f64 * more) as u64;
        }
        n *= 2;
    }
}
