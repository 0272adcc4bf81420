//! What the one lock of the registry guards.
//!
//! The points by their names, the terms that wait for a name, and the two counts by which it is
//! told that something has changed. What is here looks up and adds; what changes a point is
//! `change`.
//!
//! Under the lock names are looked up, and never compared for likeness: who has to suggest names
//! takes them along.

use super::precondition::{Precondition, Stale};
use super::request::Request;
use crate::runtime::point_name::Name;
use crate::runtime::registry::point::{InForce, Point, PointRef};
use crate::runtime::site::{Registration, Site};
use crate::runtime::sync::Arc;
use std::collections::BTreeMap;

/// How many names that no code declares there may be for another to be armed over HTTP.
pub(crate) const MOST_UNLISTED: usize = 1_024;

pub(super) struct Control {
    /// What code declares, which stays; and what no code declares, as long as it is armed or
    /// observed.
    points: BTreeMap<Name, PointRef>,
    /// How many no code declares.
    unlisted: usize,
    /// Terms for names that no site has yet, from the environment.
    pub(super) pending: BTreeMap<String, Request>,
    /// Raised by every arming and disarming.
    pub(super) generation: u64,
    /// Raised by every site that registers: what was checked against the sites may be stale.
    pub(super) sites: u64,
}

impl Control {
    pub(super) const fn new() -> Self {
        Self {
            points: BTreeMap::new(),
            unlisted: 0,
            pending: BTreeMap::new(),
            generation: 0,
            sites: 0,
        }
    }

    /// Adds what the linker listed to what has registered so far. Sorted by name first, so that
    /// points and homes are two allocations and the map is built in one go.
    pub(super) fn add_listed(&mut self, mut sites: Vec<&'static Site>) {
        sites.retain(|site| !site.is_registered());
        sites.sort_by_key(|site| site.name());
        let (known, new): (Vec<_>, Vec<_>) = sites
            .chunk_by(|one, next| one.name() == next.name())
            .partition(|sites| self.get(sites[0].name()).is_some());
        known.into_iter().flatten().for_each(|site| {
            self.add_site(site);
        });
        let points = new.iter().map(|sites| Point::declared(sites[0].name(), sites.to_vec()));
        let points: &'static [Point] = points.collect::<Vec<_>>().leak();
        let owned = || {
            new.iter()
                .zip(points)
                .flat_map(|(sites, point)| sites.iter().map(move |site| (site, point)))
        };
        let registrations: &'static [Registration] =
            owned().map(|(_, point)| Registration::new(point)).collect::<Vec<_>>().leak();
        for ((site, _), registration) in owned().zip(registrations) {
            site.register(registration);
        }
        self.sites += registrations.len() as u64;
        let named = points.iter().map(|point| (point.name().clone(), PointRef::Declared(point)));
        self.points.append(&mut named.collect());
    }

    /// Registers a site; gives its point.
    pub(super) fn add_site(&mut self, site: &'static Site) -> &'static Point {
        let point = self.declare(site.name());
        // Two threads may reach an unlisted site at once; one of them registers it.
        if site.register(Box::leak(Box::new(Registration::new(point)))) {
            point.add_site(site);
            self.sites += 1;
        }
        point
    }

    /// The point of a name in the source, which stays from now on.
    fn declare(&mut self, name: &'static str) -> &'static Point {
        let point: &'static Point = match self.points.get(name) {
            Some(PointRef::Declared(point)) => return point,
            // What is armed there stays armed.
            Some(PointRef::Unlisted(point)) => {
                self.unlisted -= 1;
                Box::leak(Box::new(point.clone()))
            }
            None => Box::leak(Box::new(Point::new(Name::Static(name)))),
        };
        self.points.insert(Name::Static(name), PointRef::Declared(point));
        point
    }

    /// Whether there is room for all of `names` that no code declares.
    pub(super) fn has_room_for<'n>(&self, names: impl Iterator<Item = &'n str>) -> bool {
        let new = names.filter(|name| !self.points.contains_key(*name)).count();
        new == 0 || self.unlisted + new <= MOST_UNLISTED
    }

    pub(super) fn get(&self, name: &str) -> Option<PointRef> {
        self.points.get(name).cloned()
    }

    /// The point of this name, made if need be: see [`Control::forget`].
    pub(super) fn point_named(&mut self, name: &str) -> PointRef {
        if let Some(point) = self.get(name) {
            return point;
        }
        let name = Name::Shared(name.into());
        let point = PointRef::Unlisted(Arc::new(Point::new(name.clone())));
        self.points.insert(name, point.clone());
        self.unlisted += 1;
        point
    }

    /// Forgets a point that no code declares, where nothing is armed and no plan observes any more.
    pub(super) fn forget(&mut self, point: &PointRef) {
        let PointRef::Unlisted(point) = point else { return };
        let is_it = |kept: &PointRef| match kept {
            PointRef::Unlisted(kept) => Arc::ptr_eq(kept, point),
            PointRef::Declared(_) => false,
        };
        if !point.is_live() && self.points.get(&**point.name()).is_some_and(is_it) {
            self.points.remove(&**point.name());
            self.unlisted -= 1;
        }
    }

    /// Every point, by name.
    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = &PointRef> {
        self.points.values()
    }

    /// The current state of every point that is declared or armed, by name.
    pub(super) fn listing(&self) -> Vec<InForce> {
        // Nearly all of them are listed: no time under the lock to grow.
        let mut listing = Vec::with_capacity(self.points.len());
        for point in self.points.values() {
            let now = InForce::of(point);
            if now.plan.is_some() || point.is_declared() {
                listing.push(now);
            }
        }
        listing
    }

    /// The point of this name, if it is declared or armed.
    pub(super) fn visible(&self, name: &str) -> Option<PointRef> {
        self.get(name).filter(is_visible)
    }

    pub(super) fn is_known(&self, name: &str) -> bool {
        self.visible(name).is_some()
    }

    /// The names of all points that are declared or armed.
    pub(super) fn names(&self) -> Vec<Name> {
        let mut names = Vec::with_capacity(self.points.len());
        let visible = self.points.iter().filter(|(_, point)| is_visible(point));
        names.extend(visible.map(|(name, _)| name.clone()));
        names
    }

    /// Whether a change of `names` may be made.
    pub(super) fn check<'n>(
        &self,
        precondition: &Precondition,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), Stale> {
        let generation = |name| self.visible(name).map(|point| point.generation());
        precondition.check(self.generation, names.into_iter().map(generation))
    }
}

fn is_visible(point: &PointRef) -> bool {
    point.is_declared() || point.plan().is_some()
}
