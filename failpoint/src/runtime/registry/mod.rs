//! The registry of all points.
//!
//! One lock, `control`, orders all changes and all listings, so that several points change at once
//! or not at all. It is held for moments and never while anything of the user's runs: values are
//! checked and plans made before it is taken, and what a change releases is woken and dropped
//! after. What takes more than to look a name up, or to take a handle to each of the points, comes
//! when it is gone: counts are added up, sites are listed, names are suggested.
//!
//! Here is what is asked of it; the modules below, each with its question, are what changes it.
//! They stand on this one, and it on `control` alone.

use self::point::{InForce, Past, Point, PointRef, Tried};
use crate::error::Error;
use crate::info::{PointInfo, Report};
use crate::runtime::log::{self, Level};
use crate::runtime::own_code::OwnCode;
use crate::runtime::plan::Plan;
use crate::runtime::point_name::Name;
use crate::runtime::site;
use crate::runtime::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering};
use control::Control;
use std::collections::HashSet;
use std::sync::OnceLock;
use suggestions::unknown;
mod arm;
mod change;
mod control;
mod disarm;
mod fit;
pub(crate) mod kept;
pub(crate) mod point;
mod precondition;
mod register;
mod request;
mod suggestions;
pub(crate) mod target;

pub(crate) use arm::{Unchanged, why_not_unlisted};
pub(crate) use change::Arming;
pub use change::Changed;
pub(crate) use control::MOST_UNLISTED;
pub use disarm::Disarmed;
pub(crate) use fit::{misfit_of, say_passes_by};
pub use precondition::{Precondition, Stale};
pub(crate) use request::{Request, Unknown};

pub(crate) struct Registry {
    control: Mutex<Control>,
    /// Whether the linker's list was read.
    listed: OnceLock<()>,
    /// How often anything changed that an evaluation may find; raised with the lock held.
    changes: AtomicU64,
}

/// The registry of this process.
#[inline]
pub(crate) fn registry() -> &'static Registry {
    #[cfg(not(all(test, loom)))]
    static REGISTRY: Registry = Registry {
        control: Mutex::new(Control::new()),
        listed: OnceLock::new(),
        changes: AtomicU64::new(0),
    };
    // Loom makes no lock in a static; a model has a registry of its own.
    #[cfg(all(test, loom))]
    static REGISTRY: std::sync::LazyLock<Registry> = std::sync::LazyLock::new(Registry::new);
    &REGISTRY
}

impl Registry {
    /// A registry that knows of no list.
    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        let (listed, changes) = (OnceLock::from(()), AtomicU64::new(0));
        Self { control: Mutex::new(Control::new()), listed, changes }
    }

    /// The one lock, with all that the linker listed behind it.
    ///
    /// The list is read at the first question, and not by the evaluations, which
    /// register their own sites: no caller waits for ten thousand others.
    fn control(&self) -> MutexGuard<'_, Control> {
        self.listed.get_or_init(|| {
            let _own = OwnCode::enter();
            match site::linked() {
                Ok(sites) => self.control.lock().add_listed(sites.collect()),
                Err(why) => log::say(Level::Error, format_args!("{why}")),
            }
        });
        self.control.lock()
    }

    /// The point of this name, if code declares it or it was armed.
    pub(crate) fn find(&self, name: &str) -> Result<PointRef, Error> {
        let control = self.control();
        match control.visible(name) {
            Some(point) => Ok(point),
            None => Err(unknown(control, name)),
        }
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.control().is_known(name)
    }

    /// Whether the arming of that generation is in force globally.
    pub(crate) fn is_in_force(&self, name: &str, generation: u64) -> bool {
        let plan = self.control().get(name).and_then(|point| point.plan());
        plan.is_some_and(|plan| plan.generation == generation)
    }

    /// Every point that code declares or that was armed, by name.
    pub(crate) fn points(&self) -> Vec<PointInfo> {
        self.listing().made.iter().map(InForce::info).collect()
    }

    /// The same with their current state and the count of all changes at that moment.
    pub(crate) fn listing(&self) -> Changed<Vec<InForce>> {
        let control = self.control();
        Changed { revision: control.generation, made: control.listing() }
    }

    pub(crate) fn point(&self, name: &str) -> Result<PointInfo, Error> {
        Ok(self.in_force(name)?.0.info())
    }

    /// The global state of the point of this name, now and before.
    pub(crate) fn in_force(&self, name: &str) -> Result<(InForce, Past), Error> {
        let control = self.control();
        match control.visible(name) {
            Some(point) => Ok((InForce::of(&point), point.past())),
            None => Err(unknown(control, name)),
        }
    }

    /// The state of `point` now and before.
    pub(crate) fn still_in_force(&self, point: &PointRef) -> (InForce, Past) {
        let _control = self.control();
        (InForce::of(point), point.past())
    }

    /// Every point that there is, at one moment between two changes, with its past; and the count
    /// of all changes.
    pub(crate) fn survey(&self) -> Changed<Vec<(InForce, Past)>> {
        let control = self.control();
        let all = control.all().map(|point| (InForce::of(point), point.past()));
        Changed { revision: control.generation, made: all.collect() }
    }

    /// What is armed globally with terms, by name.
    pub(crate) fn armed_terms(&self) -> Vec<Arc<Plan>> {
        let plans = self.listing().made.into_iter().filter_map(|now| now.plan);
        plans.filter(|plan| plan.callback.is_none()).collect()
    }

    /// Every plan that is armed, for messages about who waits for what.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        let points: Vec<PointRef> = self.control().all().cloned().collect();
        points.iter().flat_map(|point| point.plans()).collect()
    }

    /// The points that code declares, by name.
    pub(crate) fn declared(&self) -> Vec<&'static Point> {
        let control = self.control();
        let declared = control.all().filter_map(|point| match point {
            PointRef::Declared(point) => Some(*point),
            PointRef::Unlisted(_) => None,
        });
        declared.collect()
    }

    /// What has been tried of each point that code declares.
    pub(crate) fn tried(&self) -> Vec<Tried> {
        self.declared().into_iter().map(Point::tried).collect()
    }

    /// What has not been tried so far.
    pub(crate) fn report(&self) -> Report {
        let tried = self.tried();
        let names = |which: fn(&Tried) -> bool| {
            tried
                .iter()
                .filter(|tried| which(tried))
                .map(|tried| str::to_owned(&tried.name))
                .collect()
        };
        let shared = tried.iter().filter(|tried| tried.packages.len() > 1);
        let owned = |packages: &[&str]| packages.iter().map(|&name| name.to_owned()).collect();
        Report {
            never_reached: names(|tried| !tried.reached),
            never_fired: names(|tried| tried.armed && !tried.fired),
            pending: self.control().pending.keys().cloned().collect(),
            shared: shared
                .map(|tried| (str::to_owned(&tried.name), owned(&tried.packages)))
                .collect(),
        }
    }

    /// How many points code declares, and the names of those that are armed.
    ///
    /// A first evaluation says this, and so does not wait for the list to be put in order.
    pub(crate) fn summary(&self) -> (usize, Vec<String>) {
        let unread = self.listed.get().is_none().then(site::linked).and_then(Result::ok);
        if let Some(sites) = unread {
            // Room for all from the start: growing would hash every name once more.
            let mut names = HashSet::with_capacity(sites.size_hint().1.unwrap_or(0));
            names.extend(sites.map(|site| site.name()));
            return (names.len(), Vec::new());
        }
        let listing = self.listing().made;
        let declared = listing.iter().filter(|now| now.point.is_declared()).count();
        let armed = listing.iter().filter(|now| now.plan.is_some());
        (declared, armed.map(|now| str::to_owned(now.point.name())).collect())
    }

    /// How often anything changed that an evaluation may find: what was worked out from the points
    /// at this count holds until the next change.
    #[inline]
    pub(crate) fn changes(&self) -> u64 {
        // Acquire pairs with the release in `note_change`: who sees the count sees the change.
        self.changes.load(Ordering::Acquire)
    }

    /// Only with the lock held, before it is given up.
    fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The names under which an evaluation finds anything, or which are pending, sorted; and the
    /// count of changes that this is true of.
    pub(crate) fn live(&self) -> (u64, Vec<Name>) {
        // Without the linker's list: no name of it is live before it was looked up.
        let control = self.control.lock();
        let pending = control.pending.keys().map(|name| Name::Shared(name.as_str().into()));
        let live = control.all().filter(|point| point.is_live());
        let mut names: Vec<Name> = pending.chain(live.map(|point| point.name().clone())).collect();
        let changes = self.changes();
        drop(control);
        names.sort();
        names.dedup();
        (changes, names)
    }
}
