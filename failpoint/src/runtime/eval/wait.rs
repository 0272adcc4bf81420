//! How a caller waits, and what ends the wait.
//!
//! One state machine for threads and tasks: it is polled with a waker and says when to look again.
//! A thread's waker wakes it. Waits are woken, never polled on the clock.

use crate::error::WaitError;
use crate::event::EventKind;
use crate::injected::Panic;
use crate::runtime::eval::step::{self, WaitKind};
use crate::runtime::events;
use crate::runtime::log::{self, Level};
use crate::runtime::park::clock::{Moment, Sleep};
use crate::runtime::park::executor;
use crate::runtime::park::gate::{Entered, Gate, Reason, WaiterGuard, WaiterState};
use crate::runtime::park::timer::Alarm;
use crate::runtime::plan::filter::ThisThread;
use crate::runtime::plan::{Observed, Origin, Plan};
use crate::runtime::registry::registry;
use crate::runtime::site::Site;
use crate::runtime::sync::Arc;
use crate::runtime::sync::lasting::{Condvar, Mutex};
use crate::visible::visible;
use crate::wait_for::WaitFor;
use std::fmt::Write;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// How long a busy task keeps its executor at a time.
const BUSY_SLICE: Duration = Duration::from_micros(100);

/// Whether the steps behind a wait run.
#[derive(Debug)]
pub(crate) enum WaitEnd {
    /// It ended by its own time, or was resumed: go on.
    Continue,
    /// The plan is over: the rest is skipped.
    PlanOver,
    /// Its limit ran out.
    Panic(Box<Panic>),
}

/// Blocks this thread for `kind`.
pub(crate) fn block(plan: &Arc<Plan>, site: &'static Site, kind: WaitKind) -> WaitEnd {
    if site.may_complain() && executor::runs_tasks() && site.is_first_complaint() {
        log::say(
            Level::Warn,
            format_args!(
                "the failpoint {} at {} blocks a thread that runs tasks; use its async macro \
                 there (fail_point_async! for fail_point!)",
                plan.point,
                site.at()
            ),
        );
    }
    if let WaitKind::Busy(length) = kind {
        return spin(plan, length);
    }
    let mut pending = PendingWait::new(plan.clone(), site, kind);
    match block_on(pending.deadline, |waker| pending.poll(waker, "thread")) {
        Some(after) => after,
        None => pending.expire(),
    }
}

/// Blocks until `plan` has seen what is wanted, is over, or `timeout` has run out.
#[track_caller]
pub(crate) fn watch(plan: &Arc<Plan>, wanted: WaitFor, timeout: Duration) -> Result<(), WaitError> {
    assert_may_block(&plan.point, wanted);
    let _every_hit_rings = plan.pause_counter();
    let mut place = None;
    // A time-out beyond what the clock can hold is one that never comes.
    let deadline = Instant::now().checked_add(timeout);
    let poll = |waker: &Waker| look(plan, wanted, &mut place, waker);
    outcome(plan, wanted, timeout, block_on(deadline, poll))
}

/// A blocking wait on the only thread of a runtime stops the tasks it waits for.
#[track_caller]
pub(crate) fn assert_may_block(point: &str, wanted: WaitFor) {
    assert!(
        !executor::is_the_only_thread(),
        "a blocking wait for the failpoint {point} on the only thread of a tokio runtime would \
         stop the tasks it waits for; await its twin, wait_{}_async",
        wanted.word()
    );
}

/// The twin of [`watch`] for a task.
pub(crate) async fn watch_async(
    plan: &Arc<Plan>,
    wanted: WaitFor,
    timeout: Duration,
) -> Result<(), WaitError> {
    let _every_hit_rings = plan.pause_counter();
    let mut place = None;
    let deadline = Instant::now().checked_add(timeout);
    let seen = until(deadline, |waker| look(plan, wanted, &mut place, waker)).await;
    outcome(plan, wanted, timeout, seen)
}

/// Awaits until `poll` is ready, or until `deadline`: then `None`. The twin of [`block_on`].
pub(crate) async fn until<T>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&Waker) -> Poll<T>,
) -> Option<T> {
    let mut alarm = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(value) = poll(cx.waker()) {
            return Poll::Ready(Some(value));
        }
        match deadline {
            Some(deadline) if Instant::now() >= deadline => return Poll::Ready(None),
            Some(deadline) => Alarm::set(&mut alarm, deadline, cx.waker()),
            None => {}
        }
        Poll::Pending
    })
    .await
}

/// Looks for what an arming brings, and is not there yet; `armings` rings when it may be.
pub(crate) fn look_for<T>(
    armings: &Arc<Gate>,
    find: impl FnOnce() -> Option<T>,
    place: &mut Option<WaiterGuard>,
    waker: &Waker,
) -> Poll<T> {
    if place.is_none() {
        // This gate never closes, and is no barrier.
        if let Entered::Waiting(entered) =
            armings.enter(Reason::Armings, String::new(), waker.clone())
        {
            *place = Some(entered);
        }
    }
    // Looked at first, so that an arming after this wakes us.
    if let Some(place) = place {
        place.look(waker);
    }
    find().map_or(Poll::Pending, Poll::Ready)
}

/// What a wait comes to: `seen` is how it ended, `None` if the time ran out.
fn outcome(
    plan: &Plan,
    wanted: WaitFor,
    timeout: Duration,
    seen: Option<WaiterState>,
) -> Result<(), WaitError> {
    let (name, wanted) = (str::to_owned(&plan.point), wanted.to_string());
    match seen {
        Some(WaiterState::Closed) => Err(WaitError::Disarmed { name, wanted }),
        Some(_) => Ok(()),
        None => Err(WaitError::TimedOut {
            name,
            wanted,
            waited: timeout,
            hits: plan.hits(),
            fires: plan.fires(),
            paused: plan.gate.paused(),
            outside: plan.outside(),
        }),
    }
}

fn look(
    plan: &Arc<Plan>,
    wanted: WaitFor,
    place: &mut Option<WaiterGuard>,
    waker: &Waker,
) -> Poll<WaiterState> {
    if place.is_none() {
        match plan.gate.enter(Reason::Watching(wanted), String::new(), waker.clone()) {
            Entered::Waiting(entered) => *place = Some(entered),
            // What was reached before the end was reached.
            Entered::Closed if wanted.is_reached(plan) => return Poll::Ready(WaiterState::Freed),
            _ => return Poll::Ready(WaiterState::Closed),
        }
    }
    let standing = place.as_ref().map_or(WaiterState::Closed, |place| place.look(waker));
    if wanted.is_reached(plan) {
        Poll::Ready(WaiterState::Freed)
    } else if standing == WaiterState::Closed {
        Poll::Ready(WaiterState::Closed)
    } else {
        Poll::Pending
    }
}

impl WaitFor {
    fn is_reached(self, plan: &Plan) -> bool {
        match self {
            WaitFor::Hits(n) => plan.hits() >= n,
            WaitFor::Fires(n) => plan.fires() >= n,
            WaitFor::Paused(n) => plan.gate.paused() >= n,
        }
    }
}

/// One stay of a caller at the gate of a plan.
#[derive(Debug)]
pub(crate) struct PendingWait {
    plan: Arc<Plan>,
    site: &'static Site,
    kind: WaitKind,
    deadline: Option<Instant>,
    place: Option<WaiterGuard>,
    begun: Moment,
    /// What wakes a task when its limit runs out.
    alarm: Option<Alarm>,
    /// What a task sleeps on.
    sleep: Option<Sleep>,
}

impl PendingWait {
    pub(crate) fn new(plan: Arc<Plan>, site: &'static Site, kind: WaitKind) -> Self {
        let length = match kind {
            WaitKind::Sleep(length) | WaitKind::Busy(length) => Some(length),
            WaitKind::Resume { limit } => limit,
            WaitKind::Barrier { limit, .. } | WaitKind::Passages { limit, .. } => Some(limit),
        };
        // A length beyond what the clock can hold never runs out.
        let deadline = length.and_then(|length| Instant::now().checked_add(length));
        Self {
            plan,
            site,
            kind,
            deadline,
            place: None,
            begun: Moment::now(),
            alarm: None,
            sleep: None,
        }
    }

    /// `kind` is what waits here: a thread, or a task on one.
    fn poll(&mut self, waker: &Waker, kind: &str) -> Poll<WaitEnd> {
        if self.place.is_none() {
            let who = format!("{kind} `{}` at {}", ThisThread::get(), self.site.at());
            match self.plan.gate.enter(self.reason(), who, waker.clone()) {
                Entered::Waiting(place) => {
                    self.place = Some(place);
                    self.publish(EventKind::Paused);
                }
                Entered::Through => return Poll::Ready(WaitEnd::Continue),
                Entered::Closed => return Poll::Ready(WaitEnd::PlanOver),
            }
        }
        let standing = self.place.as_ref().map_or(WaiterState::Closed, |place| place.look(waker));
        match standing {
            WaiterState::Freed => {
                self.publish(EventKind::Resumed);
                Poll::Ready(WaitEnd::Continue)
            }
            WaiterState::Closed => Poll::Ready(WaitEnd::PlanOver),
            WaiterState::Still if self.has_seen_enough() => Poll::Ready(WaitEnd::Continue),
            WaiterState::Still => Poll::Pending,
        }
    }

    fn publish(&self, kind: EventKind) {
        if matches!(self.kind, WaitKind::Resume { .. }) {
            events::publish_plain(&self.plan, kind);
        }
    }

    /// The same for a task, which needs to be woken when its time is up.
    pub(crate) fn poll_async(&mut self, cx: &mut Context<'_>) -> Poll<WaitEnd> {
        if let Poll::Ready(after) = self.poll(cx.waker(), "a task on thread") {
            return Poll::Ready(after);
        }
        match self.kind {
            WaitKind::Sleep(length) => {
                let sleep = self.sleep.get_or_insert_with(|| Sleep::new(length));
                sleep.poll(cx).map(|()| WaitEnd::Continue)
            }
            WaitKind::Busy(length) => self.poll_busy(length, cx).map(|()| WaitEnd::Continue),
            WaitKind::Resume { .. } | WaitKind::Barrier { .. } | WaitKind::Passages { .. } => {
                let Some(deadline) = self.deadline else { return Poll::Pending };
                if Instant::now() >= deadline {
                    return Poll::Ready(self.expire());
                }
                Alarm::set(&mut self.alarm, deadline, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Busy, but not to the ruin of the tasks beside it: a slice, then their turn. Where the clock
    /// in force stands still, as tokio's does when it is paused, the rest is slept on it.
    fn poll_busy(&mut self, length: Duration, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.sleep {
            return sleep.poll(cx);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let rest = length.saturating_sub(self.begun.elapsed());
            return self.sleep.insert(Sleep::new(rest)).poll(cx);
        }
        let slice = Instant::now() + BUSY_SLICE;
        while Instant::now() < slice {
            std::hint::spin_loop();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn has_seen_enough(&self) -> bool {
        match self.kind {
            WaitKind::Passages { observation, count, .. } => {
                self.plan.observed[observation].observation.passages() >= count
            }
            _ => false,
        }
    }

    fn reason(&self) -> Reason {
        match self.kind {
            WaitKind::Sleep(_) | WaitKind::Busy(_) => Reason::Sleeping,
            WaitKind::Resume { .. } => Reason::Paused,
            WaitKind::Barrier { term, step, size, .. } => Reason::Barrier { term, step, size },
            WaitKind::Passages { .. } => Reason::Passages,
        }
    }

    /// The time is up: the end of a sleep, the failure of anything else.
    fn expire(&mut self) -> WaitEnd {
        let (what, limit) = match self.kind {
            WaitKind::Sleep(_) | WaitKind::Busy(_) => return WaitEnd::Continue,
            WaitKind::Resume { limit } => {
                ("the pause was not resumed".to_owned(), limit.unwrap_or_default())
            }
            WaitKind::Barrier { size, limit, .. } => {
                (format!("the barrier never held {size} callers"), limit)
            }
            WaitKind::Passages { observation, count, limit } => {
                let Observed { point, observation } = &self.plan.observed[observation];
                let seen = observation.passages();
                (format!("`{point}` was passed {seen} of {count} times"), limit)
            }
        };
        let mut message = format!(
            "failpoint {}: the limit of {limit:?} ran out at {}: {what}",
            self.plan.point,
            self.site.at()
        );
        describe_waiting(&self.plan, &mut message);
        // The place is left before anything is said or unwound. A caller that was released just
        // now goes on.
        match self.place.take().map(|place| place.leave()) {
            Some(WaiterState::Freed) => {
                self.publish(EventKind::Resumed);
                return WaitEnd::Continue;
            }
            Some(WaiterState::Closed) => return WaitEnd::PlanOver,
            Some(WaiterState::Still) | None => {}
        }
        match self.plan.origin {
            Origin::Code => {
                if let Some(message) = step::panic_unless_unwinding(message) {
                    return WaitEnd::Panic(Panic::plain(message));
                }
            }
            Origin::Remote | Origin::Environment | Origin::Fail => {
                log::say(Level::Error, format_args!("{message}"));
            }
        }
        WaitEnd::Continue
    }
}

/// Lists the callers that wait, those of `own` first: an order that is impossible shows here. The
/// list is bounded, since each of the callers may come to write it, and so is the part of one
/// point, since a crowd there would hide the others.
fn describe_waiting(own: &Arc<Plan>, message: &mut String) {
    const SHOWN: usize = 32;
    const OF_ONE: usize = 8;
    let (mut shown, mut all) = (0, 0);
    let others = registry().plans().into_iter().filter(|plan| !Arc::ptr_eq(plan, own));
    for plan in std::iter::once(own.clone()).chain(others) {
        let (first, count) = plan.gate.standing(OF_ONE.min(SHOWN - shown));
        shown += first.len();
        all += count;
        for (reason, who) in first {
            let what = match reason {
                Reason::Sleeping => "sleeps",
                Reason::Paused => "is paused",
                Reason::Barrier { .. } => "waits at a barrier",
                Reason::Passages => "waits for another point",
                Reason::Watching(_) | Reason::Armings => continue,
            };
            let (point, terms, who) = (visible(&plan.point), plan.shown(), visible(&who));
            let _ = write!(message, "\n  {who} {what} at `{point}` ({terms})");
        }
    }
    if all > shown {
        let _ = write!(message, "\n  and {} more", all - shown);
    }
}

/// Keeps the processor busy; looks now and then whether the plan is over.
fn spin(plan: &Plan, length: Duration) -> WaitEnd {
    /// Looking takes a lock that others may want.
    const LOOK_EVERY: Duration = Duration::from_micros(200);
    let start = Instant::now();
    let mut looked = Duration::ZERO;
    loop {
        let spent = start.elapsed();
        if spent >= length {
            return WaitEnd::Continue;
        }
        if spent >= looked + LOOK_EVERY {
            looked = spent;
            if plan.gate.is_closed() {
                return WaitEnd::PlanOver;
            }
        }
        std::hint::spin_loop();
    }
}

/// Blocks this thread until `poll` is ready, or until `deadline`: then `None`.
pub(crate) fn block_on<T>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&Waker) -> Poll<T>,
) -> Option<T> {
    let bell = Arc::new(Bell { is_rung: Mutex::new(false), rung: Condvar::new() });
    let waker = Waker::from(bell.clone());
    loop {
        if let Poll::Ready(value) = poll(&waker) {
            return Some(value);
        }
        if !bell.wait(deadline) {
            return None;
        }
    }
}

/// What wakes a blocked thread. Not `std::thread::park`, for which a thread has to have a handle:
/// one that is torn down has none any more, and the memory that it frees last may evaluate a point.
struct Bell {
    is_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    /// Whether it rang before the deadline.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut is_rung = self.is_rung.lock();
        while !*is_rung {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            is_rung = self.rung.wait(is_rung, deadline);
        }
        *is_rung = false;
        true
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.is_rung.lock() = true;
        self.rung.notify_one();
    }
}
