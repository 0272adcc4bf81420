//! Which changes may a crash still lose, and what stood there before?
//!
//! The served directory always holds the present state, so reads need nothing from here. A change goes
//! into this log with what it replaced. A sync drops it from the log, because nothing can undo it any
//! more. The rules are those of `SimDisk`.

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
    Rename {
        from: Place,
        to: Place,
        ino: Ino,
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

    fn names(&self, place: &Place) -> bool {
        match self {
            Change::Link { place: own, .. } | Change::Unlink { place: own, .. } => own == place,
            Change::Rename { from, to, .. } => from == place || to == place,
            _ => false,
        }
    }

    fn mentions(&self, ino: Ino) -> bool {
        match self {
            Change::Write { ino: own, .. } | Change::SetLen { ino: own, .. } => *own == ino,
            Change::Link { place, ino: own } | Change::Unlink { place, ino: own } => {
                *own == ino || place.0 == ino
            }
            Change::Rename { from, to, ino: own } => *own == ino || from.0 == ino || to.0 == ino,
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
    /// Numbered, in the order in which they were made.
    pending: VecDeque<(u64, Change)>,
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
        self.pending.iter().map(|(_, change)| change)
    }

    /// Remembers `change`. For a change of names, call it before [`set`](Self::set).
    pub(super) fn push(&mut self, change: Change) {
        self.bytes += change.size();
        self.pending.push_back((self.next, change));
        self.next += 1;
    }

    /// From now on `place` stands for `now`. Before, it stood for `was`.
    pub(super) fn set(&mut self, place: &Place, was: Option<Ino>, now: Option<Ino>) {
        let fresh = Entry { durable: was, current: was };
        self.entries.entry(place.clone()).or_insert(fresh).current = now;
    }

    /// The contents of the file, or the names in the directory, are durable as they were before the
    /// change with the number `end` was made.
    pub(super) fn sync(&mut self, ino: Ino, end: u64) {
        let mut done = Vec::new();
        let mut rest = VecDeque::with_capacity(self.pending.len());
        for (number, change) in self.pending.drain(..) {
            if number < end && change.synced_with() == ino {
                done.push(change);
            } else {
                rest.push_back((number, change));
            }
        }
        self.pending = rest;
        self.settle(&done);
    }

    /// The oldest change becomes durable, as a kernel that needs its memory writes back.
    pub(super) fn write_back_oldest(&mut self) {
        if let Some((_, change)) = self.pending.pop_front() {
            self.settle(&[change]);
        }
    }

    fn settle(&mut self, done: &[Change]) {
        for change in done {
            self.bytes -= change.size();
            apply(change, &mut self.entries);
            if let Change::Rename { from, ino, .. } = change {
                self.void_links(from, *ino);
            }
        }
        if done.iter().all(|change| change.data_of().is_some()) {
            return;
        }
        let pending = &self.pending;
        self.entries.retain(|place, _| pending.iter().any(|(_, change)| change.names(place)));
    }

    /// A rename has removed the old name for good, so an older change that made it is void.
    fn void_links(&mut self, from: &Place, ino: Ino) {
        let bytes = &mut self.bytes;
        self.pending.retain(|(_, older)| {
            let is_void = matches!(older, Change::Link { place, ino: linked }
                if place == from && *linked == ino);
            if is_void {
                *bytes -= older.size();
            }
            !is_void
        });
    }

    /// Takes the changes of the contents of a file out of the log, oldest first, to undo them.
    pub(super) fn take_data(&mut self, ino: Ino) -> Vec<Change> {
        let mut taken = Vec::new();
        let mut rest = VecDeque::with_capacity(self.pending.len());
        for (number, change) in self.pending.drain(..) {
            if change.data_of() == Some(ino) {
                self.bytes -= change.size();
                taken.push(change);
            } else {
                rest.push_back((number, change));
            }
        }
        self.pending = rest;
        taken
    }

    /// Takes everything out of the log, oldest first, and what the names stand for.
    pub(super) fn take(&mut self) -> (Vec<Change>, HashMap<Place, Entry>) {
        self.bytes = 0;
        let changes = self.pending.drain(..).map(|(_, change)| change).collect();
        (changes, std::mem::take(&mut self.entries))
    }

    /// Whether a crash may need the file or directory.
    pub(super) fn needs(&self, ino: Ino) -> bool {
        let is_named = |entry: &Entry| entry.durable == Some(ino);
        self.entries.values().any(is_named) || self.changes().any(|change| change.mentions(ino))
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
        Change::Rename { from, to, ino } => {
            set(from, None, Some(*ino));
            set(to, Some(*ino), None);
        }
        Change::Write { .. } | Change::SetLen { .. } => {}
    }
}
