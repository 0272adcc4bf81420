//! The API of the control plane: what HTTP may do that users' code does not.

pub use super::view::PointView;
use crate::error::Error;
use crate::info::PointInfo;
use crate::library;
#[cfg(unix)]
pub use crate::runtime::c::ClosedInChildren;
use crate::runtime::env;
pub use crate::runtime::env::{announce, do_not_announce};
use crate::runtime::log::{self, Level};
pub use crate::runtime::own_code::OwnCode as Quiet;
use crate::runtime::plan::random;
use crate::runtime::registry::point::InForce;
use crate::runtime::registry::{
    self, Arming, MOST_UNLISTED, Request, Unchanged, Unknown, registry,
};
pub use crate::runtime::registry::{Changed, Disarmed, Precondition, Stale};
use crate::runtime::sync::Arc;
use crate::terms::config::MOST_PARTS;
pub use crate::terms::duration::parse as parse_duration;
pub use crate::terms::parse::ACTIONS;
use crate::terms::{Step, Term, Terms};
use std::collections::HashSet;
use std::fmt;
use wildmatch::WildMatch;

/// What an arming over HTTP made. Nothing disarms it but a verb.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The terms before it.
    pub was: Option<Arc<str>>,
    /// The point as this arming made it: a lease ends its generation, and nothing else.
    pub point: PointView,
    /// Whether its terms hold a `panic`, which in this process unwinds only a thread.
    pub unwinds: bool,
}

/// How much text the terms of one change take at most, written out for each point.
const MOST_TEXT: usize = 1 << 20;

/// Points to arm, all of them or none.
#[derive(Clone, Debug, Default)]
pub struct ArmRequest {
    requests: Vec<Request>,
    faults: Vec<Error>,
    /// Names whose terms are bad, and what is wrong with those.
    bad: Vec<(Request, Error)>,
    /// Points, steps and conditions so far; one for each fault.
    parts: usize,
    text: usize,
}

/// What is wrong with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fault {
    /// The point, where it is known.
    pub name: Option<String>,
    /// What is wrong.
    pub error: Error,
}

/// Why nothing was changed.
#[derive(Clone, Debug)]
pub enum ArmError {
    /// All that is wrong with it; never empty.
    Faults(Vec<Fault>),
    /// What was to hold does not.
    Stale(Stale),
}

impl ArmRequest {
    /// The terms of a config.
    pub fn config(text: &str, unlisted: bool) -> Self {
        let (requests, errors) = Request::parse_config(text, unknown(unlisted));
        // Its own bounds are held to where it is parsed.
        Self { requests, faults: errors, ..Self::default() }
    }

    /// Adds one point, each at most once; `unlisted` takes a name that no code declares.
    pub fn add(&mut self, name: &str, terms: &str, unlisted: bool) {
        // What is too large is refused, so its rest is not looked at.
        if self.is_too_large() {
            return;
        }
        match Request::parse(name, terms, unknown(unlisted)) {
            Ok(request) => self.push(request),
            Err(error) => {
                self.parts += 1;
                self.bad.push((Request::of_name(name, unknown(unlisted)), error));
            }
        }
    }

    /// Adds several points with the same terms, as [`ArmRequest::add`] does one.
    pub fn add_all<'n>(&mut self, names: impl IntoIterator<Item = (&'n str, bool)>, terms: &str) {
        let mut names = names.into_iter();
        let Some((first, unlisted)) = names.next() else { return };
        self.add(first, terms, unlisted);
        // One fault is enough: the others have the same.
        let Some(request) = self.requests.last().cloned().filter(|_| self.bad.is_empty()) else {
            return;
        };
        for (name, unlisted) in names {
            if self.is_too_large() {
                return;
            }
            self.push(request.at(name, unknown(unlisted)));
        }
    }

    /// What is wrong with the texts and with the names.
    fn all_faults(self) -> Vec<Fault> {
        let Self { mut requests, faults, bad, .. } = self;
        let (names, bad): (Vec<Request>, Vec<Error>) = bad.into_iter().unzip();
        let bad_names: Vec<String> = names.iter().map(|request| request.name.clone()).collect();
        requests.extend(names);
        let others: Vec<Fault> = registry().faults(&requests).into_iter().map(Fault::of).collect();
        // An unknown name is the better answer where the terms are bad as well.
        let refused: HashSet<&str> =
            others.iter().filter_map(|fault| fault.name.as_deref()).collect();
        let bad = bad_names.into_iter().zip(bad);
        let bad: Vec<Fault> = bad
            .filter(|(name, _)| !refused.contains(&**name))
            .map(|(name, error)| Fault { name: Some(name), error })
            .collect();
        faults.into_iter().map(Fault::of).chain(bad).chain(others).collect()
    }

    fn push(&mut self, request: Request) {
        self.parts += request.parts();
        self.text += request.text.len();
        self.requests.push(request);
    }

    fn is_too_large(&self) -> bool {
        self.parts > MOST_PARTS || self.text > MOST_TEXT
    }

    /// What would be armed: each name, with the actions of its terms.
    pub fn asks(&self) -> impl Iterator<Item = (&str, Vec<&'static str>)> {
        self.requests.iter().map(|request| {
            (request.name.as_str(), steps(request.chain()).map(Step::word).collect())
        })
    }

    /// Arms all of it, or nothing, where `precondition` holds.
    pub fn arm(self, precondition: &Precondition) -> Result<Changed<Vec<Applied>>, ArmError> {
        env::ensure();
        if self.is_too_large() {
            let too_large = Fault { name: None, error: Error::TooLarge { most: MOST_PARTS } };
            return Err(ArmError::Faults(vec![too_large]));
        }
        if !self.faults.is_empty() || !self.bad.is_empty() {
            return Err(ArmError::Faults(self.all_faults()));
        }
        let requests = self.requests;
        match registry().arm_if(requests, precondition) {
            Ok(Changed { revision, made }) => {
                let made = made.into_iter().map(Applied::new).collect();
                Ok(Changed { revision, made })
            }
            Err(unchanged) => Err(ArmError::of(unchanged)),
        }
    }
}

impl ArmError {
    fn of(unchanged: Unchanged) -> Self {
        match unchanged {
            Unchanged::Faults(errors) => {
                ArmError::Faults(errors.into_iter().map(Fault::of).collect())
            }
            Unchanged::Stale(stale) => ArmError::Stale(stale),
        }
    }
}

impl Fault {
    fn of(error: Error) -> Self {
        Self { name: error.point().map(str::to_owned), error }
    }
}

/// Reads the environment unless it was read, without saying that failpoints are compiled in.
pub fn read_environment() -> Result<(), Error> {
    env::read()
}

/// What is wrong with terms, if something is. Nothing is armed, and the environment is not read.
pub fn check_terms(text: &str) -> Result<(), Error> {
    Terms::parse(text)?;
    Ok(())
}

/// Every point that code declares or that was armed, by name, and the count of all changes.
pub fn listing() -> Changed<Vec<PointView>> {
    env::ensure();
    let Changed { revision, made } = registry().listing();
    Changed { revision, made: made.into_iter().map(PointView::ours).collect() }
}

/// Disarms a point, where `precondition` holds.
pub fn disarm(name: &str, precondition: &Precondition) -> Result<Disarmed, ArmError> {
    env::ensure();
    registry().disarm_if(name, precondition).map_err(ArmError::of)
}

/// Disarms everything, where `precondition` holds; returns what was armed, with its last state.
pub fn reset(precondition: &Precondition) -> Result<Changed<Vec<PointInfo>>, Stale> {
    env::ensure();
    registry().reset_if(precondition)
}

/// Lets at most `n` of those go that are paused now, the oldest first: how many went, and how many
/// are still paused.
pub fn resume(name: &str, n: usize) -> Result<(usize, u64), Error> {
    env::ensure();
    let plan = registry().find(name)?.plan();
    Ok(plan.map_or((0, 0), |plan| (plan.gate.resume(n), plan.gate.paused())))
}

/// What is armed with terms, as one value of `GOFAIL_FAILPOINTS`, without hidden characters.
pub fn export() -> String {
    env::ensure();
    let bindings = registry().armed_terms();
    let bindings = bindings.iter().map(|plan| format!("{}={}", plan.point, plan.shown()));
    bindings.collect::<Vec<_>>().join(";")
}

/// What chances are drawn from.
pub fn seed() -> u64 {
    env::ensure();
    random::seed()
}

/// Whether points of the program may be unlisted until their first evaluation, because this crate is in
/// a shared library of the program.
pub fn list_is_partial() -> bool {
    library::holding_this_crate().is_some()
}

/// What an armed `panic` does, as it is written in `FAILPOINT_PANIC`.
pub fn panic_mode() -> String {
    env::ensure();
    env::panic_mode().to_string()
}

/// Names that are meant: `*` is any text, `?` any character.
#[derive(Clone, Debug)]
pub struct Glob(WildMatch);

impl Glob {
    /// Reads it, once for however many names.
    pub fn new(glob: &str) -> Self {
        Self(WildMatch::new(glob))
    }

    /// Whether `name` is one of them.
    pub fn is_match(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

/// Whether code declares the point, or it was armed globally.
pub fn is_known(name: &str) -> bool {
    env::ensure();
    registry().is_known(name)
}

/// Whether the arming of that generation is in force.
pub fn is_in_force(name: &str, generation: u64) -> bool {
    registry().is_in_force(name, generation)
}

/// Why a name that no code declares may not be added to so many, for points of another library.
pub fn why_not_unlisted(name: &str, many: usize) -> Option<Fault> {
    let error = if many >= MOST_UNLISTED {
        Some(Error::TooManyUnlisted { most: MOST_UNLISTED })
    } else {
        let why = registry::why_not_unlisted(name);
        why.map(|why| Error::BadName { name: name.to_owned(), why })
    };
    error.map(Fault::of)
}

/// Ends the arming of that generation, and only that one.
pub fn disarm_generation(name: &str, generation: u64) -> bool {
    registry().disarm_generation(name, generation)
}

/// No point is evaluated on this thread while the guard lives: it serves control.
pub fn quiet() -> Quiet {
    Quiet::enter()
}

/// While the guard lives, children of `fork` begin with `file` closed: a listener on which one
/// thread serves control, and which outlives the guard.
#[cfg(unix)]
pub fn closed_in_children(file: std::os::fd::BorrowedFd<'_>) -> ClosedInChildren {
    crate::runtime::fork::closed_in_children(file)
}

/// One line of the log, at the level of information.
pub fn inform(line: fmt::Arguments<'_>) {
    log::say(Level::Info, line);
}

/// One line of the log, at the level of warnings.
pub fn warn(line: fmt::Arguments<'_>) {
    log::say(Level::Warn, line);
}

fn unknown(unlisted: bool) -> Unknown {
    if unlisted { Unknown::Armed } else { Unknown::Refused }
}

/// A point of another library, for the lists: it has no sites and no counts.
pub fn point_elsewhere(name: String, terms: Option<String>) -> PointInfo {
    PointInfo {
        name,
        sites: Vec::new(),
        terms,
        generation: 0,
        hits: 0,
        fires: 0,
        paused: 0,
        last_fire: None,
    }
}

fn steps(chain: &[Term]) -> impl Iterator<Item = &Step> {
    chain.iter().flat_map(|term| &term.steps)
}

impl Applied {
    fn new(arming: Arming) -> Self {
        let Arming { point, plan, was } = arming;
        let unwinds = steps(&plan.terms.chain).any(|step| matches!(step, Step::Panic(_)))
            && !env::panic_mode().ends_the_process();
        let generation = plan.generation;
        let point = PointView::ours(InForce { point, plan: Some(plan), generation });
        Self { was, point, unwinds }
    }
}
