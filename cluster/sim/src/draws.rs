//! What chance decides. All of it comes from one seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Draws that depend on a seed and on nothing else.
#[derive(Clone, Debug)]
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The draws of this seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number of the range, whose ends are in it.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// Whether something happens that happens so many times in 1,000.
    pub fn chance(&mut self, of_1000: u32) -> bool {
        self.0.random_ratio(of_1000.min(1_000), 1_000)
    }

    /// One of them.
    ///
    /// # Panics
    /// If the slice is empty.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.0.random_range(0..of.len())]
    }

    /// A time of the range, in microseconds.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn time(&mut self, range: RangeInclusive<Duration>) -> Duration {
        let micros = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.between(micros(range.start())..=micros(range.end())))
    }

    /// Those of them for which a coin shows heads.
    pub fn some<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        of.iter().filter(|_| self.chance(500)).cloned().collect()
    }
}
