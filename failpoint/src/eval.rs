//! What is one evaluation?
//!
//! The cold half of a site whose switch says to go on. See *One evaluation* in ARCHITECTURE.md.

use crate::callback::{Action, Hit};
use crate::effect::{self, Effect, Fired};
use crate::env;
use crate::event::EventKind;
use crate::events;
use crate::injected::Injected;
use crate::log::{self, Level};
use crate::plan::{self, Decision, Facts, Fire, Plan};
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
    let _cannot_return: Returned = run(here, &[], None);
}

/// Evaluates a site in full.
#[cold]
#[inline(never)]
pub fn evaluate_with(here: Here, context: Context<'_>, scope: Option<&crate::Scope>) -> Returned {
    run(here, context, scope.map(crate::Scope::inner))
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
    let fired = decide(here, context, scope.map(crate::Scope::inner));
    Evaluation { run: fired.map(|(plan, fired)| Box::new(Run::new(plan, here.site, fired))) }
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
    find(here).is_some()
}

/// What is armed at this site, which is registered and marked as reached on the way.
fn find(here: Here) -> Option<(&'static Point, Arc<Snapshot>)> {
    // Our own log line, or a subscriber of it, came by.
    if log::speaking() {
        return None;
    }
    let site = here.site;
    if !site.is_reached() {
        see(here);
    }
    let point = site.owner::<Point>()?;
    Some((point, point.snapshot()?))
}

/// The first evaluation of a site.
#[cold]
fn see(here: Here) {
    env::ensure();
    registry().register(here.site).reach(here);
}

/// Which plan sees this evaluation, and what it decides.
fn decide(here: Here, context: Context<'_>, through: Option<&Scope>) -> Option<(Arc<Plan>, Fired)> {
    let (point, snapshot) = find(here)?;
    let site = here.site;
    for observation in &snapshot.observers {
        if observation.scope().is_none_or(|scope| scope::is_inside(scope, through)) {
            observation.pass();
        }
    }
    let plan = match scope::find(point, through) {
        Found::Plan(plan) => plan,
        Found::Nothing => match &snapshot.plan {
            Some(plan) => plan.clone(),
            None => {
                point.note_outside(site);
                return None;
            }
        },
        Found::Isolated => return None,
    };
    let facts = |key: &str| match key {
        "thread" => Some(plan::this_thread()),
        "scope" => scope::current_name(through),
        key => context.iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_string()),
    };
    let fired = match plan.decide(site, &facts) {
        Decision::Fire(fire) => Fired { fire, asked: None },
        Decision::Ask(number) => ask(&plan, site, number, &facts)?,
        Decision::NoHit | Decision::Pass | Decision::Misfit => return None,
    };
    events::publish(&plan, EventKind::Fired, context.iter().map(|(key, _)| *key), &facts);
    Some((plan, fired))
}

/// Asks the callback what to do. Nothing is held: it may disarm its own point.
fn ask(plan: &Plan, site: &'static Site, number: u64, facts: Facts<'_>) -> Option<Fired> {
    let callback = plan.callback.clone()?;
    let action = callback(&Hit::new(plan.point, number + 1, facts));
    if let Action::Return(text) = &action {
        if let Some(refusal) = registry::misfit_of(site, text.as_deref()) {
            if plan.is_first_misfit() {
                log::say(Level::Error, format_args!("{refusal}; that site passes by"));
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

/// Decides, and runs the steps of the term that fires on this thread.
fn run(here: Here, context: Context<'_>, through: Option<&Scope>) -> Returned {
    let (plan, fired) = decide(here, context, through)?;
    let mut step = 0;
    while let Some(effect) = effect::perform(&plan, &fired, step) {
        step += 1;
        match effect {
            Effect::Done => {}
            Effect::Return(value) => return Some(value),
            Effect::Wait(need) => match wait::block(&plan, here.site, need) {
                After::GoOn => {}
                After::Over => return None,
            },
        }
    }
    None
}

/// An evaluation that awaits. Dropping it leaves wherever it stands.
#[derive(Debug)]
#[must_use = "an evaluation does nothing unless it is awaited"]
pub struct Evaluation {
    // One pointer, so that an idle point costs its future no more.
    run: Option<Box<Run>>,
}

impl Future for Evaluation {
    type Output = Returned;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Returned> {
        match &mut self.run {
            None => Poll::Ready(None),
            Some(run) => run.poll(cx),
        }
    }
}

/// The steps of a term that fired, on a task.
#[derive(Debug)]
struct Run {
    plan: Arc<Plan>,
    site: &'static Site,
    fired: Fired,
    step: usize,
    stay: Option<Stay>,
}

impl Run {
    fn new(plan: Arc<Plan>, site: &'static Site, fired: Fired) -> Self {
        Self { plan, site, fired, step: 0, stay: None }
    }

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
