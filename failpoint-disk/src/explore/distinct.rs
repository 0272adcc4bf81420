//! How many distinct images there were, in bounded memory.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// How many hashes are held.
const HELD: usize = 1 << 22;

/// Counts distinct hashes: exactly up to [`HELD`], and then by a sample that is halved whenever it is full.
/// (Adaptive sampling, by Wegman; Flajolet 1990.)
#[derive(Default)]
pub(super) struct Distinct {
    sample: HashSet<u128, HashedAlready>,
    /// The sample has the hashes that end in so many zeros.
    zeros: u32,
}

impl Distinct {
    pub(super) fn count(&self) -> u64 {
        (self.sample.len() as u64) << self.zeros
    }

    /// Whether it is known that this one was counted.
    pub(super) fn has(&self, hash: u128) -> bool {
        self.sample.contains(&hash)
    }

    pub(super) fn add(&mut self, hash: u128) {
        self.add_within(hash, HELD);
    }

    fn add_within(&mut self, hash: u128, held: usize) {
        if hash.trailing_zeros() < self.zeros || !self.sample.insert(hash) {
            return;
        }
        while self.sample.len() > held {
            self.zeros += 1;
            let zeros = self.zeros;
            self.sample.retain(|hash| hash.trailing_zeros() >= zeros);
        }
    }
}

pub(super) type HashedAlready = BuildHasherDefault<Folded>;

/// For keys that are hashes themselves.
#[derive(Default)]
pub(super) struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.rotate_left(5) ^ word;
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64((word >> 64) as u64);
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64((word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Random;

    #[test]
    fn few_are_counted_exactly_and_many_are_estimated() {
        let mut distinct = Distinct::default();
        for (number, held) in [(1000, 1000), (1000, 1000), (100_000, 1000)] {
            let mut random = Random(1);
            for _ in 0..number {
                let hash = u128::from(random.next()) << 64 | u128::from(random.next());
                distinct.add_within(hash, held);
            }
            let (count, number) = (distinct.count(), number as u64);
            let off = if number == 1000 { 0 } else { number / 10 };
            assert!(count.abs_diff(number) <= off, "{count} for {number}");
            assert!(distinct.sample.len() <= held);
        }
    }
}
