//! What the public face calls where failpoints are compiled in.

use self::eval::{explore, wait};
use self::events::Reader;
use self::own_code::OwnCode;
use self::plan::{Plan, random};
use self::registry::target::Target;
use self::registry::{Arming, Request, Unknown, registry};
use self::sync::Arc;
use crate::callback::{Action, Hit};
use crate::error::{Error, WaitError};
use crate::event::Event;
use crate::exploration::{Explored, Run};
use crate::info::{PointInfo, Report};
use crate::wait_for::WaitFor;
use std::future::poll_fn;
use std::time::{Duration, Instant};
pub(crate) mod at_exit;
pub(crate) mod c;
pub(crate) mod count;
pub(crate) mod env;
pub(crate) mod eval;
pub(crate) mod events;
pub(crate) mod exit;
#[cfg(unix)]
pub(crate) mod fork;
pub(crate) mod log;
#[cfg(all(test, loom))]
mod loom;
pub(crate) mod own_code;
pub(crate) mod panic_hook;
pub(crate) mod park;
pub(crate) mod plan;
pub(crate) mod point_name;
pub(crate) mod registry;
pub(crate) mod scope;
pub(crate) mod simulated;
pub(crate) mod site;
pub(crate) mod sync;
pub(crate) mod values;

pub(crate) use self::exit::ExitHold;
pub(crate) use self::scope::Scope;

pub(crate) fn arm(name: &str, terms: &str) -> Result<Armed, Error> {
    arm_one(name, terms, Unknown::Refused)
}

pub(crate) fn arm_unlisted(name: &str, terms: &str) -> Result<Armed, Error> {
    arm_one(name, terms, Unknown::Armed)
}

pub(crate) fn arm_with(
    name: &str,
    callback: impl Fn(&Hit<'_>) -> Action + Send + Sync + 'static,
) -> Result<Armed, Error> {
    env::ensure();
    arm_request(Request::callback(name, Arc::new(callback), Unknown::Refused))
}

// A change is made as own code: what it arms in an allocator must not hold up the caller who made it.

fn arm_one(name: &str, terms: &str, unknown: Unknown) -> Result<Armed, Error> {
    env::ensure();
    let _own = OwnCode::enter();
    arm_request(Request::parse(name, terms, unknown)?)
}

fn arm_request(request: Request) -> Result<Armed, Error> {
    let _own = OwnCode::enter();
    match registry().arm(vec![request], Target::Global) {
        Ok(mut armings) => Ok(Armed::new(armings.remove(0))),
        Err(mut errors) => Err(errors.remove(0)),
    }
}

pub(crate) fn arm_all(config: &str) -> Result<Vec<Armed>, Error> {
    env::ensure();
    let _own = OwnCode::enter();
    let config = Request::parse_config(config, Unknown::Refused);
    let armings = registry().arm_config(config, Target::Global).map_err(Error::Config)?;
    Ok(armings.into_iter().map(Armed::new).collect())
}

pub(crate) fn disarm(name: &str) -> Result<bool, Error> {
    env::ensure();
    let _own = OwnCode::enter();
    registry().disarm(name, Target::Global)
}

pub(crate) fn reset() -> Vec<PointInfo> {
    env::ensure();
    let _own = OwnCode::enter();
    registry().reset()
}

pub(crate) fn points() -> Vec<PointInfo> {
    env::ensure();
    registry().points()
}

pub(crate) fn point(name: &str) -> Result<PointInfo, Error> {
    env::ensure();
    registry().point(name)
}

pub(crate) fn init_from_env() -> Result<(), Error> {
    env::read()?;
    env::announce(None);
    Ok(())
}

pub(crate) fn seed(seed: u64) {
    env::ensure();
    random::set_seed(seed);
}

pub(crate) fn hold_exit() -> ExitHold {
    exit::hold()
}

pub(crate) fn report() -> Report {
    env::ensure();
    registry().report()
}

pub(crate) fn explore(body: impl FnMut(&Run)) -> Explored {
    env::ensure();
    explore::explore(body)
}

pub(crate) struct Armed {
    arming: Arming,
    keep: bool,
}

impl Armed {
    fn new(arming: Arming) -> Self {
        Self { arming, keep: false }
    }

    pub(crate) fn name(&self) -> &str {
        &self.arming.plan.point
    }

    pub(crate) fn terms(&self) -> &str {
        &self.arming.plan.text
    }

    pub(crate) fn generation(&self) -> u64 {
        self.arming.plan.generation
    }

    pub(crate) fn hits(&self) -> u64 {
        self.arming.plan.hits()
    }

    pub(crate) fn fires(&self) -> u64 {
        self.arming.plan.fires()
    }

    pub(crate) fn paused(&self) -> u64 {
        self.arming.plan.gate.paused()
    }

    #[track_caller]
    pub(crate) fn wait(&self, wanted: WaitFor, timeout: Duration) -> Result<(), WaitError> {
        wait::watch(&self.arming.plan, wanted, timeout)
    }

    pub(crate) async fn wait_async(
        &self,
        wanted: WaitFor,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        wait::watch_async(&self.arming.plan, wanted, timeout).await
    }

    pub(crate) fn expect_fired(&self) -> Result<(), String> {
        expect_fired(&self.arming.plan)
    }

    pub(crate) fn resume(&self, n: usize) -> usize {
        self.arming.plan.gate.resume(n)
    }

    pub(crate) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if !self.keep {
            let _own = OwnCode::enter();
            registry().disarm_plan(&self.arming.point, &self.arming.plan);
        }
    }
}

impl Scope {
    #[track_caller]
    pub(crate) fn wait(
        &self,
        name: &str,
        wanted: WaitFor,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        wait::assert_may_block(name, wanted);
        let begun = Instant::now();
        let mut place = None;
        self.plan(name).map_err(WaitError::Refused)?;
        let find = || self.plan(name).ok().flatten();
        let plan = wait::block_on(begun.checked_add(timeout), |waker| {
            wait::look_for(self.armings(), find, &mut place, waker)
        });
        let plan = plan.ok_or_else(|| idle(name, wanted, timeout))?;
        let seen = wait::watch(&plan, wanted, timeout.saturating_sub(begun.elapsed()));
        seen.map_err(|error| self.explain(error))
    }

    pub(crate) async fn wait_async(
        &self,
        name: &str,
        wanted: WaitFor,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let begun = Instant::now();
        let mut place = None;
        self.plan(name).map_err(WaitError::Refused)?;
        let find = || self.plan(name).ok().flatten();
        let plan = wait::until(begun.checked_add(timeout), |waker| {
            wait::look_for(self.armings(), find, &mut place, waker)
        });
        let plan = plan.await.ok_or_else(|| idle(name, wanted, timeout))?;
        let left = timeout.saturating_sub(begun.elapsed());
        wait::watch_async(&plan, wanted, left).await.map_err(|error| self.explain(error))
    }

    pub(crate) fn expect_fired(&self, name: &str) -> Result<(), String> {
        match self.plan(name) {
            Ok(Some(plan)) => expect_fired(&plan).map_err(|why| match self.never_entered() {
                Some(cause) => format!("{why}; {cause}"),
                None => why,
            }),
            Ok(None) => Err(format!("the scope does not arm `{name}`")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Adds the cause to a wait that ran out of time.
    fn explain(&self, mut error: WaitError) -> WaitError {
        if let (WaitError::TimedOut { outside, .. }, Some(cause)) =
            (&mut error, self.never_entered())
        {
            *outside = Some(match outside.take() {
                Some(outside) => format!("{cause}; {outside}"),
                None => cause.to_owned(),
            });
        }
        error
    }

    /// Why nothing that the scope arms can have been hit, if nothing was ever inside it.
    fn never_entered(&self) -> Option<&'static str> {
        (!self.was_entered()).then_some(
            "the scope was never entered, so nothing it arms can be hit: enter it with `let _in = \
             scope.enter();`, or give it to what runs there with scope.wrap(future), \
             scope.wrap_fn(closure) or scope.on_thread_start()",
        )
    }
}

pub(crate) struct Subscription {
    queue: Reader,
    lost: u64,
}

/// What happens globally.
pub(crate) fn subscribe() -> Subscription {
    env::ensure();
    Subscription { queue: events::subscribe(None), lost: 0 }
}

impl Scope {
    /// What happens inside the scope.
    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription { queue: events::subscribe(Some(self.id())), lost: 0 }
    }
}

impl Subscription {
    pub(crate) fn recv(&mut self, timeout: Duration) -> Option<Event> {
        let deadline = Instant::now().checked_add(timeout);
        let (event, lost) = wait::block_on(deadline, |waker| self.queue.poll(waker))?;
        self.lost += lost;
        Some(event)
    }

    pub(crate) async fn recv_async(&mut self) -> Event {
        let queue = &self.queue;
        let (event, lost) = poll_fn(|cx| queue.poll(cx.waker())).await;
        self.lost += lost;
        event
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost + self.queue.lost()
    }
}

fn idle(name: &str, wanted: WaitFor, waited: Duration) -> WaitError {
    WaitError::Idle { name: name.to_owned(), wanted: wanted.to_string(), waited }
}

fn expect_fired(plan: &Plan) -> Result<(), String> {
    if plan.fires() > 0 { Ok(()) } else { Err(plan.unfired()) }
}
