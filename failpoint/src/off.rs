//! The verbs where failpoints are compiled out: arming is refused, lists are empty.

use crate::callback::{Action, Hit};
use crate::compiled_out::{self, BuildWith};
use crate::error::{COMPILED_OUT, Error, WaitError};
use crate::event::Event;
use crate::exploration::{Explored, Run};
use crate::info::{PointInfo, Report};
use crate::simulation::Simulation;
use crate::wait_for::WaitFor;
use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn arm(_: &str, _: &str) -> Result<Armed, Error> {
    Err(Error::CompiledOut)
}

pub(crate) fn arm_with(
    _: &str,
    _: impl Fn(&Hit<'_>) -> Action + Send + Sync + 'static,
) -> Result<Armed, Error> {
    Err(Error::CompiledOut)
}

pub(crate) fn arm_unlisted(_: &str, _: &str) -> Result<Armed, Error> {
    Err(Error::CompiledOut)
}

pub(crate) fn arm_all(_: &str) -> Result<Vec<Armed>, Error> {
    Err(Error::CompiledOut)
}

pub(crate) fn disarm(_: &str) -> Result<bool, Error> {
    Err(Error::CompiledOut)
}

pub(crate) fn reset() -> Vec<PointInfo> {
    Vec::new()
}

pub(crate) fn points() -> Vec<PointInfo> {
    Vec::new()
}

pub(crate) fn point(_: &str) -> Result<PointInfo, Error> {
    Err(Error::CompiledOut)
}

/// Says on stderr that what the environment asks for is not in this build.
pub(crate) fn init_from_env() -> Result<(), Error> {
    let configs = ["GOFAIL_FAILPOINTS", "FAILPOINTS"];
    compiled_out::say_of(&configs, "failpoints were", BuildWith("failpoint/failpoints"));
    Ok(())
}

pub(crate) fn seed(_: u64) {}

pub(crate) fn report() -> Report {
    Report::default()
}

pub(crate) fn explore(mut body: impl FnMut(&Run)) -> Explored {
    body(&Run::new(1));
    Explored { runs: 1, injections: Vec::new() }
}

pub(crate) fn hold_exit() -> ExitHold {
    ExitHold
}

pub(crate) struct ExitHold;

/// Nothing can be armed, so no value of this type exists.
pub(crate) struct Armed(Infallible);

impl Armed {
    pub(crate) fn name(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn terms(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn generation(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn hits(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn fires(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn paused(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn wait(&self, _: WaitFor, _: Duration) -> Result<(), WaitError> {
        match self.0 {}
    }

    pub(crate) async fn wait_async(&self, _: WaitFor, _: Duration) -> Result<(), WaitError> {
        match self.0 {}
    }

    pub(crate) fn expect_fired(&self) -> Result<(), String> {
        match self.0 {}
    }

    pub(crate) fn resume(&self, _: usize) -> usize {
        match self.0 {}
    }

    pub(crate) fn keep(self) {
        match self.0 {}
    }
}

/// Nothing is armed, so no evaluation is inside or outside.
#[derive(Clone)]
pub(crate) struct Scope;

/// So that a `drop(scope)`, which means something when on, is no lint when off.
impl Drop for Scope {
    fn drop(&mut self) {}
}

impl Scope {
    pub(crate) fn new(_: &str, _: bool) -> Self {
        Self
    }

    pub(crate) fn current() -> Option<Self> {
        None
    }

    pub(crate) fn name(&self) -> &str {
        ""
    }

    pub(crate) fn enter(&self) {}

    pub(crate) fn leave() {}

    pub(crate) fn wrap<F: Future>(&self, future: F) -> F {
        future
    }

    pub(crate) fn on_thread_start(&self) -> impl Fn() + Clone + Send + Sync + 'static + use<> {
        || {}
    }

    pub(crate) fn insert<T: Any + Send + Sync>(&self, _: T) -> Option<Arc<T>> {
        None
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        None
    }

    #[inline]
    pub(crate) fn find<T: Any + Send + Sync>() -> Option<Arc<T>> {
        None
    }

    pub(crate) fn simulate(&self, _: impl Simulation) {}

    pub(crate) fn arm(&self, _: &str, _: &str) -> Result<(), Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn arm_with(
        &self,
        _: &str,
        _: impl Fn(&Hit<'_>) -> Action + Send + Sync + 'static,
    ) -> Result<(), Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn arm_all(&self, _: &str) -> Result<(), Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn disarm(&self, _: &str) -> Result<bool, Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn reset(&self) {}

    pub(crate) fn hits(&self, _: &str) -> Result<u64, Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn fires(&self, _: &str) -> Result<u64, Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn paused(&self, _: &str) -> Result<u64, Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn resume(&self, _: &str, _: usize) -> Result<usize, Error> {
        Err(Error::CompiledOut)
    }

    pub(crate) fn wait(&self, _: &str, _: WaitFor, _: Duration) -> Result<(), WaitError> {
        Err(WaitError::Refused(Error::CompiledOut))
    }

    pub(crate) async fn wait_async(
        &self,
        name: &str,
        wanted: WaitFor,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.wait(name, wanted, timeout)
    }

    pub(crate) fn expect_fired(&self, _: &str) -> Result<(), String> {
        Err(COMPILED_OUT.to_owned())
    }
}

/// Nothing ever happens.
pub(crate) struct Subscription;

/// As for [`Scope`].
impl Drop for Subscription {
    fn drop(&mut self) {}
}

pub(crate) fn subscribe() -> Subscription {
    Subscription
}

impl Scope {
    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription
    }
}

impl Subscription {
    pub(crate) fn recv(&mut self, _: Duration) -> Option<Event> {
        None
    }

    pub(crate) async fn recv_async(&mut self) -> Event {
        std::future::pending().await
    }

    pub(crate) fn lost(&self) -> u64 {
        0
    }
}
