//! One evaluation of an armed point.
//!
//! The cold half of a site whose switch says to go on. See *One evaluation* in ARCHITECTURE.md.

use self::step::{Effect, Fired};
use self::wait::{PendingWait, WaitEnd};
use crate::callback::{self, Hit};
use crate::event::EventKind;
use crate::injected::{Injected, Panic};
use crate::runtime::own_code::{self, OwnCode, Shelf, drop_as_own};
use crate::runtime::plan::filter::{Facts, ThisThread, fact};
use crate::runtime::plan::{Decision, Fire, Plan};
use crate::runtime::registry::point::{Point, Snapshot};
use crate::runtime::registry::{self, kept, registry};
use crate::runtime::scope::{self, Found, Scope};
use crate::runtime::simulated;
use crate::runtime::site::{Callsite, Site};
use crate::runtime::sync::{Arc, thread_local};
use crate::runtime::{env, events};
use crate::terms::{Step, Term, Value};
use crate::value::{FromTerm, Written};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};
pub(crate) mod explore;
pub(crate) mod step;
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

/// The same for what was awaited.
pub mod awaited {
    use super::*;

    /// Nothing.
    pub fn statement(returned: Returned) {
        let _cannot_return = returned.read(|_| ());
    }

    /// The text that a closure takes.
    pub fn text(returned: Returned) -> Option<Option<String>> {
        returned.read(|text| text.map(str::to_owned))
    }

    /// A value of a type.
    pub fn typed<T: FromTerm>(returned: Returned) -> Option<T> {
        returned.read(|text| T::from_term(text).ok()).flatten()
    }

    /// An error.
    pub fn result(site: &'static Site, returned: Returned) -> Result<(), Injected> {
        super::result(site, text(returned))
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

/// Begins an evaluation that awaits what it has to wait for. What the site tells is used up here:
/// nothing of it is held across an await.
#[cold]
#[inline(never)]
#[track_caller]
pub fn evaluate_async(
    callsite: Callsite,
    context: Context<'_>,
    scope: Option<&crate::Scope>,
) -> Evaluation {
    let Some(point) = enter(callsite) else { return Evaluation { rest: None } };
    match begin(point, callsite.site, context, scope.map(crate::Scope::inner)) {
        Ok(rest) => Evaluation { rest },
        Err(panic) => panic.raise(),
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

/// Decides, and has `act` do what fires. What it is lent is held by nothing that a change waits
/// for. It is given the mark of our own code, to end it before it runs the user's.
#[inline]
pub(crate) fn when_fired(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
    act: impl FnOnce(&Arc<Plan>, Fired, OwnCode) -> OrPanic<()>,
) -> OrPanic<()> {
    let own = OwnCode::enter();
    let Some(now) = point.kept() else {
        return when_fired_unkept(point, site, context, through, own, act);
    };
    let mut done = Ok(());
    if let Some(plan) = find(&now, site, through) {
        if let Some(fired) = decide(plan, site, context, through) {
            done = act(plan, fired, own);
        }
    }
    kept::keep(now);
    done
}

/// The same where what is armed may not be kept, or where nothing is.
#[inline(never)]
fn when_fired_unkept(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
    own: OwnCode,
    act: impl FnOnce(&Arc<Plan>, Fired, OwnCode) -> OrPanic<()>,
) -> OrPanic<()> {
    let now = point.snapshot();
    let Some(plan) = now.as_ref().and_then(|now| find(now, site, through)) else { return Ok(()) };
    match decide_in_full(plan, site, context, through) {
        Some(fired) => act(plan, fired, own),
        None => Ok(()),
    }
}

/// Decides, and tells who subscribed.
#[inline(always)]
fn decide(
    plan: &Plan,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
) -> Option<Fired> {
    match plan.decide_alone() {
        Some(fire) => {
            let fired = Fired { fire: fire?, asked: None };
            if events::has_subscribers() {
                publish(plan, site, context, through);
            }
            Some(fired)
        }
        None => decide_in_full(plan, site, context, through),
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
    when_fired(point, site, context, through, |plan, fired, own| {
        let returned = match fired.steps(plan) {
            [Step::Off] => return Ok(()),
            [Step::Return(value)] => value,
            steps => match run_steps(plan, site, through, fired.fire, steps)? {
                Some(value) => value,
                None => return Ok(()),
            },
        };
        // The sink may be the user's code.
        drop(own);
        sink(returned.as_ref().map(Value::content));
        Ok(())
    })
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

/// The same for a task, up to where it has to wait: what is left for it to do, if anything is.
#[inline(never)]
fn begin(
    point: &'static Point,
    site: &'static Site,
    context: Context<'_>,
    through: Option<&Scope>,
) -> OrPanic<Option<Box<Rest>>> {
    let mut rest = None;
    when_fired(point, site, context, through, |plan, fired, _own| {
        rest = match fired.steps(plan) {
            [Step::Off] => None,
            [Step::Return(value)] => Some(Rest::returned(value.as_ref())),
            _ => begin_steps(plan, site, through, fired)?,
        };
        Ok(())
    })?;
    Ok(rest)
}

#[inline(never)]
fn begin_steps(
    plan: &Arc<Plan>,
    site: &'static Site,
    through: Option<&Scope>,
    fired: Fired,
) -> OrPanic<Option<Box<Rest>>> {
    let steps = fired.steps(plan);
    for step in 0..steps.len() {
        let rest = match step::perform(plan, site, through, fired.fire, steps, step) {
            Effect::Done => continue,
            Effect::Return(value) => Rest::returned(value.as_ref()),
            Effect::Panic(panic) => return Err(panic),
            Effect::Wait(kind) => {
                let pending = Some(PendingWait::new(plan.clone(), site, kind));
                let step = step + 1;
                let run = Run { plan: plan.clone(), site, fired, step, pending };
                Box::new(Rest::Run(Box::new(run)))
            }
        };
        return Ok(Some(rest));
    }
    Ok(None)
}

/// An evaluation that awaits. Dropping it leaves the gate that it waits at.
#[derive(Debug)]
#[must_use = "an evaluation does nothing unless it is awaited"]
pub struct Evaluation {
    // One pointer, so that an idle point costs its future no more.
    rest: Option<Box<Rest>>,
}

impl Future for Evaluation {
    type Output = Returned;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Returned> {
        match self.rest.as_deref_mut() {
            None | Some(Rest::Returned(_)) => Poll::Ready(Returned(self.rest.take())),
            Some(Rest::Run(run)) => {
                let done = task::ready!(run.poll(cx));
                // What it holds is let go of first.
                self.rest = None;
                match done {
                    Ok(returned) => Poll::Ready(Returned(returned)),
                    Err(panic) => panic.raise(),
                }
            }
        }
    }
}

/// What is left of an evaluation that began on a task.
#[derive(Debug)]
enum Rest {
    Returned(Handed),
    Run(Box<Run>),
}

/// A value on its way to a task: the content of `return(…)`, or none.
#[derive(Debug, Default)]
struct Handed {
    text: String,
    is_some: bool,
}

/// What an evaluation gave a task. It is in the box that it came in.
#[derive(Debug)]
pub struct Returned(Option<Box<Rest>>);

/// A longer text is not kept.
const KEPT_TEXT: usize = 1 << 10;

thread_local! {
    /// The box of the last value that a task on this thread was handed, for the next one.
    static SPARE: Shelf<Box<Rest>, 1> = const { Shelf::new() };
}

impl Rest {
    fn returned(value: Option<&Value>) -> Box<Self> {
        let mut spare = None;
        let _ = SPARE.try_with(|kept| kept.swap(0, &mut spare));
        let mut spare = spare.unwrap_or_else(|| Box::new(Rest::Returned(Handed::default())));
        if let Rest::Returned(Handed { text, is_some }) = &mut *spare {
            *is_some = value.is_some();
            text.clear();
            text.push_str(value.map_or("", Value::content));
        }
        spare
    }
}

impl Returned {
    /// Shows `read` what was returned, and keeps the box. It may be the user's code.
    #[inline]
    fn read<R>(self, read: impl FnOnce(Option<&str>) -> R) -> Option<R> {
        let rest = self.0?;
        let Rest::Returned(Handed { text, is_some }) = &*rest else { return None };
        let result = read(is_some.then_some(text));
        let is_kept = text.capacity() <= KEPT_TEXT;
        let mut spare = Some(rest);
        if is_kept {
            let _ = SPARE.try_with(|kept| kept.swap(0, &mut spare));
        }
        if spare.is_some() {
            drop_as_own(spare);
        }
        Some(result)
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
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<OrPanic<Option<Box<Rest>>>> {
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
                    return Poll::Ready(Ok(Some(Rest::returned(value.as_ref()))));
                }
                Effect::Panic(panic) => return Poll::Ready(Err(panic)),
                Effect::Wait(kind) => {
                    self.pending = Some(PendingWait::new(self.plan.clone(), self.site, kind));
                }
            }
        }
    }
}
