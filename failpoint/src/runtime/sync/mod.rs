//! The locks and atomics of the runtime.
//!
//! All locks and atomics are imported from here. The unit tests have loom's under `--cfg loom`: see
//! `loom.rs`.

mod locks;
#[cfg(all(test, loom))]
mod modelled;

#[cfg(not(all(test, loom)))]
pub(crate) use {
    arc_swap::ArcSwapOption,
    locks::{Mutex, MutexGuard},
    std::sync::OnceLock,
    std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize},
    std::thread_local,
    threads::thread_number,
};

#[cfg(all(test, loom))]
pub(crate) use modelled::{
    ArcSwapOption, AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, OnceLock,
    fence_for_models, thread_local, thread_number,
};

// Loom's own cannot be the `self` of a method; nothing here depends on when an `Arc` is counted.
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::Ordering;

/// What an [`ArcSwapOption`] gives while it is looked at.
#[cfg(not(all(test, loom)))]
pub(crate) type Guard<T> = arc_swap::Guard<Option<Arc<T>>>;
#[cfg(all(test, loom))]
pub(crate) type Guard<T> = Option<Arc<T>>;

/// All `SeqCst` accesses have one order, which loom does not know: a model needs a fence where they
/// alone do.
#[cfg(not(all(test, loom)))]
#[inline(always)]
pub(crate) fn fence_for_models() {}

#[cfg(not(all(test, loom)))]
mod threads {
    use super::Ordering;
    use super::lasting::AtomicUsize;
    use std::cell::Cell;

    /// A number of this thread; those of threads that run side by side differ, as far as it goes.
    #[inline]
    pub(crate) fn thread_number() -> usize {
        const NONE: usize = usize::MAX;
        thread_local! {
            static NUMBER: Cell<usize> = const { Cell::new(NONE) };
        }
        #[cold]
        fn take(number: &Cell<usize>) -> usize {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
            number.get()
        }
        NUMBER.with(|number| match number.get() {
            NONE => take(number),
            number => number,
        })
    }
}

/// The types for statics, whose `new` must be const.
pub(crate) mod lasting {
    pub(crate) use super::locks::{Condvar, Mutex};
    #[cfg(all(test, loom))]
    pub(crate) use super::modelled::lasting::{AtomicBool, AtomicU8, OnceLock};
    pub(crate) use arc_swap::ArcSwapOption;
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
    #[cfg(not(all(test, loom)))]
    pub(crate) use std::sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU8},
    };
}
