//! How does a cache come to serve what is no longer true?
//!
//! `Profiles` answers what a user is called, from a cache before a store that is a round trip away.
//! A reader that misses asks the store and fills the cache; a rename goes to the store and then
//! takes the old name out of the cache. Each is right, and beside each other they are not:
//!
//! ```text
//! reader   misses, reads `Ada` ······················· fills the cache with `Ada`
//! rename                         saves `Grace`, invalidates
//! ```
//!
//! From then on everybody is told `Ada`, until somebody renames again. [`Fill::Leased`] mends it as
//! memcached does at Facebook (Nishtala et al., *Scaling Memcache*, 2013): who misses is given a
//! lease, an invalidation voids it, and only a lease that still holds may fill.
//!
//! The story of how it was found stands in `examples/README.md`, the proof in `tests/race.rs`.

use failpoint::fail_point_async;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A user.
pub type Id = u64;

/// Who may fill the cache: the one decision in which the wrong version and the right one differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Whoever missed. Wrong.
    Always,
    /// Whoever missed, if nothing was invalidated since.
    Leased,
}

/// What users are called.
#[derive(Debug)]
pub struct Profiles {
    fill: Fill,
    store: Store,
    cache: Mutex<Cache>,
}

impl Profiles {
    /// A service before a store that holds `names`, with nothing cached.
    pub fn new(fill: Fill, names: impl IntoIterator<Item = (Id, String)>) -> Self {
        Self { fill, store: Store::new(names), cache: Mutex::default() }
    }

    /// What `user` is called: never older than the last rename that was answered before this was
    /// asked.
    pub async fn name(&self, user: Id) -> Option<String> {
        let lease = match self.cache().look(user) {
            Looked::Hit(name) => return Some(name),
            Looked::Miss(lease) => lease,
        };
        fail_point_async!("profiles/missed", user = user);
        let name = self.store.read(user).await?;
        fail_point_async!("profiles/beforeFill", user = user);
        self.cache().fill(user, name.clone(), lease, self.fill);
        Some(name)
    }

    /// Calls `user` something else.
    pub async fn rename(&self, user: Id, name: &str) {
        fail_point_async!("profiles/beforeSave", user = user);
        self.store.write(user, name).await;
        fail_point_async!("profiles/saved", user = user);
        self.cache().invalidate(user);
        fail_point_async!("profiles/invalidated", user = user);
    }

    /// Held for moments, never across an await.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        lock(&self.cache)
    }
}

#[derive(Debug, Default)]
struct Cache {
    names: HashMap<Id, String>,
    /// How often each user was invalidated. (One that must not grow for ever forgets leases.)
    invalidations: HashMap<Id, u64>,
}

enum Looked {
    Hit(String),
    Miss(Lease),
}

/// The right to fill, good until the next invalidation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lease {
    invalidations: u64,
}

impl Cache {
    fn look(&self, user: Id) -> Looked {
        match self.names.get(&user) {
            Some(name) => Looked::Hit(name.clone()),
            None => Looked::Miss(self.lease(user)),
        }
    }

    fn fill(&mut self, user: Id, name: String, lease: Lease, fill: Fill) {
        if fill == Fill::Always || lease == self.lease(user) {
            self.names.insert(user, name);
        }
    }

    fn invalidate(&mut self, user: Id) {
        self.names.remove(&user);
        *self.invalidations.entry(user).or_default() += 1;
    }

    fn lease(&self, user: Id) -> Lease {
        Lease { invalidations: self.invalidations.get(&user).copied().unwrap_or(0) }
    }
}

/// Where names are kept: it stands in for a database.
#[derive(Debug)]
struct Store {
    names: Mutex<HashMap<Id, String>>,
}

impl Store {
    fn new(names: impl IntoIterator<Item = (Id, String)>) -> Self {
        Self { names: Mutex::new(names.into_iter().collect()) }
    }

    async fn read(&self, user: Id) -> Option<String> {
        travel().await;
        let name = lock(&self.names).get(&user).cloned();
        travel().await;
        name
    }

    async fn write(&self, user: Id, name: &str) {
        travel().await;
        lock(&self.names).insert(user, name.to_owned());
        travel().await;
    }
}

/// One way between the service and its store: others have their turn meanwhile.
async fn travel() {
    tokio::task::yield_now().await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
