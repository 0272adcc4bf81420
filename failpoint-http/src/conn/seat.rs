//! How many may hold a request open at once?
//!
//! Waits and readers of events stay for long, and in any number they would be nothing but memory
//! and open files. So they have seats of their own, in the whole process and apart from the places
//! of connections: however many wait, an operator's `DELETE` finds a place.

use crate::conn::limits::Room;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where seats of one kind are.
#[derive(Debug)]
pub(crate) struct Semaphore {
    limit: fn(Room) -> usize,
    taken: AtomicUsize,
}

/// For those who wait.
pub(crate) static WAITS: Semaphore = Semaphore::new(|room| room.waits);

/// For those who read events. Each has a queue, and what happens is copied into every queue by the
/// thread that it happens on.
pub(crate) static READERS: Semaphore = Semaphore::new(|room| room.readers);

/// One seat; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    row: &'static Semaphore,
}

impl Semaphore {
    const fn new(limit: fn(Room) -> usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    pub(crate) fn limit(&self) -> usize {
        (self.limit)(Room::now())
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A seat, if one is free.
    pub(crate) fn take(&'static self) -> Option<Permit> {
        let limit = self.limit();
        let one_more = |taken: usize| (taken < limit).then_some(taken + 1);
        // Nothing else is read by whoever sees the number.
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Permit { row: self })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.row.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Semaphore;

    #[test]
    fn a_seat_is_given_back() {
        static ROW: Semaphore = Semaphore::new(|_| 2);
        let (first, second) = (ROW.take(), ROW.take());
        assert!(first.is_some() && second.is_some());
        assert!(ROW.take().is_none() && ROW.take().is_none());
        drop(first);
        let _third = ROW.take().expect("one is free");
        assert!(ROW.take().is_none(), "and no more than one");
    }
}
