//! Which term acts at this hit?
//!
//! A plan is terms being spent: made when a point is armed, never changed but in its counts, and
//! over when the point is disarmed, armed anew or reset. Deciding is all it does; acting is
//! `effect`'s.

use crate::callback::{self, Hit};
use crate::clock::Moment;
use crate::gate::Gate;
use crate::random::{Draws, Purpose};
use crate::site::Site;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};
use crate::terms::{Condition, Op, Pick, Term, Terms};
use std::fmt;
use std::time::{Duration, SystemTime};

/// What a filter may ask of an evaluation: a key of the site's context, `thread`, or `scope`. The
/// answer is rendered only when it is asked for.
pub(crate) type Facts<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Through which door the terms came: it decides what happens when a limit runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `failpoint::arm` and its kin: a limit that runs out panics.
    Code,
    /// HTTP: a limit that runs out is logged.
    Remote,
    /// The environment: likewise.
    Environment,
    /// `fail::cfg`, whose terms have no limits.
    Fail,
}

/// Which scope a plan belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ScopeId(pub(crate) u64);

/// What a plan takes from where it was armed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) origin: Origin,
    pub(crate) scope: Option<ScopeId>,
    /// The scope's name, empty without one: part of what decides a chance.
    pub(crate) scope_name: &'a str,
    /// How long a `pause` lasts if its terms do not say.
    pub(crate) pause_limit: Duration,
}

/// What is armed: terms, or a callback that decides.
#[derive(Clone)]
pub(crate) enum Order {
    Terms(Terms),
    Callback(Arc<Callback>),
}

pub(crate) type Callback = dyn Fn(&Hit<'_>) -> callback::Action + Send + Sync;

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Terms(terms) => terms.fmt(f),
            Order::Callback(_) => f.write_str("callback"),
        }
    }
}

pub(crate) struct Plan {
    pub(crate) point: &'static str,
    /// Empty for a callback.
    pub(crate) terms: Terms,
    pub(crate) callback: Option<Arc<Callback>>,
    /// As written; see the ruling on text.
    pub(crate) text: String,
    pub(crate) origin: Origin,
    /// The scope it is armed in; `None` for everybody.
    pub(crate) scope: Option<ScopeId>,
    pub(crate) pause_limit: Duration,
    pub(crate) generation: u64,
    pub(crate) gate: Arc<Gate>,
    /// What the `wait` steps observe, in their order in the terms.
    pub(crate) observations: Vec<Arc<Observation>>,
    armed_at: Moment,
    draws: Vec<Draws>,
    /// Whether the first term acts at every hit: then one addition decides and counts.
    unconditional: bool,
    /// Whether any term filters by context.
    filters: bool,
    /// Whether any term is open only for a time.
    windows: bool,
    /// Hits that an unconditional term took; each is a fire.
    direct: AtomicU64,
    /// What everything else counts. The order in which hits take this lock is their number.
    counts: Mutex<Counts>,
    last_fire: Mutex<Option<SystemTime>>,
    has_misfits: AtomicBool,
    misfits: Mutex<Vec<&'static Site>>,
    outside: Mutex<Outside>,
}

/// Evaluations that a scoped plan did not see, because they came from outside its scope.
#[derive(Clone, Debug, Default)]
struct Outside {
    count: u64,
    last: String,
}

#[derive(Debug, Default)]
struct Counts {
    hits: u64,
    fires: u64,
    terms: Vec<TermCounts>,
}

#[derive(Clone, Debug, Default)]
struct TermCounts {
    /// Hits that reached the term with `when`, `after` and `for` allowing.
    reached: u64,
    /// Chances drawn.
    drawn: u64,
    fired: u64,
}

/// What a plan says of one evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// No filter admits it: not a hit.
    NoHit,
    /// A hit in which no term acts.
    Pass,
    /// A hit in which the site cannot take what the term would return: it passes.
    Misfit,
    /// A hit in which this term acts.
    Fire(Fire),
    /// A hit of this number, from 0, which the callback decides.
    Ask(u64),
}

/// A term that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fire {
    pub(crate) term: usize,
    /// The number of this fire among the term's own, from 0: what its draws are numbered by.
    pub(crate) number: u64,
}

impl Plan {
    pub(crate) fn new(
        point: &'static str,
        order: Order,
        text: String,
        setting: Setting<'_>,
        generation: u64,
    ) -> Self {
        let (terms, callback) = match order {
            Order::Terms(terms) => (terms, None),
            Order::Callback(callback) => (Terms { chain: Vec::new() }, Some(callback)),
        };
        let gate = Gate::new();
        let waits = terms.chain.iter().flat_map(Term::waits).count();
        let observe = || Arc::new(Observation::new(gate.clone(), setting.scope));
        Self {
            point,
            callback,
            text,
            origin: setting.origin,
            scope: setting.scope,
            pause_limit: setting.pause_limit,
            generation,
            observations: std::iter::repeat_with(observe).take(waits).collect(),
            gate,
            armed_at: Moment::now(),
            draws: (0..terms.chain.len())
                .map(|index| Draws::new(point, setting.scope_name, index))
                .collect(),
            unconditional: terms.chain.first().is_some_and(Term::is_unconditional),
            filters: terms.chain.iter().any(|term| !term.when.is_empty()),
            windows: terms.chain.iter().any(Term::has_window),
            direct: AtomicU64::new(0),
            counts: Mutex::new(Counts {
                terms: vec![TermCounts::default(); terms.chain.len()],
                ..Counts::default()
            }),
            last_fire: Mutex::new(None),
            has_misfits: AtomicBool::new(false),
            misfits: Mutex::new(Vec::new()),
            outside: Mutex::new(Outside::default()),
            terms,
        }
    }

    pub(crate) fn hits(&self) -> u64 {
        self.direct.load(Ordering::SeqCst) + self.counts.lock().hits
    }

    pub(crate) fn fires(&self) -> u64 {
        self.direct.load(Ordering::SeqCst) + self.counts.lock().fires
    }

    pub(crate) fn last_fire(&self) -> Option<SystemTime> {
        *self.last_fire.lock()
    }

    /// Whether this is the first value of a callback that a site could not take.
    pub(crate) fn is_first_misfit(&self) -> bool {
        !self.has_misfits.swap(true, Ordering::AcqRel)
    }

    /// Notes an evaluation that came from outside the scope while only scopes arm the name.
    pub(crate) fn note_outside(&self, site: &Site) {
        let last = format!("{} on thread `{}`", site.at(), this_thread());
        let mut outside = self.outside.lock();
        outside.count += 1;
        outside.last = last;
    }

    /// What to say of evaluations from outside the scope, if there were any.
    pub(crate) fn outside(&self) -> Option<String> {
        let outside = self.outside.lock().clone();
        (outside.count > 0).then(|| {
            format!(
                "{} evaluations came from outside the scope, the last at {}; give that thread the \
                 scope with scope.wrap(future), scope.wrap_fn(closure) or \
                 scope.on_thread_start(), or arm the point for everybody with failpoint::arm",
                outside.count, outside.last
            )
        })
    }

    /// What to say of a plan that should have fired and has not.
    pub(crate) fn unfired(&self) -> String {
        let outside = self.outside().map_or_else(String::new, |outside| format!(" ({outside})"));
        format!("`{}={}` had {} hits and no fire{outside}", self.point, self.text, self.hits())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.armed_at.elapsed()
    }

    pub(crate) fn draws(&self, term: usize) -> &Draws {
        &self.draws[term]
    }

    /// The index among [`Plan::observations`] of the first `wait` in `term`.
    pub(crate) fn first_observation(&self, term: usize) -> usize {
        self.terms.chain[..term].iter().flat_map(Term::waits).count()
    }

    /// The points that `wait` steps name, each with what it has seen.
    pub(crate) fn observed(&self) -> impl Iterator<Item = (&str, &Arc<Observation>)> {
        let targets = self.terms.chain.iter().flat_map(Term::waits);
        targets.map(String::as_str).zip(&self.observations)
    }

    /// Notes a site that registered after the arming and cannot take what the terms return.
    pub(crate) fn add_misfit(&self, site: &'static Site) {
        self.misfits.lock().push(site);
        self.has_misfits.store(true, Ordering::Release);
    }

    fn is_misfit(&self, site: &Site) -> bool {
        self.has_misfits.load(Ordering::Acquire)
            && self.misfits.lock().iter().any(|misfit| std::ptr::eq(*misfit, site))
    }

    /// Decides one evaluation, counts it, and wakes who waits for the counts.
    pub(crate) fn decide(&self, site: &Site, facts: Facts<'_>) -> Decision {
        let decision = self.decide_and_count(site, facts);
        match decision {
            Decision::NoHit => {}
            Decision::Pass | Decision::Misfit | Decision::Ask(_) => self.gate.ring(),
            Decision::Fire(fire) => {
                if !self.terms.chain[fire.term].is_off() {
                    *self.last_fire.lock() = Some(SystemTime::now());
                }
                self.gate.ring();
            }
        }
        decision
    }

    fn decide_and_count(&self, site: &Site, facts: Facts<'_>) -> Decision {
        if self.callback.is_some() {
            let mut counts = self.counts.lock();
            counts.hits += 1;
            return Decision::Ask(counts.hits - 1);
        }
        let misfit = self.is_misfit(site);
        if self.unconditional && !misfit {
            return Decision::Fire(Fire {
                term: 0,
                number: self.direct.fetch_add(1, Ordering::SeqCst),
            });
        }
        // Filters render the user's values, so they are asked before the lock is taken.
        let admitted = self.filters.then(|| self.admitted(facts));
        let admits = |index: usize| admitted.as_ref().is_none_or(|admitted| admitted[index]);
        if !(0..self.terms.chain.len()).any(admits) {
            return Decision::NoHit;
        }
        // The clock is read only where a term asks for the time.
        let elapsed = if self.windows { self.elapsed() } else { Duration::ZERO };

        let mut counts = self.counts.lock();
        counts.hits += 1;
        for (index, term) in self.terms.chain.iter().enumerate() {
            if !admits(index) || !term.is_open(elapsed) {
                continue;
            }
            if misfit && term.returns() {
                return Decision::Misfit;
            }
            let fire = counts.terms[index].spend(term, &self.draws[index]);
            if let Some(number) = fire {
                counts.fires += 1;
                return Decision::Fire(Fire { term: index, number });
            }
        }
        Decision::Pass
    }

    /// Counts a fire that the callback asked for.
    pub(crate) fn count_callback_fire(&self, is_off: bool) {
        self.counts.lock().fires += 1;
        if !is_off {
            *self.last_fire.lock() = Some(SystemTime::now());
        }
        self.gate.ring();
    }

    fn admitted(&self, facts: Facts<'_>) -> Vec<bool> {
        self.terms
            .chain
            .iter()
            .map(|term| term.when.iter().all(|condition| condition.admits(facts)))
            .collect()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("point", &self.point)
            .field("terms", &self.text)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl TermCounts {
    /// Takes one hit through `skip`, `nth`/`every`, `%` and `*`, in this order, each spent only if
    /// those before it allowed. Gives the number of the fire if the term acts.
    fn spend(&mut self, term: &Term, draws: &Draws) -> Option<u64> {
        self.reached += 1;
        let rest = self.reached.checked_sub(term.skip).filter(|&rest| rest > 0)?;
        let picked = match term.pick {
            Pick::All => true,
            Pick::Nth(n) => rest == n,
            Pick::Every(n) => rest % n == 0,
        };
        if !picked {
            return None;
        }
        if let Some(chance) = &term.chance {
            let number = self.drawn;
            self.drawn += 1;
            if draws.fraction(Purpose::Chance, number) >= chance.probability() {
                return None;
            }
        }
        if term.times.is_some_and(|times| self.fired >= times) {
            return None;
        }
        let number = self.fired;
        self.fired += 1;
        Some(number)
    }
}

impl Term {
    fn is_unconditional(&self) -> bool {
        self.when.is_empty()
            && !self.has_window()
            && self.skip == 0
            && self.pick == Pick::All
            && self.chance.is_none()
            && self.times.is_none()
    }

    fn has_window(&self) -> bool {
        self.after.is_some() || self.for_.is_some()
    }

    fn is_open(&self, elapsed: Duration) -> bool {
        self.after.is_none_or(|after| elapsed >= after)
            && self.for_.is_none_or(|until| elapsed < until)
    }
}

impl Condition {
    fn admits(&self, facts: Facts<'_>) -> bool {
        let found = facts(&self.key);
        found.is_some_and(|found| match self.op {
            Op::Equal => found == self.value,
            Op::NotEqual => found != self.value,
            Op::Glob => wildmatch::WildMatch::new(&self.value).matches(&found),
        })
    }
}

/// The name of this thread, or its id where it has none.
pub(crate) fn this_thread() -> String {
    let thread = std::thread::current();
    thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned)
}

/// What a `wait` step has seen of the point it names, while its plan lives.
#[derive(Debug)]
pub(crate) struct Observation {
    passages: AtomicU64,
    gate: Arc<Gate>,
    /// A scoped term counts passages inside its scope; a global one counts all.
    scope: Option<ScopeId>,
}

impl Observation {
    fn new(gate: Arc<Gate>, scope: Option<ScopeId>) -> Self {
        Self { passages: AtomicU64::new(0), gate, scope }
    }

    pub(crate) fn scope(&self) -> Option<ScopeId> {
        self.scope
    }

    pub(crate) fn passages(&self) -> u64 {
        self.passages.load(Ordering::SeqCst)
    }

    /// Somebody came by the observed point.
    pub(crate) fn pass(&self) {
        self.passages.fetch_add(1, Ordering::SeqCst);
        self.gate.ring();
    }
}
