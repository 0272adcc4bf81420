//! LEASE: what happens to the leases that clients are granted?

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::TESTER;
use super::clients::Shared;
use crate::checks::Verdict;
use crate::checks::leases::{self, Due, Lease, Seen};
use crate::driver::LeaseId;
use crate::history::{Outcome, Request, Response};

/// What a client does with one lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) ttl: Duration,
    /// The key that goes with it. It has no other writer.
    pub(super) key: String,
    pub(super) value: String,
    pub(super) renew: bool,
    pub(super) revoke: bool,
}

/// Leases of [`SHORT_TTL`] are those of SHORT_TTL_LEASE_EXPIRE, the others those of LEASE_EXPIRE.
pub(super) const SHORT_TTL: Duration = Duration::from_secs(1);
pub(super) const TTL: Duration = Duration::from_secs(2);
/// Of leases that should live on: longer than any fault lasts. etcd 3.4 has a defect: a leader that
/// was stopped for longer than a time to live ends, when it goes on, leases that were renewed
/// elsewhere (etcd's issue 15247). A fault that long finds it.
pub(super) const LONG_TTL: Duration = Duration::from_secs(60);
/// How much later than its time a lease may end: etcd looks for expired ones twice a second, and
/// tries again after 3 seconds if the leader changes in between.
const BOUND: Duration = Duration::from_secs(10);
/// How many leases of each sort are kept for the checks: the latest.
const KEPT: usize = 64;
/// How often a lease is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The leases that the checks have still to look at, each with its key.
#[derive(Debug, Default)]
pub(super) struct Book {
    short: VecDeque<(Lease, String)>,
    other: VecDeque<(Lease, String)>,
}

impl Book {
    fn sort(&mut self, short: bool) -> &mut VecDeque<(Lease, String)> {
        if short { &mut self.short } else { &mut self.other }
    }

    fn add(&mut self, lease: Lease, key: String) {
        let leases = self.sort(lease.ttl <= SHORT_TTL);
        if leases.len() == KEPT {
            leases.pop_front();
        }
        leases.push_back((lease, key));
    }
}

/// Leases that are looked at, in the background, until each has ended or should have. Dropping it
/// ends that.
pub struct Followed {
    shared: Arc<Shared>,
    /// The last moment at which the leader may have changed: the end of time, while a fault may come.
    extended: Arc<AtomicU64>,
    tasks: JoinSet<Lease>,
    /// Those of which all is known.
    over: Vec<Lease>,
}

impl Followed {
    /// Whether each lease has ended. Then [`judge`](Self::judge) does not wait.
    pub fn is_over(&mut self) -> bool {
        while let Some(lease) = self.tasks.try_join_next() {
            self.over.extend(lease);
        }
        self.tasks.is_empty()
    }

    /// Waits until each lease has ended or should have, and judges them. Call it while no fault lasts.
    pub async fn judge(self) -> Verdict<leases::Violation, leases::NotSeen> {
        let Self { shared, extended, tasks, mut over } = self;
        // The fault is over, and what it did to the leader.
        extended.store(shared.recorder.clock().now(), Ordering::Relaxed);
        over.extend(tokio::select! {
            leases = tasks.join_all() => leases,
            never = shared.watch_leader(&extended) => match never {},
        });
        let extended = extended.load(Ordering::Relaxed);
        leases::check(&over, Due { extended, bound: BOUND })
    }
}

impl Shared {
    /// Does what is planned with one lease. Returns whether all of it was answered.
    pub(super) async fn lease(&self, client: u64, member: usize, plan: Plan) -> bool {
        let Plan { ttl, key, value, renew, revoke } = plan;
        let clock = self.recorder.clock();
        let granted = clock.now();
        let Some(id) = self.grant(member, ttl).await else { return false };
        let mut lease = Lease {
            lease: id,
            ttl,
            granted,
            renewed: None,
            touched: clock.now(),
            revoked: false,
            seen: Seen::Unknown("not looked at yet".into()),
        };
        // A lease whose key may not be there yet tells nothing; it ends by itself.
        if !self.put_with(client, member, &key, value, id).await {
            return false;
        }
        if renew {
            let start = clock.now();
            let renewed = self.keep_alive(member, id).await;
            lease.touched = clock.now();
            match renewed {
                Some(left) if !left.is_zero() => lease.renewed = Some(start),
                Some(_) => {}
                None => return false,
            }
        }
        if revoke {
            if !self.revoke(member, id).await {
                return false;
            }
            lease.revoked = true;
            lease.touched = clock.now();
        }
        self.book().add(lease, key);
        true
    }

    pub(super) async fn grant(&self, member: usize, ttl: Duration) -> Option<LeaseId> {
        let leases = self.clients[member].leases()?;
        self.measured(member, leases.grant(ttl, self.limit)).await
    }

    pub(super) async fn keep_alive(&self, member: usize, lease: LeaseId) -> Option<Duration> {
        let leases = self.clients[member].leases()?;
        self.measured(member, leases.keep_alive(lease, self.limit)).await
    }

    pub(super) async fn revoke(&self, member: usize, lease: LeaseId) -> bool {
        let Some(leases) = self.clients[member].leases() else { return false };
        self.measured(member, leases.revoke(lease, self.limit)).await.is_some()
    }

    /// Whether a member says that there is no such lease.
    pub(super) async fn is_gone(&self, member: usize, lease: LeaseId) -> bool {
        let Some(leases) = self.clients[member].leases() else { return true };
        matches!(leases.time_to_live(lease, self.limit).await, Ok(None))
    }

    /// Writes a key with a lease. Returns whether it was answered.
    pub(super) async fn put_with(
        &self,
        client: u64,
        member: usize,
        key: &str,
        value: String,
        lease: LeaseId,
    ) -> bool {
        let Some(leases) = self.clients[member].leases() else { return false };
        self.recorder.leased(key);
        let sent = leases.put(key, &value, lease, self.limit);
        let request = Request::Put { key: key.to_owned(), value: value.clone() };
        let outcome = self.recorded(client, member, request, sent).await;
        matches!(outcome, Outcome::Done { .. })
    }

    /// Begins to look at the leases of a sort. The book forgets them.
    pub(super) fn follow_leases(self: &Arc<Self>, short: bool) -> Followed {
        let extended = Arc::new(AtomicU64::new(u64::MAX));
        let leases = std::mem::take(self.book().sort(short));
        let mut tasks = JoinSet::new();
        for (lease, key) in leases {
            let (shared, extended) = (Arc::clone(self), Arc::clone(&extended));
            tasks.spawn(async move { shared.follow(lease, key, &extended).await });
        }
        Followed { shared: Arc::clone(self), extended, tasks, over: Vec::new() }
    }

    /// Notes when the leader changes.
    async fn watch_leader(&self, extended: &AtomicU64) -> Infallible {
        let mut last = None;
        let mut turn = 0_u64;
        loop {
            turn += 1;
            let member = self.members.choose(turn);
            let health = self.driver.health(member).await;
            if let Some(leader) = health.ok().and_then(|health| health.leader) {
                if last.is_some_and(|last| last != leader) {
                    extended.store(self.recorder.clock().now(), Ordering::Relaxed);
                }
                last = Some(leader);
            }
            sleep(LOOK).await;
        }
    }

    async fn follow(&self, mut lease: Lease, key: String, extended: &AtomicU64) -> Lease {
        let clock = self.recorder.clock();
        let lives_on = lease.ttl >= LONG_TTL && !lease.revoked;
        for turn in 0.. {
            let start = clock.now();
            let member = self.members.choose(lease.lease.unsigned_abs().wrapping_add(turn));
            let mut next_look = LOOK;
            match self.look(member, lease.lease, &key).await {
                Ok(Looked::Gone) => lease.seen = Seen::Gone(clock.now()),
                Ok(Looked::Lives(left)) => {
                    lease.seen = Seen::Lives(start);
                    next_look = left.clamp(LOOK, 5 * LOOK);
                }
                Ok(Looked::Key) => lease.seen = Seen::Keys(start, vec![key.clone()]),
                Err(why) => {
                    lease.seen = Seen::Unknown(why);
                    // In a fault, do not add to what the members have to do.
                    next_look = 5 * LOOK;
                }
            }
            let extended = extended.load(Ordering::Relaxed);
            let done = match lease.seen {
                Seen::Gone(_) => true,
                Seen::Lives(_) if lives_on => true,
                _ if lives_on => start > extended.saturating_add(BOUND.as_nanos() as u64),
                _ => start > lease.due(Due { extended, bound: BOUND }),
            };
            if done {
                break;
            }
            sleep(next_look).await;
        }
        if lives_on {
            // It was for this check alone.
            let member = self.members.choose(lease.lease.unsigned_abs());
            self.revoke(member, lease.lease).await;
        }
        lease
    }

    async fn look(&self, member: usize, id: LeaseId, key: &str) -> Result<Looked, String> {
        let Some(leases) = self.clients[member].leases() else {
            return Err("the store has no leases".into());
        };
        let left = leases.time_to_live(id, self.limit).await;
        let left = left.map_err(|error| {
            self.members.failed(member);
            error.to_string()
        })?;
        if let Some((left, _)) = left {
            return Ok(Looked::Lives(left));
        }
        // A leader that has not caught up yet does not know the lease. A read that is not stale waits
        // until it has.
        let get = Request::Get { key: key.to_owned(), stale: false };
        match self.ask(TESTER, member, get).await {
            Outcome::Done { response: Response::Value(None), .. } => Ok(Looked::Gone),
            Outcome::Done { .. } => Ok(Looked::Key),
            Outcome::Unknown | Outcome::Failed => Err(format!("{key:?} could not be read")),
        }
    }
}

enum Looked {
    /// Neither the lease nor the key exists.
    Gone,
    /// The lease exists, for so long.
    Lives(Duration),
    /// The key exists, but not the lease.
    Key,
}
