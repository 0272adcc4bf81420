//! Carries out the steps of a term.
//!
//! Each step of a term either is done at once, or is a wait that remains: a thread blocks on that,
//! a task awaits it. Nothing is held while a step runs.

use crate::callback;
use crate::injected::{Ending, Panic, injected_message};
use crate::runtime::env::{self, PanicMode};
use crate::runtime::exit;
use crate::runtime::log::{self, Level};
use crate::runtime::own_code;
use crate::runtime::plan::random::Purpose;
use crate::runtime::plan::{Fire, Plan};
use crate::runtime::scope::{self, Scope};
use crate::runtime::simulated::{self, Simulated};
use crate::runtime::site::Site;
use crate::runtime::sync::Arc;
use crate::terms::{PauseLimit, Span, Step, Term, Value};
use crate::visible::visible;
use std::fmt;
use std::time::Duration;

/// What came of a step.
pub(crate) enum Effect<'a> {
    Done,
    /// Hand this to the site.
    Return(&'a Option<Value>),
    Wait(WaitKind),
    /// To be raised by the function that the site calls, so that the panic is reported from there.
    Panic(Box<Panic>),
}

/// What a caller still has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitKind {
    Sleep(Duration),
    /// Keeps the processor busy.
    Busy(Duration),
    Resume {
        limit: Option<Duration>,
    },
    Barrier {
        term: usize,
        step: usize,
        size: u64,
        limit: Duration,
    },
    /// Passages of the point that the plan's observation of this index observes.
    Passages {
        observation: usize,
        count: u64,
        limit: Duration,
    },
}

/// What acts in a fire: the steps of a term, or those a callback asked for.
#[derive(Clone, Debug)]
pub(crate) struct Fired {
    pub(crate) fire: Fire,
    pub(crate) asked: Option<Box<[Step]>>,
}

impl Fired {
    pub(crate) fn steps<'a>(&'a self, plan: &'a Plan) -> &'a [Step] {
        match &self.asked {
            Some(asked) => asked,
            None => plan.steps(self.fire.term),
        }
    }
}

/// Does step `step` of those that [`Fired::steps`] gives, at `site`.
pub(crate) fn perform<'a>(
    plan: &Plan,
    site: &Site,
    through: Option<&Scope>,
    fire: Fire,
    steps: &'a [Step],
    step: usize,
) -> Effect<'a> {
    match &steps[step] {
        Step::Off => {}
        Step::Return(value) => return Effect::Return(value),
        Step::Yield => std::thread::yield_now(),
        Step::Print(None) => {
            log::say(Level::Info, format_args!("failpoint {} executed.", visible(&plan.point)));
        }
        // The name goes first, so that no text can pass for a line of the control plane.
        Step::Print(Some(text)) => log::say(
            Level::Info,
            format_args!("failpoint {}: {}", visible(&plan.point), visible(text.content())),
        ),
        Step::Break => break_in_debugger(plan),
        action => return wait_or_end(plan, site, through, fire, action, step),
    }
    Effect::Done
}

/// Does what a simulation takes over, if one is in force. Apart, so that the other steps do not pay for it.
#[inline(never)]
fn wait_or_end(
    plan: &Plan,
    site: &Site,
    through: Option<&Scope>,
    fire: Fire,
    action: &Step,
    step: usize,
) -> Effect<'static> {
    let draw = |span: &Span| length(span, plan, fire, step);
    if let Some(simulation) = scope::simulation(through) {
        return simulate(simulation, plan, action, draw);
    }
    match action {
        Step::Sleep(span) => {
            let length = draw(span);
            // There is nothing to wait for, and no subscriber to notify.
            if !length.is_zero() {
                return Effect::Wait(WaitKind::Sleep(length));
            }
        }
        Step::Delay(span) => return Effect::Wait(WaitKind::Busy(draw(span))),
        Step::Pause(limit) => {
            let limit = match limit {
                PauseLimit::Default => Some(plan.pause_limit),
                PauseLimit::Within(limit) => Some(*limit),
                PauseLimit::Never => None,
            };
            return Effect::Wait(WaitKind::Resume { limit });
        }
        Step::Barrier { count, limit } => {
            return Effect::Wait(WaitKind::Barrier {
                term: fire.term,
                step,
                size: *count,
                limit: *limit,
            });
        }
        Step::Wait { point, count, limit } => {
            return Effect::Wait(WaitKind::Passages {
                observation: plan.observation_of(point),
                count: *count,
                limit: *limit,
            });
        }
        Step::Panic(text) => {
            let message = injected_message(&plan.point, "panic", text.as_ref().map(Value::content));
            if let Some(message) = panic_as_asked(message, site) {
                return Effect::Panic(Panic::injected(&message));
            }
        }
        Step::Exit(status) => end(plan, site, action, Ending::Exit(*status)),
        Step::Abort => end(plan, site, action, Ending::Abort),
        Step::Kill => end(plan, site, action, Ending::Kill),
        // These neither wait nor end anything.
        Step::Off | Step::Return(_) | Step::Yield | Step::Print(_) | Step::Break => {}
    }
    Effect::Done
}

/// Has a simulation do what waits or ends something.
#[cold]
fn simulate(
    simulation: Arc<Simulated>,
    plan: &Plan,
    action: &Step,
    draw: impl Fn(&Span) -> Duration,
) -> Effect<'static> {
    let end = |message: String| match panic_unless_unwinding(message) {
        Some(message) => Effect::Panic(Panic::simulated(&message)),
        None => Effect::Done,
    };
    let end_by = |ending: Ending| end(injected_message(&plan.point, ending, None));
    match action {
        Step::Sleep(span) | Step::Delay(span) => {
            let length = draw(span);
            if !length.is_zero() {
                // Also the last handle may go here, which drops what is the user's.
                own_code::call_out(move || simulation.0.sleep(&plan.point, length));
            }
            Effect::Done
        }
        Step::Panic(text) => {
            let text = text.as_ref().map(Value::content);
            end(injected_message(&plan.point, "panic", text))
        }
        Step::Exit(status) => end_by(Ending::Exit(*status)),
        Step::Abort => end_by(Ending::Abort),
        Step::Kill => end_by(Ending::Kill),
        ignored => {
            simulated::say_ignored(plan, ignored.word());
            Effect::Done
        }
    }
}

/// Ends the step that this thread runs, as a simulation has `kill` at `point` do, if it is simulated. Says
/// whether it is; one that unwinds already is not ended.
#[track_caller]
pub(crate) fn kill_simulated(point: &str, why: fmt::Arguments<'_>) -> bool {
    let is_simulated = scope::simulation(None).is_some();
    if is_simulated {
        let message = injected_message(point, Ending::Kill, Some(&why.to_string()));
        if let Some(message) = panic_unless_unwinding(message) {
            Panic::simulated(&message).raise();
        }
    }
    is_simulated
}

fn end(plan: &Plan, site: &Site, action: &Step, ending: Ending) -> ! {
    let (point, at) = (visible(&plan.point), site.at());
    exit::end(
        ending,
        format_args!("failpoint {point}: {action} ends this process, at {}", visible(&at)),
    );
}

/// A panic with `message`. It is only logged where the thread is already unwinding: a second panic would
/// end the process without having been asked to.
pub(crate) fn panic_unless_unwinding(message: String) -> Option<String> {
    if std::thread::panicking() {
        log::say(
            Level::Error,
            format_args!("{message} (not panicking: the thread is already unwinding)"),
        );
        return None;
    }
    Some(message)
}

/// Ends what `FAILPOINT_PANIC` asks for: the process, or the thread by a panic with the message
/// that this gives.
#[cold]
pub(crate) fn panic_as_asked(message: String, site: &Site) -> Option<String> {
    let ending = match env::panic_mode() {
        PanicMode::Unwind => {
            let message = panic_unless_unwinding(message)?;
            if PanicMode::Unwind.ends_the_process() {
                exit::prepare(format_args!("{message}, at {}", visible(&site.at())));
            }
            return Some(message);
        }
        PanicMode::Abort => Ending::Abort,
        PanicMode::Exit(status) => Ending::Exit(status),
    };
    exit::end(ending, format_args!("{message}, at {}", visible(&site.at())));
}

fn length(span: &Span, plan: &Plan, fire: Fire, step: usize) -> Duration {
    match span {
        Span::Fixed(length) => *length,
        Span::Range(low, high) => {
            let draws = plan.draws(fire.term);
            let fraction = draws.fraction(Purpose::Length { step }, fire.number);
            *low + (*high - *low).mul_f64(fraction)
        }
    }
}

/// SIGTRAP where a debugger listens; without one it would end the process.
fn break_in_debugger(plan: &Plan) {
    #[cfg(unix)]
    if is_debugged() {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TRAP);
        return;
    }
    log::say(
        Level::Warn,
        format_args!("failpoint {}: break ignored: no debugger is attached", visible(&plan.point)),
    );
}

/// Linux tells who traces a process; elsewhere we cannot know, and do not risk it.
#[cfg(unix)]
fn is_debugged() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|pid| pid.trim() != "0")
}

/// The steps that a callback asks for; none where it passes.
pub(crate) fn steps_of(action: callback::Action) -> Option<Box<[Step]>> {
    let value = |text: String| Value::spelled(&text, &text);
    let step = match action {
        callback::Action::Pass => return None,
        callback::Action::Off => Step::Off,
        callback::Action::Return(text) => Step::Return(text.map(value)),
        callback::Action::Sleep(length) => Step::Sleep(Span::Fixed(length)),
        callback::Action::Panic(text) => Step::Panic(text.map(value)),
    };
    Some(Box::new([step]))
}

impl Term {
    /// The points that the term's `wait` steps name, in order.
    pub(crate) fn waits(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().filter_map(|step| match step {
            Step::Wait { point, .. } => Some(point),
            _ => None,
        })
    }

    pub(crate) fn is_off(&self) -> bool {
        matches!(self.steps.as_slice(), [Step::Off])
    }

    /// Whether the site is handed something.
    pub(crate) fn returns(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Return(_)))
    }
}
