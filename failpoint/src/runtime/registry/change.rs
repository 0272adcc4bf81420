//! Changes several points at once.
//!
//! Under the one lock all of a change is made. What it puts in force is ready before, and what it
//! puts out of force is released, reported and dropped afterwards: the lock is held for moments.

use super::Registry;
use super::control::Control;
use super::request::{Request, Unknown};
use crate::event::EventKind;
use crate::info::PointInfo;
use crate::runtime::events;
use crate::runtime::plan::{Observation, Observed, Plan};
use crate::runtime::registry::point::{Point, PointRef};
use crate::runtime::registry::target::Target;
use crate::runtime::sync::{Arc, MutexGuard};
use std::collections::BTreeMap;
use std::ptr;

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
    pub(crate) point: PointRef,
    pub(crate) plan: Arc<Plan>,
    /// The terms that were in force there before.
    pub(crate) was: Option<Arc<str>>,
}

/// What is to be put in force, made before the lock is taken.
#[derive(Debug)]
pub(super) struct Draft<'r> {
    pub(super) request: &'r Request,
    /// Where code declares it.
    pub(super) point: Option<&'static Point>,
    pub(super) plan: Arc<Plan>,
}

impl Registry {
    /// Puts all of `drafts` in force, in `target`.
    pub(super) fn put_in_force(
        &self,
        mut control: MutexGuard<'_, Control>,
        mut drafts: Vec<Draft<'_>>,
        target: Target<'_>,
    ) -> Changed<Vec<Arming>> {
        let mut plans = Vec::with_capacity(drafts.len());
        for Draft { request, point, plan } in &mut drafts {
            let is_pending = point.is_none() && request.unknown == Unknown::Pending;
            if is_pending && !control.is_known(&request.name) {
                control.pending.insert(request.name.clone(), request.clone());
                continue;
            }
            control.generation += 1;
            // It is not shared yet.
            if let Some(plan) = Arc::get_mut(plan) {
                plan.generation = control.generation;
            }
            let declared = point.map(PointRef::Declared);
            let point = declared.unwrap_or_else(|| control.point_named(&request.name));
            plans.push((point, &*plan));
        }
        // Observed first: a passage right after the arming counts.
        let targets = plans.iter().flat_map(|(_, plan)| &plan.observed);
        let mut observed = Observers::default();
        targets.for_each(|target| observed.add(control.point_named(&target.point), target));
        observed.for_each_point(Point::observe);
        let mut over = Vec::with_capacity(plans.len());
        let mut armings = Vec::with_capacity(plans.len());
        for (point, plan) in plans {
            let old = target.put(&point, Some(plan.clone()), plan.generation);
            let was = old.as_ref().map(|old| old.text.clone());
            over.extend(old);
            armings.push(Arming { point, plan: plan.clone(), was });
        }
        let revision = self.finish(control, &over, || {});
        target.ring(armings.iter().map(|arming| &*arming.point));
        armings.iter().for_each(|arming| events::publish_plain(&arming.plan, EventKind::Armed));
        Changed { revision, made: armings }
    }

    /// Takes what `target` has in force at `points` out of it; gives those that were armed there,
    /// as they stood.
    pub(super) fn put_out_of_force(
        &self,
        mut control: MutexGuard<'_, Control>,
        points: impl IntoIterator<Item = PointRef>,
        target: Target<'_>,
    ) -> Changed<Vec<PointInfo>> {
        let mut over = Vec::new();
        let mut were = Vec::new();
        for point in points {
            if target.plan(&point).is_some() {
                let generation = point.generation();
                control.generation += 1;
                over.extend(target.put(&point, None, control.generation));
                control.forget(&point);
                were.push((point, generation));
            }
        }
        let mut made = Vec::with_capacity(over.len());
        let revision = self.finish(control, &over, || {
            let were = were.iter().zip(&over);
            made.extend(were.map(|((point, at), plan)| point.info_of(Some(plan), *at)));
        });
        Changed { revision, made }
    }

    /// Ends a change with all that it put out of force; gives the count of all changes. Between,
    /// with no lock held, `look` sees the callers that wait there before they are released.
    fn finish(
        &self,
        mut control: MutexGuard<'_, Control>,
        over: &[Arc<Plan>],
        look: impl FnOnce(),
    ) -> u64 {
        let mut observed = Observers::default();
        for target in over.iter().flat_map(|plan| &plan.observed) {
            if let Some(point) = control.get(&target.point) {
                observed.add(point, target);
            }
        }
        observed.for_each_point(Point::unobserve);
        observed.points().for_each(|point| control.forget(point));
        self.note_change();
        let revision = control.generation;
        drop(control);
        look();
        // No lock is held: wakers are code of the user's.
        for plan in over {
            plan.gate.close();
            events::publish_plain(plan, EventKind::Disarmed);
        }
        revision
    }
}

/// Who comes to observe points, or no longer does: by point, since each change of one copies its
/// snapshot.
#[derive(Default)]
struct Observers<'p> {
    of_points: BTreeMap<usize, (PointRef, Vec<&'p Arc<Observation>>)>,
}

impl<'p> Observers<'p> {
    fn add(&mut self, point: PointRef, observed: &'p Observed) {
        let address = ptr::from_ref(&*point).addr();
        let of_point = self.of_points.entry(address).or_insert_with(|| (point, Vec::new()));
        of_point.1.push(&observed.observation);
    }

    fn for_each_point(&self, change: impl Fn(&Point, &[&Arc<Observation>])) {
        self.of_points.values().for_each(|(point, observations)| change(point, observations));
    }

    fn points(&self) -> impl Iterator<Item = &PointRef> {
        self.of_points.values().map(|(point, _)| point)
    }
}
