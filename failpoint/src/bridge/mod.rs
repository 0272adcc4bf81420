//! What the sister crates may do that users' code does not: the control plane, the packages named
//! `fail`, and the fuzz targets.
//!
//! Not for use: it changes without notice.

pub mod compat;
mod computed;
pub mod control;
mod view;
pub mod watch;

/// Ends the process at once, as `kill` does: replies get out, and nothing else is run.
pub fn end_process(why: std::fmt::Arguments<'_>) -> ! {
    crate::runtime::exit::end(crate::injected::Ending::Kill, why)
}

/// Ends the step of a simulation that this thread runs, if it runs one, as `kill` at `point` would. Says
/// whether it runs one: this returns if it does and the thread unwinds already.
#[track_caller]
pub fn kill_simulated(point: &str, why: std::fmt::Arguments<'_>) -> bool {
    crate::runtime::eval::step::kill_simulated(point, why)
}

/// The candidate that `word` is a slip of, if one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    crate::terms::nearest(word, candidates)
}

/// Has `handler` called when the process ends in its own way (`main` returns, `exit`), and not when it is
/// killed or aborts.
pub fn at_normal_end(handler: extern "C" fn()) {
    crate::runtime::c::call_at_exit(handler);
}

/// What the fuzz targets ask of arbitrary text, and what those who count instructions do.
pub mod fuzz {
    pub use crate::terms::config::round_trip as config;
    pub use crate::terms::{parses, round_trip as terms};
}
