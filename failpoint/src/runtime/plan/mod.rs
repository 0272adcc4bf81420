//! A plan: decides which term acts at a hit.
//!
//! A plan is terms being spent: made when a point is armed, never changed but in its counts, and
//! over when the point is disarmed, armed again or reset. Deciding is all it does; acting is
//! `effect`'s.

pub(crate) mod filter;
pub(crate) mod random;
pub(crate) mod rare;
mod tally;

use self::filter::{Facts, Filter, ThisThread};
use self::random::{Draws, Odds};
use self::rare::RareTally;
use self::tally::Tally;
use crate::callback::{self, Hit};
use crate::runtime::count::fast_counter::{CounterLease, CounterPause, FastCounter};
use crate::runtime::count::last_fired::LastFired;
use crate::runtime::count::striped::{CachePadded, StripedCounters};
use crate::runtime::count::unshared::UnsharedCounter;
use crate::runtime::own_code::OwnCode;
use crate::runtime::park::clock::Moment;
use crate::runtime::park::gate::Gate;
use crate::runtime::point_name::Name;
use crate::runtime::site::Site;
use crate::runtime::sync::{Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering};
use crate::terms::{Pick, Span, Step, Term, Terms};
use crate::visible::{holds_hidden, visible};
use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

/// Which API the terms were armed through. It decides what happens when a limit runs out.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeId(pub(crate) u64);

/// A few bits that two sets of scopes have in common if they have a scope in common, or by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeBits(u64);

impl ScopeBits {
    pub(crate) const NONE: Self = Self(0);
    /// Of sets that are never told apart by their bits alone.
    pub(crate) const UNSURE: Self = Self(1 << 63);

    pub(crate) fn of(scope: ScopeId) -> Self {
        Self(1 << (scope.0 % 63))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) fn may_meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What a plan takes from where it was armed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanSource<'a> {
    pub(crate) origin: Origin,
    pub(crate) scope: Option<ScopeId>,
    /// The scope's name, empty without one: part of what decides a chance.
    pub(crate) scope_name: &'a str,
    /// How long a `pause` lasts if its terms do not say.
    pub(crate) pause_limit: Duration,
}

/// What is armed: terms, or a callback that decides.
#[derive(Clone)]
pub(crate) enum Behavior {
    /// Shared by all that one request arms with them.
    Terms(Arc<Terms>),
    Callback(Arc<Callback>),
}

pub(crate) type Callback = dyn Fn(&Hit<'_>) -> callback::Action + Send + Sync;

impl fmt::Debug for Behavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Behavior::Terms(terms) => terms.fmt(f),
            Behavior::Callback(_) => f.write_str("callback"),
        }
    }
}

pub(crate) struct Plan {
    pub(crate) point: Name,
    /// Empty for a callback.
    pub(crate) terms: Arc<Terms>,
    pub(crate) callback: Option<Arc<Callback>>,
    /// As written; on one line.
    pub(crate) text: Arc<str>,
    pub(crate) origin: Origin,
    /// The scope it is armed in; `None` if it is global.
    pub(crate) scope: Option<ScopeId>,
    pub(crate) pause_limit: Duration,
    /// 0 until it is put in force.
    pub(crate) generation: u64,
    pub(crate) gate: Arc<Gate>,
    /// The points that the `wait` steps name, sorted by name: one for each, however many steps name
    /// it.
    pub(crate) observed: Vec<Observed>,
    armed_at: Moment,
    /// One for each term.
    rules: Vec<Rule>,
    /// Whether that is one, and no condition keeps a hit from reaching it.
    is_lone: bool,
    /// Made when something has to be counted here: an `off` whose hits the fast counter counts
    /// takes none.
    counts: OnceLock<Box<Counts>>,
    /// What its point's fast counter counts for it: a global `off`, and nothing else to know.
    lease: CounterLease,
    has_misfits: AtomicBool,
    /// Whether it was logged that a simulation ignores a part of it.
    is_ignored: AtomicBool,
    misfits: Mutex<Vec<&'static Site>>,
    /// Evaluations that a scoped plan did not see, because they came from outside.
    outside: std::sync::OnceLock<Box<Outside>>,
}

/// Evaluations from outside the scope.
struct Outside {
    /// Where the first was, and on which thread.
    first: String,
    count: UnsharedCounter,
}

/// What a plan counts itself, each on lines of its own.
struct Counts {
    /// One for each term, or one for a callback: the hits that it is asked about.
    numbers: Vec<Numbers>,
    /// What needs no number: see the constants below.
    counters: StripedCounters,
    /// Of the last fire, but by an `off`.
    last_fire: LastFired,
}

/// Which of the tallies counts hits in which no term acts.
const PASSES: usize = 0;
/// Which counts the fires of the first term, where they cannot be derived; then the second's.
const FIRES: usize = 1;

/// What a term comes to: all that deciding has to know of it, in one place.
#[derive(Debug)]
struct Rule {
    filter: Filter,
    counting: Counting,
    draws: Draws,
    skip: u64,
    pick: Pick,
    /// How many fires at most.
    times: u64,
    has_window: bool,
    is_off: bool,
    returns: bool,
}

/// How a term's hits and fires are counted, by what it has to know.
#[derive(Debug)]
enum Counting {
    /// It acts at every hit that reaches it: nothing has a number.
    All,
    /// The number of a hit decides, and so does the number of hits how many fired.
    Picked,
    /// A chance drawn by the number of a hit.
    ByChance(Odds),
    /// The same, where it is small.
    Rarely(Odds),
    /// The same, behind `skip`, `nth` or `every`; or the fires that chance allows are bounded, or draw
    /// again.
    Numbered(Odds),
}

/// What became of a hit that reached a term.
#[derive(Clone, Copy)]
enum Spent {
    /// The term acts, and this is the number of the fire where it needs one.
    Fire(u64),
    /// It does not. The hit is counted where it has reached the term.
    Counted,
    /// It does not, and nothing shows the hit yet.
    Uncounted,
}

/// What decides by its order.
#[derive(Debug, Default)]
struct Numbers {
    /// Hits that reached the term with `when`, `after` and `for` allowing.
    reached: CachePadded<AtomicU64>,
    /// The same and their fires, of a term that acts by chance alone.
    tally: Tally,
    /// Likewise, where the chance is small.
    rare: Option<Box<RareTally>>,
    /// Fires, of a term that has to bound or to number what chance lets through.
    fired: CachePadded<AtomicU64>,
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
        point: Name,
        behavior: Behavior,
        text: Arc<str>,
        source: PlanSource<'_>,
    ) -> Self {
        let (terms, callback) = match behavior {
            Behavior::Terms(terms) => (terms, None),
            Behavior::Callback(callback) => (Arc::new(Terms { chain: Vec::new() }), Some(callback)),
        };
        let draws = |index| Draws::new(&point, source.scope_name, index);
        let rules: Vec<Rule> =
            (0..).zip(&terms.chain).map(|(index, term)| Rule::new(term, draws(index))).collect();
        let is_lone = matches!(&rules[..], [rule] if rule.filter.is_empty() && !rule.has_window);
        let gate = Gate::new();
        let plan = Self {
            rules,
            is_lone,
            point,
            callback,
            text,
            origin: source.origin,
            scope: source.scope,
            pause_limit: source.pause_limit,
            generation: 0,
            observed: Observed::all(&terms, &gate, source.scope),
            gate,
            armed_at: Moment::now(),
            counts: OnceLock::new(),
            lease: CounterLease::default(),
            has_misfits: AtomicBool::new(false),
            is_ignored: AtomicBool::new(false),
            misfits: Mutex::new(Vec::new()),
            outside: std::sync::OnceLock::new(),
            terms,
        };
        if !plan.only_counts() {
            // Else the first hit would allocate.
            plan.counts();
        }
        plan
    }

    /// The terms for a person to read: as they were written or, where that holds a hidden
    /// character, as they are printed. Either parses to these terms.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        // A callback has no terms to print, and its text is ours.
        if holds_hidden(&self.text) {
            Cow::Owned(self.terms.to_string())
        } else {
            Cow::Borrowed(&self.text)
        }
    }

    #[inline]
    fn counts(&self) -> &Counts {
        match self.counts.get() {
            Some(counts) => counts,
            None => self.make_counts(),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_counts(&self) -> &Counts {
        self.counts.get_or_init(|| {
            let _own = OwnCode::enter();
            Box::new(Counts::new(&self.rules))
        })
    }

    /// A decision is counted by its last addition, so that a hit and its fire show at once.
    pub(crate) fn hits(&self) -> u64 {
        self.hits_and_fires().0
    }

    fn hits_and_fires(&self) -> (u64, u64) {
        if self.callback.is_some() {
            let Some(counts) = self.counts.get() else { return (0, 0) };
            let fires = counts.counters.sum(FIRES);
            return (counts.numbers[0].reached(), fires);
        }
        let leased = self.lease.count();
        let (mut hits, mut fires) = (leased, leased);
        if let Some(counts) = self.counts.get() {
            for (index, rule) in self.rules.iter().enumerate() {
                let (reached, fired) = rule.counted(index, counts);
                fires += fired;
                // Of a hit that reached one before the last, another term may tell.
                hits += if index + 1 == self.rules.len() { reached } else { fired };
            }
            hits += counts.counters.sum(PASSES);
        }
        (hits, fires)
    }

    pub(crate) fn fires(&self) -> u64 {
        self.hits_and_fires().1
    }

    /// When it last fired, but by an `off`.
    pub(crate) fn last_fire(&self) -> Option<SystemTime> {
        self.counts.get().and_then(|counts| counts.last_fire.get())
    }

    /// Whether it is an `off` that acts at every hit, globally: then a hit is only counted.
    pub(crate) fn only_counts(&self) -> bool {
        let counts_only = |term: &Term| term.is_off() && term.when.is_empty() && !term.has_window();
        self.scope.is_none()
            && self.terms.chain.first().is_some_and(counts_only)
            && matches!(self.rules[0].counting, Counting::All)
    }

    /// From now on `fast_counter` counts for this plan, and for no other.
    pub(crate) fn lease_counter(&self, fast_counter: Arc<FastCounter>) {
        self.lease.attach(fast_counter);
    }

    pub(crate) fn end_lease(&self) {
        self.lease.move_out();
    }

    /// While the guard lives, every hit rings.
    pub(crate) fn pause_counter(&self) -> CounterPause<'_> {
        // Who waits must find what is counted from now on: see `Gate::ring`, which speaks of the
        // counts and not of their being made.
        self.counts();
        self.lease.hold()
    }

    /// Whether this is the first value of a callback that a site could not take.
    pub(crate) fn is_first_misfit(&self) -> bool {
        !self.has_misfits.swap(true, Ordering::AcqRel)
    }

    /// Whether this is the first time that a simulation ignores a part of it.
    pub(crate) fn is_first_ignored(&self) -> bool {
        !self.is_ignored.swap(true, Ordering::AcqRel)
    }

    /// Notes an evaluation that came from outside the scope while only scopes arm the name.
    #[inline]
    pub(crate) fn note_outside(&self, site: &Site) {
        match self.outside.get() {
            Some(outside) => outside.count.add(),
            None => self.note_first_outside(site).count.add(),
        }
    }

    #[cold]
    #[inline(never)]
    fn note_first_outside(&self, site: &Site) -> &Outside {
        let first = || format!("{} on thread `{}`", site.at(), ThisThread::get());
        self.outside
            .get_or_init(|| Box::new(Outside { first: first(), count: UnsharedCounter::new() }))
    }

    /// What to say of evaluations from outside the scope, if there were any.
    pub(crate) fn outside(&self) -> Option<String> {
        let Outside { first, count } = &**self.outside.get()?;
        Some(format!(
            "{} evaluations came from outside the scope, the first at {first}; enter \
             the scope on that thread with scope.wrap(future), scope.wrap_fn(closure) or \
             scope.on_thread_start(), or arm the point globally with failpoint::arm",
            count.sum()
        ))
    }

    /// What to say of a plan that should have fired and has not.
    pub(crate) fn unfired(&self) -> String {
        let outside = self.outside().map_or_else(String::new, |outside| format!(" ({outside})"));
        let (point, terms) = (visible(&self.point), self.shown());
        format!("`{point}={terms}` had {} hits and no fire{outside}", self.hits())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.armed_at.elapsed()
    }

    /// What the term at this index does.
    #[inline]
    pub(crate) fn steps(&self, term: usize) -> &[Step] {
        &self.terms.chain[term].steps
    }

    pub(crate) fn draws(&self, term: usize) -> &Draws {
        &self.rules[term].draws
    }

    /// The index among [`Plan::observed`] of a point that a `wait` step names.
    pub(crate) fn observation_of(&self, point: &str) -> usize {
        // Every `wait` of the terms has one.
        self.observed.partition_point(|observed| *observed.point < *point)
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

    /// Decides one evaluation by all that there is to know of it, counts it, and wakes who waits for the
    /// counts. `ignores` is asked whether the caller has no clock for a term with `after` or `for`, which
    /// does not act then.
    #[inline(never)]
    pub(crate) fn decide(
        &self,
        site: &Site,
        facts: Facts<'_>,
        ignores: &dyn Fn(&Term) -> bool,
    ) -> Decision {
        let decision = self.decide_and_count(site, facts, ignores);
        if decision != Decision::NoHit {
            self.gate.ring_for(|| self.hits_and_fires());
        }
        decision
    }

    /// The same for a plan of one term without a condition: every evaluation is a hit. `None` for the
    /// other plans, and where it is not that simple; nothing is counted then.
    #[inline(always)]
    pub(crate) fn decide_alone(&self) -> Option<Option<Fire>> {
        let [rule] = &self.rules[..] else { return None };
        if !self.is_lone || self.has_misfits.load(Ordering::Acquire) {
            return None;
        }
        let counts = self.counts();
        let fire = match rule.spend(0, counts) {
            Spent::Fire(number) => {
                counts.note_fire_of(rule);
                Some(Fire { term: 0, number })
            }
            Spent::Counted => None,
            Spent::Uncounted => {
                counts.counters.add(PASSES);
                None
            }
        };
        self.gate.ring_for(|| self.hits_and_fires());
        Some(fire)
    }

    fn decide_and_count(
        &self,
        site: &Site,
        facts: Facts<'_>,
        ignores: &dyn Fn(&Term) -> bool,
    ) -> Decision {
        let counts = self.counts();
        if self.callback.is_some() {
            return Decision::Ask(counts.numbers[0].reach());
        }
        let misfit = self.is_misfit(site);
        // The clock is read only where a term asks for the time, and once.
        let mut elapsed = None;
        let mut decision = Decision::NoHit;
        for (index, rule) in self.rules.iter().enumerate() {
            if !rule.filter.admits(facts) {
                continue;
            }
            decision = Decision::Pass;
            if rule.has_window {
                let term = &self.terms.chain[index];
                if ignores(term) || !term.is_open(*elapsed.get_or_insert_with(|| self.elapsed())) {
                    continue;
                }
            }
            if misfit && rule.returns {
                decision = Decision::Misfit;
                break;
            }
            match rule.spend(index, counts) {
                Spent::Fire(number) => {
                    counts.note_fire_of(rule);
                    return Decision::Fire(Fire { term: index, number });
                }
                Spent::Counted if index + 1 == self.rules.len() => return decision,
                Spent::Counted | Spent::Uncounted => {}
            }
        }
        if decision != Decision::NoHit {
            counts.counters.add(PASSES);
        }
        decision
    }

    /// Counts a fire that the callback asked for.
    pub(crate) fn count_callback_fire(&self, is_off: bool) {
        self.counts().counters.add(FIRES);
        if !is_off {
            self.counts().last_fire.set();
        }
        self.gate.ring_for(|| self.hits_and_fires());
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

impl Rule {
    fn new(term: &Term, draws: Draws) -> Self {
        let is_picked = term.skip > 0 || term.pick != Pick::All;
        let is_numbered = is_picked || term.times.is_some() || term.draws_lengths();
        let odds = term.chance.as_ref().map(|chance| Odds::new(draws, chance.probability()));
        let counting = match (odds, is_numbered) {
            (Some(odds), true) => Counting::Numbered(odds),
            (Some(odds), false) if odds.are_small() => Counting::Rarely(odds),
            (Some(odds), false) => Counting::ByChance(odds),
            (None, true) => Counting::Picked,
            (None, false) => Counting::All,
        };
        Self {
            filter: Filter::new(&term.when),
            counting,
            draws,
            skip: term.skip,
            pick: term.pick,
            times: term.times.unwrap_or(u64::MAX),
            has_window: term.has_window(),
            is_off: term.is_off(),
            returns: term.returns(),
        }
    }

    /// Takes one hit of the term, the one at `index`, through `skip`, `nth`/`every`, `%` and `*`, in
    /// this order.
    ///
    /// What a hit decides follows from its number among those that reached the term, so the first n
    /// decide alike whatever the threads do. One addition makes the hit and its fire show at once.
    // Always: a term that acts at every hit pays for no call. The others take longer than one.
    #[inline(always)]
    fn spend(&self, index: usize, counts: &Counts) -> Spent {
        match &self.counting {
            Counting::All => {
                counts.counters.add(FIRES + index);
                Spent::Fire(0)
            }
            Counting::Picked => self.spend_picked(&counts.numbers[index]),
            Counting::ByChance(odds) => counts.numbers[index].spend_chance(odds),
            Counting::Rarely(odds) => counts.numbers[index].spend_small_chance(odds),
            Counting::Numbered(odds) => self.spend_numbered(odds, &counts.numbers[index]),
        }
    }

    #[inline(never)]
    fn spend_picked(&self, numbers: &Numbers) -> Spent {
        match self.picked(numbers.reach()) {
            Some(picked) if picked < self.times => Spent::Fire(picked),
            _ => Spent::Counted,
        }
    }

    #[inline(never)]
    fn spend_numbered(&self, odds: &Odds, numbers: &Numbers) -> Spent {
        let picked = self.picked(numbers.reach());
        let allowed = picked.is_some_and(|picked| odds.draw().allows(picked));
        let fire = if allowed { numbers.fire(self.times) } else { None };
        fire.map_or(Spent::Uncounted, Spent::Fire)
    }

    /// What [`Rule::spend`] has counted: hits that reached the term, and fires. Hits that it leaves
    /// uncounted are not among them.
    fn counted(&self, index: usize, counts: &Counts) -> (u64, u64) {
        let numbers = &counts.numbers[index];
        match self.counting {
            Counting::All => {
                let fires = counts.counters.sum(FIRES + index);
                (fires, fires)
            }
            Counting::Picked => {
                let reached = numbers.reached();
                (reached, self.picks(reached).min(self.times))
            }
            Counting::ByChance(_) => numbers.tally.sums(),
            Counting::Rarely(_) => numbers.rare().sums(),
            Counting::Numbered(_) => {
                let fires = numbers.fired();
                (fires, fires)
            }
        }
    }

    /// The number among those that `skip` and `nth` or `every` let through, from 0, of the hit that
    /// reached the term with this number, if they do.
    fn picked(&self, reached: u64) -> Option<u64> {
        let rest = reached.checked_sub(self.skip)?;
        match self.pick {
            Pick::All => Some(rest),
            Pick::Nth(n) => (rest + 1 == n).then_some(0),
            Pick::Every(n) => ((rest + 1) % n == 0).then_some(rest / n),
        }
    }

    /// How many of the first `reached` hits they let through.
    fn picks(&self, reached: u64) -> u64 {
        let rest = reached.saturating_sub(self.skip);
        match self.pick {
            Pick::All => rest,
            Pick::Nth(n) => u64::from(rest >= n),
            Pick::Every(n) => rest / n,
        }
    }
}

impl Counts {
    /// Of these terms; of none for a callback, whose hits have a number as well.
    fn new(rules: &[Rule]) -> Self {
        let mut numbers: Vec<Numbers> = rules.iter().map(Numbers::of).collect();
        if numbers.is_empty() {
            numbers.push(Numbers::default());
        }
        Self {
            counters: StripedCounters::new(FIRES + numbers.len()),
            numbers,
            last_fire: LastFired::new(),
        }
    }

    /// Notes the time of a fire, but of an `off`.
    #[inline]
    fn note_fire_of(&self, rule: &Rule) {
        if !rule.is_off {
            self.last_fire.set();
        }
    }
}

// Why these are all `SeqCst`: see `Gate::ring`.
impl Numbers {
    fn of(rule: &Rule) -> Self {
        let rare = matches!(rule.counting, Counting::Rarely(_)).then(Box::default);
        Self { rare, ..Self::default() }
    }

    #[inline(never)]
    fn spend_chance(&self, odds: &Odds) -> Spent {
        let draw = odds.draw();
        let fires = self.tally.add(|number| draw.allows(number));
        if fires { Spent::Fire(0) } else { Spent::Counted }
    }

    #[inline(never)]
    fn spend_small_chance(&self, odds: &Odds) -> Spent {
        if self.rare().add(odds.draw()) { Spent::Fire(0) } else { Spent::Counted }
    }

    #[inline]
    fn rare(&self) -> &RareTally {
        self.rare.as_ref().expect("a term that acts rarely has it")
    }

    /// The number of a hit that reaches the term, from 0.
    fn reach(&self) -> u64 {
        self.reached.0.fetch_add(1, Ordering::SeqCst)
    }

    fn reached(&self) -> u64 {
        self.reached.0.load(Ordering::SeqCst)
    }

    fn fired(&self) -> u64 {
        self.fired.0.load(Ordering::SeqCst)
    }

    /// The number of a fire, from 0, if it is below `limit`.
    fn fire(&self, limit: u64) -> Option<u64> {
        let below = |fired| (fired < limit).then_some(fired + 1);
        self.fired.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, below).ok()
    }
}

impl Term {
    fn draws_lengths(&self) -> bool {
        let is_range = |step: &Step| {
            matches!(step, Step::Sleep(Span::Range(..)) | Step::Delay(Span::Range(..)))
        };
        self.steps.iter().any(is_range)
    }

    fn has_window(&self) -> bool {
        self.after.is_some() || self.for_.is_some()
    }

    fn is_open(&self, elapsed: Duration) -> bool {
        self.after.is_none_or(|after| elapsed >= after)
            && self.for_.is_none_or(|until| elapsed < until)
    }
}

/// A point that `wait` steps name, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) point: Box<str>,
    pub(crate) observation: Arc<Observation>,
}

impl Observed {
    fn all(terms: &Terms, gate: &Arc<Gate>, scope: Option<ScopeId>) -> Vec<Self> {
        let mut points: Vec<&str> =
            terms.chain.iter().flat_map(Term::waits).map(String::as_str).collect();
        points.sort_unstable();
        points.dedup();
        let observation = || Arc::new(Observation::new(gate.clone(), scope));
        points
            .into_iter()
            .map(|point| Self { point: point.into(), observation: observation() })
            .collect()
    }
}

/// What a plan has seen of a point that its `wait` steps name, while the plan lives.
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

    /// A caller hit the observed point.
    pub(crate) fn pass(&self) {
        self.passages.fetch_add(1, Ordering::SeqCst);
        self.gate.ring();
    }
}
