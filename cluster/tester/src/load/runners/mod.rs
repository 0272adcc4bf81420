//! The runners: clients that do more than one request at a time.
//!
//! What each may rely on is said in [`checks::runners`](crate::checks::runners).

mod election;
mod lease;
mod lock_racer;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::{OwnedRwLockReadGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Runner;
use super::clients::Shared;
use super::kinds::first_missing;
use crate::checks::runners::{Held, Violation};
use crate::driver::{Abilities, LeaseId};
use crate::history::{Compare, Outcome, Request, Response, Revision};

/// The numbers of these clients start here.
const FIRST_CLIENT: u64 = 2_000;
/// How long the leases of locks and elections live: long enough for what is done under them. A store
/// that is restored from a snapshot has leases again that were given back.
const TTL: Duration = Duration::from_secs(3);
/// How long a runner rests after each turn.
const REST: Duration = Duration::from_millis(20);

impl Runner {
    /// What a subject must have to serve it, and has not; `None`: it can serve it.
    #[must_use]
    pub fn missing(self, abilities: &Abilities) -> Option<&'static str> {
        let leases = (abilities.leases, "leases");
        let transactions = (abilities.transactions, "transactions");
        let revisions = (abilities.revisions, "revisions");
        let locks = |name| (abilities.locks, name);
        match self {
            Self::ElectionRunner => {
                first_missing(&[locks("elections"), leases, transactions, revisions])
            }
            Self::LockRacerRunner => {
                first_missing(&[locks("locks"), leases, transactions, revisions])
            }
            Self::WatchRunner => first_missing(&[(abilities.watches, "watches"), revisions]),
            Self::LeaseRunner => first_missing(&[leases]),
        }
    }
}

/// Starts the runners that the subject can serve.
pub(super) fn spawn(
    shared: &Arc<Shared>,
    abilities: &Abilities,
    seed: u64,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    let mut client = FIRST_CLIENT;
    let wanted = shared
        .settings
        .runners
        .iter()
        .filter(|(runner, count)| runner.missing(abilities).is_none() && **count > 0);
    for (&runner, &count) in wanted {
        shared.found().done.entry(runner.name()).or_default();
        for _ in 0..count {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(client);
            let (shared, stopped) = (Arc::clone(shared), stopped.clone());
            let turns = Turns { runner, client, values: 0, shared, stopped, random };
            tasks.push(match runner {
                Runner::ElectionRunner => tokio::spawn(election::run(turns)),
                Runner::WatchRunner => tokio::spawn(watcher::run(turns)),
                Runner::LockRacerRunner => tokio::spawn(lock_racer::run(turns)),
                Runner::LeaseRunner => tokio::spawn(lease::run(turns)),
            });
            client += 1;
        }
    }
    tasks
}

/// What a runner works with.
struct Turns {
    runner: Runner,
    client: u64,
    values: u64,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
    random: ChaCha8Rng,
}

impl Turns {
    /// Waits for the next turn, of about this many requests. While the guard is held, no pause begins.
    /// `None`: the load has stopped.
    async fn next(&mut self, requests: u32) -> Option<OwnedRwLockReadGuard<()>> {
        if self.shared.recorder.full().is_some() {
            return None;
        }
        tokio::select! {
            guard = async {
                sleep(REST).await;
                self.shared.next_flight(requests).await
            } => Some(guard),
            _ = self.stopped.wait_for(|stopped| *stopped) => None,
        }
    }

    /// Ends a lease, and all that is held under it. Tries that until the lease is gone: what is left of
    /// a turn keeps the next one away until its lease expires, which each new leader puts off.
    async fn give_back(&mut self, lease: LeaseId) {
        while let Some(_guard) = self.next(2).await {
            let member = self.shared.members.choose(self.random.next_u64());
            if self.shared.revoke(member, lease).await || self.shared.is_gone(member, lease).await {
                return;
            }
        }
    }

    fn value(&mut self) -> String {
        self.values += 1;
        format!("{}-{}", self.client, self.values)
    }

    fn done(&self) {
        *self.shared.found().done.entry(self.runner.name()).or_default() += 1;
    }

    fn violated(&self, what: String) {
        let violation = Violation::Seen { runner: self.runner.name(), what };
        self.shared.found().violations.push(violation);
    }

    fn held(&self, lock: &str, holder: &str, first: Revision, last: Revision) {
        let (lock, holder) = (lock.to_owned(), holder.to_owned());
        self.shared.found().held.push(Held { lock, holder, first, last });
    }

    /// Writes if the condition holds, which says that this client has the lock. Returns the revision
    /// of the write.
    async fn fenced(&mut self, member: usize, condition: Compare, lock: &str) -> Option<Revision> {
        let (key, value) = (format!("{lock}.holder"), self.value());
        let request = Request::Txn {
            compare: vec![condition],
            then: vec![Request::Put { key, value }],
            otherwise: vec![],
        };
        match self.shared.ask(self.client, member, request).await {
            Outcome::Done { response: Response::Txn { succeeded: true, .. }, revision } => revision,
            _ => None,
        }
    }
}
