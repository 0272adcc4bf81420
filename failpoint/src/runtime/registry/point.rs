//! A point: its sites, and what is armed at it.
//!
//! A point is a name with its sites. What an evaluation needs of it is one immutable snapshot; the
//! switches of its sites are recomputed from that snapshot at every change, never adjusted.
//! Only this module writes switches.
//!
//! What code declares is there as long as the process. A point that no code declares goes when it
//! is neither armed nor observed any more, and when the last that looks at it has gone.

use super::kept;
use crate::info::PointInfo;
use crate::runtime::count::fast_counter::{Counted, FastCounter};
use crate::runtime::park::gate::Gate;
use crate::runtime::plan::{Observation, Plan, ScopeBits, ScopeId};
use crate::runtime::point_name::Name;
use crate::runtime::site::{Callsite, Site};
use crate::runtime::sync::lasting;
use crate::runtime::sync::{Arc, ArcSwapOption, AtomicU64, Guard, Mutex, OnceLock, Ordering};
use std::collections::BTreeSet;
use std::ops::Deref;

#[derive(Debug)]
pub(crate) struct Point {
    name: Name,
    /// `None` while nothing is armed and no plan observes it.
    now: ArcSwapOption<Snapshot>,
    /// Which snapshot that is, or [`NOTHING`].
    version: AtomicU64,
    /// Where hits are counted that need no more; made when that is first the case.
    fast_counter: OnceLock<Arc<FastCounter>>,
    generation: AtomicU64,
    /// Taken for changes.
    state: Mutex<State>,
    /// Where those wait who wait for it to be armed globally.
    armings: Arc<Gate>,
}

#[derive(Debug, Default)]
struct State {
    sites: Vec<&'static Site>,
    was_armed: bool,
    /// Of plans that are over.
    has_fired: bool,
    past: Past,
}

/// What came of the global armings that are over. A hit that was being decided when its
/// arming ended may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    pub(crate) hits: u64,
    pub(crate) fires: u64,
    pub(crate) last: Option<Over>,
}

/// An arming that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    pub(crate) generation: u64,
    pub(crate) hits: u64,
    pub(crate) fires: u64,
}

/// A point, for as long as it is looked at.
#[derive(Clone, Debug)]
pub(crate) enum PointRef {
    Declared(&'static Point),
    Unlisted(Arc<Point>),
}

impl PointRef {
    /// Whether code declares it.
    pub(crate) fn is_declared(&self) -> bool {
        match self {
            PointRef::Declared(_) => true,
            // It may have been since.
            PointRef::Unlisted(point) => point.has_sites(),
        }
    }
}

impl Deref for PointRef {
    type Target = Point;

    fn deref(&self) -> &Point {
        match self {
            PointRef::Declared(point) => point,
            PointRef::Unlisted(point) => point,
        }
    }
}

/// The global state of a point at one moment between two changes.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) point: PointRef,
    pub(crate) plan: Option<Arc<Plan>>,
    /// At which it was last armed or disarmed; 0 if never.
    pub(crate) generation: u64,
}

/// What has been tried of a point in this process.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) name: Name,
    /// Those that hold its sites, each once.
    pub(crate) packages: Vec<&'static str>,
    pub(crate) reached: bool,
    pub(crate) armed: bool,
    pub(crate) fired: bool,
}

/// What an evaluation finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// Of no other snapshot in the process.
    version: u64,
    pub(crate) plan: Option<Arc<Plan>>,
    /// What scopes arm here, by their age.
    scoped: Vec<(ScopeId, Arc<Plan>)>,
    /// Of these scopes; and of isolated ones, which hide what is armed globally.
    scope_bits: ScopeBits,
    pub(crate) observers: Vec<Arc<Observation>>,
}

/// The version where nothing is armed and no plan observes the point.
const NOTHING: u64 = 0;
static VERSIONS: lasting::AtomicU64 = lasting::AtomicU64::new(NOTHING + 1);

impl Snapshot {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether a thread may keep it longer than it is in force: it holds nothing of the user's.
    fn may_be_kept(&self) -> bool {
        let scoped = self.scoped.iter().map(|(_, plan)| plan);
        self.plan.iter().chain(scoped).all(|plan| plan.callback.is_none())
    }

    /// Whether any scope arms the name.
    fn is_scoped(&self) -> bool {
        !self.scoped.is_empty()
    }

    /// Those of the scopes that an evaluation has to look for.
    #[inline]
    pub(crate) fn scope_bits(&self) -> ScopeBits {
        self.scope_bits
    }

    /// What `scope` itself arms here.
    pub(crate) fn plan_in(&self, scope: ScopeId) -> Option<&Arc<Plan>> {
        let at = self.place_of(scope).ok()?;
        Some(&self.scoped[at].1)
    }

    /// Notes an evaluation that no scope in force arms the point for.
    #[inline(never)]
    pub(crate) fn note_outside(&self, site: &Site) {
        self.scoped.iter().for_each(|(_, plan)| plan.note_outside(site));
    }

    fn put(&mut self, scope: ScopeId, plan: Option<Arc<Plan>>) -> Option<Arc<Plan>> {
        match (self.place_of(scope), plan) {
            (Ok(at), Some(plan)) => Some(std::mem::replace(&mut self.scoped[at].1, plan)),
            (Ok(at), None) => Some(self.scoped.remove(at).1),
            (Err(at), Some(plan)) => {
                self.scoped.insert(at, (scope, plan));
                None
            }
            (Err(_), None) => None,
        }
    }

    fn place_of(&self, scope: ScopeId) -> Result<usize, usize> {
        self.scoped.binary_search_by_key(&scope, |(scope, _)| *scope)
    }

    fn is_live(&self) -> bool {
        self.plan.is_some() || self.is_scoped() || !self.observers.is_empty()
    }

    /// The plan for which the fast counter counts: it is all that is armed, and it only counts.
    fn lease(&self) -> Option<&Arc<Plan>> {
        let is_alone = !self.is_scoped() && self.observers.is_empty();
        self.plan.as_ref().filter(|plan| is_alone && plan.only_counts())
    }
}

impl Point {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            now: ArcSwapOption::empty(),
            version: AtomicU64::new(NOTHING),
            fast_counter: OnceLock::new(),
            generation: AtomicU64::new(0),
            state: Mutex::new(State::default()),
            armings: Gate::new(),
        }
    }

    /// A point that has these sites from the start.
    pub(crate) fn declared(name: &'static str, sites: Vec<&'static Site>) -> Self {
        let state = Mutex::new(State { sites, ..State::default() });
        Self { state, ..Self::new(Name::Static(name)) }
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// At which it was last armed or disarmed globally; 0 if never.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Whether an evaluation here is a hit that only has to be counted, and is counted.
    #[inline]
    pub(crate) fn pass(&self) -> bool {
        let Some(fast_counter) = self.fast_counter.get() else { return false };
        match fast_counter.pass() {
            Counted::Done => true,
            Counted::Closed => false,
            Counted::Full => {
                self.reopen_counter();
                false
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn reopen_counter(&self) {
        if let Some(plan) = self.plan() {
            drop(plan.pause_counter());
        }
    }

    /// Whether an evaluation would find anything.
    pub(crate) fn is_live(&self) -> bool {
        self.version.load(Ordering::Acquire) != NOTHING
    }

    /// What an evaluation looks at, to be given back to [`kept::keep`]; `None` where there is nothing, or
    /// it may not be kept.
    #[inline]
    pub(crate) fn kept(&self) -> Option<Arc<Snapshot>> {
        // Acquire pairs with the release in `change`: who sees a version sees what led to it.
        let version = self.version.load(Ordering::Acquire);
        kept::take(version).or_else(|| self.keep())
    }

    #[inline(never)]
    fn keep(&self) -> Option<Arc<Snapshot>> {
        let now = self.now.load();
        now.as_ref().filter(|now| now.may_be_kept()).cloned()
    }

    /// The same where it may not be kept. A guard, since all that evaluate would count an `Arc`.
    pub(crate) fn snapshot(&self) -> Guard<Snapshot> {
        self.now.load()
    }

    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        self.now.load().as_ref().and_then(|now| now.plan.clone())
    }

    pub(crate) fn sites(&self) -> Vec<&'static Site> {
        self.state.lock().sites.clone()
    }

    fn has_sites(&self) -> bool {
        !self.state.lock().sites.is_empty()
    }

    pub(crate) fn add_site(&self, site: &'static Site) {
        let mut state = self.state.lock();
        state.sites.push(site);
        site.set_switch(self.now.load().is_some());
    }

    /// Notes that an evaluation reached a site, and recomputes its switch.
    pub(crate) fn mark_reached(&self, callsite: Callsite) {
        let Callsite { switch, site } = callsite;
        let _state = self.state.lock();
        site.mark_reached(switch);
        site.set_switch(self.now.load().is_some());
    }

    /// Puts `plan` in the place of the one before, which is given back to be closed.
    pub(crate) fn arm(&self, plan: Option<Arc<Plan>>, generation: u64) -> Option<Arc<Plan>> {
        let mut old = None;
        self.change(|snapshot, state| {
            state.was_armed |= plan.is_some();
            old = std::mem::replace(&mut snapshot.plan, plan);
            state.has_fired |= old.as_ref().is_some_and(|old| old.fires() > 0);
        });
        // Once nothing finds it any more: what it counted until then is in.
        if let Some(old) = &old {
            self.state.lock().past.add(old);
        }
        self.generation.store(generation, Ordering::SeqCst);
        old
    }

    /// Only under the lock that orders all changes.
    pub(crate) fn past(&self) -> Past {
        self.state.lock().past
    }

    pub(crate) fn armings(&self) -> &Arc<Gate> {
        &self.armings
    }

    /// Notes what `scope` arms here, or that it no longer does.
    pub(crate) fn arm_scoped(&self, scope: ScopeId, plan: Option<Arc<Plan>>) {
        self.change(|snapshot, state| {
            state.was_armed |= plan.is_some();
            let old = snapshot.put(scope, plan);
            state.has_fired |= old.is_some_and(|old| old.fires() > 0);
        });
    }

    /// Everything armed here, globally and in scopes.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        let now = self.now.load_full();
        let scoped = |now: &Snapshot| now.scoped.iter().map(|(_, plan)| plan.clone()).collect();
        let scoped: Vec<Arc<Plan>> = now.as_deref().map_or_else(Vec::new, scoped);
        now.and_then(|now| now.plan.clone()).into_iter().chain(scoped).collect()
    }

    /// Adds observers. A change adds all that it has at once, because each call copies the
    /// snapshot.
    pub(crate) fn observe(&self, new: &[&Arc<Observation>]) {
        self.change(|snapshot, _| snapshot.observers.extend(new.iter().copied().cloned()));
    }

    /// Removes observers, likewise.
    pub(crate) fn unobserve(&self, over: &[&Arc<Observation>]) {
        let over: BTreeSet<*const Observation> = over.iter().map(|one| Arc::as_ptr(one)).collect();
        let is_over = |one: &Arc<Observation>| over.contains(&Arc::as_ptr(one));
        self.change(|snapshot, _| snapshot.observers.retain(|one| !is_over(one)));
    }

    pub(crate) fn tried(&self) -> Tried {
        let fires_now = self.plans().iter().any(|plan| plan.fires() > 0);
        let state = self.state.lock();
        let mut packages: Vec<_> = state.sites.iter().map(|site| site.info().package).collect();
        packages.sort_unstable();
        packages.dedup();
        Tried {
            name: self.name.clone(),
            packages,
            reached: state.sites.iter().any(|site| site.is_reached()),
            armed: state.was_armed,
            fired: state.has_fired || fires_now,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot, &mut State)) {
        let mut state = self.state.lock();
        let before = self.now.load_full();
        let mut snapshot = before.as_deref().cloned().unwrap_or_default();
        change(&mut snapshot, &mut state);
        let live = snapshot.is_live();
        let [old_lease, lease] = [before.as_deref().and_then(Snapshot::lease), snapshot.lease()]
            .map(Option::<&Arc<Plan>>::cloned);
        // Left before what is new can be found, and taken after: what the lane counts between is
        // nothing.
        old_lease.iter().for_each(|plan| plan.end_lease());
        let scopes = snapshot.scoped.iter().map(|(scope, _)| ScopeBits::of(*scope));
        snapshot.scope_bits = scopes.fold(ScopeBits::UNSURE, ScopeBits::and);
        // Relaxed: it only has to be of no other.
        snapshot.version = VERSIONS.fetch_add(1, Ordering::Relaxed);
        let version = if live { snapshot.version } else { NOTHING };
        self.now.store(live.then(|| Arc::new(snapshot)));
        self.version.store(version, Ordering::Release);
        lease.iter().for_each(|plan| plan.lease_counter(self.own_counter()));
        state.sites.iter().for_each(|site| site.set_switch(live));
    }

    /// Only with the lock held.
    fn own_counter(&self) -> Arc<FastCounter> {
        self.fast_counter.get_or_init(|| Arc::new(FastCounter::new())).clone()
    }

    /// The state of the point when `plan` was put in force at `generation`; the counts are of now.
    pub(crate) fn info_of(&self, plan: Option<&Plan>, generation: u64) -> PointInfo {
        PointInfo {
            name: str::to_owned(&self.name),
            sites: self.state.lock().sites.iter().map(|site| site.info()).collect(),
            terms: plan.map(|plan| str::to_owned(&plan.text)),
            generation,
            hits: plan.map_or(0, Plan::hits),
            fires: plan.map_or(0, Plan::fires),
            paused: plan.map_or(0, |plan| plan.gate.paused()),
            last_fire: plan.and_then(Plan::last_fire),
        }
    }
}

impl InForce {
    /// Only under the lock that orders all changes.
    pub(crate) fn of(point: &PointRef) -> Self {
        let it: &Point = point;
        Self { point: point.clone(), plan: it.plan(), generation: it.generation() }
    }

    /// All that can be asked of it; the counts are of now.
    pub(crate) fn info(&self) -> PointInfo {
        self.point.info_of(self.plan.as_deref(), self.generation)
    }
}

impl Past {
    fn add(&mut self, over: &Plan) {
        let over = Over { generation: over.generation, hits: over.hits(), fires: over.fires() };
        self.hits += over.hits;
        self.fires += over.fires;
        self.last = Some(over);
    }
}
