//! Which changes may a crash still lose, and what stood there before?
//!
//! The served directory always holds the present state, so reads need nothing from here. A change goes
//! into this log with what it replaced. A sync drops it from the log, because nothing can undo it any
//! more. The rules are those of `SimDisk`; `tests` compares both.

use crate::sim::medium::{Named, with_older_ones};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;

/// The number of a file or directory in the mount.
pub(super) type Ino = u64;

/// A name in a directory.
pub(super) type Place = (Ino, OsString);

/// What a change of a name counts, in bytes. It only bounds how many are held.
const NAME: usize = 256;

#[derive(Debug)]
pub(super) enum Change {
    /// `old` is what the range held, up to the end that the file had.
    Write {
        ino: Ino,
        offset: u64,
        len: u64,
        old: Vec<u8>,
        len_before: u64,
    },
    /// `cut` is what was beyond the new end.
    SetLen {
        ino: Ino,
        len: u64,
        len_before: u64,
        cut: Vec<u8>,
    },
    Link {
        place: Place,
        ino: Ino,
    },
    Unlink {
        place: Place,
        ino: Ino,
    },
    /// `replaced` had the new name before.
    Rename {
        from: Place,
        to: Place,
        ino: Ino,
        replaced: Option<Ino>,
    },
}

impl Change {
    /// The file or directory whose sync makes this change durable.
    fn synced_with(&self) -> Ino {
        match self {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => *ino,
            Change::Link { place, .. } | Change::Unlink { place, .. } => place.0,
            Change::Rename { to, .. } => to.0,
        }
    }

    fn size(&self) -> usize {
        match self {
            Change::Write { old, .. } => NAME + old.len(),
            Change::SetLen { cut, .. } => NAME + cut.len(),
            _ => NAME,
        }
    }

    /// The file whose contents it changes.
    pub(super) fn data_of(&self) -> Option<Ino> {
        match self {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => Some(*ino),
            _ => None,
        }
    }

    /// The files and directories that a crash needs to undo it.
    fn mentions(&self) -> impl Iterator<Item = Ino> {
        let (ino, places) = match self {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => (ino, [None, None]),
            Change::Link { place, ino } | Change::Unlink { place, ino } => {
                (ino, [Some(place), None])
            }
            Change::Rename { from, to, ino, .. } => (ino, [Some(from), Some(to)]),
        };
        [*ino].into_iter().chain(places.into_iter().flatten().map(|place| place.0))
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        let places = match self {
            Change::Write { .. } | Change::SetLen { .. } => [None, None],
            Change::Link { place, .. } | Change::Unlink { place, .. } => [Some(place), None],
            Change::Rename { from, to, .. } => [Some(from), Some(to)],
        };
        places.into_iter().flatten()
    }
}

/// A change in the log. The numbers grow.
#[derive(Debug)]
struct Pending {
    number: u64,
    change: Change,
}

impl Named for Pending {
    type Ino = Ino;
    type Name = OsString;

    fn names(&self) -> impl Iterator<Item = (Ino, &OsString)> {
        self.change.places().map(|(dir, name)| (*dir, name))
    }

    fn removed(&self) -> Option<Ino> {
        match &self.change {
            Change::Unlink { ino, .. } => Some(*ino),
            Change::Rename { replaced, .. } => *replaced,
            _ => None,
        }
    }

    fn moved(&self) -> Option<Ino> {
        match &self.change {
            Change::Rename { ino, .. } => Some(*ino),
            _ => None,
        }
    }
}

/// What a name that changed stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// After a crash that keeps nothing.
    pub(super) durable: Option<Ino>,
    pub(super) current: Option<Ino>,
}

#[derive(Debug, Default)]
pub(super) struct Undo {
    /// In the order in which they were made.
    pending: VecDeque<Pending>,
    next: u64,
    bytes: usize,
    entries: HashMap<Place, Entry>,
}

impl Undo {
    /// Changes that are made from now on have at least this number.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn changes(&self) -> impl ExactSizeIterator<Item = &Change> {
        self.pending.iter().map(|pending| &pending.change)
    }

    /// Remembers `change`. For a change of names, call it before [`set`](Self::set).
    pub(super) fn push(&mut self, change: Change) {
        self.bytes += change.size();
        self.pending.push_back(Pending { number: self.next, change });
        self.next += 1;
    }

    /// From now on `place` stands for `now`. Before, it stood for `was`.
    pub(super) fn set(&mut self, place: &Place, was: Option<Ino>, now: Option<Ino>) {
        let fresh = Entry { durable: was, current: was };
        self.entries.entry(place.clone()).or_insert(fresh).current = now;
    }

    /// The contents of the file, or the names in the directory, are durable as they were before the
    /// change with the number `end` was made.
    pub(super) fn sync(&mut self, ino: Ino, end: u64, is_dir: impl Fn(Ino) -> bool) {
        let chosen = with_older_ones(self.pending.make_contiguous(), is_dir, |_, pending| {
            pending.number < end && pending.change.synced_with() == ino
        });
        let mut done = Vec::new();
        let mut rest = VecDeque::with_capacity(self.pending.len());
        for (pending, is_chosen) in self.pending.drain(..).zip(chosen) {
            if is_chosen { done.push(pending.change) } else { rest.push_back(pending) }
        }
        self.pending = rest;
        self.settle(&done);
    }

    /// The oldest change becomes durable, as a kernel that needs its memory writes back.
    pub(super) fn write_back_oldest(&mut self) {
        if let Some(Pending { change, .. }) = self.pending.pop_front() {
            self.settle(&[change]);
        }
    }

    fn settle(&mut self, done: &[Change]) {
        for change in done {
            self.bytes -= change.size();
            apply(change, &mut self.entries);
        }
        if done.iter().any(|change| change.data_of().is_none()) {
            let changed: HashSet<&Place> = self.changes().flat_map(Change::places).collect();
            let settled: Vec<Place> =
                self.entries.keys().filter(|place| !changed.contains(place)).cloned().collect();
            for place in &settled {
                self.entries.remove(place);
            }
        }
    }

    /// What a crash keeps that keeps at least the changes that `choose` says.
    pub(super) fn survivors(
        &mut self,
        is_dir: impl Fn(Ino) -> bool,
        choose: impl Fn(usize) -> bool,
    ) -> Vec<bool> {
        with_older_ones(self.pending.make_contiguous(), is_dir, |place, _| choose(place))
    }

    /// Takes the changes of the contents of a file out of the log, oldest first, to undo them.
    pub(super) fn take_data(&mut self, ino: Ino) -> Vec<Change> {
        let mut taken = Vec::new();
        let mut rest = VecDeque::with_capacity(self.pending.len());
        for pending in self.pending.drain(..) {
            if pending.change.data_of() == Some(ino) {
                self.bytes -= pending.change.size();
                taken.push(pending.change);
            } else {
                rest.push_back(pending);
            }
        }
        self.pending = rest;
        taken
    }

    /// Takes everything out of the log, oldest first, and what the names stand for.
    pub(super) fn take(&mut self) -> (Vec<Change>, HashMap<Place, Entry>) {
        self.bytes = 0;
        let changes = self.pending.drain(..).map(|pending| pending.change).collect();
        (changes, std::mem::take(&mut self.entries))
    }

    /// Whether a crash may need the file or directory.
    pub(super) fn needs(&self, ino: Ino) -> bool {
        self.needed().any(|needed| needed == ino)
    }

    /// The files and directories that a crash may need, some of them several times.
    pub(super) fn needed(&self) -> impl Iterator<Item = Ino> {
        let durable = self.entries.values().filter_map(|entry| entry.durable);
        durable.chain(self.changes().flat_map(Change::mentions))
    }
}

/// Makes the change of a name durable in `entries`.
pub(super) fn apply(change: &Change, entries: &mut HashMap<Place, Entry>) {
    let mut set = |place: &Place, now: Option<Ino>, only_if: Option<Ino>| {
        if let Some(entry) = entries.get_mut(place) {
            if only_if.is_none() || entry.durable == only_if {
                entry.durable = now;
            }
        }
    };
    match change {
        Change::Link { place, ino } => set(place, Some(*ino), None),
        Change::Unlink { place, ino } => set(place, None, Some(*ino)),
        Change::Rename { from, to, ino, .. } => {
            set(from, None, Some(*ino));
            set(to, Some(*ino), None);
        }
        Change::Write { .. } | Change::SetLen { .. } => {}
    }
}
