//! Scopes: who sees an arming, all callers or those in a scope.
//!
//! A scope is seen by the thread that entered it, by the futures and closures it wraps, and by the
//! pools whose threads it was given to. An evaluation looks through the scopes in force, the
//! innermost first, then at what is armed globally.

use crate::callback::{Action, Hit};
use crate::error::Error;
use crate::runtime::count::fast_counter::SlowPathGuard;
use crate::runtime::env;
use crate::runtime::own_code::{OwnCode, call_out};
use crate::runtime::park::gate::Gate;
use crate::runtime::plan::{Plan, ScopeBits, ScopeId};
use crate::runtime::registry::point::Snapshot;
use crate::runtime::registry::target::{PAUSE_LIMIT, ScopePlans, Target};
use crate::runtime::registry::{Request, Unknown, registry};
use crate::runtime::simulated::{self, Simulated};
use crate::runtime::sync::lasting::{AtomicBool, AtomicU64};
use crate::runtime::sync::{Arc, Ordering};
use crate::runtime::values::{Value, Values};
use crate::simulation::Simulation;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::future::Future;
use std::sync::Weak;
use std::time::Duration;

/// A handle to a scope; the last one to go disarms all that the scope armed.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    plans: ScopePlans,
    lineage: Arc<Lineage>,
    /// The scope in force where this one was made, which it keeps alive.
    _outer: Option<Scope>,
    /// An isolated one hides what is armed globally: then it depends on the thread.
    _slow_path: Option<SlowPathGuard>,
}

/// What a thread has to know of a scope that is in force on it.
#[derive(Debug)]
struct Lineage {
    /// The scope, then the one that it was made in, and so on: in one place for evaluations.
    ids: Vec<ScopeId>,
    /// Of these.
    bits: ScopeBits,
    /// That of the scope that it was made in.
    outer: Option<Arc<Lineage>>,
    /// What the scope itself holds; empty once the scope is gone.
    values: Values,
    /// Does not fall back: what none of these arms is not armed inside it.
    isolated: bool,
    /// Whether anything was ever inside it.
    was_entered: AtomicBool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let own = OwnCode::enter();
        registry().reset_scope(Target::Scope(&self.plans));
        drop(own);
        // Threads of pools may keep the lineage for longer.
        let values = self.lineage.values.take();
        call_out(|| drop(values));
    }
}

/// What is in force on a thread, the innermost last.
enum Entry {
    Entered(Arc<Inner>),
    /// A pool's thread, which must not keep the scope alive.
    Given(Weak<Inner>, Arc<Lineage>),
}

thread_local! {
    /// Each with the bits of those before it.
    static IN_FORCE: RefCell<Vec<(Entry, ScopeBits)>> = const { RefCell::new(Vec::new()) };
    /// The bits of all of them. A plain cell, since it is read while a thread is torn down.
    static BITS: Cell<ScopeBits> = const { Cell::new(ScopeBits::NONE) };
}

impl Scope {
    pub(crate) fn new(name: &str, isolated: bool) -> Self {
        Self::with_pause_limit(name, isolated, PAUSE_LIMIT)
    }

    pub(crate) fn with_pause_limit(name: &str, isolated: bool, pause_limit: Duration) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        env::ensure();
        let id = ScopeId(IDS.fetch_add(1, Ordering::Relaxed));
        let plans = ScopePlans::new(id, name.to_owned(), pause_limit);
        let outer = if isolated { None } else { Self::current() };
        let mut ids = vec![id];
        let outer_lineage = outer.as_ref().map(|outer| outer.inner.lineage.clone());
        let mut falls_nowhere = isolated;
        if let Some(outer) = &outer_lineage {
            ids.extend(&outer.ids);
            falls_nowhere = outer.isolated;
        }
        let own_bits = if falls_nowhere { ScopeBits::UNSURE } else { ScopeBits::NONE };
        let bits = ids.iter().copied().map(ScopeBits::of).fold(own_bits, ScopeBits::and);
        let lineage = Arc::new(Lineage {
            ids,
            bits,
            outer: outer_lineage,
            values: Values::default(),
            isolated: falls_nowhere,
            was_entered: AtomicBool::new(false),
        });
        let slow_path = isolated.then(SlowPathGuard::begin);
        Self { inner: Arc::new(Inner { plans, lineage, _outer: outer, _slow_path: slow_path }) }
    }

    pub(crate) fn current() -> Option<Self> {
        let innermost = |entries: &RefCell<Vec<(Entry, ScopeBits)>>| {
            let entries = entries.borrow();
            entries.iter().rev().find_map(|(entry, _)| entry.upgrade()).map(|inner| Self { inner })
        };
        IN_FORCE.try_with(innermost).ok().flatten()
    }

    pub(crate) fn id(&self) -> ScopeId {
        self.inner.plans.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.inner.plans.name
    }

    /// Puts the scope in force on this thread until [`Scope::leave`] is called as often.
    pub(crate) fn enter(&self) {
        self.inner.lineage.note_entered();
        Entry::Entered(self.inner.clone()).put_in_force();
    }

    /// Runs `body` inside the scope.
    pub(crate) fn run<R>(&self, body: impl FnOnce() -> R) -> R {
        let _in = Inside::enter(self);
        body()
    }

    /// Takes the innermost scope out of force.
    pub(crate) fn leave() {
        // Dropped after the borrow has ended: a last handle disarms, and wakes the waiters.
        let left = IN_FORCE.try_with(|entries| entries.borrow_mut().pop());
        if let Ok(Some((_, before))) = &left {
            BITS.set(*before);
        }
        drop(left);
    }

    /// A hook that puts the scope in force on a thread for good, without keeping it alive.
    pub(crate) fn on_thread_start(&self) -> impl Fn() + Clone + Send + Sync + 'static + use<> {
        let given = (Arc::downgrade(&self.inner), self.inner.lineage.clone());
        move || {
            given.1.note_entered();
            Entry::Given(given.0.clone(), given.1.clone()).put_in_force();
        }
    }

    /// Whether anything was ever inside the scope.
    pub(crate) fn was_entered(&self) -> bool {
        self.inner.lineage.was_entered.load(Ordering::Relaxed)
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target::Scope(&self.inner.plans)
    }

    /// A future that is inside the scope whenever it is polled.
    pub(crate) fn wrap<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let scope = self.clone();
        async move {
            let mut future = std::pin::pin!(future);
            let poll = |cx: &mut std::task::Context<'_>| {
                let _in = Inside::enter(&scope);
                future.as_mut().poll(cx)
            };
            std::future::poll_fn(poll).await
        }
    }

    pub(crate) fn insert<T: Any + Send + Sync>(&self, value: T) -> Option<Arc<T>> {
        self.inner.lineage.values.insert(Arc::new(value)).and_then(typed)
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.inner.lineage.value(TypeId::of::<T>()).and_then(typed)
    }

    /// The value of the type in the scopes in force, the innermost first.
    pub(crate) fn find<T: Any + Send + Sync>() -> Option<Arc<T>> {
        value_in_force(TypeId::of::<T>()).and_then(typed)
    }

    pub(crate) fn simulate(&self, simulation: impl Simulation) {
        drop(self.insert(Simulated(Box::new(simulation))));
    }

    fn is_simulated(&self) -> bool {
        self.get::<Simulated>().is_some()
    }

    pub(crate) fn arm(&self, name: &str, terms: &str) -> Result<(), Error> {
        let request = Request::parse(name, terms, Unknown::Refused)?;
        match simulated::refusal(name, terms).filter(|_| self.is_simulated()) {
            Some(refusal) => Err(refusal),
            None => self.arm_request(request),
        }
    }

    pub(crate) fn arm_with(
        &self,
        name: &str,
        callback: impl Fn(&Hit<'_>) -> Action + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.arm_request(Request::callback(name, Arc::new(callback), Unknown::Refused))
    }

    fn arm_request(&self, request: Request) -> Result<(), Error> {
        let _own = OwnCode::enter();
        registry().arm(vec![request], self.target()).map(drop).map_err(|mut all| all.remove(0))
    }

    pub(crate) fn arm_all(&self, config: &str) -> Result<(), Error> {
        let _own = OwnCode::enter();
        let (requests, mut errors) = Request::parse_config(config, Unknown::Refused);
        if self.is_simulated() {
            errors.extend(simulated::refusals(config));
        }
        registry().arm_config((requests, errors), self.target()).map(drop).map_err(Error::Config)
    }

    pub(crate) fn disarm(&self, name: &str) -> Result<bool, Error> {
        let _own = OwnCode::enter();
        registry().disarm(name, self.target())
    }

    pub(crate) fn reset(&self) {
        let _own = OwnCode::enter();
        registry().reset_scope(self.target());
    }

    pub(crate) fn hits(&self, name: &str) -> Result<u64, Error> {
        Ok(self.plan(name)?.map_or(0, |plan| plan.hits()))
    }

    pub(crate) fn fires(&self, name: &str) -> Result<u64, Error> {
        Ok(self.plan(name)?.map_or(0, |plan| plan.fires()))
    }

    pub(crate) fn paused(&self, name: &str) -> Result<u64, Error> {
        Ok(self.plan(name)?.map_or(0, |plan| plan.gate.paused()))
    }

    pub(crate) fn resume(&self, name: &str, n: usize) -> Result<usize, Error> {
        Ok(self.plan(name)?.map_or(0, |plan| plan.gate.resume(n)))
    }

    /// What the scope itself has armed at `name`.
    pub(crate) fn plan(&self, name: &str) -> Result<Option<Arc<Plan>>, Error> {
        registry().find(name).map(|point| self.inner.plans.plan(&point))
    }

    /// Where those wait who wait for the scope to arm something.
    pub(crate) fn armings(&self) -> &Arc<Gate> {
        &self.inner.plans.armings
    }

    /// Every plan that the scope itself has armed.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        let points = self.target().armed();
        points.into_iter().filter_map(|point| self.inner.plans.plan(&point)).collect()
    }
}

impl Entry {
    fn put_in_force(self) {
        // The list may grow while it is borrowed, and a point in the allocator would look at it.
        let _own = OwnCode::enter();
        let before = BITS.get();
        let bits = before.and(self.bits());
        let put = IN_FORCE.try_with(|entries| entries.borrow_mut().push((self, before)));
        if put.is_ok() {
            BITS.set(bits);
        }
    }

    fn bits(&self) -> ScopeBits {
        match self {
            Entry::Entered(inner) => inner.lineage.bits,
            Entry::Given(_, lineage) => lineage.bits,
        }
    }

    fn upgrade(&self) -> Option<Arc<Inner>> {
        match self {
            Entry::Entered(inner) => Some(inner.clone()),
            Entry::Given(given, _) => given.upgrade(),
        }
    }

    /// The lineage of a scope that is still there. Counts no `Arc`, as all evaluations would.
    fn lineage(&self) -> Option<&Lineage> {
        match self {
            Entry::Entered(inner) => Some(&inner.lineage),
            Entry::Given(given, lineage) => (given.strong_count() > 0).then_some(lineage),
        }
    }
}

/// Leaves the scope also where what runs inside panics.
struct Inside;

impl Inside {
    fn enter(scope: &Scope) -> Self {
        scope.enter();
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        Scope::leave();
    }
}

/// What an evaluation finds in the scopes in force.
pub(crate) enum Found<'a> {
    /// The innermost that arms the point.
    Plan(&'a Arc<Plan>),
    /// None arms it: what is armed globally holds.
    Nothing,
    /// None arms it, and an isolated one ends the search.
    Isolated,
}

/// Looks in `now` for what the scopes in force arm, `through` them first if one was given by hand.
#[inline]
pub(crate) fn find<'a>(now: &'a Snapshot, through: Option<&Scope>) -> Found<'a> {
    if through.is_none() && !now.scope_bits().may_meet(BITS.get()) {
        return Found::Nothing;
    }
    look(through, |lineage| lineage.search(now)).unwrap_or(Found::Nothing)
}

impl Lineage {
    /// Of this scope alone: the one that it was made in was in force then.
    fn note_entered(&self) {
        // Relaxed, because it is read for messages alone. Looked at first, because many threads may
        // enter one scope again and again.
        if !self.was_entered.load(Ordering::Relaxed) {
            self.was_entered.store(true, Ordering::Relaxed);
        }
    }

    /// The value of this scope, else that of the scope that it was made in, and so on.
    fn value(&self, id: TypeId) -> Option<Value> {
        std::iter::successors(Some(self), |lineage| lineage.outer.as_deref())
            .find_map(|lineage| lineage.values.get(id))
    }

    /// `None` where the search goes on.
    fn search<'a>(&self, now: &'a Snapshot) -> Option<Found<'a>> {
        match self.ids.iter().find_map(|id| now.plan_in(*id)) {
            Some(plan) => Some(Found::Plan(plan)),
            None => self.isolated.then_some(Found::Isolated),
        }
    }
}

/// Not generic, so that it is compiled once.
fn value_in_force(id: TypeId) -> Option<Value> {
    let search = |lineage: &Lineage| match lineage.value(id) {
        Some(value) => Some(Some(value)),
        None => lineage.isolated.then_some(None),
    };
    look(None, search).flatten()
}

/// The simulation of the scopes in force, `through` first if one was given by hand.
#[cold]
#[inline(never)]
pub(crate) fn simulation(through: Option<&Scope>) -> Option<Arc<Simulated>> {
    let given = through.map(|scope| &scope.inner.lineage);
    let found = given.and_then(|lineage| lineage.value(TypeId::of::<Simulated>()));
    match found {
        Some(found) => typed(found),
        None if given.is_some_and(|lineage| lineage.isolated) => None,
        None => Scope::find(),
    }
}

fn typed<T: Any + Send + Sync>(value: Value) -> Option<Arc<T>> {
    value.downcast().ok()
}

/// Whether this evaluation is inside the scope `id`.
pub(crate) fn is_inside(id: ScopeId, through: Option<&Scope>) -> bool {
    look(through, |lineage| lineage.ids.contains(&id).then_some(())).is_some()
}

/// Shows `look` the name of the innermost scope in force, for `when(scope=…)`.
pub(crate) fn current_name(through: Option<&Scope>, look_at: &mut dyn FnMut(&dyn Display)) {
    // By a handle, not by what is borrowed: who looks may be a user's code.
    let innermost = through.cloned().or_else(Scope::current);
    innermost.iter().for_each(|scope| look_at(&scope.name()));
}

/// The first that `find` finds in the scopes in force, the innermost first. It enters and leaves
/// none.
fn look<R>(through: Option<&Scope>, mut find: impl FnMut(&Lineage) -> Option<R>) -> Option<R> {
    if let Some(scope) = through {
        scope.inner.lineage.note_entered();
        if let Some(found) = find(&scope.inner.lineage) {
            return Some(found);
        }
    }
    let in_force = |entries: &RefCell<Vec<(Entry, ScopeBits)>>| {
        let entries = entries.borrow();
        entries.iter().rev().filter_map(|(entry, _)| entry.lineage()).find_map(find)
    };
    IN_FORCE.try_with(in_force).ok().flatten()
}
