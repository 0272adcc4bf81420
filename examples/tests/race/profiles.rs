//! A cache that can serve stale data because of a race.
//!
//! `Profiles` returns the name of a user, from a cache in front of a store that is a round trip away. A
//! reader that misses asks the store and fills the cache; a rename goes to the store and then removes
//! the old name from the cache. Each is correct alone, but not together:
//!
//! ```text
//! reader   misses, reads `Ada` ······················· fills the cache with `Ada`
//! rename                         saves `Grace`, invalidates
//! ```
//!
//! From then on all readers get `Ada`, until the next rename. [`Fill::Leased`] fixes it as memcached at
//! Facebook does (Nishtala et al., *Scaling Memcache*, 2013): a reader that misses gets a lease, an
//! invalidation revokes it, and only a valid lease may fill.
//!
//! `examples/README.md` describes how to find the bug, and `tests/race/main.rs` reproduces it.

use failpoint::fail_point_async;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A user.
pub type Id = u64;

/// Which readers may fill the cache: the only difference between the wrong and the right version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Every reader that missed. Wrong.
    Always,
    /// A reader that missed, if nothing was invalidated since.
    Leased,
}

/// The names of users.
#[derive(Debug)]
pub struct Profiles {
    fill: Fill,
    store: Store,
    cache: Mutex<Cache>,
}

impl Profiles {
    /// A service for a store with `names`, and an empty cache.
    pub fn new(fill: Fill, names: impl IntoIterator<Item = (Id, String)>) -> Self {
        Self { fill, store: Store::new(names), cache: Mutex::default() }
    }

    /// The name of `user`, at least as new as the last rename that was answered before this call.
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

    /// Renames `user`.
    pub async fn rename(&self, user: Id, name: &str) {
        fail_point_async!("profiles/beforeSave", user = user);
        self.store.write(user, name).await;
        fail_point_async!("profiles/saved", user = user);
        self.cache().invalidate(user);
        fail_point_async!("profiles/invalidated", user = user);
    }

    /// Never held across an await.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        lock(&self.cache)
    }
}

#[derive(Debug, Default)]
struct Cache {
    names: HashMap<Id, String>,
    /// How often each user was invalidated. (A real cache must bound this map.)
    invalidations: HashMap<Id, u64>,
}

enum Looked {
    Hit(String),
    Miss(Lease),
}

/// The right to fill the cache, valid until the next invalidation.
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

/// The store of names, in place of a database.
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

/// The latency between the service and its store; other tasks run during it.
async fn travel() {
    tokio::task::yield_now().await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
