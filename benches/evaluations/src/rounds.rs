//! How is everything measured once in each round, so that all see the same machine?

use crate::peers::UNROLLED;
use crate::subject::Subject;
use std::time::{Duration, Instant};

/// What one measurement should take on one thread that has a core to itself.
const ENOUGH: Duration = Duration::from_millis(2);

/// Everything that was measured of one subject.
pub struct Measured {
    pub subject: Subject,
    /// How often a thread loops.
    n: u64,
    /// Nanoseconds for one evaluation and its part of the loop, by round.
    pub nanos: Vec<f64>,
}

pub fn measure(rounds: usize) -> Vec<Measured> {
    let measured = |subject| Measured { subject, n: calibrate(subject), nanos: Vec::new() };
    let mut all: Vec<_> = Subject::all().into_iter().map(measured).collect();
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
