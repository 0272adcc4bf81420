//! Which changes may a crash still lose, and what stood there before?
//!
//! The served directory always holds the present state, so reads need nothing from here. A change goes
//! into this log with what it replaced. A sync drops it from the log, because nothing can undo it any
//! more. The rules are those of `SimDisk`; `tests` compares both.

use crate::sim::medium::{Named, with_older_ones};
use std::collections::{HashMap, VecDeque};
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
        let (ino, replaced) = match self {
            Change::Write { ino, .. } | Change::SetLen { ino, .. } => (ino, None),
            Change::Link { ino, .. } | Change::Unlink { ino, .. } => (ino, None),
            Change::Rename { ino, replaced, .. } => (ino, *replaced),
        };
        [*ino].into_iter().chain(replaced).chain(self.places().map(|place| place.0))
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
    /// How many changes of it are in the log.
    changes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Undo {
    /// In the order in which they were made.
    pending: VecDeque<Pending>,
    next: u64,
    bytes: usize,
    /// The names that changes in the log make or remove.
    entries: HashMap<Place, Entry>,
    /// How many changes in the log mention a file or directory.
    mentions: HashMap<Ino, usize>,
    /// What no change mentions any more, since it was last asked for.
    unneeded: Vec<Ino>,
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

    /// Remembers `change`. For a change of names, call [`set`](Self::set) for each of them, too.
    pub(super) fn push(&mut self, change: Change) {
        self.bytes += change.size();
        for ino in change.mentions() {
            *self.mentions.entry(ino).or_default() += 1;
        }
        self.pending.push_back(Pending { number: self.next, change });
        self.next += 1;
    }

    /// From now on `place` stands for `now`. Before, it stood for `was`.
    pub(super) fn set(&mut self, place: &Place, was: Option<Ino>, now: Option<Ino>) {
        let fresh = Entry { durable: was, current: was, changes: 0 };
        let entry = self.entries.entry(place.clone()).or_insert(fresh);
        entry.current = now;
        entry.changes += 1;
    }

    /// The contents of the file, or the names in the directory, are durable as they were before the
    /// change with the number `end` was made.
    pub(super) fn sync(&mut self, ino: Ino, end: u64, is_dir: impl Fn(Ino) -> bool) {
        let pending = self.pending.make_contiguous();
        let is_synced =
            |pending: &Pending| pending.number < end && pending.change.synced_with() == ino;
        // Changes of contents need no older ones.
        let chosen = if is_dir(ino) {
            with_older_ones(pending, is_dir, |_, pending| is_synced(pending))
        } else {
            pending.iter().map(is_synced).collect()
        };
        let mut done = Vec::new();
        let mut rest = VecDeque::with_capacity(self.pending.len());
        for (pending, is_chosen) in self.pending.drain(..).zip(chosen) {
            if is_chosen { done.push(pending.change) } else { rest.push_back(pending) }
        }
        self.pending = rest;
        done.iter().for_each(|change| self.settle(change));
    }

    /// The oldest change becomes durable, as a kernel that needs its memory writes back.
    pub(super) fn write_back_oldest(&mut self) {
        if let Some(Pending { change, .. }) = self.pending.pop_front() {
            self.settle(&change);
        }
    }

    /// A change that was taken out of the log is durable.
    fn settle(&mut self, change: &Change) {
        apply(change, &mut self.entries);
        for place in change.places() {
            if let Some(entry) = self.entries.get_mut(place) {
                entry.changes -= 1;
                if entry.changes == 0 {
                    self.entries.remove(place);
                }
            }
        }
        self.let_go(change);
    }

    fn let_go(&mut self, change: &Change) {
        self.bytes -= change.size();
        for ino in change.mentions() {
            if let Some(mentions) = self.mentions.get_mut(&ino) {
                *mentions -= 1;
                if *mentions == 0 {
                    self.mentions.remove(&ino);
                    self.unneeded.push(ino);
                }
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
                taken.push(pending.change);
            } else {
                rest.push_back(pending);
            }
        }
        self.pending = rest;
        taken.iter().for_each(|change| self.let_go(change));
        taken
    }

    /// Takes everything out of the log, oldest first, and what the names stand for.
    pub(super) fn take(&mut self) -> (Vec<Change>, HashMap<Place, Entry>) {
        self.bytes = 0;
        self.unneeded.extend(self.mentions.drain().map(|(ino, _)| ino));
        let changes = self.pending.drain(..).map(|pending| pending.change).collect();
        (changes, std::mem::take(&mut self.entries))
    }

    /// Whether a crash may need the file or directory.
    pub(super) fn needs(&self, ino: Ino) -> bool {
        self.mentions.contains_key(&ino)
    }

    /// How many files and directories a crash may need.
    pub(super) fn needed(&self) -> usize {
        self.mentions.len()
    }

    /// What a crash may have needed when this was last called, and not now.
    pub(super) fn take_unneeded(&mut self) -> Vec<Ino> {
        std::mem::take(&mut self.unneeded)
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
