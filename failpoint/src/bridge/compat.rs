//! The API of the packages named `fail`: what they may do that users' code does not.
//!
//! They bring their own grammar and their own log; no name and no value is refused. Sites of
//! theirs take values as they were written, quotes included, and speak in `fail`'s words.

use super::computed;
pub use super::computed::Place;
use crate::callback::Action as Asked;
use crate::injected::Panic;
use crate::runtime::env;
use crate::runtime::eval::step::{self, Effect};
use crate::runtime::eval::wait::{self, WaitEnd};
use crate::runtime::eval::{self, Acting, OrPanic};
use crate::runtime::own_code::{self, OwnCode};
use crate::runtime::registry::point::Point;
use crate::runtime::registry::{Request, Unknown, registry};
use crate::runtime::scope;
pub use crate::runtime::site::Accepts;
use crate::runtime::site::{Callsite, Site};
use crate::runtime::sync::Arc;
use crate::runtime::sync::lasting::Mutex;
use crate::terms::{self, Chance, PauseLimit, Pick, Span, Terms, Value};
use crate::visible::visible;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// One link of a chain as `fail` has it: by chance, so many times, one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Always from 100 on, and where it is no number; never up to 0.
    pub percent: f32,
    /// At most so many fires.
    pub times: Option<u64>,
    /// What is done.
    pub task: Task,
}

/// What `fail` can do at a point; texts as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Nothing.
    Off,
    /// Hand this to the closure.
    Return(Option<String>),
    /// Wait.
    Sleep(Duration),
    /// Keep the processor busy.
    Delay(Duration),
    /// Wait until disarmed, armed again or resumed: there is no limit.
    Pause,
    /// Give up the time slice.
    Yield,
    /// Log a line.
    Print(Option<String>),
    /// Panic.
    Panic(Option<String>),
}

/// What a `return` hands to a site of `fail`, as it was written: its text, or none.
pub type Returned = Option<Option<String>>;

/// What was written, where the list of points shows it otherwise; with the generation it made.
static VERBATIM: Mutex<BTreeMap<String, (u64, String)>> = Mutex::new(BTreeMap::new());

/// Arms `name`, whatever name it is, with a chain that was written as `text`.
pub fn arm(name: &str, text: &str, chain: Vec<Term>) {
    env::ensure_leniently();
    let terms = Terms { chain: chain.into_iter().map(term).collect() };
    let request = Request::new(name.to_owned(), terms, text, Unknown::Armed);
    let arming = registry().arm_leniently(request);
    let mut verbatim = VERBATIM.lock();
    if *arming.plan.text == *text {
        verbatim.remove(name);
    } else {
        verbatim.insert(name.to_owned(), (arming.plan.generation, text.to_owned()));
    }
}

/// Arms `name`, whatever name it is, with a callback; a call of it is a fire.
pub fn arm_with(name: &str, callback: impl Fn() + Send + Sync + 'static) {
    env::ensure_leniently();
    let callback = Arc::new(move |_: &crate::Hit<'_>| {
        callback();
        Asked::Off
    });
    registry().arm_leniently(Request::callback(name, callback, Unknown::Armed));
}

/// Disarms `name` globally, however it was armed.
pub fn disarm(name: &str) {
    env::ensure_leniently();
    VERBATIM.lock().remove(name);
    registry().disarm_leniently(name);
}

/// Disarms everything globally.
pub fn reset() {
    env::ensure_leniently();
    VERBATIM.lock().clear();
    registry().reset();
}

/// The points that are armed globally, and the terms as they were written.
pub fn armed() -> Vec<(String, String)> {
    env::ensure_leniently();
    let verbatim = VERBATIM.lock().clone();
    let armed = registry().points().into_iter().filter_map(|point| {
        let written = verbatim.get(&point.name).filter(|(made, _)| *made == point.generation);
        let text = written.map(|(_, text)| text.clone()).or(point.terms)?;
        Some((point.name, text))
    });
    armed.collect()
}

/// Evaluates a site of `fail`: gives what a `return` hands it, as it was written. A line to print
/// goes to `log`.
#[cold]
#[inline(never)]
#[track_caller]
pub fn evaluate(callsite: Callsite, log: fn(fmt::Arguments<'_>)) -> Returned {
    env::ensure_leniently();
    let point = eval::enter(callsite)?;
    let mut returned = None;
    match run(point, callsite.site, log, &mut returned) {
        Ok(()) => returned,
        Err(panic) => panic.raise(),
    }
}

fn run(
    point: &'static Point,
    site: &'static Site,
    log: fn(fmt::Arguments<'_>),
    returned: &mut Returned,
) -> OrPanic<()> {
    eval::when_fired(point, site, &[], None, |plan, acting, _own| {
        let fired = match acting {
            Acting::Return(value) => {
                *returned = Some(raw(value));
                return Ok(());
            }
            Acting::Steps(fired) => fired,
        };
        let steps = fired.steps(plan);
        for (step, action) in steps.iter().enumerate() {
            match action {
                terms::Step::Print(text) => match text {
                    Some(text) => log(format_args!("{}", visible(text.raw()))),
                    None => log(format_args!("failpoint {} executed.", visible(&plan.point))),
                },
                // One that is simulated is for the owner of the simulation, and reads as ours.
                terms::Step::Panic(text) if scope::simulation(None).is_none() => {
                    let message = match text {
                        Some(text) => visible(text.raw()).to_string(),
                        None => format!("failpoint {} panic", visible(&plan.point)),
                    };
                    // With `fail`'s text, by which no point can be told.
                    if let Some(message) = step::panic_as_asked(message, site) {
                        return Err(Panic::plain(message));
                    }
                }
                _ => match step::perform(plan, site, None, fired.fire, steps, step) {
                    Effect::Done => {}
                    Effect::Return(value) => {
                        *returned = Some(raw(value));
                        return Ok(());
                    }
                    Effect::Wait(need) => match wait::block(plan, site, need) {
                        WaitEnd::Continue => {}
                        WaitEnd::PlanOver => return Ok(()),
                        WaitEnd::Panic(panic) => return Err(panic),
                    },
                    Effect::Panic(panic) => return Err(panic),
                },
            }
        }
        Ok(())
    })
}

fn raw(value: &Option<Value>) -> Option<String> {
    value.as_ref().map(|value| value.raw().to_owned())
}

/// The same where the name is computed. Two loads while nothing is armed anywhere.
#[inline]
#[track_caller]
pub fn evaluate_computed(name: &str, place: &Place, log: fn(fmt::Arguments<'_>)) -> Returned {
    if computed::is_idle() { None } else { evaluate_named(name, place, log) }
}

#[inline(never)]
#[track_caller]
fn evaluate_named(name: &str, place: &Place, log: fn(fmt::Arguments<'_>)) -> Returned {
    if own_code::is_running() {
        return None;
    }
    let callsite = {
        let _own = OwnCode::enter();
        computed::find(name, place)?
    };
    if callsite.armed() { evaluate(callsite, log) } else { None }
}

fn term(term: Term) -> terms::Term {
    terms::Term {
        when: Vec::new(),
        after: None,
        for_: None,
        skip: 0,
        pick: Pick::All,
        chance: chance(term.percent),
        times: term.times,
        steps: vec![action(term.task)],
    }
}

/// `None` is always.
fn chance(percent: f32) -> Option<Chance> {
    if percent >= 100.0 || percent.is_nan() {
        return None;
    }
    // There is a negative zero, too.
    let digits = format!("{:.17}", percent.max(0.0).abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    Chance::from_percent(whole, fraction)
}

fn action(task: Task) -> terms::Step {
    match task {
        Task::Off => terms::Step::Off,
        Task::Return(text) => terms::Step::Return(text.map(value)),
        Task::Sleep(length) => terms::Step::Sleep(Span::Fixed(length)),
        Task::Delay(length) => terms::Step::Delay(Span::Fixed(length)),
        Task::Pause => terms::Step::Pause(PauseLimit::Never),
        Task::Yield => terms::Step::Yield,
        Task::Print(text) => terms::Step::Print(text.map(value)),
        Task::Panic(text) => terms::Step::Panic(text.map(value)),
    }
}

/// Its content is what our grammar makes of it, for sites of ours under the same name.
fn value(raw: String) -> Value {
    let read = Terms::parse(&format!("return({raw})")).ok();
    let read = read.as_ref().and_then(|terms| match terms.chain.as_slice() {
        [terms::Term { steps, .. }] => steps.first(),
        _ => None,
    });
    match read {
        Some(terms::Step::Return(Some(value))) => Value::foreign(&raw, value.content()),
        _ => Value::foreign(&raw, &raw),
    }
}
