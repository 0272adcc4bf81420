//! Counters that many threads add to without contention.
//!
//! Each counts in a stripe of its own, on a cache line of its own, and who wants to know adds the
//! stripes up. What is counted this way has no order: where a hit needs its number, all add to one
//! number.

use crate::runtime::sync::{AtomicU64, Ordering, thread_number};

/// Into how many stripes the threads are dealt. In a model, each is looked at in every order.
pub(crate) const STRIPES: usize = if cfg!(all(test, loom)) { 2 } else { 8 };

/// How many counts fit on two lines.
const PER_LINE: usize = 16;

/// Something that is written at every hit, on cache lines of its own. Two lines: some
/// processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// Counts without an order, in stripes.
#[derive(Debug)]
pub(crate) struct StripedCounters {
    /// Those of the first stripe, then those of the second, and so on.
    lines: Box<[CachePadded<[AtomicU64; PER_LINE]>]>,
    per_stripe: usize,
}

impl StripedCounters {
    pub(crate) fn new(counts: usize) -> Self {
        let per_stripe = counts.div_ceil(PER_LINE);
        let line = || CachePadded(std::array::from_fn(|_| AtomicU64::new(0)));
        let lines = std::iter::repeat_with(line).take(STRIPES * per_stripe).collect();
        Self { lines, per_stripe }
    }

    #[inline]
    pub(crate) fn add(&self, count: usize) {
        // Why this order: see `Gate::ring`.
        self.at(own_stripe(), count).fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn sum(&self, count: usize) -> u64 {
        (0..STRIPES).map(|stripe| self.at(stripe, count).load(Ordering::SeqCst)).sum()
    }

    fn at(&self, stripe: usize, count: usize) -> &AtomicU64 {
        &self.lines[stripe * self.per_stripe + count / PER_LINE].0[count % PER_LINE]
    }
}

/// Where this thread counts.
#[inline]
pub(crate) fn own_stripe() -> usize {
    thread_number() % STRIPES
}
