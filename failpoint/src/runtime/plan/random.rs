//! Decides a chance.
//!
//! There is no generator with state, which threads would race for. A draw is a hash of its inputs:
//! (seed, point name, scope name, term index, purpose, number). So the n-th draw of a term is the
//! same whatever the threads do, and adding a point or a term moves no other.

use crate::runtime::log::{self, Level};
use crate::runtime::sync::Ordering;
use crate::runtime::sync::lasting::{AtomicU64, AtomicUsize, Mutex};
use std::hash::{BuildHasher, RandomState};

/// What a draw is for, so that two draws of one hit never share their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `p%`.
    Chance,
    /// The length of a `sleep` or `delay` from a range, by its place in the `&` sequence.
    Length { step: usize },
}

/// The draws of one term: everything but the number is hashed in already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    key: u64,
}

impl Draws {
    /// For the term at `index` of what is armed at `point` in the scope named `scope` (empty for
    /// the global one).
    pub(crate) fn new(point: &str, scope: &str, index: usize) -> Self {
        let key = hash_text(hash_text(0, point), scope);
        Self { key: mix(key ^ index as u64) }
    }

    /// The `number`-th draw for `purpose`, uniform in `0.0..1.0`.
    pub(crate) fn fraction(&self, purpose: Purpose, number: u64) -> f64 {
        fraction(self.base(announced_seed(), purpose), number)
    }

    /// What all draws for one purpose have in common.
    fn base(&self, seed: u64, purpose: Purpose) -> u64 {
        let purpose = match purpose {
            Purpose::Chance => 0,
            Purpose::Length { step } => 1 + step as u64,
        };
        mix(mix(self.key ^ seed) ^ purpose)
    }
}

/// The chance of one term: its draws against its probability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    draws: Draws,
    /// A draw allows if its 53 bits are below this: the probability, in parts of 2^-53.
    below: u64,
    /// The seed when this was made, and what all draws had in common then.
    seed: u64,
    base: u64,
}

/// The odds under the seed that is in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    base: u64,
    below: u64,
}

impl Odds {
    pub(crate) fn new(draws: Draws, probability: f64) -> Self {
        let seed = seed();
        // Exact: the factor is a power of two, and at most one part is rounded up, which no draw is.
        let below = (probability * PARTS as f64).ceil() as u64;
        Self { draws, below, seed, base: draws.base(seed, Purpose::Chance) }
    }

    /// Whether so few draws allow that those which do not come in long runs.
    pub(crate) fn are_small(&self) -> bool {
        self.below < PARTS / 32
    }

    /// What decides now.
    #[inline]
    pub(crate) fn draw(&self) -> Draw {
        let seed = announced_seed();
        let is_same = seed == self.seed;
        let base = if is_same { self.base } else { self.draws.base(seed, Purpose::Chance) };
        Draw { base, below: self.below }
    }
}

impl Draw {
    /// What tells these draws from those under another seed.
    #[inline]
    pub(crate) fn base(self) -> u64 {
        self.base
    }

    /// Whether the `number`-th draw allows.
    #[inline]
    pub(crate) fn allows(self, number: u64) -> bool {
        drawn(self.base, number) < self.below
    }
}

fn fraction(base: u64, number: u64) -> f64 {
    drawn(base, number) as f64 / PARTS as f64
}

/// What an f64 between 0 and 1 can hold evenly.
const PARTS: u64 = 1 << 53;

/// Uniform below [`PARTS`].
#[inline]
fn drawn(base: u64, number: u64) -> u64 {
    mix(base ^ number) >> 11
}

static SEED: AtomicU64 = AtomicU64::new(0);
static STATE: AtomicUsize = AtomicUsize::new(NONE);
static CHOOSING: Mutex<()> = Mutex::new(());

// What the state says of the seed.
const NONE: usize = 0;
const SEEDED: usize = 1;
/// And it was printed.
const ANNOUNCED: usize = 2;

/// The seed of this process; one is chosen if none was set.
pub(crate) fn seed() -> u64 {
    // Acquire pairs with the release in `put_seed`: who sees the state sees the seed.
    if STATE.load(Ordering::Acquire) == NONE {
        let _choosing = CHOOSING.lock();
        if STATE.load(Ordering::Acquire) == NONE {
            put_seed(RandomState::new().hash_one(std::process::id()));
        }
    }
    SEED.load(Ordering::Relaxed)
}

pub(crate) fn set_seed(seed: u64) {
    let _choosing = CHOOSING.lock();
    put_seed(seed);
}

fn put_seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
    STATE.store(SEEDED, Ordering::Release);
}

/// The same; prints it once, at the first chance drawn, so that a run can be reproduced.
#[inline]
fn announced_seed() -> u64 {
    if STATE.load(Ordering::Acquire) != ANNOUNCED {
        announce_seed();
    }
    SEED.load(Ordering::Relaxed)
}

#[cold]
#[inline(never)]
fn announce_seed() {
    let seed = seed();
    let announced = STATE.compare_exchange(SEEDED, ANNOUNCED, Ordering::AcqRel, Ordering::Relaxed);
    if announced.is_ok() {
        log::say(
            Level::Info,
            format_args!("failpoint: chances are drawn from FAILPOINT_SEED={seed}"),
        );
    }
}

fn hash_text(key: u64, text: &str) -> u64 {
    let hashed = text.bytes().fold(key, |key, byte| mix(key ^ u64::from(byte)));
    mix(hashed ^ text.len() as u64)
}

/// The finisher of SplitMix64 (Steele, Lea and Flood, 2014), after its golden-ratio step.
#[inline]
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(draws: Draws, below: f64) -> f64 {
        let hits = (0..10_000).filter(|&n| draws.fraction(Purpose::Chance, n) < below).count();
        hits as f64 / 10_000.0
    }

    #[test]
    fn draws_are_uniform_and_independent() {
        // Bounds of six standard deviations: for any seed a miss is one in a hundred million.
        let (first, second) = (Draws::new("a", "", 0), Draws::new("a", "", 1));
        assert!((share(first, 0.5) - 0.5).abs() < 0.03);
        assert!((share(second, 0.1) - 0.1).abs() < 0.02);
        let both = (0..10_000)
            .filter(|&n| first.fraction(Purpose::Chance, n) < 0.5)
            .filter(|&n| second.fraction(Purpose::Chance, n) < 0.5)
            .count();
        assert!((both as f64 / 10_000.0 - 0.25).abs() < 0.03);
    }

    #[test]
    fn what_is_decided_decides_the_draw() {
        let key = |point, scope, index| Draws::new(point, scope, index).key;
        assert_eq!(key("a", "", 0), key("a", "", 0));
        assert_ne!(key("a", "", 0), key("a", "", 1));
        assert_ne!(key("ab", "", 0), key("a", "b", 0));
        let draws = Draws::new("a", "", 0);
        let lengths = |step| draws.fraction(Purpose::Length { step }, 7);
        assert!(lengths(0) != lengths(1) && lengths(0) != draws.fraction(Purpose::Chance, 7));
    }
}
