//! Limits how many requests are held open at once.
//!
//! Waits and event streams are long-lived, and each uses memory and an open file. So they have their own
//! permits, one set for the whole process, apart from those of connections: an operator's `DELETE` gets
//! through however many requests wait.

use crate::conn::capacity::Capacity;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The permits of one kind.
#[derive(Debug)]
pub(crate) struct Semaphore {
    limit: fn(Capacity) -> usize,
    taken: AtomicUsize,
}

/// For waits.
pub(crate) static WAITS: Semaphore = Semaphore::new(|capacity| capacity.waits);

/// For event streams. Each has a queue, and the thread on which an event happens copies it into every
/// queue.
pub(crate) static READERS: Semaphore = Semaphore::new(|capacity| capacity.readers);

/// For requests to extensions. Each has a thread while its handler runs.
pub(crate) static CALLS: Semaphore = Semaphore::new(|_| 16);

/// One permit; dropping it returns it.
#[derive(Debug)]
pub(crate) struct Permit {
    semaphore: &'static Semaphore,
}

impl Semaphore {
    const fn new(limit: fn(Capacity) -> usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    pub(crate) fn limit(&self) -> usize {
        (self.limit)(Capacity::now())
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A permit, if one is free.
    pub(crate) fn take(&'static self) -> Option<Permit> {
        let limit = self.limit();
        let one_more = |taken: usize| (taken < limit).then_some(taken + 1);
        // Relaxed: no other data depends on the number.
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Permit { semaphore: self })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.semaphore.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Semaphore;

    #[test]
    fn a_permit_is_returned() {
        static TWO: Semaphore = Semaphore::new(|_| 2);
        let (first, second) = (TWO.take(), TWO.take());
        assert!(first.is_some() && second.is_some());
        assert!(TWO.take().is_none() && TWO.take().is_none());
        drop(first);
        let _third = TWO.take().expect("one is free");
        assert!(TWO.take().is_none(), "and no more than one");
    }
}
