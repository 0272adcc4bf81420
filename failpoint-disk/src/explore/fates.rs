//! Which crashes are tried at one place: what may happen to each change that is not durable.

use crate::report::Torn;
use crate::sim::image::Change;
use crate::sim::medium::{Fate, Medium, sectors};
use crate::sim::{Random, random_fates};
use std::ops::ControlFlow;

/// Up to so many changes, every subset is tried.
pub(super) const ALL_SUBSETS: usize = 8;
/// How many crashes are chosen by chance where there are more changes.
const SAMPLES: usize = 256;
/// Up to so many sectors of a write, every subset is tried.
const ALL_SECTORS: usize = 4;
/// Up to so many bytes, or sectors, of a write, every prefix is tried.
const ALL_PREFIXES: usize = 4096;

/// Calls `visit` with what happens to each change that is not durable, until it breaks. Returns whether that
/// was every possibility.
pub(super) fn each(
    medium: &Medium,
    torn: Torn,
    seed: u64,
    visit: &mut dyn FnMut(&[Fate]) -> ControlFlow<()>,
) -> ControlFlow<(), bool> {
    // A change without an effect is the same whatever happens to it.
    let open = medium.with_effect();
    let mut crashes = Crashes {
        pending: &medium.pending,
        fates: vec![Fate::Lost; medium.pending.len()],
        torn,
        visit,
        exhaustive: true,
    };
    if open.len() <= ALL_SUBSETS {
        for subset in 0..1_u32 << open.len() {
            crashes.try_subset(&open, &|number| subset & (1 << number) != 0)?;
        }
        return ControlFlow::Continue(crashes.exhaustive);
    }
    for end in 0..=open.len() {
        crashes.try_subset(&open, &|number| number < end)?;
    }
    for single in 0..open.len() {
        crashes.try_subset(&open, &|number| number != single)?;
        crashes.try_subset(&open, &|number| number == single)?;
    }
    let mut random = Random(seed);
    for _ in 0..SAMPLES {
        (crashes.visit)(&random_fates(&medium.pending, random.next()))?;
    }
    ControlFlow::Continue(false)
}

struct Crashes<'a> {
    pending: &'a [Change],
    fates: Vec<Fate>,
    torn: Torn,
    visit: &'a mut dyn FnMut(&[Fate]) -> ControlFlow<()>,
    exhaustive: bool,
}

impl Crashes<'_> {
    /// Those of `open` that are `kept` reach the disk; then, of each write among them in turn, only a part.
    fn try_subset(&mut self, open: &[usize], kept: &dyn Fn(usize) -> bool) -> ControlFlow<()> {
        for (number, &place) in open.iter().enumerate() {
            self.fates[place] = if kept(number) { Fate::Kept } else { Fate::Lost };
        }
        (self.visit)(&self.fates)?;
        for &place in open {
            if let (Change::Write { offset, data, .. }, Fate::Kept) =
                (&self.pending[place], &self.fates[place])
            {
                self.tear(place, *offset, data.len())?;
                self.fates[place] = Fate::Kept;
            }
        }
        ControlFlow::Continue(())
    }

    fn tear(&mut self, place: usize, offset: u64, len: usize) -> ControlFlow<()> {
        self.try_fate(place, Fate::Zeros)?;
        let parts = sectors(offset, len).count();
        if parts > ALL_SECTORS {
            self.exhaustive = false;
            let apart = parts.div_ceil(ALL_PREFIXES);
            for (_, end) in sectors(offset, len).take(parts - 1).step_by(apart) {
                self.try_fate(place, Fate::Prefix(end))?;
            }
            for one in 0..parts.min(64) {
                self.try_fate(place, Fate::Sectors(!(1 << one)))?;
                self.try_fate(place, Fate::Sectors(1 << one))?;
            }
        } else {
            for subset in 1..(1_u64 << parts) - 1 {
                self.try_fate(place, Fate::Sectors(subset))?;
            }
        }
        if self.torn == Torn::Byte {
            self.exhaustive &= len <= ALL_PREFIXES;
            for bytes in 1..len.min(ALL_PREFIXES) {
                self.try_fate(place, Fate::Prefix(bytes))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn try_fate(&mut self, place: usize, fate: Fate) -> ControlFlow<()> {
        self.fates[place] = fate;
        (self.visit)(&self.fates)
    }
}
