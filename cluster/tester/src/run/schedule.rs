//! Which cases does a run inject, in which order, and where do the draws of each start?
//!
//! The schedule is a function of the configuration and the seed. Each round and each case has a seed
//! of its own, which is drawn up front. So the draws of a case do not depend on what happened before
//! it, and the same seed gives the same schedule.

use std::collections::HashMap;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::cases::{Availability, CASES, Case};
use crate::config::Config;

/// The rounds of a run.
#[derive(Clone, Debug)]
pub struct Schedule {
    seed: u64,
    shuffle: bool,
    cases: Vec<(&'static Case, Availability)>,
}

/// A round: each case of the configuration once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its number; the first is 1.
    pub number: u64,
    /// Where the draws of its load start.
    pub seed: u64,
    /// Its cases, in their order.
    pub cases: Vec<Planned>,
}

/// A case with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The case.
    pub case: &'static Case,
    /// Its number in the run; the first is 1.
    pub number: u64,
    /// Where its draws start.
    pub seed: u64,
    /// Whether the subject can be put through it.
    pub availability: Availability,
}

impl Schedule {
    /// The schedule of a configuration.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Self {
        let cases = config.cases.iter().map(|case| (*case, config.availability(case))).collect();
        Self { seed, shuffle: config.shuffle, cases }
    }

    /// How many cases a round has.
    #[must_use]
    pub fn cases_of_a_round(&self) -> usize {
        self.cases.len()
    }

    /// A round. The first is 1.
    #[must_use]
    pub fn round(&self, number: u64) -> Round {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        let seed = rng.random();
        // Every case there is gets a seed, so that it draws the same where others are left out.
        let seeds: HashMap<&str, u64> =
            CASES.iter().map(|case| (case.name, rng.random())).collect();
        let mut cases: Vec<_> = self.cases.iter().collect();
        if self.shuffle {
            cases.shuffle(&mut rng);
        }
        let first = number.saturating_sub(1) * self.cases.len() as u64 + 1;
        let cases = (first..).zip(cases).map(|(number, (case, availability))| Planned {
            case,
            number,
            seed: seeds[case.name],
            availability: availability.clone(),
        });
        Round { number, seed, cases: cases.collect() }
    }
}
