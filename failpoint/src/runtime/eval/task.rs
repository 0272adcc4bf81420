//! One evaluation on a task, which awaits what it has to wait for.
//!
//! It begins where the site is: there it decides, and does all that can be done at once. Only what has to
//! wait becomes a future, of one pointer, so that an idle point costs the future that holds it no more.

use super::step::{self, Effect, Fired};
use super::wait::{PendingWait, WaitEnd};
use super::{Acting, Context, OrPanic, Sink, enter, hand, when_fired};
use crate::injected::Injected;
use crate::runtime::own_code::OwnCode;
use crate::runtime::plan::Plan;
use crate::runtime::registry::point::Point;
use crate::runtime::scope::Scope;
use crate::runtime::site::{Callsite, Site};
use crate::runtime::sync::Arc;
use crate::terms::Value;
use crate::value::FromTerm;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

/// An evaluation that has begun.
#[derive(Debug)]
pub enum Begun<R> {
    /// It has ended at once, with what the site makes of it.
    Done(R),
    /// It waits. What it gives then is for [`awaited`].
    Waits(Evaluation),
}

pub use Begun::{Done, Waits};

/// The evaluations of sites on a task, by what the site makes of a value. What the site tells is used up
/// here: nothing of it is held across an await.
pub mod begun {
    use super::*;

    /// Nothing.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn statement(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Begun<()> {
        begin_into(callsite, context, scope, &mut |_cannot_return| {}).map_or(Done(()), Waits)
    }

    /// The text that a closure takes.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn text(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Begun<Returned> {
        let mut returned = None;
        let take = &mut |text: Option<&str>| returned = Some(text.map(str::to_owned));
        begin_into(callsite, context, scope, take).map_or(Done(returned), Waits)
    }

    /// A value of a type.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn typed<T: FromTerm>(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Begun<Option<T>> {
        let mut returned = None;
        let take = &mut |text: Option<&str>| returned = T::from_term(text).ok();
        begin_into(callsite, context, scope, take).map_or(Done(returned), Waits)
    }

    /// An error.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn result(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Begun<Result<(), Injected>> {
        match text(callsite, context, scope) {
            Done(returned) => Done(super::super::result(callsite.site, returned)),
            Waits(evaluation) => Waits(evaluation),
        }
    }
}

/// The same for what was awaited.
pub mod awaited {
    use super::*;

    /// Nothing.
    pub fn statement(_cannot_return: Awaited) {}

    /// The text that a closure takes.
    pub fn text(awaited: Awaited) -> Returned {
        Some(awaited?.text)
    }

    /// A value of a type.
    pub fn typed<T: FromTerm>(awaited: Awaited) -> Option<T> {
        T::from_term(awaited?.text.as_deref()).ok()
    }

    /// An error.
    pub fn result(awaited: Awaited) -> Result<(), Injected> {
        match awaited {
            None => Ok(()),
            Some(ReturnedAt { site, text }) => super::super::result(site, Some(text)),
        }
    }
}

/// What is returned to a site: the content of a `return(…)`, or nothing of it.
pub(crate) type Returned = Option<Option<String>>;

/// The same, and the site, which the future around it would have to hold otherwise.
pub(crate) type Awaited = Option<ReturnedAt>;

/// What a `return(…)` hands to a site that was awaited.
#[derive(Debug)]
pub struct ReturnedAt {
    site: &'static Site,
    text: Option<String>,
}

/// Begins an evaluation, up to where it has to wait.
#[inline(always)]
#[track_caller]
fn begin_into(
    callsite: Callsite,
    context: Context<'_>,
    scope: Option<&crate::Scope>,
    sink: Sink<'_>,
) -> Option<Evaluation> {
    let point = enter(callsite)?;
    match begin(point, callsite.site, context, scope.map(crate::Scope::inner), sink) {
        Ok(run) => run.map(|run| Evaluation { run: Some(run) }),
        Err(panic) => panic.raise(),
    }
}

/// What is left to be done, if anything is.
#[inline(never)]
fn begin(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
    sink: Sink<'_>,
) -> OrPanic<Option<Box<Run>>> {
    when_fired(point, site, context, through, move |plan, acting, own| match acting {
        Acting::Return(value) => {
            hand(value, own, sink);
            Ok(None)
        }
        Acting::Steps(fired) => begin_fired(plan, site, through, fired, own, sink),
    })
}

#[inline(never)]
fn begin_fired(
    plan: &Arc<Plan>,
    site: &'static Site,
    through: Option<&Scope>,
    fired: Fired,
    own: OwnCode,
    sink: Sink<'_>,
) -> OrPanic<Option<Box<Run>>> {
    let steps = fired.steps(plan);
    for step in 0..steps.len() {
        match step::perform(plan, site, through, fired.fire, steps, step) {
            Effect::Done => {}
            Effect::Return(value) => {
                hand(value, own, sink);
                break;
            }
            Effect::Panic(panic) => return Err(panic),
            Effect::Wait(kind) => {
                let pending = Some(PendingWait::new(plan.clone(), site, kind));
                let step = step + 1;
                return Ok(Some(Box::new(Run { plan: plan.clone(), site, fired, step, pending })));
            }
        }
    }
    Ok(None)
}

/// An evaluation that waits. Dropping it leaves the gate that it waits at.
#[derive(Debug)]
#[must_use = "an evaluation does nothing unless it is awaited"]
pub struct Evaluation {
    // One pointer, so that an idle point costs its future no more.
    run: Option<Box<Run>>,
}

impl Future for Evaluation {
    type Output = Awaited;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Awaited> {
        let Some(run) = &mut self.run else { return Poll::Ready(None) };
        let (site, done) = (run.site, task::ready!(run.poll(cx)));
        // What it holds is let go of first.
        self.run = None;
        match done {
            Ok(returned) => Poll::Ready(returned.map(|text| ReturnedAt { site, text })),
            Err(panic) => panic.raise(),
        }
    }
}

/// The steps of a term that fired, from one that waits.
#[derive(Debug)]
struct Run {
    plan: Arc<Plan>,
    site: &'static Site,
    fired: Fired,
    step: usize,
    pending: Option<PendingWait>,
}

impl Run {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<OrPanic<Returned>> {
        let _own = OwnCode::enter();
        loop {
            if let Some(pending) = &mut self.pending {
                match task::ready!(pending.poll_async(cx)) {
                    WaitEnd::Continue => self.pending = None,
                    WaitEnd::PlanOver => return Poll::Ready(Ok(None)),
                    WaitEnd::Panic(panic) => return Poll::Ready(Err(panic)),
                }
            }
            let steps = self.fired.steps(&self.plan);
            if self.step == steps.len() {
                return Poll::Ready(Ok(None));
            }
            // A simulation that is in force lets nothing wait, so one that was given by hand was not in force
            // when this began.
            let (fire, step) = (self.fired.fire, self.step);
            let effect = step::perform(&self.plan, self.site, None, fire, steps, step);
            self.step += 1;
            match effect {
                Effect::Done => {}
                Effect::Return(value) => {
                    let text = value.as_ref().map(Value::content);
                    return Poll::Ready(Ok(Some(text.map(str::to_owned))));
                }
                Effect::Panic(panic) => return Poll::Ready(Err(panic)),
                Effect::Wait(kind) => {
                    self.pending = Some(PendingWait::new(self.plan.clone(), self.site, kind));
                }
            }
        }
    }
}
