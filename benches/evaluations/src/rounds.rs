//! How is everything measured once in each round, so that all see the same machine?

use crate::peers::{Peer, UNROLLED};
use crate::subject::{Subject, told};
use std::time::{Duration, Instant};

/// What one measurement should take on one thread that has a core to itself.
const ENOUGH: Duration = Duration::from_millis(2);

/// Which subjects are measured.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// Of rows that have this in their name; and what they are compared with.
    pub only: Option<&'a str>,
    /// With so many threads.
    pub threads: Option<usize>,
}

impl Selection<'_> {
    pub fn is_all(self) -> bool {
        self.only.is_none() && self.threads.is_none()
    }

    pub fn holds(self, subject: &Subject) -> bool {
        let is_bare = matches!(subject.peer, Peer::Empty | Peer::Load | Peer::Floor);
        self.only.is_none_or(|only| is_bare || told(subject.case, subject.is_async).contains(only))
            && self.threads.is_none_or(|threads| subject.threads == threads)
    }
}

/// Everything that was measured of one subject.
pub struct Measured {
    pub subject: Subject,
    /// How often a thread loops.
    n: u64,
    /// Nanoseconds for one evaluation and its part of the loop, by round.
    pub nanos: Vec<f64>,
}

pub fn measure(rounds: usize, selection: Selection<'_>) -> Vec<Measured> {
    let measured = |subject| Measured { subject, n: calibrate(subject), nanos: Vec::new() };
    let selected = Subject::all().into_iter().filter(|subject| selection.holds(subject));
    let mut all: Vec<_> = selected.map(measured).collect();
    for round in 1..=rounds {
        let begun = Instant::now();
        all.iter_mut().for_each(Measured::once);
        eprintln!("round {round} of {rounds}: {:.1?}", begun.elapsed());
    }
    all
}

impl Measured {
    fn once(&mut self) {
        let took = self.subject.run(self.n);
        self.nanos.push(took.as_nanos() as f64 / (self.n * UNROLLED) as f64);
    }
}

/// How many turns of the loop take one thread long enough.
fn calibrate(subject: Subject) -> u64 {
    let alone = Subject { threads: 1, ..subject };
    let mut n = 100;
    loop {
        let took = alone.run(n);
        if took >= ENOUGH / 4 {
            let more = ENOUGH.as_secs_f64() / took.as_secs_f64();
            return (n as f64 * more) as u64;
        }
        n *= 2;
    }
}
