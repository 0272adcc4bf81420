//! One evaluation of an armed point.
//!
//! The cold half of a site whose switch says to go on. See *One evaluation* in ARCHITECTURE.md.

use self::step::{Effect, Fired};
use self::wait::WaitEnd;
use crate::callback::{self, Hit};
use crate::event::EventKind;
use crate::injected::{Injected, Panic};
use crate::runtime::own_code::{self, OwnCode};
use crate::runtime::plan::filter::{Facts, ThisThread, fact};
use crate::runtime::plan::{Decision, Fire, Plan};
use crate::runtime::registry::point::{Point, Snapshot};
use crate::runtime::registry::{self, kept, registry};
use crate::runtime::scope::{self, Found, Scope};
use crate::runtime::simulated;
use crate::runtime::site::{Callsite, Site};
use crate::runtime::sync::Arc;
use crate::runtime::{env, events};
use crate::terms::{Step, Term, Value};
use crate::value::{FromTerm, Written};
use std::fmt::Display;

pub(crate) mod explore;
pub(crate) mod step;
pub(crate) mod task;
pub(crate) mod wait;

#[cfg(unix)]
use crate::runtime::fork;
#[cfg(unix)]
use crate::runtime::log::{self, Level};

/// What a site tells of its passage, in the order of its keys; rendered only when it is asked for.
pub(crate) type Context<'a> = &'a [&'a dyn Display];

/// Takes what is returned to a site on this thread, while it is still where it was armed.
type Sink<'a> = &'a mut dyn FnMut(Option<&str>);

/// A panic is raised by the function that the site calls, which knows the place of that call.
pub(crate) type OrPanic<T> = Result<T, Box<Panic>>;

/// Evaluates a plain statement.
#[cold]
#[inline(never)]
#[track_caller]
pub fn evaluate(callsite: Callsite) {
    evaluate_into(callsite, &[], None, &mut |_cannot_return| {});
}

/// The evaluations of sites on a thread, by what the site makes of a value.
pub mod sync {
    use super::*;

    /// Nothing.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn statement(callsite: Callsite, context: Context<'_>, scope: Option<&crate::Scope>) {
        evaluate_into(callsite, context, scope, &mut |_cannot_return| {});
    }

    /// The text that a closure takes.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn text(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Option<Option<String>> {
        let mut returned = None;
        let take = &mut |text: Option<&str>| returned = Some(text.map(str::to_owned));
        evaluate_into(callsite, context, scope, take);
        returned
    }

    /// A value of a type.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn typed<T: FromTerm>(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Option<T> {
        let mut returned = None;
        // The value was read once when it was armed, so it can be read now.
        evaluate_into(callsite, context, scope, &mut |text| returned = T::from_term(text).ok());
        returned
    }

    /// An error.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub fn result(
        callsite: Callsite,
        context: Context<'_>,
        scope: Option<&crate::Scope>,
    ) -> Result<(), Injected> {
        super::result(callsite.site, text(callsite, context, scope))
    }
}

fn result(site: &'static Site, returned: Option<Option<String>>) -> Result<(), Injected> {
    match returned {
        None => Ok(()),
        Some(value) => Err(Injected::new(site.name(), value)),
    }
}

/// Evaluates a site in full.
// Always: a hit that is only counted pays for a frame that it does not need.
#[inline(always)]
#[track_caller]
fn evaluate_into(
    callsite: Callsite,
    context: Context<'_>,
    scope: Option<&crate::Scope>,
    sink: Sink<'_>,
) {
    let Some(point) = enter(callsite) else { return };
    let through = scope.map(crate::Scope::inner);
    if let Err(panic) = run(point, callsite.site, context, through, sink) {
        panic.raise()
    }
}

/// Whether anything is armed at this site, so that its condition may be asked.
#[cold]
#[inline(never)]
pub fn ready(callsite: Callsite) -> bool {
    !own_code::is_running() && (callsite.is_seen_armed() || point(callsite).is_live())
}

/// The point of this site; none where nothing is left to be done, since nothing may be evaluated
/// here or it was a hit that only had to be counted. That is the commonest case, and the cheapest:
/// nothing is held, nothing shared is written.
#[inline]
pub(crate) fn enter(callsite: Callsite) -> Option<&'static Point> {
    if own_code::is_running() {
        return None;
    }
    let point = point(callsite);
    (!point.pass()).then_some(point)
}

/// The point of this site, which is registered and marked as reached on the way.
#[inline]
fn point(callsite: Callsite) -> &'static Point {
    callsite.site.reached_owner().unwrap_or_else(|| see(callsite))
}

#[cfg(unix)]
const UNSERVED: &str = "this process was forked from one that serves the control plane of its \
                        failpoints, and does not serve it: call serve_from_env() after the fork";

/// The first evaluation of a site.
#[cold]
fn see(callsite: Callsite) -> &'static Point {
    let _own = OwnCode::enter();
    env::ensure();
    #[cfg(unix)]
    if fork::take_unserved() {
        log::say(Level::Warn, format_args!("{UNSERVED}"));
    }
    let point = registry().register(callsite.site);
    point.mark_reached(callsite);
    point
}

/// The plan that sees this evaluation.
#[inline]
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

/// Asks the callback what to do. Nothing is held: it may disarm its own point, or evaluate others.
#[inline(never)]
fn ask(plan: &Plan, site: &'static Site, number: u64, facts: Facts<'_>) -> Option<Box<[Step]>> {
    let callback = plan.callback.clone()?;
    let text = |key: &str| fact(facts, key);
    let action = own_code::call_out(|| callback(&Hit::new(&plan.point, number + 1, &text)));
    if let callback::Action::Return(text) = &action {
        let written = Written::by_code(text.as_deref());
        if let Some(refusal) = registry::misfit_of(site, written) {
            if plan.is_first_misfit() {
                registry::say_passes_by(&refusal);
            }
            return None;
        }
    }
    let is_off = action == callback::Action::Off;
    let asked = step::steps_of(action)?;
    plan.count_callback_fire(is_off);
    Some(asked)
}

/// Whether the caller is simulated, so that `term`, which follows the real clock, does not act.
#[cold]
#[inline(never)]
fn has_no_clock(plan: &Plan, term: &Term, through: Option<&Scope>) -> bool {
    let is_simulated = scope::simulation(through).is_some();
    if is_simulated {
        simulated::say_ignored(plan, term.window());
    }
    is_simulated
}

/// What a fire comes to.
pub(crate) enum Acting<'a> {
    /// Only this is handed to the site.
    Return(&'a Option<Value>),
    /// Something else, or more.
    Steps(Fired),
}

/// Decides, and has `act` do what fires. What it is lent is held by nothing that a change waits
/// for. It is given the mark of our own code, to end it before it runs the user's.
#[inline]
pub(crate) fn when_fired<R: Default>(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
    act: impl FnOnce(&Arc<Plan>, Acting<'_>, OwnCode) -> OrPanic<R>,
) -> OrPanic<R> {
    let own = OwnCode::enter();
    let Some(now) = point.kept() else {
        return when_fired_unkept(point, site, context, through, own, act);
    };
    let mut done = Ok(R::default());
    if let Some(plan) = find(&now, site, through) {
        if let Some(acting) = decide(plan, site, context, through) {
            done = act(plan, acting, own);
        }
    }
    kept::keep(now);
    done
}

/// The same where what is armed may not be kept, or where nothing is.
#[inline(never)]
fn when_fired_unkept<R: Default>(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
    own: OwnCode,
    act: impl FnOnce(&Arc<Plan>, Acting<'_>, OwnCode) -> OrPanic<R>,
) -> OrPanic<R> {
    let now = point.snapshot();
    let found = now.as_ref().and_then(|now| find(now, site, through));
    match found.and_then(|plan| Some((plan, decide_in_full(plan, site, context, through)?))) {
        Some((plan, fired)) => act(plan, Acting::Steps(fired), own),
        None => Ok(R::default()),
    }
}

/// Decides, and tells who subscribed. What only counts does not act.
#[inline(always)]
fn decide<'a>(
    plan: &'a Plan,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
) -> Option<Acting<'a>> {
    let Some(fire) = plan.decide_alone() else {
        return decide_in_full(plan, site, context, through).map(Acting::Steps);
    };
    let fire = fire?;
    if events::has_subscribers() {
        publish(plan, site, context, through);
    }
    match plan.steps(fire.term) {
        [Step::Return(value)] => Some(Acting::Return(value)),
        [Step::Off] => None,
        _ => Some(Acting::Steps(Fired { fire, asked: None })),
    }
}

#[inline(never)]
fn decide_in_full(
    plan: &Plan,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
) -> Option<Fired> {
    let facts = |key: &str, look: &mut dyn FnMut(&dyn Display)| {
        show_fact((site, context, through), key, look);
    };
    let (fire, asked) = match plan.decide(site, &facts, &|term| has_no_clock(plan, term, through)) {
        Decision::Fire(fire) => (fire, None),
        Decision::Ask(number) => match ask(plan, site, number, &facts) {
            Some(asked) => (Fire { term: 0, number }, Some(asked)),
            None => return None,
        },
        Decision::NoHit | Decision::Pass | Decision::Misfit => return None,
    };
    if events::has_subscribers() {
        publish(plan, site, context, through);
    }
    Some(Fired { fire, asked })
}

#[cold]
#[inline(never)]
fn publish(plan: &Plan, site: &'static Site, context: Context<'_>, through: Option<&Scope>) {
    let facts = |key: &str, look: &mut dyn FnMut(&dyn Display)| {
        show_fact((site, context, through), key, look);
    };
    events::publish(plan, EventKind::Fired, site.keys(), &facts);
}

/// Shows `look` what there is to know of an evaluation under `key`.
fn show_fact(
    (site, context, through): (&'static Site, Context<'_>, Option<&Scope>),
    key: &str,
    look: &mut dyn FnMut(&dyn Display),
) {
    match key {
        "thread" => look(&ThisThread::get()),
        "scope" => scope::current_name(through, look),
        key => {
            let at = site.keys().iter().position(|name| *name == key);
            at.and_then(|at| context.get(at)).into_iter().for_each(|value| look(value));
        }
    }
}

/// Decides, and runs the steps of the term that fires on this thread.
#[inline(never)]
fn run(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
    sink: Sink<'_>,
) -> OrPanic<()> {
    when_fired(point, site, context, through, move |plan, acting, own| match acting {
        Acting::Return(value) => {
            hand(value, own, sink);
            Ok(())
        }
        Acting::Steps(fired) => run_fired(plan, site, through, fired, own, sink),
    })
}

/// Hands what is returned to the site. The sink may be the user's code.
#[inline]
fn hand(value: &Option<Value>, own: OwnCode, sink: Sink<'_>) {
    drop(own);
    sink(value.as_ref().map(Value::content));
}

#[inline(never)]
fn run_fired(
    plan: &Arc<Plan>,
    site: &'static Site,
    through: Option<&Scope>,
    fired: Fired,
    own: OwnCode,
    sink: Sink<'_>,
) -> OrPanic<()> {
    if let Some(value) = run_steps(plan, site, through, fired.fire, fired.steps(plan))? {
        hand(value, own, sink);
    }
    Ok(())
}

/// Runs steps on this thread: gives what a `return` among them hands to the site.
#[inline(never)]
fn run_steps<'a>(
    plan: &Arc<Plan>,
    site: &'static Site,
    through: Option<&Scope>,
    fire: Fire,
    steps: &'a [Step],
) -> OrPanic<Option<&'a Option<Value>>> {
    for step in 0..steps.len() {
        match step::perform(plan, site, through, fire, steps, step) {
            Effect::Done => {}
            Effect::Return(value) => return Ok(Some(value)),
            Effect::Wait(kind) => match wait::block(plan, site, kind) {
                WaitEnd::Continue => {}
                WaitEnd::PlanOver => return Ok(None),
                WaitEnd::Panic(panic) => return Err(panic),
            },
            Effect::Panic(panic) => return Err(panic),
        }
    }
    Ok(None)
}
