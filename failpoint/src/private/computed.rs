//! Is anything armed under a name that some place of `fail` computes?
//!
//! There is no switch to look at: there are as many names as the place computes. What is looked at
//! instead are the names under which an evaluation finds anything, which somebody works out after a
//! change and all others read without a lock.
//!
//! A place has a site for each name that was armed when it came by, and no other: their number is
//! bounded, whatever names are computed.

use crate::env;
use crate::point::Point;
use crate::registry::registry;
use crate::site::{self, Accepts, Here, Site, Switch};
use crate::sync::lasting::{ArcSwapOption, AtomicU64};
use crate::sync::{Arc, Ordering};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A place in the source whose name is computed.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The source file.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// The module, empty where it is not known.
    pub module: &'static str,
    /// The package, empty where it is not known.
    pub package: &'static str,
}

/// Where an evaluation finds anything, by name.
struct Live {
    /// The count of changes that this is true of.
    at: u64,
    points: Vec<&'static Point>,
}

/// What was worked out last.
static LIVE: ArcSwapOption<Live> = ArcSwapOption::const_empty();
/// The count of changes at which there was nothing to be found; at first, nobody has looked.
static NOTHING_AT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Whether no evaluation finds anything, whatever its name.
#[inline]
pub(super) fn is_idle() -> bool {
    // Relaxed: it is true of its count, whenever it was written.
    NOTHING_AT.load(Ordering::Relaxed) == registry().changes()
}

/// The site at `place` for `name`, if anything is or may come to be armed there.
pub(super) fn find(name: &str, place: &Place) -> Option<Here> {
    let point = live_point(name)?;
    Some(site_of(point.name(), place))
}

fn live_point(name: &str) -> Option<&'static Point> {
    let live = LIVE.load();
    match live.as_deref() {
        Some(live) if live.at == registry().changes() => live.find(name),
        _ => work_out().find(name),
    }
}

#[cold]
fn work_out() -> Arc<Live> {
    env::ensure_leniently();
    let (at, points) = registry().live();
    if points.is_empty() {
        NOTHING_AT.store(at, Ordering::Relaxed);
    }
    let live = Arc::new(Live { at, points });
    LIVE.store(Some(live.clone()));
    live
}

impl Live {
    fn find(&self, name: &str) -> Option<&'static Point> {
        let at = self.points.binary_search_by(|point| point.name().cmp(name)).ok()?;
        Some(self.points[at])
    }
}

/// By name, line and file.
type Sites = BTreeMap<(&'static str, u32, &'static str), Here>;

fn site_of(name: &'static str, place: &Place) -> Here {
    static SITES: RwLock<Sites> = RwLock::new(BTreeMap::new());
    let Place { file, line, module, package } = *place;
    let key = (name, line, file);
    let known = SITES.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    known.unwrap_or_else(|| {
        let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
        *sites.entry(key).or_insert_with(|| {
            let accepts = &Accepts::FAILS_CLOSURE;
            let package = Some(package);
            let place = site::Place { file, module, package, accepts, keys: &[] };
            Here {
                switch: Box::leak(Box::new(Switch::UNSEEN)),
                site: Box::leak(Box::new(Site::new(name, Box::leak(Box::new(place)), line))),
            }
        })
    })
}
