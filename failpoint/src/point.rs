//! What is armed at a name?
//!
//! A point is a name with its sites. What an evaluation needs of it is one immutable snapshot; the
//! switches of its sites are worked out anew from that snapshot at every change, never adjusted.
//! Only this module writes switches.

use crate::info::PointInfo;
use crate::plan::{Observation, Plan, ScopeId};
use crate::site::{Here, Site};
use crate::sync::{Arc, ArcSwapOption, AtomicU64, Mutex, Ordering};

#[derive(Debug)]
pub(crate) struct Point {
    name: &'static str,
    /// `None` while nothing is armed and nobody observes.
    now: ArcSwapOption<Snapshot>,
    generation: AtomicU64,
    /// Taken for changes, and by evaluations that only a foreign scope is armed for.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sites: Vec<&'static Site>,
    /// What scopes have armed here; each scope keeps its plans itself, for evaluations to find.
    scoped: Vec<(ScopeId, Arc<Plan>)>,
    was_armed: bool,
    /// Of plans that are over.
    has_fired: bool,
}

/// What has been tried of a point in this process.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) name: &'static str,
    /// Those that hold its sites, each once.
    pub(crate) packages: Vec<&'static str>,
    pub(crate) reached: bool,
    pub(crate) armed: bool,
    pub(crate) fired: bool,
}

/// What an evaluation finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) plan: Option<Arc<Plan>>,
    /// Whether any scope arms the name.
    pub(crate) scoped: bool,
    pub(crate) observers: Vec<Arc<Observation>>,
}

impl Point {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            now: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            state: Mutex::new(State::default()),
        }
    }

    /// A point that has these sites from the start.
    pub(crate) fn declared(name: &'static str, sites: Vec<&'static Site>) -> Self {
        Self { state: Mutex::new(State { sites, ..State::default() }), ..Self::new(name) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.now.load_full()
    }

    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        self.now.load().as_ref().and_then(|now| now.plan.clone())
    }

    pub(crate) fn sites(&self) -> Vec<&'static Site> {
        self.state.lock().sites.clone()
    }

    pub(crate) fn is_declared(&self) -> bool {
        !self.state.lock().sites.is_empty()
    }

    pub(crate) fn add_site(&self, site: &'static Site) {
        let mut state = self.state.lock();
        state.sites.push(site);
        site.set_switch(self.now.load().is_some());
    }

    /// Notes that an evaluation came by a site, and works out its switch again.
    pub(crate) fn reach(&self, here: Here) {
        let Here { switch, site } = here;
        let _state = self.state.lock();
        site.reach(switch);
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
        self.generation.store(generation, Ordering::SeqCst);
        old
    }

    /// Notes what `scope` arms here, or that it no longer does.
    pub(crate) fn arm_scoped(&self, scope: ScopeId, plan: Option<Arc<Plan>>) {
        self.change(|snapshot, state| {
            state.was_armed |= plan.is_some();
            let mut has_fired = false;
            state.scoped.retain(|(other, old)| {
                has_fired |= *other == scope && old.fires() > 0;
                *other != scope
            });
            state.has_fired |= has_fired;
            state.scoped.extend(plan.map(|plan| (scope, plan)));
            snapshot.scoped = !state.scoped.is_empty();
        });
    }

    /// Notes an evaluation that no scope in force arms the point for.
    pub(crate) fn note_outside(&self, site: &Site) {
        let plans = self.state.lock().scoped.clone();
        plans.iter().for_each(|(_, plan)| plan.note_outside(site));
    }

    /// Everything armed here, for everybody and in scopes.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        let scoped = self.state.lock().scoped.clone();
        self.plan().into_iter().chain(scoped.into_iter().map(|(_, plan)| plan)).collect()
    }

    pub(crate) fn observe(&self, observation: Arc<Observation>) {
        self.change(|snapshot, _| snapshot.observers.push(observation));
    }

    pub(crate) fn unobserve(&self, observation: &Arc<Observation>) {
        self.change(|snapshot, _| {
            snapshot.observers.retain(|other| !Arc::ptr_eq(other, observation));
        });
    }

    pub(crate) fn tried(&self) -> Tried {
        let fires_now = self.plans().iter().any(|plan| plan.fires() > 0);
        let state = self.state.lock();
        let mut packages: Vec<_> = state.sites.iter().map(|site| site.info().package).collect();
        packages.sort_unstable();
        packages.dedup();
        Tried {
            name: self.name,
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
        let live = snapshot.plan.is_some() || snapshot.scoped || !snapshot.observers.is_empty();
        self.now.store(live.then(|| Arc::new(snapshot)));
        state.sites.iter().for_each(|site| site.set_switch(live));
    }

    pub(crate) fn info(&self) -> PointInfo {
        let plan = self.plan();
        let plan = plan.as_deref();
        PointInfo {
            name: self.name.to_owned(),
            sites: self.state.lock().sites.iter().map(|site| site.info()).collect(),
            terms: plan.map(|plan| plan.text.clone()),
            generation: self.generation.load(Ordering::SeqCst),
            hits: plan.map_or(0, Plan::hits),
            fires: plan.map_or(0, Plan::fires),
            paused: plan.map_or(0, |plan| plan.gate.paused()),
            last_fire: plan.and_then(Plan::last_fire),
        }
    }
}
