//! How is a hit counted where nothing but that it was one matters?
//!
//! An `off` armed for everybody does nothing and counts. So an evaluation needs no plan for it: it
//! counts in the lane of its point, which is open while such an `off` is all there is to know. A
//! point keeps its lane as long as it lives itself, so an evaluation has to hold nothing.
//!
//! A lane is opened for one plan at a time, the tenant, and each time under a new number, which
//! every stripe bears beside its count. Counting is one compare-and-exchange of both: it fails
//! where the lane was closed meanwhile, so that no hit is counted for an arming that it did not
//! see, and none that was counted is missed by who closes.

use crate::runtime::count::striped::{Padded, STRIPES, own_stripe};
use crate::runtime::sync::lasting;
use crate::runtime::sync::{Arc, AtomicU64, Mutex, Ordering};

/// How much of a stripe is its count; the rest is the number of the opening. A stripe that is full
/// is emptied by opening anew, which the unit tests shall see happen.
const COUNT_BITS: u32 = if cfg!(test) { 2 } else { 24 };
const FULL: u64 = (1 << COUNT_BITS) - 1;

/// What stands for a number where the lane is closed.
const CLOSED: u64 = 0;

/// How many need to be told more than a number, of any point.
static DETOURS: lasting::AtomicUsize = lasting::AtomicUsize::new(0);

#[derive(Debug)]
pub(crate) struct Lane {
    /// The number of this opening, or [`CLOSED`].
    open: AtomicU64,
    /// The number of the last opening. Only the tenant's lock lets anybody open.
    opened: AtomicU64,
    stripes: [Padded<AtomicU64>; STRIPES],
}

/// What came of passing by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// It was a hit, and is counted.
    Counted,
    /// Go the long way.
    Closed,
    /// The long way, and open the lane anew.
    Full,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self {
            open: AtomicU64::new(CLOSED),
            opened: AtomicU64::new(CLOSED),
            stripes: std::array::from_fn(|_| Padded(AtomicU64::new(0))),
        }
    }

    #[inline]
    pub(crate) fn pass(&self) -> Passed {
        // Acquire pairs with the release in `open`: who sees the number sees what led to it.
        let open = self.open.load(Ordering::Acquire);
        if open == CLOSED || DETOURS.load(Ordering::Relaxed) > 0 {
            return Passed::Closed;
        }
        let stripe = &self.stripes[own_stripe()].0;
        let mut seen = stripe.load(Ordering::Relaxed);
        loop {
            if seen >> COUNT_BITS != open {
                return Passed::Closed;
            }
            if seen & FULL == FULL {
                return Passed::Full;
            }
            // Release: who sees the hit counted sees what this thread did before it.
            let counted =
                stripe.compare_exchange_weak(seen, seen + 1, Ordering::Release, Ordering::Relaxed);
            match counted {
                Ok(_) => return Passed::Counted,
                Err(now) => seen = now,
            }
        }
    }

    fn open(&self) {
        let number = self.opened.load(Ordering::Relaxed) + 1;
        self.opened.store(number, Ordering::Relaxed);
        let empty = number << COUNT_BITS;
        self.stripes.iter().for_each(|stripe| stripe.0.store(empty, Ordering::Relaxed));
        self.open.store(number, Ordering::Release);
    }

    /// Gives what was counted. Who read the number before finds none of the stripes under it.
    fn close(&self) -> u64 {
        self.open.store(CLOSED, Ordering::Relaxed);
        self.stripes.iter().map(|stripe| stripe.0.swap(0, Ordering::AcqRel) & FULL).sum()
    }

    /// What was counted since it was opened.
    fn count(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Acquire) & FULL).sum()
    }
}

/// A plan's side of a lane.
#[derive(Debug, Default)]
pub(crate) struct Tenant {
    state: Mutex<Tenancy>,
}

#[derive(Debug, Default)]
struct Tenancy {
    lane: Option<Arc<Lane>>,
    /// How many need every hit to come the long way.
    holds: usize,
    /// What was counted before the lane was closed last.
    counted: u64,
}

impl Tenant {
    /// Takes the lane, which is nobody else's.
    pub(crate) fn move_in(&self, lane: Arc<Lane>) {
        self.state.lock().change(|state| state.lane = Some(lane));
    }

    /// Leaves it; what was counted is kept.
    pub(crate) fn move_out(&self) {
        self.state.lock().change(|state| state.lane = None);
    }

    /// Closes the lane while the guard lives: every hit comes the long way, and rings.
    pub(crate) fn hold(&self) -> Hold<'_> {
        self.state.lock().change(|state| state.holds += 1);
        Hold { tenant: self }
    }

    /// The hits counted in the lane, so far.
    pub(crate) fn count(&self) -> u64 {
        let state = self.state.lock();
        state.counted + state.open_lane().map_or(0, |lane| lane.count())
    }
}

impl Tenancy {
    fn open_lane(&self) -> Option<&Arc<Lane>> {
        self.lane.as_ref().filter(|_| self.holds == 0)
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let was_open = self.open_lane().cloned();
        change(self);
        match (was_open, self.open_lane()) {
            (Some(lane), None) => self.counted += lane.close(),
            (None, Some(lane)) => lane.open(),
            _ => {}
        }
    }
}

#[derive(Debug)]
#[must_use = "the lane is open again when it is dropped"]
pub(crate) struct Hold<'a> {
    tenant: &'a Tenant,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.tenant.state.lock().change(|state| state.holds -= 1);
    }
}

/// While one lives, no lane is used, at any point: somebody is told of every fire, or it depends on
/// the thread what is armed.
#[derive(Debug)]
pub(crate) struct Detour(());

impl Detour {
    pub(crate) fn begin() -> Self {
        // Relaxed: who has to find it has come by whoever began it.
        DETOURS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    pub(crate) fn is_on() -> bool {
        DETOURS.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        DETOURS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn pass(lane: &Lane, times: usize) -> usize {
        (0..times).filter(|_| lane.pass() == Passed::Counted).count()
    }

    #[test]
    fn counts_for_its_tenant_alone() {
        let lane = Arc::new(Lane::new());
        let [first, second] = [(); 2].map(|()| Tenant::default());
        assert_eq!(lane.pass(), Passed::Closed);
        first.move_in(lane.clone());
        assert_eq!((pass(&lane, 2), first.count()), (2, 2));
        let hold = first.hold();
        assert_eq!((pass(&lane, 2), first.count()), (0, 2));
        drop(hold);
        assert_eq!((pass(&lane, 1), first.count()), (1, 3));
        first.move_out();
        drop(first.hold());
        assert_eq!((pass(&lane, 1), first.count()), (0, 3));
        second.move_in(lane.clone());
        assert_eq!((pass(&lane, 1), first.count(), second.count()), (1, 3, 1));
    }

    #[test]
    fn a_full_stripe_is_emptied_by_opening_anew() {
        let lane = Arc::new(Lane::new());
        let tenant = Tenant::default();
        tenant.move_in(lane.clone());
        let mut counted = 0;
        for _ in 0..10 * FULL {
            match lane.pass() {
                Passed::Counted => counted += 1,
                Passed::Full => drop(tenant.hold()),
                Passed::Closed => panic!("a detour is on"),
            }
        }
        assert!(counted > 2 * FULL);
        assert_eq!(tenant.count(), counted);
    }
}
