//! Which locks and atomics do we use?
//!
//! One door for all of them. The locks are `parking_lot`'s: they never poison, and a failpoint's
//! business is code that panics.

pub(crate) use parking_lot::{Mutex, MutexGuard};
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
