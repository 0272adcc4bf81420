//! Registers a site that the linker may not have listed.
//!
//! It registers at its first evaluation, and takes what is armed at its name by then, if it can.

use super::Registry;
use super::fit::{misfit, say_passes_by, unknown_key};
use super::request::{Request, Unknown};
use crate::error::Error;
use crate::runtime::log::{self, Level};
use crate::runtime::plan::{Origin, Plan};
use crate::runtime::registry::point::Point;
use crate::runtime::registry::target::Target;
use crate::runtime::site::Site;
use crate::runtime::sync::Arc;

impl Registry {
    /// The point of `site`.
    pub(crate) fn register(&self, site: &'static Site) -> &'static Point {
        let (point, misfits, pending) = loop {
            if let Some(point) = site.owner::<Point>() {
                return point;
            }
            let control = self.control.lock();
            let (point, generation) = (control.get(site.name()), control.generation);
            drop(control);
            // A site of `fail` takes what was armed through the API of `fail`.
            let at_home = |plan: &Plan| site.accepts().is_fails() && plan.origin == Origin::Fail;
            let refusal = |plan: Arc<Plan>| {
                Some((misfit(&plan.terms, site).filter(|_| !at_home(&plan))?, plan))
            };
            let plans = point.map(|point| point.plans()).unwrap_or_default();
            let misfits: Vec<(Error, Arc<Plan>)> = plans.into_iter().filter_map(refusal).collect();

            let mut control = self.control.lock();
            // Something was armed in between, and the site was not checked; or another thread
            // reached the site and registers it.
            if control.generation != generation || site.owner::<Point>().is_some() {
                continue;
            }
            // Noted before an evaluation can find the site armed.
            misfits.iter().for_each(|(_, plan)| plan.add_misfit(site));
            let point = control.add_site(site);
            let pending = control.pending.remove(site.name());
            drop(control);
            break (point, misfits, pending);
        };
        misfits.iter().for_each(|(refusal, _)| say_passes_by(refusal));
        if let Some(request) = pending {
            self.arm_pending(request);
        }
        say_unknown_keys(point);
        point
    }

    fn arm_pending(&self, request: Request) {
        // Not refused for a key: the site that passes it may be still to come.
        let request = Request { unknown: Unknown::Armed, ..request };
        if let Err(errors) = self.arm(vec![request], Target::Environment) {
            let refusal = Error::Config(errors);
            log::say(Level::Error, format_args!("from the environment: {refusal}"));
        }
    }
}

/// What is armed was armed before its sites were known: says so where none of them passes a key.
fn say_unknown_keys(point: &'static Point) {
    let (plans, sites) = (point.plans(), point.sites());
    for refusal in plans.iter().filter_map(|plan| unknown_key(point.name(), &plan.terms, &sites)) {
        log::say(Level::Warn, format_args!("{refusal}; a site that registers later may pass it"));
    }
}
