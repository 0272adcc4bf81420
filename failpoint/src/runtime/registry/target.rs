//! Where is a plan put: in force globally, or in one scope?

use crate::runtime::park::gate::Gate;
use crate::runtime::plan::{Origin, Plan, PlanSource, ScopeId};
use crate::runtime::registry::point::{Point, PointRef};
use crate::runtime::sync::{Arc, Mutex};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a `pause` lasts if nothing says.
pub(crate) const PAUSE_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Where a plan is armed: globally or in a scope, and through which API.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// Global, from code.
    Global,
    /// Global, over HTTP.
    Remote,
    /// Global, from the environment.
    Environment,
    /// Global, by the verbs of the crate `fail`.
    Fail,
    /// For those in a scope.
    Scope(&'a ScopePlans),
}

/// What one scope has armed.
#[derive(Debug)]
pub(crate) struct ScopePlans {
    pub(crate) id: ScopeId,
    pub(crate) name: String,
    pub(crate) pause_limit: Duration,
    /// By the address of the point.
    plans: Mutex<BTreeMap<usize, (PointRef, Arc<Plan>)>>,
    /// Where those wait who wait for something to be armed.
    pub(crate) armings: Arc<Gate>,
}

impl ScopePlans {
    pub(crate) fn new(id: ScopeId, name: String, pause_limit: Duration) -> Self {
        Self { id, name, pause_limit, plans: Mutex::new(BTreeMap::new()), armings: Gate::new() }
    }

    pub(crate) fn plan(&self, point: &Point) -> Option<Arc<Plan>> {
        self.plans.lock().get(&address(point)).map(|(_, plan)| plan.clone())
    }

    fn put(&self, point: &PointRef, plan: Option<Arc<Plan>>) -> Option<Arc<Plan>> {
        let mut plans = self.plans.lock();
        let old = match plan {
            Some(plan) => plans.insert(address(point), (point.clone(), plan)),
            None => plans.remove(&address(point)),
        };
        old.map(|(_, plan)| plan)
    }
}

fn address(point: &Point) -> usize {
    std::ptr::from_ref(point).addr()
}

impl Target<'_> {
    /// What a plan takes from here.
    pub(crate) fn source(&self) -> PlanSource<'_> {
        let global =
            |origin| PlanSource { origin, scope: None, scope_name: "", pause_limit: PAUSE_LIMIT };
        match self {
            Target::Global => global(Origin::Code),
            Target::Remote => global(Origin::Remote),
            Target::Environment => global(Origin::Environment),
            Target::Fail => global(Origin::Fail),
            Target::Scope(scope) => PlanSource {
                origin: Origin::Code,
                scope: Some(scope.id),
                scope_name: &scope.name,
                pause_limit: scope.pause_limit,
            },
        }
    }

    pub(crate) fn plan(&self, point: &Point) -> Option<Arc<Plan>> {
        match self {
            Target::Scope(scope) => scope.plan(point),
            _ => point.plan(),
        }
    }

    /// Tells those who wait for something to be armed here, or for one of `armed` globally.
    /// Wakers are the user's code: hold no lock.
    pub(crate) fn ring<'p>(&self, armed: impl Iterator<Item = &'p Point>) {
        match self {
            Target::Scope(scope) => scope.armings.ring(),
            _ => armed.for_each(|point| point.armings().ring()),
        }
    }

    /// The points that a scope arms, in the order they were armed; what is in force globally is the registry's to list.
    pub(crate) fn armed(&self) -> Vec<PointRef> {
        let Target::Scope(scope) = self else { return Vec::new() };
        let plans = scope.plans.lock();
        // Not that of addresses, which differ from run to run.
        let mut armed: Vec<_> = plans.values().collect();
        armed.sort_unstable_by_key(|(_, plan)| plan.generation);
        armed.into_iter().map(|(point, _)| point.clone()).collect()
    }

    /// Puts `plan` at `point`, in the place of the one before, which is given back to be closed.
    pub(crate) fn put(
        &self,
        point: &PointRef,
        plan: Option<Arc<Plan>>,
        generation: u64,
    ) -> Option<Arc<Plan>> {
        match self {
            Target::Scope(scope) => {
                let old = scope.put(point, plan.clone());
                point.arm_scoped(scope.id, plan);
                old
            }
            _ => point.arm(plan, generation),
        }
    }
}
