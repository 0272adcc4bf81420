//! What a simulated scope refuses, and what it ignores.
//!
//! An owner that steps code has one thread and a clock of its own, so nothing inside may wait for another
//! caller or ask for the real time.

use crate::error::Error;
use crate::runtime::log::{self, Level};
use crate::runtime::plan::Plan;
use crate::simulation::Simulation;
use crate::terms::config::{self, Binding};
use crate::terms::{ParseError, Term, parse};
use crate::visible::visible;

/// The value of a scope that is simulated.
pub(crate) struct Simulated(pub(crate) Box<dyn Simulation>);

/// What begins a step or a modifier that cannot be simulated, and what to do instead.
const REFUSED: [(&str, &str); 5] = [
    (
        "pause",
        "nothing waits in a simulated scope; use `sleep(…)`, or let the script decide when this code \
         runs on",
    ),
    (
        "wait",
        "nothing waits in a simulated scope; let the script decide that the other code runs first",
    ),
    (
        "barrier",
        "nothing waits in a simulated scope; let the script decide in which order code runs",
    ),
    (
        "after",
        "it follows the real clock; use `skip(n)` or `nth(n)`, or let the script arm the point when \
         its own time has come",
    ),
    (
        "for",
        "it follows the real clock; use `n*`, or let the script disarm the point when its own time has \
         come",
    ),
];

/// What `text`, the terms for the point `name`, holds that cannot be simulated. The place is in `whole`,
/// where `text` begins at `offset`.
fn refusal_in(name: &str, text: &str, whole: &str, offset: usize) -> Option<Error> {
    let of = |word: &str| REFUSED.iter().find(|(refused, _)| *refused == word);
    let (at, word) = parse::find_word(text, |word| of(word).is_some())?;
    let (action, instead) = of(word)?;
    let offset = offset + at;
    let caret = ParseError::new(offset, String::new(), whole.into()).caret();
    Some(Error::CannotSimulate { name: name.to_owned(), action, offset, instead, caret })
}

/// Why terms cannot be simulated, if they cannot.
pub(crate) fn refusal(name: &str, text: &str) -> Option<Error> {
    refusal_in(name, text, text, 0)
}

/// The same of all that a config arms.
pub(crate) fn refusals(config: &str) -> Vec<Error> {
    let bindings = config::read_config(config).map(|(bindings, _)| bindings).unwrap_or_default();
    let refusal = |at: &Binding| refusal_in(&at.name, &at.text, config, at.text_offset);
    bindings.iter().filter_map(refusal).collect()
}

/// Says once for each arming that a step or a modifier, which begins with `word`, does nothing here.
pub(crate) fn say_ignored(plan: &Plan, word: &str) {
    if plan.is_first_ignored() {
        let instead = REFUSED.iter().find(|(refused, _)| *refused == word);
        let (point, terms) = (visible(&plan.point), plan.shown());
        let instead = instead.map_or("", |(_, instead)| instead);
        log::say(
            Level::Warn,
            format_args!(
                "failpoint {point}: `{word}` is ignored in a simulated scope ({terms}): {instead}"
            ),
        );
    }
}

impl Term {
    /// The modifier that follows the clock, of a term that has one.
    pub(crate) fn window(&self) -> &'static str {
        if self.after.is_some() { "after" } else { "for" }
    }
}
