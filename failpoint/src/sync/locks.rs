//! `parking_lot`'s locks. A thread that holds one, or waits for one, runs [own code](crate::own_code).

use crate::own_code::OwnCode;
use std::ops::{Deref, DerefMut};
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let own = OwnCode::enter();
        MutexGuard { guard: self.0.lock(), _own: own }
    }
}

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    // Dropped first.
    guard: parking_lot::MutexGuard<'a, T>,
    _own: OwnCode,
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
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(&mut guard.guard);
    }

    /// Whether it was notified, and did not only wait until `deadline`.
    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) -> bool {
        !self.0.wait_until(&mut guard.guard, deadline).timed_out()
    }
}
