//! The run-time half of `#[failpoint(after = …)]` in code that is not async.

use std::thread;

/// Evaluates a site when the function that holds it returns.
#[derive(Debug)]
pub struct OnReturn<F: Fn()> {
    site: F,
    was_panicking: bool,
}

impl<F: Fn()> OnReturn<F> {
    #[inline]
    pub fn new(site: F) -> Self {
        Self { site, was_panicking: thread::panicking() }
    }
}

impl<F: Fn()> Drop for OnReturn<F> {
    // A panic of the body is told from one that was on its way when the function was called.
    #[inline]
    fn drop(&mut self) {
        if thread::panicking() == self.was_panicking {
            (self.site)();
        }
    }
}
