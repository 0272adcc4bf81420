//! What separates two tests that arm points globally.

use crate::grammar;
use failpoint::__bridge::compat;
use std::env::{self, VarError};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One scenario of the process: nothing is armed before it and nothing after it, and no other runs
/// at the same time.
#[derive(Debug)]
pub struct FailScenario<'a> {
    // A poisoned one is as good: what a scenario that panicked left behind is wiped.
    _alone: MutexGuard<'a, ()>,
}

impl FailScenario<'_> {
    /// Waits for the scenario before to end, disarms everything, and arms what the environment asks
    /// for in `FAILPOINTS`: `name=actions;...`, with actions as [`cfg`](crate::cfg) takes them.
    ///
    /// # Panics
    /// When `FAILPOINTS` holds something else; then nothing of it is armed.
    pub fn setup() -> Self {
        static SCENARIO: Mutex<()> = Mutex::new(());
        let alone = SCENARIO.lock().unwrap_or_else(PoisonError::into_inner);
        compat::reset();
        let config = match env::var("FAILPOINTS") {
            Ok(config) => config,
            Err(VarError::NotPresent) => String::new(),
            Err(error) => panic!("invalid failpoints: {error:?}"),
        };
        let bindings: Vec<_> = grammar::bindings(&config).collect();
        let armings: Vec<_> = bindings
            .into_iter()
            .map(|binding| {
                let (name, actions) =
                    binding.unwrap_or_else(|text| panic!("invalid failpoint: {text:?}"));
                let chain = grammar::parse(actions).unwrap_or_else(|error| {
                    panic!("unable to configure failpoint \"{name}\": {error}")
                });
                (name, actions, chain)
            })
            .collect();
        for (name, actions, chain) in armings {
            compat::arm(name, actions, chain);
        }
        Self { _alone: alone }
    }

    /// Disarms everything and releases every caller, as dropping the scenario does.
    pub fn teardown(self) {
        drop(self);
    }
}

impl Drop for FailScenario<'_> {
    fn drop(&mut self) {
        compat::reset();
    }
}
