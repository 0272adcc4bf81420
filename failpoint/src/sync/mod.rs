//! Which locks and atomics do we use?
//!
//! One door for all of them. The locks are `parking_lot`'s: they never poison, and a failpoint's
//! business is code that panics. The unit tests have loom's under `--cfg loom`: see `models`.

#[cfg(all(test, loom))]
mod modelled;

#[cfg(not(all(test, loom)))]
pub(crate) use {
    arc_swap::ArcSwapOption,
    parking_lot::{Mutex, MutexGuard},
    std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, fence},
};

#[cfg(all(test, loom))]
pub(crate) use modelled::{
    ArcSwapOption, AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, fence,
};

// Loom's own cannot be the `self` of a method; nothing here depends on when an `Arc` is counted.
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::Ordering;

/// What stands in statics, where `new` must be const.
pub(crate) mod lasting {
    #[cfg(all(test, loom))]
    pub(crate) use super::modelled::lasting::{AtomicBool, AtomicU8, OnceLock};
    pub(crate) use parking_lot::{Condvar, Mutex};
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};
    #[cfg(not(all(test, loom)))]
    pub(crate) use std::sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU8},
    };
}
