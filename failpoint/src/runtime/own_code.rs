//! Marks the threads that run code of the library.
//!
//! An evaluation that begins there passes by. The code may allocate, speak to a log, or hold a lock of
//! ours, and the user's allocator and log may hold points: what is armed there would wait for itself, or
//! call itself until the stack is full.

use crate::runtime::sync::thread_local;
use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// How many times it was entered and not left. A plain cell, since it is read in an allocator and
    /// while a thread is torn down.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[inline]
pub(crate) fn is_running() -> bool {
    // Where a thread that is torn down has no answer any more, nothing is evaluated either.
    DEPTH.try_with(Cell::get).unwrap_or(1) > 0
}

/// This thread runs code of the library while the guard lives.
#[derive(Debug)]
#[must_use = "dropping the guard leaves"]
pub struct OwnCode {
    _of_this_thread: PhantomData<*const ()>,
}

impl OwnCode {
    #[inline]
    pub(crate) fn enter() -> Self {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        Self { _of_this_thread: PhantomData }
    }
}

impl Drop for OwnCode {
    #[inline]
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    }
}

/// Runs code of the user's, in which points are evaluated as anywhere else. Hold no lock.
pub(crate) fn call_out<R>(body: impl FnOnce() -> R) -> R {
    /// Comes back also where the body panics.
    struct Back(u32);

    impl Drop for Back {
        fn drop(&mut self) {
            let _ = DEPTH.try_with(|depth| depth.set(self.0));
        }
    }

    let _back = Back(DEPTH.try_with(|depth| depth.replace(0)).unwrap_or(0));
    body()
}

/// What a thread keeps for later. It is dropped as code of the library, also at the end of the thread.
pub(crate) struct Shelf<T, const PLACES: usize>([Cell<Option<T>>; PLACES]);

impl<T, const PLACES: usize> Shelf<T, PLACES> {
    pub(crate) const fn new() -> Self {
        Self([const { Cell::new(None) }; PLACES])
    }

    /// Gives what is at this place for what is put there.
    #[inline]
    pub(crate) fn swap(&self, place: usize, kept: &mut Option<T>) {
        *kept = self.0[place].replace(kept.take());
    }
}

#[cold]
#[inline(never)]
pub(crate) fn drop_as_own<T>(kept: T) {
    let _own = OwnCode::enter();
    drop(kept);
}

impl<T, const PLACES: usize> Drop for Shelf<T, PLACES> {
    fn drop(&mut self) {
        let _own = OwnCode::enter();
        self.0.iter().for_each(|place| drop(place.take()));
    }
}
