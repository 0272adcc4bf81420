//! How do several points change at once?
//!
//! Under the one lock all of a change is made; what it puts out of force is let go of, and told of,
//! when the lock is gone.

use super::Registry;
use super::control::Control;
use super::request::{Request, Unknown};
use crate::event::EventKind;
use crate::events;
use crate::info::PointInfo;
use crate::plan::{Observation, Plan};
use crate::point::Point;
use crate::site::Site;
use crate::slot::Slot;
use crate::sync::{Arc, MutexGuard};
use std::collections::BTreeMap;

/// What a change made, and the count of all changes right after it.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    /// The count.
    pub revision: u64,
    /// What was made.
    pub made: T,
}

/// What the arming of one point made.
#[derive(Clone, Debug)]
pub(crate) struct Arming {
    pub(crate) point: &'static Point,
    pub(crate) plan: Arc<Plan>,
    /// The terms that were in force there before.
    pub(crate) was: Option<String>,
}

/// A site that passes by what is armed, because it cannot take it.
pub(super) type Misfits = Vec<&'static Site>;

impl Registry {
    /// Puts all of `requests` in force, in `slot`.
    pub(super) fn put_in_force(
        &self,
        mut control: MutexGuard<'_, Control>,
        requests: impl IntoIterator<Item = (Request, Misfits)>,
        slot: Slot<'_>,
    ) -> Changed<Vec<Arming>> {
        let mut plans = Vec::new();
        for (request, misfits) in requests {
            if request.unknown == Unknown::Pending && !control.is_known(&request.name) {
                control.pending.insert(request.name.clone(), request);
                continue;
            }
            control.generation += 1;
            let generation = control.generation;
            let point = control.point_named(&request.name);
            let Request { order, text, .. } = request;
            let plan = Arc::new(Plan::new(point.name(), order, text, slot.setting(), generation));
            misfits.into_iter().for_each(|site| plan.add_misfit(site));
            plans.push((point, plan));
        }
        // Observed first: a passage right after the arming counts.
        let targets = plans.iter().flat_map(|(_, plan)| &plan.observed);
        for_each_point(
            targets.map(|target| (control.point_named(&target.point), &target.observation)),
            Point::observe,
        );
        let mut over = Vec::new();
        let mut armings = Vec::with_capacity(plans.len());
        for (point, plan) in plans {
            let old = slot.put(point, Some(plan.clone()), plan.generation);
            let was = old.as_ref().map(|old| old.text.clone());
            over.extend(old);
            armings.push(Arming { point, plan, was });
        }
        let revision = self.finish(control, &over);
        slot.ring(armings.iter().map(|arming| arming.point));
        armings.iter().for_each(|arming| events::publish_plain(&arming.plan, EventKind::Armed));
        Changed { revision, made: armings }
    }

    /// Takes what `slot` has in force at `points` out of it; gives those that were armed there, as
    /// they stood.
    pub(super) fn put_out_of_force(
        &self,
        mut control: MutexGuard<'_, Control>,
        points: impl IntoIterator<Item = &'static Point>,
        slot: Slot<'_>,
    ) -> Changed<Vec<PointInfo>> {
        let mut over = Vec::new();
        let mut were_armed = Vec::new();
        for point in points {
            if slot.plan(point).is_some() {
                were_armed.push(point.info());
                control.generation += 1;
                over.extend(slot.put(point, None, control.generation));
            }
        }
        Changed { revision: self.finish(control, &over), made: were_armed }
    }

    /// Ends a change with all that it put out of force; gives the count of all changes.
    fn finish(&self, control: MutexGuard<'_, Control>, over: &[Arc<Plan>]) -> u64 {
        let targets = over.iter().flat_map(|plan| &plan.observed);
        for_each_point(
            targets.filter_map(|target| {
                Some((*control.points.get(&*target.point)?, &target.observation))
            }),
            Point::unobserve,
        );
        self.note_change();
        let revision = control.generation;
        drop(control);
        // No lock is held: wakers are somebody's code.
        for plan in over {
            plan.gate.close();
            events::publish_plain(plan, EventKind::Disarmed);
        }
        revision
    }
}

/// Changes who observes each of the points, once for each.
fn for_each_point<'o>(
    observers: impl Iterator<Item = (&'static Point, &'o Arc<Observation>)>,
    change: impl Fn(&Point, Vec<&'o Arc<Observation>>),
) {
    let mut of_points: BTreeMap<*const Point, (&Point, Vec<&Arc<Observation>>)> = BTreeMap::new();
    for (point, observation) in observers {
        of_points.entry(point).or_insert_with(|| (point, Vec::new())).1.push(observation);
    }
    of_points.into_values().for_each(|(point, of_point)| change(point, of_point));
}
