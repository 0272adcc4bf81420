//! Whether anything is armed under a name that a site of `fail` computes.
//!
//! There is no switch to look at: there are as many names as the place computes. What is looked at
//! instead are the names under which an evaluation finds anything, which are computed after a
//! change and all others read without a lock.
//!
//! A place has a site for each name that was armed when it was evaluated, and no other: their
//! number is bounded, whatever names are computed.

use crate::runtime::env;
use crate::runtime::point_name::Name;
use crate::runtime::registry::registry;
use crate::runtime::site::{self, Accepts, Callsite, Site, Switch};
use crate::runtime::sync::lasting::{ArcSwapOption, AtomicU64};
use crate::runtime::sync::{Arc, Ordering};
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

/// The names under which an evaluation finds anything.
struct Live {
    /// The count of changes that this is true of.
    at: u64,
    /// Sorted.
    names: Vec<Name>,
}

/// What was worked out last.
static LIVE: ArcSwapOption<Live> = ArcSwapOption::const_empty();
/// The count of changes at which there was nothing to be found; at first, none was made.
static NOTHING_AT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Whether no evaluation finds anything, whatever its name.
#[inline]
pub(super) fn is_idle() -> bool {
    // Relaxed: it is true of its count, whenever it was written.
    NOTHING_AT.load(Ordering::Relaxed) == registry().changes()
}

/// The site at `place` for `name`, if anything is or may come to be armed there.
pub(super) fn find(name: &str, place: &Place) -> Option<Callsite> {
    is_live(name).then(|| site_of(name, place))
}

fn is_live(name: &str) -> bool {
    let live = LIVE.load();
    match live.as_deref() {
        Some(live) if live.at == registry().changes() => live.holds(name),
        _ => work_out().holds(name),
    }
}

#[cold]
fn work_out() -> Arc<Live> {
    env::ensure_leniently();
    let (at, names) = registry().live();
    if names.is_empty() {
        NOTHING_AT.store(at, Ordering::Relaxed);
    }
    let live = Arc::new(Live { at, names });
    LIVE.store(Some(live.clone()));
    live
}

impl Live {
    fn holds(&self, name: &str) -> bool {
        self.names.binary_search_by(|other| (**other).cmp(name)).is_ok()
    }
}

/// By name, line and file.
type Sites = BTreeMap<(&'static str, u32, &'static str), Callsite>;

fn site_of(name: &str, place: &Place) -> Callsite {
    static SITES: RwLock<Sites> = RwLock::new(BTreeMap::new());
    let Place { file, line, module, package } = *place;
    let find =
        |sites: &BTreeMap<(&str, u32, &str), Callsite>| sites.get(&(name, line, file)).copied();
    let known = find(&SITES.read().unwrap_or_else(PoisonError::into_inner));
    known.unwrap_or_else(|| {
        let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = find(&sites) {
            return known;
        }
        let name: &'static str = Box::leak(Box::from(name));
        *sites.entry((name, line, file)).or_insert_with(|| {
            let accepts = &Accepts::FAILS_CLOSURE;
            let package = Some(package);
            let place = site::Place { file, module, package, accepts, keys: &[] };
            Callsite {
                switch: Box::leak(Box::new(Switch::UNSEEN)),
                site: Box::leak(Box::new(Site::new(name, Box::leak(Box::new(place)), line))),
            }
        })
    })
}
