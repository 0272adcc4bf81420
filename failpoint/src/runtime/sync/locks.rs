//! The standard library's locks, without its poisoning: a failpoint's business is code that panics.
//!
//! They are the standard library's because a child of `fork` uses them too. `parking_lot` keeps a list of
//! the threads that wait; in a child, it points to threads that do not exist.
//!
//! A thread that holds a lock, or waits for one, runs [own code](crate::runtime::own_code).

use crate::runtime::own_code::OwnCode;
use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError};
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let own = OwnCode::enter();
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { guard, own }
    }
}

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    // Dropped first.
    guard: sync::MutexGuard<'a, T>,
    own: OwnCode,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[derive(Debug)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    /// Waits until it is notified or until `deadline`, or a little for no reason.
    pub(crate) fn wait<'a, T>(
        &self,
        lock: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        let MutexGuard { guard, own } = lock;
        let guard = match deadline {
            None => self.0.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.0.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        MutexGuard { guard, own }
    }
}
