//! What does the one lock guard?
//!
//! The points by their names, the terms that wait for a name, and the two counts by which it is told
//! that something has changed. What is here looks up and adds; what changes a point is `change`.

use super::precondition::{Precondition, Stale};
use super::request::Request;
use crate::error::Error;
use crate::point::{InForce, Point};
use crate::site::{Home, Site};
use std::collections::BTreeMap;

pub(super) struct Control {
    pub(super) points: BTreeMap<&'static str, &'static Point>,
    /// Terms for names that no site bears yet, from the environment.
    pub(super) pending: BTreeMap<String, Request>,
    /// Raised by every arming and disarming.
    pub(super) generation: u64,
    /// Raised by every site that registers: what was checked against the sites may be stale.
    pub(super) sites: u64,
}

impl Control {
    pub(super) const fn new() -> Self {
        Self { points: BTreeMap::new(), pending: BTreeMap::new(), generation: 0, sites: 0 }
    }

    /// Adds what the linker listed to what has registered so far. Sorted by name first, so that points
    /// and homes are two allocations and the map is built in one go.
    pub(super) fn add_listed(&mut self, mut sites: Vec<&'static Site>) {
        sites.retain(|site| !site.is_settled());
        sites.sort_by_key(|site| site.name());
        let (known, new): (Vec<_>, Vec<_>) = sites
            .chunk_by(|one, next| one.name() == next.name())
            .partition(|sites| self.points.contains_key(sites[0].name()));
        known.into_iter().flatten().for_each(|site| self.add_site(site));
        let points = new.iter().map(|sites| Point::declared(sites[0].name(), sites.to_vec()));
        let points: &'static [Point] = points.collect::<Vec<_>>().leak();
        let owned = || {
            new.iter()
                .zip(points)
                .flat_map(|(sites, point)| sites.iter().map(move |site| (site, point)))
        };
        let homes: &'static [Home] =
            owned().map(|(_, point)| Home::new(point)).collect::<Vec<_>>().leak();
        for ((site, _), home) in owned().zip(homes) {
            site.settle(home);
        }
        self.sites += homes.len() as u64;
        self.points.append(&mut points.iter().map(|point| (point.name(), point)).collect());
    }

    pub(super) fn add_site(&mut self, site: &'static Site) {
        let point = self.point_named(site.name());
        // Two threads may come by an unlisted site at once; one of them registers it.
        if site.settle(Box::leak(Box::new(Home::new(point)))) {
            point.add_site(site);
            self.sites += 1;
        }
    }

    /// The point of this name, made if need be. Points live as long as the process: their number is
    /// bounded by the names in the source and those armed on purpose.
    pub(super) fn point_named(&mut self, name: &str) -> &'static Point {
        if let Some(point) = self.points.get(name) {
            return point;
        }
        let name: &'static str = Box::leak(Box::from(name));
        let point: &'static Point = Box::leak(Box::new(Point::new(name)));
        self.points.insert(name, point);
        point
    }

    /// Every point that code declares or somebody armed, by name, as it stands.
    pub(super) fn listing(&self) -> impl Iterator<Item = InForce> + '_ {
        let all = self.points.values().map(|point| point.in_force());
        all.filter(|now| now.plan.is_some() || now.point.is_declared())
    }

    /// Every point that code declares or somebody armed, by name.
    pub(super) fn visible(&self) -> impl Iterator<Item = &'static Point> + '_ {
        self.points.values().copied().filter(|point| is_visible(point))
    }

    pub(super) fn visible_named(&self, name: &str) -> Option<&'static Point> {
        self.points.get(name).copied().filter(|point| is_visible(point))
    }

    pub(super) fn is_known(&self, name: &str) -> bool {
        self.visible_named(name).is_some()
    }

    /// Whether a change of `names` may be made.
    pub(super) fn check<'n>(
        &self,
        precondition: &Precondition,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), Stale> {
        let generation = |name| self.visible_named(name).map(Point::generation);
        precondition.check(self.generation, names.into_iter().map(generation))
    }

    /// The refusal for `name`, with the names most like it.
    pub(super) fn unknown(&self, name: &str) -> Error {
        /// More would not be read.
        const SHOWN: usize = 3;
        /// Below this the names have nothing to do with each other.
        const ALIKE: f64 = 0.75;
        let lower = name.to_ascii_lowercase();
        let mut alike: Vec<(f64, &str)> = self
            .visible()
            .map(|point| {
                (strsim::jaro_winkler(&lower, &point.name().to_ascii_lowercase()), point.name())
            })
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let nearest = alike.into_iter().take(SHOWN).map(|(_, name)| name.to_owned()).collect();
        Error::UnknownPoint { name: name.to_owned(), nearest }
    }
}

fn is_visible(point: &Point) -> bool {
    point.is_declared() || point.plan().is_some()
}
