//! Which points are there?
//!
//! One lock, `control`, orders all changes and all listings, so that several points change at once
//! or not at all. It is held for moments and never while anything of the user's runs: values are
//! checked before it is taken, and what a change releases is woken and dropped after.
//!
//! Here is what is asked of it; the modules below, each with its question, are what changes it. They
//! stand on this one, and it on `control` alone.

mod arm;
mod change;
mod control;
mod disarm;
mod fit;
mod precondition;
mod register;
mod request;

pub(crate) use arm::Unchanged;
pub(crate) use change::Arming;
pub use change::Changed;
pub use disarm::Disarmed;
pub(crate) use fit::{misfit_of, say_passes_by};
pub use precondition::{Precondition, Stale};
pub(crate) use request::{Request, Unknown};

use crate::error::Error;
use crate::info::PointInfo;
use crate::log::{self, Level};
use crate::own_code::OwnCode;
use crate::plan::Plan;
use crate::point::{InForce, Past, Point, Tried};
use crate::reporting::Report;
use crate::site;
use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering};
use control::Control;
use std::collections::HashSet;
use std::sync::OnceLock;

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
    /// The list is read when somebody first asks for anything, and not by the evaluations, which
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

    /// The point of this name, if any code declares it or somebody armed it.
    pub(crate) fn find(&self, name: &str) -> Result<&'static Point, Error> {
        let control = self.control();
        control.points.get(name).copied().ok_or_else(|| control.unknown(name))
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.control().is_known(name)
    }

    /// Every point that code declares or somebody armed, by name.
    pub(crate) fn points(&self) -> Vec<PointInfo> {
        self.listing().made.iter().map(InForce::info).collect()
    }

    /// The same as they stand, with the count of all changes at that moment.
    pub(crate) fn listing(&self) -> Changed<Vec<InForce>> {
        let control = self.control();
        // Nearly all of them are listed: no time under the lock to grow.
        let mut made = Vec::with_capacity(control.points.len());
        made.extend(control.listing());
        Changed { revision: control.generation, made }
    }

    pub(crate) fn point(&self, name: &str) -> Result<PointInfo, Error> {
        let control = self.control();
        let found = control.visible_named(name).map(Point::info);
        found.ok_or_else(|| control.unknown(name))
    }

    /// How the point of this name stands for everybody, and how it stood.
    pub(crate) fn in_force(&self, name: &str) -> Result<(InForce, Past), Error> {
        let control = self.control();
        let found = control.visible_named(name).map(|point| (point.in_force(), point.past()));
        found.ok_or_else(|| control.unknown(name))
    }

    /// How `point` stands now, and how it stood.
    pub(crate) fn still_in_force(&self, point: &'static Point) -> (InForce, Past) {
        let _control = self.control();
        (point.in_force(), point.past())
    }

    /// What `read` makes of every point, also of those that nobody declares and nobody arms any
    /// more, at one moment between two changes; and the count of all changes.
    pub(crate) fn survey<T>(&self, read: impl Fn(InForce, Past) -> T) -> (u64, Vec<T>) {
        let control = self.control();
        let read = control.points.values().map(|point| read(point.in_force(), point.past()));
        (control.generation, read.collect())
    }

    /// What is armed for everybody with terms, by name.
    pub(crate) fn armed_terms(&self) -> Vec<Arc<Plan>> {
        let control = self.control();
        let plans = control.points.values().filter_map(|point| point.plan());
        plans.filter(|plan| plan.callback.is_none()).collect()
    }

    /// Every plan that is armed, for messages about who waits for what.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        self.control().points.values().flat_map(|point| point.plans()).collect()
    }

    /// The points that code declares.
    pub(crate) fn declared(&self) -> Vec<&'static Point> {
        let control = self.control();
        control.points.values().copied().filter(|point| point.is_declared()).collect()
    }

    /// What has been tried of each point that code declares.
    pub(crate) fn tried(&self) -> Vec<Tried> {
        self.declared().into_iter().map(Point::tried).collect()
    }

    /// What has not been tried so far.
    pub(crate) fn report(&self) -> Report {
        let tried = self.tried();
        let names = |which: fn(&Tried) -> bool| {
            tried.iter().filter(|tried| which(tried)).map(|tried| tried.name.to_owned()).collect()
        };
        let shared = tried.iter().filter(|tried| tried.packages.len() > 1);
        let owned = |packages: &[&str]| packages.iter().map(|&name| name.to_owned()).collect();
        Report {
            never_reached: names(|tried| !tried.reached),
            never_fired: names(|tried| tried.armed && !tried.fired),
            pending: self.control().pending.keys().cloned().collect(),
            shared: shared.map(|tried| (tried.name.to_owned(), owned(&tried.packages))).collect(),
        }
    }

    /// How many points code declares, and the names of those that are armed.
    ///
    /// A first evaluation says this, and so does not wait for the list to be put in order.
    pub(crate) fn summary(&self) -> (usize, Vec<&'static str>) {
        let unread = self.listed.get().is_none().then(site::linked).and_then(Result::ok);
        if let Some(sites) = unread {
            // Room for all from the start: growing would hash every name once more.
            let mut names = HashSet::with_capacity(sites.size_hint().1.unwrap_or(0));
            names.extend(sites.map(|site| site.name()));
            return (names.len(), Vec::new());
        }
        let control = self.control();
        let declared = control.points.values().filter(|point| point.is_declared()).count();
        let armed = control.points.values().filter(|point| point.plan().is_some());
        (declared, armed.map(|point| point.name()).collect())
    }

    /// How often anything changed that an evaluation may find: what was worked out from the points
    /// at this count holds as long as it stands.
    #[inline]
    pub(crate) fn changes(&self) -> u64 {
        // Acquire pairs with the release in `note_change`: who sees the count sees the change.
        self.changes.load(Ordering::Acquire)
    }

    /// Only with the lock held, before it is given up.
    fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The points at which an evaluation finds anything, or which are pending, by name; and the count
    /// of changes that this is true of.
    pub(crate) fn live(&self) -> (u64, Vec<&'static Point>) {
        // Without the linker's list: no name of it is live before somebody asked for it.
        let mut control = self.control.lock();
        let pending: Vec<String> = control.pending.keys().cloned().collect();
        for name in pending {
            control.point_named(&name);
        }
        let is_live =
            |point: &&'static Point| point.is_live() || control.pending.contains_key(point.name());
        let live = control.points.values().copied().filter(is_live).collect();
        (self.changes(), live)
    }
}
