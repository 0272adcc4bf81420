//! What is one evaluation?
//!
//! The cold half of a site whose switch says to go on. See *One evaluation* in ARCHITECTURE.md.

use crate::callback::{Action, Hit};
use crate::effect::{self, Effect, Fired};
use crate::env;
use crate::event::EventKind;
use crate::events;
use crate::filter::{Facts, ThisThread, fact};
use crate::injected::Injected;
use crate::log;
use crate::plan::{Decision, Fire, Plan};
use crate::point::{Point, Snapshot};
use crate::registry::{self, registry};
use crate::scope::{self, Found, Scope};
use crate::site::{Here, Site};
use crate::sync::Arc;
use crate::value::FromTerm;
use crate::wait::{self, After, Stay};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

/// What a site tells of its passage, rendered only if somebody asks.
pub(crate) type Context<'a> = &'a [(&'static str, &'a dyn Display)];

/// A value on its way to a site: the content of `return(…)`, or none.
pub(crate) type Returned = Option<Option<String>>;

/// Evaluates a plain statement.
#[cold]
#[inline(never)]
pub fn evaluate(here: Here) {
    if !pass(here.site) {
        let _cannot_return: Returned = run(here, &[], None);
    }
}

/// Evaluates a site in full.
#[cold]
#[inline(never)]
pub fn evaluate_with(here: Here, context: Context<'_>, scope: Option<&crate::Scope>) -> Returned {
    if pass(here.site) { None } else { run(here, context, scope.map(crate::Scope::inner)) }
}

/// Begins an evaluation that awaits what it has to wait for. What the site tells is used up here:
/// nothing of it is held across an await.
#[cold]
#[inline(never)]
pub fn evaluate_async(
    here: Here,
    context: Context<'_>,
    scope: Option<&crate::Scope>,
) -> Evaluation {
    let begin = || begin(here, context, scope.map(crate::Scope::inner)).map(Box::new);
    Evaluation { rest: if pass(here.site) { None } else { begin() } }
}

/// Reads what was returned as a `T`.
pub fn typed<T: FromTerm>(returned: Returned) -> Option<T> {
    // The value was read once when it was armed, so it can be read now.
    returned.and_then(|text| T::from_term(text.as_deref()).ok())
}

/// Makes what was returned to a `fail_result!` its error.
pub fn injected(site: &'static Site, returned: Returned) -> Result<(), Injected> {
    match returned {
        None => Ok(()),
        Some(value) => Err(Injected::new(site.name(), value)),
    }
}

/// Whether anything is armed at this site, so that its condition may be asked.
#[cold]
#[inline(never)]
pub fn ready(here: Here) -> bool {
    point(here).is_some_and(Point::is_live)
}

/// Whether nothing is left to be done: nothing may be evaluated here, or it was a hit that only had to be
/// counted. The commonest case, and the cheapest: nothing is held, nothing shared is written.
pub(crate) fn pass(site: &'static Site) -> bool {
    // Our own log line, or a subscriber of it, came by.
    log::speaking() || site.pass()
}

/// The point of this site, which is registered and marked as reached on the way; none where nothing
/// may be evaluated.
fn point(here: Here) -> Option<&'static Point> {
    if log::speaking() {
        return None;
    }
    let site = here.site;
    if !site.is_reached() {
        see(here);
    }
    site.owner()
}

/// The first evaluation of a site.
#[cold]
fn see(here: Here) {
    env::ensure();
    registry().register(here.site).reach(here);
}

/// The plan that sees this evaluation.
fn find<'a>(
    now: &'a Snapshot,
    site: &'static Site,
    through: Option<&Scope>,
) -> Option<&'a Arc<Plan>> {
    for observation in &now.observers {
        if observation.scope().is_none_or(|scope| scope::is_inside(scope, through)) {
            observation.pass();
        }
    }
    match scope::find(now, through) {
        Found::Plan(plan) => Some(plan),
        Found::Nothing => {
            if now.plan.is_none() {
                now.note_outside(site);
            }
            now.plan.as_ref()
        }
        Found::Isolated => None,
    }
}

/// What the plan decides.
fn decide(
    plan: &Plan,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
) -> Option<Fired> {
    let facts = |key: &str, look: &mut dyn FnMut(&dyn Display)| match key {
        "thread" => look(&ThisThread::get()),
        "scope" => scope::current_name(through, look),
        key => {
            let found = context.iter().find(|(name, _)| *name == key);
            found.into_iter().for_each(|(_, value)| look(value));
        }
    };
    let fired = match plan.decide(site, &facts) {
        Decision::Fire(fire) => Fired { fire, asked: None },
        Decision::Ask(number) => ask(plan, site, number, &facts)?,
        Decision::NoHit | Decision::Pass | Decision::Misfit => return None,
    };
    events::publish(plan, EventKind::Fired, context.iter().map(|(key, _)| *key), &facts);
    Some(fired)
}

/// Asks the callback what to do. Nothing is held: it may disarm its own point.
fn ask(plan: &Plan, site: &'static Site, number: u64, facts: Facts<'_>) -> Option<Fired> {
    let callback = plan.callback.clone()?;
    let text = |key: &str| fact(facts, key);
    let action = callback(&Hit::new(plan.point, number + 1, &text));
    if let Action::Return(text) = &action {
        if let Some(refusal) = registry::misfit_of(site, text.as_deref()) {
            if plan.is_first_misfit() {
                registry::say_passes_by(&refusal);
            }
            return None;
        }
    }
    let is_off = action == Action::Off;
    let asked = effect::steps_of(action);
    if asked.is_empty() {
        return None;
    }
    plan.count_callback_fire(is_off);
    Some(Fired { fire: Fire { term: 0, number }, asked: Some(asked) })
}

/// Decides, and has `act` do what fires. What it is lent is held by nothing that a change waits for.
pub(crate) fn when_fired<R>(
    here: Here,
    context: Context<'_>,
    through: Option<&Scope>,
    act: impl FnOnce(&Arc<Plan>, Fired) -> Option<R>,
) -> Option<R> {
    let now = point(here)?.snapshot();
    let site = here.site;
    let plan = find(now.as_ref()?, site, through)?;
    let fired = decide(plan, site, context, through)?;
    act(plan, fired)
}

/// Decides, and runs the steps of the term that fires on this thread.
#[inline(never)]
fn run(here: Here, context: Context<'_>, through: Option<&Scope>) -> Returned {
    when_fired(here, context, through, |plan, fired| {
        let mut step = 0;
        while let Some(effect) = effect::perform(plan, &fired, step) {
            step += 1;
            match effect {
                Effect::Done => {}
                Effect::Return(value) => return Some(value),
                Effect::Wait(need) => match wait::block(plan, here.site, need) {
                    After::GoOn => {}
                    After::Over => return None,
                },
            }
        }
        None
    })
}

/// The same for a task, up to where it has to wait: what is left for it to do, if anything is.
fn begin(here: Here, context: Context<'_>, through: Option<&Scope>) -> Option<Rest> {
    let site = here.site;
    when_fired(here, context, through, |plan, fired| {
        let mut step = 0;
        while let Some(effect) = effect::perform(plan, &fired, step) {
            step += 1;
            match effect {
                Effect::Done => {}
                Effect::Return(value) => return Some(Rest::Returned(value)),
                Effect::Wait(need) => {
                    let stay = Some(Stay::new(plan.clone(), site, need));
                    let run = Run { plan: plan.clone(), site, fired, step, stay };
                    return Some(Rest::Run(Box::new(run)));
                }
            }
        }
        None
    })
}

/// An evaluation that awaits. Dropping it leaves wherever it stands.
#[derive(Debug)]
#[must_use = "an evaluation does nothing unless it is awaited"]
pub struct Evaluation {
    // One pointer, so that an idle point costs its future no more.
    rest: Option<Box<Rest>>,
}

impl Future for Evaluation {
    type Output = Returned;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Returned> {
        match self.rest.as_deref_mut() {
            None => Poll::Ready(None),
            Some(Rest::Returned(value)) => Poll::Ready(Some(value.take())),
            Some(Rest::Run(run)) => run.poll(cx),
        }
    }
}

/// What is left of an evaluation that began on a task.
#[derive(Debug)]
enum Rest {
    Returned(Option<String>),
    Run(Box<Run>),
}

/// The steps of a term that fired, from one that waits.
#[derive(Debug)]
struct Run {
    plan: Arc<Plan>,
    site: &'static Site,
    fired: Fired,
    step: usize,
    stay: Option<Stay>,
}

impl Run {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Returned> {
        loop {
            if let Some(stay) = &mut self.stay {
                match task::ready!(stay.poll_async(cx)) {
                    After::GoOn => self.stay = None,
                    After::Over => return Poll::Ready(None),
                }
            }
            let Some(effect) = effect::perform(&self.plan, &self.fired, self.step) else {
                return Poll::Ready(None);
            };
            self.step += 1;
            match effect {
                Effect::Done => {}
                Effect::Return(value) => return Poll::Ready(Some(value)),
                Effect::Wait(need) => {
                    self.stay = Some(Stay::new(self.plan.clone(), self.site, need));
                }
            }
        }
    }
}
