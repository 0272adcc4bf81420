//! The snapshots that a thread looked at last.
//!
//! An evaluation of an armed point needs its snapshot and must not count an `Arc`, as all threads would.
//! So a thread keeps the last ones, and looks at one as long as the point has its version: that is one
//! load of a line which only a change writes.
//!
//! What is kept outlives its arming until the thread needs the place, or ends. So a snapshot that holds
//! anything of the user's, a callback, is not kept.

use super::point::Snapshot;
use crate::runtime::own_code::{Shelf, drop_as_own};
use crate::runtime::sync::{Arc, thread_local};

/// How many a thread keeps at most: one for each of the versions that end alike.
const PLACES: usize = if cfg!(all(test, loom)) { 1 } else { 16 };

thread_local! {
    static KEPT: Shelf<Arc<Snapshot>, PLACES> = const { Shelf::new() };
}

/// Takes out the snapshot of this version, if it is kept. It is taken so that nothing is borrowed while
/// the user's code runs.
#[inline]
pub(crate) fn take(version: u64) -> Option<Arc<Snapshot>> {
    let mut place = None;
    swap(version, &mut place);
    if place.as_ref().is_some_and(|taken| taken.version() != version) {
        drop_as_own(place.take());
    }
    place
}

/// Keeps a snapshot, in the place of the one that was there.
#[inline]
pub(crate) fn keep(snapshot: Arc<Snapshot>) {
    let version = snapshot.version();
    let mut place = Some(snapshot);
    swap(version, &mut place);
    if place.is_some() {
        drop_as_own(place);
    }
}

/// Does nothing where the thread is at its end.
#[inline]
fn swap(version: u64, place: &mut Option<Arc<Snapshot>>) {
    let _ = KEPT.try_with(|kept| kept.swap(version as usize % PLACES, place));
}
