//! The door of the control plane: what HTTP may do that code does not.

use crate::env;
use crate::error::Error;
use crate::log::{self, Level};
use crate::registry::{Arming, Request, Unknown, registry};
use crate::settings;
use crate::slot::Slot;
use crate::terms::Action;
use std::fmt;

pub use crate::env::announce;
pub use crate::log::Speaking as Quiet;
pub use crate::terms::duration::parse as parse_duration;

/// What an arming over HTTP made. Nothing disarms it but a verb.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The point.
    pub name: String,
    /// What was armed before, as `GET` showed it. Another arming may have come between.
    pub was: Option<String>,
    /// The terms, as `GET` shows them.
    pub terms: String,
    /// What a lease ends, and nothing else.
    pub generation: u64,
    /// Whether its terms hold a `panic`, which in this process unwinds only a thread.
    pub unwinds: bool,
}

/// Reads the environment if nobody has, without saying that failpoints are compiled in.
pub fn read_environment() -> Result<(), Error> {
    env::read()
}

/// Arms one point; `unlisted` takes a name that no code declares.
pub fn arm(name: &str, terms: &str, unlisted: bool) -> Result<Applied, Error> {
    env::ensure();
    let unknown = if unlisted { Unknown::Armed } else { Unknown::Refused };
    // An unknown name is the better answer where the terms are bad as well.
    if !unlisted {
        crate::point(name)?;
    }
    let request = Request::parse(name, terms, unknown)?;
    apply((vec![request], Vec::new()))
        .map(|mut all| all.remove(0))
        .map_err(|mut errors| errors.remove(0))
}

/// Arms all points of a config or none.
pub fn arm_all(config: &str, unlisted: bool) -> Result<Vec<Applied>, Vec<Error>> {
    env::ensure();
    let unknown = if unlisted { Unknown::Armed } else { Unknown::Refused };
    apply(Request::parse_config(config, unknown))
}

/// Ends the arming of that generation, and only that one.
pub fn disarm_generation(name: &str, generation: u64) -> bool {
    registry().disarm_generation(name, generation)
}

/// No point is evaluated on this thread while the guard lives: it serves control.
pub fn quiet() -> Quiet {
    Quiet::begin()
}

/// One line of the log, at the level of information.
pub fn inform(line: fmt::Arguments<'_>) {
    log::say(Level::Info, line);
}

/// One line of the log, at the level of warnings.
pub fn warn(line: fmt::Arguments<'_>) {
    log::say(Level::Warn, line);
}

fn apply(config: (Vec<Request>, Vec<Error>)) -> Result<Vec<Applied>, Vec<Error>> {
    let terms = |request: &Request| registry().point(&request.name).ok()?.terms;
    let before: Vec<Option<String>> = config.0.iter().map(terms).collect();
    let armings = registry().arm_config(config, Slot::Remote)?;
    Ok(armings.into_iter().zip(before).map(|(arming, was)| Applied::new(arming, was)).collect())
}

impl Applied {
    fn new(arming: Arming, was: Option<String>) -> Self {
        let plan = &arming.plan;
        let panics = plan.terms.chain.iter().flat_map(|term| &term.steps);
        Self {
            name: plan.point.to_owned(),
            was,
            terms: plan.text.clone(),
            generation: plan.generation,
            unwinds: panics.into_iter().any(|step| matches!(step, Action::Panic(_)))
                && !settings::panic_mode().ends_the_process(),
        }
    }
}
