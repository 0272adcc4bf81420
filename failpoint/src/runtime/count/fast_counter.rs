//! Counts the hits of a point where an `off` is all that is armed.
//!
//! An `off` armed globally does nothing and counts. So an evaluation needs no plan for it: it
//! counts in the fast counter of its point, which is open while such an `off` is all that is armed.
//! A point keeps its fast counter for as long as it lives, so an evaluation holds nothing.
//!
//! A fast counter is open for one plan at a time, which leases it, and each time under a new
//! number, which every stripe has beside its count. Counting is one compare-and-exchange of both:
//! it fails where the fast counter was closed in between, so that no hit is counted for an arming
//! that it did not see, and none that was counted is missed by the thread that closes it.

use crate::runtime::count::striped::{CachePadded, STRIPES, own_stripe};
use crate::runtime::sync::lasting;
use crate::runtime::sync::{Arc, AtomicU64, Mutex, Ordering};

/// How much of a stripe is its count; the rest is the number of the opening. A stripe that is full
/// is emptied by opening again, which the unit tests shall see happen.
const COUNT_BITS: u32 = if cfg!(test) { 2 } else { 24 };
const FULL: u64 = (1 << COUNT_BITS) - 1;

/// The number of a fast counter that is closed.
const CLOSED: u64 = 0;

/// How many readers need more than a number, of any point.
static SLOW_PATHS: lasting::AtomicUsize = lasting::AtomicUsize::new(0);

#[derive(Debug)]
pub(crate) struct FastCounter {
    /// The number of this opening, or [`CLOSED`].
    open: AtomicU64,
    /// The number of the last opening. It is opened only under the lock of the lease.
    opened: AtomicU64,
    stripes: [CachePadded<AtomicU64>; STRIPES],
}

/// What came of passing by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It was a hit, and is counted.
    Done,
    /// Go the long way.
    Closed,
    /// Take the slow path, and open the fast counter again.
    Full,
}

impl FastCounter {
    pub(crate) fn new() -> Self {
        Self {
            open: AtomicU64::new(CLOSED),
            opened: AtomicU64::new(CLOSED),
            stripes: std::array::from_fn(|_| CachePadded(AtomicU64::new(0))),
        }
    }

    #[inline]
    pub(crate) fn pass(&self) -> Counted {
        // Acquire pairs with the release in `open`: who sees the number sees what led to it.
        let open = self.open.load(Ordering::Acquire);
        if open == CLOSED || SLOW_PATHS.load(Ordering::Relaxed) > 0 {
            return Counted::Closed;
        }
        let stripe = &self.stripes[own_stripe()].0;
        let mut seen = stripe.load(Ordering::Relaxed);
        loop {
            if seen >> COUNT_BITS != open {
                return Counted::Closed;
            }
            if seen & FULL == FULL {
                return Counted::Full;
            }
            // Release: who sees the hit counted sees what this thread did before it.
            let counted =
                stripe.compare_exchange_weak(seen, seen + 1, Ordering::Release, Ordering::Relaxed);
            match counted {
                Ok(_) => return Counted::Done,
                Err(now) => seen = now,
            }
        }
    }

    fn open(&self) {
        let number = self.opened.load(Ordering::Relaxed) + 1;
        self.opened.store(number, Ordering::Relaxed);
        let empty = number << COUNT_BITS;
        self.stripes.iter().for_each(|stripe| stripe.0.store(empty, Ordering::Relaxed));
        self.open.store(number, Ordering::Release);
    }

    /// Gives what was counted. Who read the number before finds none of the stripes under it.
    fn close(&self) -> u64 {
        self.open.store(CLOSED, Ordering::Relaxed);
        self.stripes.iter().map(|stripe| stripe.0.swap(0, Ordering::AcqRel) & FULL).sum()
    }

    /// What was counted since it was opened.
    fn count(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Acquire) & FULL).sum()
    }
}

/// A plan's side of a fast counter.
#[derive(Debug, Default)]
pub(crate) struct CounterLease {
    state: Mutex<LeaseState>,
}

#[derive(Debug, Default)]
struct LeaseState {
    fast_counter: Option<Arc<FastCounter>>,
    /// How many need every hit to come the long way.
    holds: usize,
    /// What was counted before the fast counter was last closed.
    counted: u64,
}

impl CounterLease {
    /// Takes the fast counter, which no other plan has.
    pub(crate) fn attach(&self, fast_counter: Arc<FastCounter>) {
        self.state.lock().change(|state| state.fast_counter = Some(fast_counter));
    }

    /// Leaves it; what was counted is kept.
    pub(crate) fn move_out(&self) {
        self.state.lock().change(|state| state.fast_counter = None);
    }

    /// Closes the fast counter while the guard lives: every hit takes the slow path, and wakes
    /// those who wait for counts.
    pub(crate) fn hold(&self) -> CounterPause<'_> {
        self.state.lock().change(|state| state.holds += 1);
        CounterPause { lease: self }
    }

    /// The hits that the fast counter has counted so far.
    pub(crate) fn count(&self) -> u64 {
        let state = self.state.lock();
        state.counted + state.open_counter().map_or(0, |fast_counter| fast_counter.count())
    }
}

impl LeaseState {
    fn open_counter(&self) -> Option<&Arc<FastCounter>> {
        self.fast_counter.as_ref().filter(|_| self.holds == 0)
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let was_open = self.open_counter().cloned();
        change(self);
        match (was_open, self.open_counter()) {
            (Some(fast_counter), None) => self.counted += fast_counter.close(),
            (None, Some(fast_counter)) => fast_counter.open(),
            _ => {}
        }
    }
}

#[derive(Debug)]
#[must_use = "the fast counter is open again when it is dropped"]
pub(crate) struct CounterPause<'a> {
    lease: &'a CounterLease,
}

impl Drop for CounterPause<'_> {
    fn drop(&mut self) {
        self.lease.state.lock().change(|state| state.holds -= 1);
    }
}

/// While one lives, no fast counter is used, at any point: someone reads every fire, or the result
/// depends on the thread what is armed.
#[derive(Debug)]
pub(crate) struct SlowPathGuard(());

impl SlowPathGuard {
    pub(crate) fn begin() -> Self {
        // Relaxed: a thread that has to find it is already ordered after this one.
        SLOW_PATHS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for SlowPathGuard {
    fn drop(&mut self) {
        SLOW_PATHS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn pass(fast_counter: &FastCounter, times: usize) -> usize {
        (0..times).filter(|_| fast_counter.pass() == Counted::Done).count()
    }

    #[test]
    fn counts_for_its_tenant_alone() {
        let fast_counter = Arc::new(FastCounter::new());
        let [first, second] = [(); 2].map(|()| CounterLease::default());
        assert_eq!(fast_counter.pass(), Counted::Closed);
        first.attach(fast_counter.clone());
        assert_eq!((pass(&fast_counter, 2), first.count()), (2, 2));
        let hold = first.hold();
        assert_eq!((pass(&fast_counter, 2), first.count()), (0, 2));
        drop(hold);
        assert_eq!((pass(&fast_counter, 1), first.count()), (1, 3));
        first.move_out();
        drop(first.hold());
        assert_eq!((pass(&fast_counter, 1), first.count()), (0, 3));
        second.attach(fast_counter.clone());
        assert_eq!((pass(&fast_counter, 1), first.count(), second.count()), (1, 3, 1));
    }

    #[test]
    fn a_full_stripe_is_emptied_by_opening_anew() {
        let fast_counter = Arc::new(FastCounter::new());
        let lease = CounterLease::default();
        lease.attach(fast_counter.clone());
        let mut counted = 0;
        for _ in 0..10 * FULL {
            match fast_counter.pass() {
                Counted::Done => counted += 1,
                Counted::Full => drop(lease.hold()),
                Counted::Closed => panic!("a detour is on"),
            }
        }
        assert!(counted > 2 * FULL);
        assert_eq!(lease.count(), counted);
    }
}
