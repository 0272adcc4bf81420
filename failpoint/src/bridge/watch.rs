//! The API of clients that watch over HTTP: waits, events and counts.
//!
//! What waits here is a future that any executor polls. It is woken, by a count, an arming or an
//! alarm of our own, and needs no timer of the executor's.

use crate::error::{Error, WaitError};
use crate::event::Event;
use crate::runtime::env;
use crate::runtime::eval::wait;
use crate::runtime::events::{self, Reader};
use crate::runtime::plan::Plan;
use crate::runtime::registry::point::{InForce, Over, Past, PointRef};
use crate::runtime::registry::{Changed, registry};
use crate::runtime::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub use crate::wait_for::WaitFor;

/// The counts of one arming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Which arming; of an idle point, its last disarming.
    pub generation: u64,
    /// Hits.
    pub hits: u64,
    /// Fires.
    pub fires: u64,
    /// Callers that are paused.
    pub paused: u64,
}

/// What a wait comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOutcome {
    /// It has come.
    Reached(Counts),
    /// The arming is over.
    Disarmed(Counts),
    /// The time ran out.
    TimedOut(Counts),
    /// The time ran out, and nothing was armed.
    Idle(Counts),
}

/// Why a wait is refused.
#[derive(Clone, Debug)]
pub enum WaitRejected {
    /// There is no such point.
    Unknown(Error),
    /// The point has not come to the generation that was named; this is the one it is at.
    NotYet(u64),
}

/// Waits until the point has seen what is wanted.
///
/// Of the arming in force, or of the next one where the point is idle. With `since`, a generation
/// that an arming or a disarming gave: of that arming or of the next one after that disarming;
/// where something newer has come it is over at once.
pub async fn watch(
    name: &str,
    wanted: WaitFor,
    since: Option<u64>,
    timeout: Duration,
) -> Result<WaitOutcome, WaitRejected> {
    env::ensure();
    let begun = Instant::now();
    let (now, past) = registry().in_force(name).map_err(WaitRejected::Unknown)?;
    match since {
        Some(since) if since > now.generation => return Err(WaitRejected::NotYet(now.generation)),
        Some(since) if since < now.generation => {
            return Ok(WaitOutcome::Disarmed(past.counts_of(since)));
        }
        _ => {}
    }
    let (point, generation) = (now.point, now.generation);
    let next = match now.plan {
        Some(plan) => Some(Next::Plan(plan)),
        None => next_arming(point, generation, begun.checked_add(timeout)).await,
    };
    let left = timeout.saturating_sub(begun.elapsed());
    Ok(match next {
        Some(Next::Plan(plan)) => watch_plan(&plan, wanted, left).await,
        Some(Next::Over(over)) if wanted.was_reached(&over) => WaitOutcome::Reached(over.into()),
        Some(Next::Over(over)) => WaitOutcome::Disarmed(over.into()),
        None => WaitOutcome::Idle(Counts { generation, ..Counts::default() }),
    })
}

/// What was armed during the wait for it.
enum Next {
    Plan(Arc<Plan>),
    /// It was armed and disarmed before the waiter looked.
    Over(Over),
}

/// The first arming after `generation`, or `None` at the deadline.
async fn next_arming(point: PointRef, generation: u64, deadline: Option<Instant>) -> Option<Next> {
    let mut place = None;
    let find = || {
        let (now, past) = registry().still_in_force(&point);
        match (now.plan, past.last) {
            (Some(plan), _) => Some(Next::Plan(plan)),
            (None, Some(over)) if over.generation > generation => Some(Next::Over(over)),
            (None, _) => None,
        }
    };
    wait::until(deadline, |waker| wait::look_for(point.armings(), find, &mut place, waker)).await
}

async fn watch_plan(plan: &Arc<Plan>, wanted: WaitFor, timeout: Duration) -> WaitOutcome {
    let outcome = wait::watch_async(plan, wanted, timeout).await;
    let counts = Counts {
        generation: plan.generation,
        hits: plan.hits(),
        fires: plan.fires(),
        paused: plan.gate.paused(),
    };
    match (outcome, wanted) {
        // Some may have been let go since.
        (Ok(()), WaitFor::Paused(n)) => {
            WaitOutcome::Reached(Counts { paused: counts.paused.max(n), ..counts })
        }
        (Ok(()), _) => WaitOutcome::Reached(counts),
        (Err(WaitError::TimedOut { .. }), _) => WaitOutcome::TimedOut(counts),
        (Err(_), _) => WaitOutcome::Disarmed(counts),
    }
}

impl WaitFor {
    fn was_reached(self, over: &Over) -> bool {
        match self {
            WaitFor::Hits(n) => over.hits >= n,
            WaitFor::Fires(n) => over.fires >= n,
            WaitFor::Paused(_) => false,
        }
    }
}

impl Past {
    /// The counts of an arming that is over, zeros where they were forgotten.
    fn counts_of(&self, generation: u64) -> Counts {
        match self.last {
            Some(over) if over.generation == generation => over.into(),
            _ => Counts { generation, ..Counts::default() },
        }
    }
}

impl From<Over> for Counts {
    fn from(over: Over) -> Self {
        let Over { generation, hits, fires } = over;
        Self { generation, hits, fires, paused: 0 }
    }
}

/// Comes back after `length`.
pub async fn sleep(length: Duration) {
    let _never: Option<()> =
        wait::until(Instant::now().checked_add(length), |_| Poll::Pending).await;
}

/// What happens at points that are armed globally, from the moment it was made. It holds so much and no more.
#[derive(Debug)]
pub struct Feed {
    queue: Reader,
}

impl Feed {
    /// From now on.
    pub fn begin() -> Self {
        env::ensure();
        Self { queue: events::subscribe(None) }
    }

    /// The next event, and how many were lost just before it.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Event, u64)> {
        self.queue.poll(cx.waker())
    }
}

/// What a point has seen in all its global armings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Total {
    /// The point.
    pub name: String,
    /// Hits.
    pub hits: u64,
    /// Fires.
    pub fires: u64,
    /// Callers that are paused now.
    pub paused: u64,
    /// Whether it is armed now.
    pub armed: bool,
}

/// What all points have seen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Totals {
    /// Of those that were ever armed, by name.
    pub points: Vec<Total>,
    /// How many points code declares.
    pub declared: usize,
    /// The count of all armings and disarmings.
    pub revision: u64,
}

/// Sums over all armings: they never go back, but where a point that no code declares was
/// forgotten.
pub fn totals() -> Totals {
    env::ensure();
    // As they stood between two changes: no arming counts any more once it is among those that are
    // over.
    let Changed { revision, made } = registry().survey();
    let declared = made.iter().filter(|(now, _)| now.point.is_declared()).count();
    let points = made.into_iter().filter_map(|(now, past)| Total::of(&now, past)).collect();
    Totals { points, declared, revision }
}

impl Total {
    fn of(now: &InForce, past: Past) -> Option<Self> {
        let plan = now.plan.as_deref();
        (now.generation > 0).then(|| Self {
            name: str::to_owned(now.point.name()),
            hits: past.hits + plan.map_or(0, Plan::hits),
            fires: past.fires + plan.map_or(0, Plan::fires),
            paused: plan.map_or(0, |plan| plan.gate.paused()),
            armed: plan.is_some(),
        })
    }
}
