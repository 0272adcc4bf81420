//! What is disarmed, and by whom?

use super::Registry;
use super::arm::Unchanged;
use super::change::Changed;
use super::control::Control;
use super::precondition::{Precondition, Stale};
use super::suggestions::unknown;
use crate::error::Error;
use crate::info::PointInfo;
use crate::name;
use crate::runtime::plan::Plan;
use crate::runtime::registry::point::PointRef;
use crate::runtime::registry::target::Target;
use crate::runtime::sync::{Arc, MutexGuard};

/// What a disarming over HTTP made.
#[derive(Clone, Debug)]
pub struct Disarmed {
    /// The point before the change, if it was armed.
    pub was: Option<PointInfo>,
    /// Its state now.
    pub now: PointInfo,
}

impl Registry {
    /// Disarms `name` in `target`; says whether it was armed.
    pub(crate) fn disarm(&self, name: &str, target: Target<'_>) -> Result<bool, Error> {
        let control = self.control();
        let Some(point) = control.visible(name) else {
            return Err(match name::fault(name) {
                Some(why) => Error::BadName { name: name.to_owned(), why },
                None => unknown(control, name),
            });
        };
        Ok(self.disarm_point(control, point, target))
    }

    /// Disarms `name` globally over HTTP, where `precondition` holds.
    pub(crate) fn disarm_if(
        &self,
        name: &str,
        precondition: &Precondition,
    ) -> Result<Disarmed, Unchanged> {
        let control = self.control();
        let Some(point) = control.visible(name) else {
            return Err(Unchanged::Faults(vec![unknown(control, name)]));
        };
        control.check(precondition, [name]).map_err(Unchanged::Stale)?;
        let before = point.generation();
        let disarmed = self.put_out_of_force(control, [point.clone()], Target::Remote);
        let was = disarmed.made.into_iter().next();
        let generation = if was.is_some() { disarmed.revision } else { before };
        Ok(Disarmed { was, now: point.info_of(None, generation) })
    }

    /// Disarms `name` for the crate `fail`, which refuses no name, and what is pending for it.
    pub(crate) fn disarm_leniently(&self, name: &str) {
        let mut control = self.control();
        control.pending.remove(name);
        if let Some(point) = control.get(name) {
            self.disarm_point(control, point, Target::Fail);
        }
    }

    /// Ends the global arming that made `plan`, and only that one.
    pub(crate) fn disarm_plan(&self, point: &PointRef, plan: &Arc<Plan>) -> bool {
        self.disarm_current(point, |current| Arc::ptr_eq(current, plan))
    }

    /// Ends the global arming of `generation`, and only that one.
    pub(crate) fn disarm_generation(&self, name: &str, generation: u64) -> bool {
        let point = self.control().get(name);
        point.is_some_and(|point| {
            self.disarm_current(&point, |current| current.generation == generation)
        })
    }

    /// Disarms everything globally; returns what was armed, with its last state.
    pub(crate) fn reset(&self) -> Vec<PointInfo> {
        self.reset_all(self.control()).made
    }

    /// The same, where `precondition` holds.
    pub(crate) fn reset_if(
        &self,
        precondition: &Precondition,
    ) -> Result<Changed<Vec<PointInfo>>, Stale> {
        let control = self.control();
        control.check(precondition, [])?;
        Ok(self.reset_all(control))
    }

    /// Disarms everything that a scope armed.
    pub(crate) fn reset_scope(&self, target: Target<'_>) {
        let control = self.control();
        self.put_out_of_force(control, target.armed(), target);
    }

    fn reset_all(&self, mut control: MutexGuard<'_, Control>) -> Changed<Vec<PointInfo>> {
        control.pending.clear();
        let points: Vec<PointRef> = control.all().cloned().collect();
        self.put_out_of_force(control, points, Target::Global)
    }

    fn disarm_current(&self, point: &PointRef, is_meant: impl Fn(&Arc<Plan>) -> bool) -> bool {
        let control = self.control();
        point.plan().is_some_and(|current| is_meant(&current))
            && self.disarm_point(control, point.clone(), Target::Global)
    }

    fn disarm_point(
        &self,
        control: MutexGuard<'_, Control>,
        point: PointRef,
        target: Target<'_>,
    ) -> bool {
        !self.put_out_of_force(control, [point], target).made.is_empty()
    }
}
