//! What is durable, and the changes that a crash may still lose.

use super::image::{Change, Content, Image, Ino, Name};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// The unit that a disk writes atomically, in bytes.
pub(crate) const SECTOR: u64 = 512;

#[derive(Clone, Debug)]
pub(crate) struct Medium {
    pub(crate) durable: Image,
    /// In the order in which they were made.
    pub(crate) pending: Vec<Change>,
    /// Whether the last of them is the part of a torn write that reached the disk.
    torn: bool,
}

/// What an operation does to a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A change that a crash may lose.
    Change(Change),
    /// The part of a write that reached the disk before it crashed.
    Torn(Change),
    /// The contents of a file become durable.
    Sync(Ino),
    /// The names in a directory become durable.
    SyncDir(Ino),
    /// A sync failed, and the kernel dropped what it could not write.
    Forget(Ino),
}

/// What a crash does to one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is lost.
    Lost,
    /// It reached the disk.
    Kept,
    /// Only so many bytes of a write reached the disk.
    Prefix(usize),
    /// Only these sectors of a write reached the disk: bit 0 is the first sector that the write touches.
    Sectors(u64),
    /// The file has its new length, but zeros in place of the data.
    Zeros,
}

impl Medium {
    pub(crate) fn new(durable: Image) -> Self {
        Self { durable, pending: Vec::new(), torn: false }
    }

    pub(crate) fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Change(change) => self.pending.push(change.clone()),
            Effect::Torn(change) => {
                self.pending.push(change.clone());
                self.torn = true;
            }
            Effect::Sync(ino) | Effect::SyncDir(ino) => self.sync(*ino),
            Effect::Forget(ino) => self.pending.retain(|change| change.synced_with() != *ino),
        }
    }

    /// The numbers of files are the same on both sides.
    pub(crate) fn add(&mut self, content: Content) {
        self.durable.add(content);
    }

    pub(crate) fn add_at(&mut self, ino: Ino, content: Content) {
        self.durable.add_at(ino, content);
    }

    /// Drops the changes of these files and directories that no crash can show any more. The program cannot
    /// reach them. Returns those of which nothing is left, so that their numbers may be used again.
    pub(crate) fn bury(&mut self, unreachable: &[Ino]) -> Vec<Ino> {
        let mut gone = HashSet::new();
        // What was in a directory may be lost with it.
        loop {
            let named: HashSet<Ino> = self.pending.iter().filter_map(Change::named).collect();
            let is_lost = |ino: &&Ino| self.durable.node(**ino).links == 0 && !named.contains(*ino);
            let lost: Vec<Ino> = unreachable.iter().filter(is_lost).copied().collect();
            let before = gone.len();
            for ino in lost {
                if gone.insert(ino) {
                    self.durable.free(ino);
                }
            }
            if gone.len() == before {
                break;
            }
            self.pending.retain(|change| {
                let is_rename = matches!(change, Change::Rename { .. });
                is_rename || !gone.contains(&change.synced_with())
            });
        }
        for change in &self.pending {
            for ino in change.mentioned() {
                gone.remove(&ino);
            }
        }
        gone.into_iter().collect()
    }

    /// How many bytes a crash may lose.
    pub(crate) fn unsynced(&self) -> usize {
        self.pending.iter().map(Change::size).sum()
    }

    fn sync(&mut self, ino: Ino) {
        let chosen = self.with_older_ones(|_, change| change.synced_with() == ino);
        let pending = std::mem::take(&mut self.pending);
        for (change, is_chosen) in pending.into_iter().zip(chosen) {
            if is_chosen {
                self.make_durable(&change);
            } else {
                self.pending.push(change);
            }
        }
    }

    fn with_older_ones(&self, choose: impl Fn(usize, &Change) -> bool) -> Vec<bool> {
        with_older_ones(&self.pending, |ino| self.durable.entries(ino).is_some(), choose)
    }

    /// Makes the oldest changes durable, as a kernel that needs its memory.
    pub(crate) fn write_back_oldest(&mut self, count: usize) {
        let later = self.pending.split_off(count);
        for change in std::mem::replace(&mut self.pending, later) {
            self.make_durable(&change);
        }
    }

    fn make_durable(&mut self, change: &Change) {
        let removed = self.durable.apply(change);
        if let Some(removed) = removed {
            let is_named = |change: &Change| match change {
                Change::Link { ino, .. } | Change::Rename { ino, .. } => *ino == removed,
                _ => false,
            };
            if self.durable.node(removed).links == 0 && !self.pending.iter().any(is_named) {
                self.durable.free(removed);
            }
        }
    }

    /// Whether a pending change makes no crash possible that was not possible without it: all changes of its
    /// file write the same bytes at the same place, and this is not the first of them, or they are there.
    pub(crate) fn is_without_effect(&self, place: usize) -> bool {
        let change = &self.pending[place];
        let mut of_file =
            self.pending.iter().filter(|other| other.synced_with() == change.synced_with());
        matches!(change, Change::Write { .. })
            && of_file.clone().all(|other| other == change)
            && (of_file.next().is_some_and(|first| !std::ptr::eq(first, change))
                || self.is_there(change))
    }

    /// The pending changes that are not [without effect](Self::is_without_effect).
    pub(crate) fn with_effect(&self) -> Vec<usize> {
        // Of each file, its first change, and whether all others are the same write.
        let mut files: HashMap<Ino, (usize, bool)> = HashMap::new();
        for (place, change) in self.pending.iter().enumerate() {
            let is_write = matches!(change, Change::Write { .. });
            let (first, is_same) = files.entry(change.synced_with()).or_insert((place, is_write));
            *is_same = *is_same && self.pending[*first] == *change;
        }
        let has_effect = |&place: &usize| {
            let change = &self.pending[place];
            let (first, is_same) = files[&change.synced_with()];
            !is_same || (place == first && !self.is_there(change))
        };
        (0..self.pending.len()).filter(has_effect).collect()
    }

    /// Whether the bytes of a write are on the disk.
    fn is_there(&self, change: &Change) -> bool {
        let Change::Write { ino, offset, data } = change else { return false };
        let there = self.durable.data(*ino);
        let holds = |start| there.is_some_and(|there| there.holds(start, data));
        usize::try_from(*offset).is_ok_and(holds)
    }

    /// What a restart finds if a crash does this to the pending changes, in their order. Those without
    /// a fate are lost.
    pub(crate) fn after(&self, fates: &[Fate]) -> Image {
        let survives = |place| *fates.get(place).unwrap_or(&Fate::Lost) != Fate::Lost;
        let survivors =
            has_renames(&self.pending).then(|| self.with_older_ones(|place, _| survives(place)));
        let mut image = self.durable.clone();
        for (place, change) in self.pending.iter().enumerate() {
            let reached = self.torn && place + 1 == self.pending.len();
            let fate = match fates.get(place).unwrap_or(&Fate::Lost) {
                _ if reached => &Fate::Kept,
                Fate::Lost if survivors.as_ref().is_some_and(|kept| kept[place]) => &Fate::Kept,
                fate => fate,
            };
            apply(&mut image, change, fate);
        }
        image
    }
}

/// The chosen changes, and those that must reach the disk before them: what happened to a name happens
/// in its order, also where a rename ties the names of two directories together. So a file that is
/// moved twice is in one place, and a new file does not replace one that was moved away. A directory
/// is empty before it is removed. Directories are moved in order, so that none ends up inside itself.
pub(crate) fn with_older_ones<C: Named>(
    pending: &[C],
    is_dir: impl Fn(C::Ino) -> bool,
    choose: impl Fn(usize, &C) -> bool,
) -> Vec<bool> {
    let choices = pending.iter().enumerate().map(|(place, change)| choose(place, change));
    let mut chosen: Vec<bool> = choices.collect();
    // Without renames, an older change of a name is void once a newer one is there.
    if has_renames(pending) {
        let (mut names, mut removed) = (HashSet::new(), HashSet::new());
        let mut moves_directories = false;
        for (change, is_chosen) in pending.iter().zip(&mut chosen).rev() {
            let moves_directory = change.moved().is_some_and(&is_dir);
            *is_chosen |=
                change.names().any(|name| names.contains(&name) || removed.contains(&name.0));
            *is_chosen |= moves_directory && moves_directories;
            if *is_chosen {
                moves_directories |= moves_directory;
                names.extend(change.names());
                removed.extend(change.removed());
            }
        }
    }
    chosen
}

fn has_renames(pending: &[impl Named]) -> bool {
    pending.iter().any(|change| change.moved().is_some())
}

/// What the order of changes depends on.
pub(crate) trait Named {
    type Ino: Copy + Eq + Hash;
    type Name: Eq + Hash;

    /// The names that it makes or removes.
    fn names(&self) -> impl Iterator<Item = (Self::Ino, &Self::Name)>;

    /// What loses a name by it, except by being moved.
    fn removed(&self) -> Option<Self::Ino>;

    /// What a rename moves.
    fn moved(&self) -> Option<Self::Ino>;
}

impl Named for Change {
    type Ino = Ino;
    type Name = Name;

    fn names(&self) -> impl Iterator<Item = (Ino, &Name)> {
        self.names()
    }

    fn removed(&self) -> Option<Ino> {
        self.removed()
    }

    fn moved(&self) -> Option<Ino> {
        match self {
            Change::Rename { ino, .. } => Some(*ino),
            _ => None,
        }
    }
}

fn apply(image: &mut Image, change: &Change, fate: &Fate) {
    let write = match change {
        Change::Write { ino, offset, data } => Some((*ino, *offset, data)),
        _ => None,
    };
    match (fate, write) {
        (Fate::Lost, _) => {}
        (Fate::Kept, _) | (_, None) => {
            image.apply(change);
        }
        (Fate::Prefix(bytes), Some((ino, offset, data))) => {
            image.write(ino, offset, &data[..(*bytes).min(data.len())]);
        }
        (Fate::Sectors(kept), Some((ino, offset, data))) => {
            for (number, (start, end)) in sectors(offset, data.len()).enumerate() {
                if kept & (1 << number.min(63)) != 0 {
                    image.write(ino, offset + start as u64, &data[start..end]);
                }
            }
        }
        (Fate::Zeros, Some((ino, offset, data))) => image.extend(ino, offset + data.len() as u64),
    }
}

/// The parts of a write that fall into one sector each, as ranges of its data.
pub(crate) fn sectors(offset: u64, len: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = (SECTOR - offset % SECTOR) as usize;
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= len {
            return None;
        }
        let end = if start == 0 { first.min(len) } else { (start + SECTOR as usize).min(len) };
        let range = (start, end);
        start = end;
        Some(range)
    })
}
