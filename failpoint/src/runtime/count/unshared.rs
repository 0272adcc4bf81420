//! A counter that costs a thread a load and a store.
//!
//! A thread has a place of its own for as long as it lives, in every such counter, so that it is the only
//! one to write there. Threads for which there is no place, and those at their end, share one more.
//!
//! Nothing orders what is counted this way, so no one can wait for it. A thread that learns by other means
//! that another has counted finds the count.

use crate::runtime::count::striped::CachePadded;
use crate::runtime::sync::{AtomicU64, Ordering};

/// How many threads have a place. None has in a model, where all share one.
const PLACES: usize = if cfg!(all(test, loom)) { 0 } else { 32 };

#[derive(Debug)]
pub(crate) struct UnsharedCounter {
    own: Box<[CachePadded<AtomicU64>]>,
    shared: CachePadded<AtomicU64>,
}

impl UnsharedCounter {
    pub(crate) fn new() -> Self {
        let own = std::iter::repeat_with(CachePadded::default).take(PLACES).collect();
        Self { own, shared: CachePadded::default() }
    }

    #[inline]
    pub(crate) fn add(&self) {
        match self.own.get(places::own()) {
            Some(CachePadded(own)) => {
                own.store(own.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
            None => {
                self.shared.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        let all = self.own.iter().chain([&self.shared]);
        all.map(|place| place.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(all(test, loom))]
mod places {
    pub(super) fn own() -> usize {
        super::PLACES
    }
}

#[cfg(not(all(test, loom)))]
mod places {
    use super::PLACES;
    use crate::runtime::sync::Ordering;
    use crate::runtime::sync::lasting::AtomicU64;
    use std::cell::Cell;

    /// A bit for each place that a thread has.
    static TAKEN: AtomicU64 = AtomicU64::new(0);

    /// Not asked for yet.
    const UNKNOWN: usize = usize::MAX;

    thread_local! {
        /// A plain cell, since it is read while a thread is torn down.
        static OWN: Cell<usize> = const { Cell::new(UNKNOWN) };
        static TENURE: Tenure = const { Tenure };
    }

    /// The place of this thread, or one that there is not.
    #[inline]
    pub(super) fn own() -> usize {
        OWN.with(|own| match own.get() {
            UNKNOWN => take(own),
            place => place,
        })
    }

    #[cold]
    #[inline(never)]
    fn take(own: &Cell<usize>) -> usize {
        own.set(PLACES);
        // Else it would never be given back.
        if TENURE.try_with(|_| ()).is_ok() {
            // Acquire pairs with the release of the thread that had it before: what that one has counted
            // is there to add to.
            let taken = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
                let place = taken.trailing_ones() as usize;
                (place < PLACES).then_some(taken | 1 << place)
            });
            own.set(taken.map_or(PLACES, |taken| taken.trailing_ones() as usize));
        }
        own.get()
    }

    /// Gives the place back at the end of the thread.
    struct Tenure;

    impl Drop for Tenure {
        fn drop(&mut self) {
            let place = OWN.with(|own| own.replace(PLACES));
            if place < PLACES {
                TAKEN.fetch_and(!(1 << place), Ordering::Release);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn counts_exactly_with_more_threads_than_places() {
        let counter = UnsharedCounter::new();
        let threads = 2 * PLACES;
        for _ in 0..3 {
            let all_are_there = Barrier::new(threads);
            thread::scope(|all| {
                for _ in 0..threads {
                    all.spawn(|| {
                        counter.add();
                        all_are_there.wait();
                        (0..1_000).for_each(|_| counter.add());
                    });
                }
            });
        }
        assert_eq!(counter.sum(), 3 * threads as u64 * 1_001);
    }
}
