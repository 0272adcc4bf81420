//! What is armed at a name?
//!
//! A point is a name with its sites. What an evaluation needs of it is one immutable snapshot; the
//! switches of its sites are worked out anew from that snapshot at every change, never adjusted.
//! Only this module writes switches.

use crate::info::PointInfo;
use crate::plan::{Observation, Plan};
use crate::site::Site;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering};
use arc_swap::ArcSwapOption;

#[derive(Debug)]
pub(crate) struct Point {
    name: &'static str,
    /// `None` while nothing is armed and nobody observes.
    now: ArcSwapOption<Snapshot>,
    generation: AtomicU64,
    /// Taken for changes; evaluations never do.
    sites: Mutex<Vec<&'static Site>>,
}

/// What an evaluation finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) observers: Vec<Arc<Observation>>,
}

impl Point {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            now: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            sites: Mutex::new(Vec::new()),
        }
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
        self.sites.lock().clone()
    }

    pub(crate) fn is_declared(&self) -> bool {
        !self.sites.lock().is_empty()
    }

    pub(crate) fn add_site(&self, site: &'static Site) {
        let mut sites = self.sites.lock();
        sites.push(site);
        site.set_switch(self.now.load().is_some());
    }

    /// Works out a site's switch again, after it was reached.
    pub(crate) fn refresh(&self, site: &'static Site) {
        let _sites = self.sites.lock();
        site.set_switch(self.now.load().is_some());
    }

    /// Puts `plan` in the place of the one before, which is given back to be closed.
    pub(crate) fn arm(&self, plan: Option<Arc<Plan>>, generation: u64) -> Option<Arc<Plan>> {
        let mut old = None;
        self.change(|snapshot| old = std::mem::replace(&mut snapshot.plan, plan));
        self.generation.store(generation, Ordering::SeqCst);
        old
    }

    pub(crate) fn observe(&self, observation: Arc<Observation>) {
        self.change(|snapshot| snapshot.observers.push(observation));
    }

    pub(crate) fn unobserve(&self, observation: &Arc<Observation>) {
        self.change(|snapshot| snapshot.observers.retain(|other| !Arc::ptr_eq(other, observation)));
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let sites = self.sites.lock();
        let mut snapshot = self.now.load_full().as_deref().cloned().unwrap_or_default();
        change(&mut snapshot);
        let live = snapshot.plan.is_some() || !snapshot.observers.is_empty();
        self.now.store(live.then(|| Arc::new(snapshot)));
        sites.iter().for_each(|site| site.set_switch(live));
    }

    pub(crate) fn info(&self) -> PointInfo {
        let plan = self.plan();
        let plan = plan.as_deref();
        PointInfo {
            name: self.name.to_owned(),
            sites: self.sites.lock().iter().map(|site| site.info()).collect(),
            terms: plan.map(|plan| plan.text.clone()),
            generation: self.generation.load(Ordering::SeqCst),
            hits: plan.map_or(0, Plan::hits),
            fires: plan.map_or(0, Plan::fires),
            paused: plan.map_or(0, |plan| plan.gate.paused()),
            last_fire: plan.and_then(Plan::last_fire),
        }
    }
}
