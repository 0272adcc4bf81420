//! A correct store in memory with one to three members, for tests of what asks a store.
//!
//! All members share one state, so they never disagree. Each can be made unreachable.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use failpoint_tester::agent::{MemberFiles, Program};
use failpoint_tester::driver::{
    Abilities, Answer, Client, Driver, DriverError, Hash, Health, Leadership, LeaseId, Leases,
    Start, WatchMessage, WatchStream,
};
use failpoint_tester::history::{Change, Compare, Event, Outcome, Request, Response, Revision};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How a member is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It answers.
    Up,
    /// It refuses connections: requests fail at once, without effect, and watches end.
    Refused,
    /// It does not answer. A request takes effect, but the client never knows.
    Silent,
}

/// A store with members.
#[derive(Clone)]
pub(crate) struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// The last revision, for watches and locks. Sent with the state locked.
    revision: watch::Sender<Revision>,
    members: Vec<watch::Sender<Reach>>,
    leader: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    revision: Revision,
    compacted: Revision,
    entries: BTreeMap<String, Entry>,
    changes: BTreeMap<Revision, Change>,
    leases: BTreeMap<LeaseId, Lease>,
    next_lease: LeaseId,
    /// Whether leases expire, as they should.
    expiry: bool,
}

struct Entry {
    value: String,
    created: Revision,
    modified: Revision,
    lease: Option<LeaseId>,
}

struct Lease {
    ttl: Duration,
    expires: Instant,
    keys: BTreeSet<String>,
}

impl Memory {
    /// A store of this many members. Its empty state has revision 1, as etcd's has.
    ///
    /// Its leases expire while the runtime in which it was made runs.
    pub(crate) fn new(members: usize) -> Self {
        let state = State { revision: 1, next_lease: 1_000, expiry: true, ..State::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            revision: watch::channel(1).0,
            members: (0..members).map(|_| watch::channel(Reach::Up).0).collect(),
            leader: watch::channel(0).0,
        });
        let weak = Arc::downgrade(&shared);
        tokio::spawn(async move {
            while let Some(shared) = weak.upgrade() {
                shared.expire();
                drop(shared);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { shared }
    }

    /// It as a driver.
    pub(crate) fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(self.clone())
    }

    /// Makes a member answer or not.
    pub(crate) fn reach(&self, member: usize, reach: Reach) {
        self.shared.members[member].send_replace(reach);
    }

    /// Makes another member the leader.
    pub(crate) fn lead(&self, member: usize) {
        self.shared.leader.send_replace(member);
    }

    /// Turns the expiry of leases off: a broken store.
    pub(crate) fn never_expire(&self) {
        self.shared.lock().expiry = false;
    }

    /// Ends a lease before its time: a broken store.
    pub(crate) fn lose_lease(&self, lease: LeaseId) {
        self.shared.end_lease(lease);
    }

    /// The leases that exist.
    pub(crate) fn leases(&self) -> Vec<LeaseId> {
        self.shared.lock().leases.keys().copied().collect()
    }

    /// The last revision.
    pub(crate) fn revision(&self) -> Revision {
        self.shared.lock().revision
    }

    /// The keys that start with this.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let state = self.shared.lock();
        state.entries.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a request, and wakes watches.
    fn apply(&self, request: &Request, lease: Option<LeaseId>) -> (Response, Revision) {
        let mut state = self.lock();
        let mut events = Vec::new();
        let next = state.revision + 1;
        let response = state.apply(request, lease, next, &mut events);
        self.commit(&mut state, events);
        (response, state.revision)
    }

    fn commit(&self, state: &mut State, events: Vec<Event>) {
        if !events.is_empty() {
            state.revision += 1;
            let revision = state.revision;
            state.changes.insert(revision, Change { revision, events });
            self.revision.send_replace(revision);
        }
    }

    fn expire(&self) {
        let now = Instant::now();
        let expired: Vec<LeaseId> = {
            let state = self.lock();
            let expired = state.leases.iter().filter(|(_, lease)| lease.expires <= now);
            expired.map(|(&id, _)| id).filter(|_| state.expiry).collect()
        };
        expired.into_iter().for_each(|lease| self.end_lease(lease));
    }

    fn end_lease(&self, id: LeaseId) {
        let mut state = self.lock();
        let Some(lease) = state.leases.remove(&id) else { return };
        let mut events = Vec::new();
        for key in lease.keys {
            if state.entries.remove(&key).is_some() {
                events.push(Event::Delete { key });
            }
        }
        self.commit(&mut state, events);
    }
}

impl State {
    fn apply(
        &mut self,
        request: &Request,
        lease: Option<LeaseId>,
        revision: Revision,
        events: &mut Vec<Event>,
    ) -> Response {
        match request {
            Request::Put { key, value } => {
                self.detach(key);
                if let Some(lease) = lease.and_then(|lease| self.leases.get_mut(&lease)) {
                    lease.keys.insert(key.clone());
                }
                let created = self.entries.get(key).map_or(revision, |entry| entry.created);
                let entry = Entry { value: value.clone(), created, modified: revision, lease };
                self.entries.insert(key.clone(), entry);
                events.push(Event::Put { key: key.clone(), value: value.clone() });
                Response::Put
            }
            Request::Get { key, .. } => {
                Response::Value(self.entries.get(key).map(|entry| entry.value.clone()))
            }
            Request::Range { from, to, .. } => {
                let entries = self.keys(from, to).into_iter();
                let entries = entries.map(|key| (key.clone(), self.entries[&key].value.clone()));
                Response::Values(entries.collect())
            }
            Request::Delete { key } => {
                let existed = self.remove(key, events);
                Response::Deleted(existed.into())
            }
            Request::DeleteRange { from, to } => {
                let keys = self.keys(from, to);
                for key in &keys {
                    self.remove(key, events);
                }
                Response::Deleted(keys.len() as u64)
            }
            Request::Txn { compare, then, otherwise } => {
                let succeeded = compare.iter().all(|compare| self.holds(compare));
                let branch = if succeeded { then } else { otherwise };
                let mut apply = |request| self.apply(request, None, revision, events);
                let responses = branch.iter().map(&mut apply).collect();
                Response::Txn { succeeded, responses }
            }
        }
    }

    fn keys(&self, from: &str, to: &str) -> Vec<String> {
        self.entries
            .keys()
            .filter(|key| from <= key.as_str() && key.as_str() < to)
            .cloned()
            .collect()
    }

    fn remove(&mut self, key: &str, events: &mut Vec<Event>) -> bool {
        self.detach(key);
        let existed = self.entries.remove(key).is_some();
        if existed {
            events.push(Event::Delete { key: key.to_owned() });
        }
        existed
    }

    fn detach(&mut self, key: &str) {
        let lease = self.entries.get(key).and_then(|entry| entry.lease);
        if let Some(lease) = lease.and_then(|lease| self.leases.get_mut(&lease)) {
            lease.keys.remove(key);
        }
    }

    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Value { key, equals } => {
                self.entries.get(key).map(|entry| &entry.value) == equals.as_ref()
            }
            Compare::ModRevision { key, equals } => {
                self.entries.get(key).map_or(0, |entry| entry.modified) == *equals
            }
        }
    }

    /// The key under this prefix that was created first.
    fn oldest(&self, prefix: &str) -> Option<(&String, &Entry)> {
        let under = self.entries.iter().filter(|(key, _)| key.starts_with(prefix));
        under.min_by_key(|(_, entry)| entry.created)
    }
}

#[async_trait]
impl Driver for Memory {
    fn abilities(&self) -> Abilities {
        Abilities {
            members: self.shared.members.len(),
            leader: true,
            revisions: true,
            ranges: true,
            transactions: true,
            deletes: true,
            watches: true,
            leases: true,
            locks: true,
            hash: true,
            ..Abilities::default()
        }
    }

    fn files(&self, member: usize) -> MemberFiles {
        let (directory, data, log) = (PathBuf::new(), PathBuf::new(), PathBuf::new());
        MemberFiles { name: format!("m{}", member + 1), directory, data, log }
    }

    fn start(&self, _member: usize, _start: &Start) -> Option<Program> {
        None
    }

    async fn health(&self, member: usize) -> Result<Health, DriverError> {
        let healthy = *self.shared.members[member].borrow() == Reach::Up;
        if !healthy {
            return Err(unreachable(member));
        }
        let leader = Some(*self.shared.leader.borrow());
        Ok(Health { healthy, leader, revision: Some(self.revision()) })
    }

    async fn hash(&self, member: usize, at: Option<Revision>) -> Result<Hash, DriverError> {
        self.health(member).await?;
        let state = self.shared.lock();
        let at = at.unwrap_or(state.revision);
        if at > state.revision {
            let message = format!("the last revision is {}", state.revision);
            return Err(DriverError { whom: format!("m{}", member + 1), message });
        }
        // FNV-1a over the changes.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for change in state.changes.range(..=at).map(|(_, change)| change) {
            for byte in format!("{change:?}").bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Ok(Hash { revision: Some(at), hash, compacted: None })
    }

    async fn compact(&self, member: usize, revision: Revision) -> Result<(), DriverError> {
        self.health(member).await?;
        self.shared.lock().compacted = revision;
        Ok(())
    }

    fn client(&self, member: usize) -> Box<dyn Client> {
        Box::new(MemoryClient { shared: Arc::clone(&self.shared), member })
    }
}

fn unreachable(member: usize) -> DriverError {
    DriverError { whom: format!("m{}", member + 1), message: "cannot be reached".into() }
}

struct MemoryClient {
    shared: Arc<Shared>,
    member: usize,
}

impl MemoryClient {
    fn error(&self, message: &str) -> DriverError {
        DriverError { whom: format!("m{}", self.member + 1), message: message.into() }
    }

    /// Does something if the member can be reached; waits for `limit` if it is silent.
    async fn reached<T>(
        &self,
        limit: Duration,
        act: impl FnOnce(&Shared) -> T + Send,
    ) -> Result<T, (Reach, DriverError)>
    where
        T: Send,
    {
        let reach = *self.shared.members[self.member].borrow();
        match reach {
            Reach::Up => {
                // A request takes a moment, during which others run.
                tokio::task::yield_now().await;
                Ok(act(&self.shared))
            }
            Reach::Refused => Err((reach, unreachable(self.member))),
            Reach::Silent => {
                drop(act(&self.shared));
                tokio::time::sleep(limit).await;
                Err((reach, self.error("does not answer")))
            }
        }
    }

    async fn answer(&self, request: &Request, lease: Option<LeaseId>, limit: Duration) -> Answer {
        let applied = self.reached(limit, |shared| {
            if lease.is_some_and(|lease| !shared.lock().leases.contains_key(&lease)) {
                return None;
            }
            Some(shared.apply(request, lease))
        });
        match applied.await {
            Ok(Some((response, revision))) => {
                let outcome = Outcome::Done { response, revision: Some(revision) };
                Answer { outcome, error: None }
            }
            Ok(None) => {
                Answer { outcome: Outcome::Failed, error: Some("requested lease not found".into()) }
            }
            Err((Reach::Silent, error)) => {
                Answer { outcome: Outcome::Unknown, error: Some(error.to_string()) }
            }
            Err((_, error)) => Answer { outcome: Outcome::Failed, error: Some(error.to_string()) },
        }
    }

    /// Queues a key under `name`, and waits until it is the oldest there.
    async fn queue(
        &self,
        name: &str,
        value: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<(String, Revision), DriverError> {
        let deadline = Instant::now() + limit;
        let prefix = format!("{name}/");
        let key = format!("{prefix}{lease:x}");
        let put = Request::Put { key: key.clone(), value: value.to_owned() };
        let exists = |shared: &Shared| shared.lock().entries.contains_key(&key);
        if !self.reached(limit, exists).await.map_err(|(_, error)| error)? {
            let put = self.answer(&put, Some(lease), limit).await;
            if !matches!(put.outcome, Outcome::Done { .. }) {
                return Err(self.error(&put.error.unwrap_or_default()));
            }
        }
        let mut revision = self.shared.revision.subscribe();
        loop {
            revision.borrow_and_update();
            let created = {
                let state = self.shared.lock();
                let Some(entry) = state.entries.get(&key) else {
                    return Err(self.error("the session expired"));
                };
                let oldest = state.oldest(&prefix).is_some_and(|(oldest, _)| *oldest == key);
                oldest.then_some(entry.created)
            };
            if let Some(created) = created {
                return Ok((key, created));
            }
            tokio::select! {
                _ = revision.changed() => {}
                () = sleep_until(deadline) => {
                    self.shared.apply(&Request::Delete { key }, None);
                    return Err(self.error("timed out"));
                }
            }
        }
    }
}

#[async_trait]
impl Client for MemoryClient {
    async fn execute(&self, request: &Request, limit: Duration) -> Answer {
        self.answer(request, None, limit).await
    }

    fn leases(&self) -> Option<&dyn Leases> {
        Some(self)
    }

    async fn watch(
        &self,
        from: &str,
        to: Option<&str>,
        first: Revision,
    ) -> Result<Box<dyn WatchStream>, DriverError> {
        if *self.shared.members[self.member].borrow() == Reach::Refused {
            return Err(unreachable(self.member));
        }
        if first <= self.shared.lock().compacted {
            return Err(self.error("required revision has been compacted"));
        }
        Ok(Box::new(MemoryWatch {
            shared: Arc::clone(&self.shared),
            revision: self.shared.revision.subscribe(),
            reach: self.shared.members[self.member].subscribe(),
            member: self.member,
            from: from.to_owned(),
            to: to.map(str::to_owned),
            next: first,
        }))
    }
}

#[async_trait]
impl Leases for MemoryClient {
    async fn grant(&self, ttl: Duration, limit: Duration) -> Result<LeaseId, DriverError> {
        let grant = |shared: &Shared| {
            let mut state = shared.lock();
            state.next_lease += 1;
            let id = state.next_lease;
            let lease = Lease { ttl, expires: Instant::now() + ttl, keys: BTreeSet::new() };
            state.leases.insert(id, lease);
            id
        };
        self.reached(limit, grant).await.map_err(|(_, error)| error)
    }

    async fn keep_alive(&self, lease: LeaseId, limit: Duration) -> Result<Duration, DriverError> {
        let renew = |shared: &Shared| {
            let mut state = shared.lock();
            let Some(lease) = state.leases.get_mut(&lease) else { return Duration::ZERO };
            lease.expires = Instant::now() + lease.ttl;
            lease.ttl
        };
        self.reached(limit, renew).await.map_err(|(_, error)| error)
    }

    async fn revoke(&self, lease: LeaseId, limit: Duration) -> Result<(), DriverError> {
        let revoke = |shared: &Shared| {
            let exists = shared.lock().leases.contains_key(&lease);
            shared.end_lease(lease);
            exists
        };
        match self.reached(limit, revoke).await.map_err(|(_, error)| error)? {
            true => Ok(()),
            false => Err(self.error("requested lease not found")),
        }
    }

    async fn time_to_live(
        &self,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Option<(Duration, Vec<String>)>, DriverError> {
        let look = |shared: &Shared| {
            let state = shared.lock();
            state.leases.get(&lease).map(|lease| {
                let left = lease.expires.saturating_duration_since(Instant::now());
                (left, lease.keys.iter().cloned().collect())
            })
        };
        self.reached(limit, look).await.map_err(|(_, error)| error)
    }

    async fn put(&self, key: &str, value: &str, lease: LeaseId, limit: Duration) -> Answer {
        let request = Request::Put { key: key.to_owned(), value: value.to_owned() };
        self.answer(&request, Some(lease), limit).await
    }

    async fn lock(
        &self,
        name: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<String, DriverError> {
        self.queue(name, "", lease, limit).await.map(|(key, _)| key)
    }

    async fn unlock(&self, key: &str, limit: Duration) -> Result<(), DriverError> {
        let delete = Request::Delete { key: key.to_owned() };
        let deleted = self.reached(limit, |shared| drop(shared.apply(&delete, None))).await;
        deleted.map_err(|(_, error)| error)
    }

    async fn campaign(
        &self,
        name: &str,
        value: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Leadership, DriverError> {
        let (key, revision) = self.queue(name, value, lease, limit).await?;
        Ok(Leadership { name: name.to_owned(), key, revision, lease })
    }

    async fn resign(&self, leadership: &Leadership, limit: Duration) -> Result<(), DriverError> {
        let resign = Request::Txn {
            compare: vec![Compare::Value { key: leadership.key.clone(), equals: None }],
            then: vec![],
            otherwise: vec![Request::Delete { key: leadership.key.clone() }],
        };
        let resigned = self.reached(limit, |shared| drop(shared.apply(&resign, None))).await;
        resigned.map_err(|(_, error)| error)
    }

    async fn leader(&self, name: &str, limit: Duration) -> Result<Option<String>, DriverError> {
        let prefix = format!("{name}/");
        let look =
            |shared: &Shared| shared.lock().oldest(&prefix).map(|(_, entry)| entry.value.clone());
        self.reached(limit, look).await.map_err(|(_, error)| error)
    }
}

struct MemoryWatch {
    shared: Arc<Shared>,
    revision: watch::Receiver<Revision>,
    reach: watch::Receiver<Reach>,
    member: usize,
    from: String,
    to: Option<String>,
    next: Revision,
}

impl MemoryWatch {
    /// What came since the last message, if something that was asked for did.
    fn pending(&mut self) -> Option<WatchMessage> {
        let covers = |key: &str| {
            self.from.as_str() <= key && self.to.as_ref().is_none_or(|to| key < to.as_str())
        };
        let state = self.shared.lock();
        let mut changes = Vec::new();
        for change in state.changes.range(self.next..).map(|(_, change)| change) {
            let events = change.events.iter().filter(|event| covers(event.key()));
            let events: Vec<Event> = events.cloned().collect();
            if !events.is_empty() {
                changes.push(Change { revision: change.revision, events });
            }
        }
        self.next = state.revision.max(self.next - 1) + 1;
        let revision = state.revision;
        (!changes.is_empty()).then_some(WatchMessage { changes, revision })
    }
}

#[async_trait]
impl WatchStream for MemoryWatch {
    async fn next(&mut self) -> Result<WatchMessage, DriverError> {
        loop {
            self.revision.borrow_and_update();
            let reach = *self.reach.borrow_and_update();
            match reach {
                Reach::Refused => return Err(unreachable(self.member)),
                Reach::Silent => {
                    let _ = self.reach.changed().await;
                    continue;
                }
                Reach::Up => {}
            }
            if let Some(message) = self.pending() {
                return Ok(message);
            }
            tokio::select! {
                _ = self.revision.changed() => {}
                _ = self.reach.changed() => {}
            }
        }
    }
}

/// Fails the test if this takes longer than a minute.
pub(crate) async fn within_a_minute<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), future).await.expect("took longer than a minute")
}
