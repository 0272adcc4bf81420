//! Which toxics does a link have? Its connections follow the list.
//!
//! A connection writes with the lock of its direction held, after it looked whether the list is still the
//! one that it follows. So a change holds for every byte that is written after it returned.

use crate::effect::{Direction, Effect, Toxic, ToxicError};
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many toxics a link has at most.
pub const MAX_TOXICS: usize = 64;

/// The name of the toxic that cuts a direction.
pub(crate) fn cut_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Upstream => "cut_upstream",
        Direction::Downstream => "cut_downstream",
    }
}

/// A toxic of a link.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Another one of the same name has another number.
    pub(crate) id: u64,
    /// Raised by each change.
    pub(crate) revision: u64,
    pub(crate) toxic: Toxic,
}

/// The toxics of one direction.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// Raised by each change.
    pub(crate) generation: u64,
    pub(crate) entries: Vec<Entry>,
}

impl List {
    /// Whether no byte passes, on any connection.
    fn is_cut(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.toxic.effect == Effect::Blackhole && entry.toxic.toxicity >= 1.0)
    }
}

#[derive(Debug)]
pub(crate) struct Toxics {
    /// Taken before any list, by all changes: names are unique in both lists.
    next_id: Mutex<u64>,
    lists: [Mutex<List>; 2],
    changed: watch::Sender<()>,
}

impl Toxics {
    pub(crate) fn new() -> Self {
        let changed = watch::Sender::new(());
        Self { next_id: Mutex::new(0), lists: Default::default(), changed }
    }

    /// Told of each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn lock(&self, direction: Direction) -> MutexGuard<'_, List> {
        self.lists[direction.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> MutexGuard<'_, u64> {
        self.next_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no byte passes in either direction.
    pub(crate) fn is_cut(&self) -> bool {
        Direction::ALL.into_iter().all(|direction| self.lock(direction).is_cut())
    }

    /// Upstream first, and each direction in the order of its additions.
    pub(crate) fn list(&self) -> Vec<Toxic> {
        let _change = self.change();
        let of = |direction| {
            let list = self.lock(direction);
            list.entries.iter().map(|entry| entry.toxic.clone()).collect::<Vec<_>>()
        };
        Direction::ALL.into_iter().flat_map(of).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Toxic> {
        self.list().into_iter().find(|toxic| toxic.name == name)
    }

    pub(crate) fn cut(&self, direction: Direction) {
        // A cut has a place of its own besides the toxics of users.
        let most = MAX_TOXICS + Direction::ALL.len();
        let toxic = Toxic::new(cut_name(direction), direction, Effect::Blackhole);
        // It fails only if it is there.
        let _ = self.add_to(most, toxic);
    }

    pub(crate) fn add(&self, toxic: Toxic) -> Result<(), ToxicError> {
        self.add_to(MAX_TOXICS, toxic)
    }

    fn add_to(&self, most: usize, toxic: Toxic) -> Result<(), ToxicError> {
        toxic.check()?;
        let mut next_id = self.change();
        let mut count = 0;
        for direction in Direction::ALL {
            let list = self.lock(direction);
            count += list.entries.len();
            if list.entries.iter().any(|entry| entry.toxic.name == toxic.name) {
                return Err(ToxicError::Exists);
            }
        }
        if count >= most {
            return Err(ToxicError::TooMany);
        }
        *next_id += 1;
        let mut list = self.lock(toxic.direction);
        list.entries.push(Entry { id: *next_id, revision: 0, toxic });
        list.generation += 1;
        drop(list);
        self.changed.send_replace(());
        Ok(())
    }

    /// Changes the values of the toxic of that name.
    pub(crate) fn update(&self, toxic: Toxic) -> Result<(), ToxicError> {
        toxic.check()?;
        let _change = self.change();
        for direction in Direction::ALL {
            let mut list = self.lock(direction);
            let Some(entry) = list.entries.iter_mut().find(|entry| entry.toxic.name == toxic.name)
            else {
                continue;
            };
            if direction != toxic.direction
                || discriminant(&entry.toxic.effect) != discriminant(&toxic.effect)
            {
                return Err(ToxicError::Kind);
            }
            entry.toxic = toxic;
            entry.revision += 1;
            list.generation += 1;
            drop(list);
            self.changed.send_replace(());
            return Ok(());
        }
        Err(ToxicError::NotFound)
    }

    pub(crate) fn remove(&self, name: &str) -> Result<Toxic, ToxicError> {
        let _change = self.change();
        for direction in Direction::ALL {
            let mut list = self.lock(direction);
            if let Some(at) = list.entries.iter().position(|entry| entry.toxic.name == name) {
                let entry = list.entries.remove(at);
                list.generation += 1;
                drop(list);
                self.changed.send_replace(());
                return Ok(entry.toxic);
            }
        }
        Err(ToxicError::NotFound)
    }

    /// Removes all toxics whose name `which` takes.
    pub(crate) fn remove_all(&self, which: impl Fn(&str) -> bool) {
        let _change = self.change();
        let mut any = false;
        for direction in Direction::ALL {
            let mut list = self.lock(direction);
            let before = list.entries.len();
            list.entries.retain(|entry| !which(&entry.toxic.name));
            if list.entries.len() != before {
                list.generation += 1;
                any = true;
            }
        }
        if any {
            self.changed.send_replace(());
        }
    }
}
