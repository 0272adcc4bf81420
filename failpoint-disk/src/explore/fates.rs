//! Which crashes are tried at one place: what may happen to each change that is not durable.

use super::Torn;
use crate::sim::image::Change;
use crate::sim::medium::{Fate, sectors};
use crate::sim::{Random, random_fates};
use std::ops::ControlFlow;

/// Up to so many changes, every subset is tried.
pub(super) const ALL_SUBSETS: usize = 8;
/// How many crashes are chosen by chance where there are more changes.
const SAMPLES: usize = 256;
/// Up to so many sectors of a write, every subset is tried.
const ALL_SECTORS: usize = 4;
/// Up to so many bytes of a write, every prefix is tried.
const ALL_PREFIXES: usize = 4096;

/// Calls `visit` with what happens to each of `pending`, until it breaks. Returns whether that was every
/// possibility.
pub(super) fn each(
    pending: &[Change],
    torn: Torn,
    seed: u64,
    visit: &mut dyn FnMut(&[Fate]) -> ControlFlow<()>,
) -> ControlFlow<(), bool> {
    let len = pending.len();
    let mut exhaustive = true;
    if len <= ALL_SUBSETS {
        for subset in 0..1_u32 << len {
            let kept = |place: usize| subset & (1 << place) != 0;
            exhaustive &= with_torn(pending, &kept, torn, visit)?;
        }
        return ControlFlow::Continue(exhaustive);
    }
    for end in 0..=len {
        with_torn(pending, &|place| place < end, torn, visit)?;
    }
    for single in 0..len {
        with_torn(pending, &|place| place != single, torn, visit)?;
        with_torn(pending, &|place| place == single, torn, visit)?;
    }
    let mut random = Random(seed);
    for _ in 0..SAMPLES {
        visit(&random_fates(pending, random.next()))?;
    }
    ControlFlow::Continue(false)
}

/// Those that are `kept` reach the disk; then, of each write among them in turn, only a part.
fn with_torn(
    pending: &[Change],
    kept: &dyn Fn(usize) -> bool,
    torn: Torn,
    visit: &mut dyn FnMut(&[Fate]) -> ControlFlow<()>,
) -> ControlFlow<(), bool> {
    let fate = |place| if kept(place) { Fate::Kept } else { Fate::Lost };
    let mut fates: Vec<Fate> = (0..pending.len()).map(fate).collect();
    visit(&fates)?;
    let mut exhaustive = true;
    for (place, change) in pending.iter().enumerate() {
        let Change::Write { offset, data, .. } = change else { continue };
        if fates[place] == Fate::Lost {
            continue;
        }
        let mut tear = |fate| {
            fates[place] = fate;
            visit(&fates)
        };
        tear(Fate::Zeros)?;
        let parts = sectors(*offset, data.len()).count();
        if parts > ALL_SECTORS {
            exhaustive = false;
            for (_, end) in sectors(*offset, data.len()).take(parts - 1) {
                tear(Fate::Prefix(end))?;
            }
            for missing in 0..parts.min(64) {
                tear(Fate::Sectors(!(1 << missing)))?;
                tear(Fate::Sectors(1 << missing))?;
            }
        } else {
            for subset in 1..(1_u64 << parts) - 1 {
                tear(Fate::Sectors(subset))?;
            }
        }
        if torn == Torn::Byte {
            exhaustive &= data.len() <= ALL_PREFIXES;
            for bytes in 1..data.len().min(ALL_PREFIXES) {
                tear(Fate::Prefix(bytes))?;
            }
        }
        fates[place] = Fate::Kept;
    }
    ControlFlow::Continue(exhaustive)
}
