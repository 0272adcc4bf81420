//! Counts the hits that reach a term which acts by chance, and its fires, in one word.
//!
//! A hit takes its number, draws, and is counted with its fire by one compare-and-exchange. So both show
//! at once, and the fires among the first n hits do not depend on the threads.
//!
//! Each of the two has a part of the word. A hit that sets the highest bit of a part moves it out, before it
//! counts again.

use crate::runtime::count::striped::CachePadded;
use crate::runtime::sync::{AtomicU64, Mutex, Ordering};

/// How much of the word counts hits; the rest counts fires. The unit tests shall see it overflow.
const HIT_BITS: u32 = if cfg!(test) { 60 } else { 44 };
const HITS: u64 = (1 << HIT_BITS) - 1;
const HIT: u64 = 1;
const FIRE: u64 = 1 << HIT_BITS;

/// The highest bits of both parts.
const HITS_FULL: u64 = 1 << (HIT_BITS - 1);
const FIRES_FULL: u64 = 1 << (u64::BITS - 1);

#[derive(Debug, Default)]
pub(super) struct Tally {
    word: CachePadded<AtomicU64>,
    /// What was moved out, in units of the highest bits.
    moved: Mutex<Moved>,
}

#[derive(Debug, Default)]
struct Moved {
    hits: u64,
    fires: u64,
}

impl Tally {
    /// Counts a hit, and a fire if `fires` says so of its number. The numbers start over after 2^43 hits.
    #[inline]
    pub(super) fn add(&self, fires: impl Fn(u64) -> bool) -> bool {
        let word = &self.word.0;
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let is_fire = fires(seen & (HITS_FULL - 1));
            let next = seen + HIT + if is_fire { FIRE } else { 0 };
            // Why this order: see `Gate::ring`.
            match word.compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => {
                    if next & (HITS_FULL | FIRES_FULL) != 0 {
                        self.move_out();
                    }
                    return is_fire;
                }
                Err(now) => seen = now,
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn move_out(&self) {
        let mut moved = self.moved.lock();
        let word = self.word.0.load(Ordering::SeqCst);
        moved.hits += u64::from(word & HITS_FULL != 0);
        moved.fires += u64::from(word & FIRES_FULL != 0);
        self.word.0.fetch_sub(word & (HITS_FULL | FIRES_FULL), Ordering::SeqCst);
    }

    /// The hits and the fires.
    pub(super) fn sums(&self) -> (u64, u64) {
        let moved = self.moved.lock();
        let word = self.word.0.load(Ordering::SeqCst);
        let hits = moved.hits * HITS_FULL + (word & HITS);
        let fires = moved.fires * (FIRES_FULL / FIRE) + word / FIRE;
        (hits, fires)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn counts_exactly_beyond_its_word() {
        let tally = Tally::default();
        let add = || (0..10_000).filter(|_| tally.add(|number| number % 3 == 0)).count() as u64;
        let fires: u64 = thread::scope(|all| {
            [(); 4].map(|()| all.spawn(add)).into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!(tally.sums(), (40_000, fires));
        assert_eq!(fires, 40_000_u64.div_ceil(3));
    }

    #[test]
    fn moves_out_what_is_full() {
        let tally = Tally::default();
        tally.word.0.store(HITS_FULL - 1, Ordering::SeqCst);
        assert!(tally.add(|number| number == HITS_FULL - 1));
        assert!(tally.add(|number| number == 0), "the number starts over");
        assert_eq!(tally.word.0.load(Ordering::SeqCst), 2 * FIRE + 1);
        assert_eq!(tally.sums(), (HITS_FULL + 1, 2));
    }
}
