//! How does a program use the store?
//!
//! A [`Client`] knows several members. Each request goes to the member that answered last. If that one
//! certainly did not do it, the client goes on with the next one, until the [limit](Client::limit) has
//! passed. A write whose fate is unknown is never sent again: the caller gets
//! [`ClientError::Unknown`], and decides. Reads are sent again in both cases.
//!
//! ```no_run
//! # async fn example() -> Result<(), raft_kv::client::ClientError> {
//! use raft_kv::client::{Client, Lock, Session};
//! use std::time::Duration;
//!
//! let client = Client::new(["127.0.0.1:2379", "127.0.0.1:2380", "127.0.0.1:2381"])?;
//! let revision = client.put("greeting", "hello").await?;
//! assert_eq!(client.get("greeting").await?.unwrap().mod_revision, revision);
//!
//! let session = Session::start(&client, Duration::from_secs(5)).await?;
//! let lock = Lock::acquire(&session, "leader-of-the-batch").await?;
//! // … the work …
//! lock.release().await?;
//! # Ok(()) }
//! ```

mod error;
mod http;
mod recipes;
mod session;
mod watch;

pub use error::ClientError;
pub use recipes::{Election, Lock};
pub use session::Session;
pub use watch::Watch;

pub use crate::wire::ReadOptions;

use crate::wire::{
    At, Compact, Deleted, Got, Grant, Granted, Hash, HashQuery, Lease, Members, PutQuery,
    RangeQuery, is_address,
};
use crate::{
    KeyRange, KeyValue, LeaseId, Member, RangeResponse, Revision, Status, Txn, TxnResponse,
};
use http::Http;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a request takes at most, unless [`Client::limit`] says something else.
const LIMIT: Duration = Duration::from_secs(10);
/// How long to wait when all members have refused, for example during an election.
const REST: Duration = Duration::from_millis(20);
/// What is written as `%XX` in a path: everything that could mean something in a URL.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A client of a cluster. Clones share its connections. It needs a tokio runtime.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    members: Arc<[String]>,
    /// The index of the member that is asked first.
    next: Arc<AtomicUsize>,
    limit: Duration,
    is_patient: bool,
}

/// Whether a request may be sent again when its fate is unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Yes,
    No,
}

impl Client {
    /// A client of the members whose clients connect to these addresses, `HOST:PORT` each.
    ///
    /// # Errors
    /// [`ClientError::Invalid`]: there is no address, or one is not an address.
    pub fn new(members: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, ClientError> {
        let members: Vec<String> = members.into_iter().map(Into::into).collect();
        if members.is_empty() {
            return Err(ClientError::Invalid("the client knows no member".into()));
        }
        for member in &members {
            if !is_address(member) {
                let message = format!("`{member}` is not the address of a member: write HOST:PORT");
                return Err(ClientError::Invalid(message));
            }
        }
        let http = Http::new().map_err(|failure| ClientError::Invalid(failure.message))?;
        let (members, next) = (members.into(), Arc::default());
        Ok(Self { http, members, next, limit: LIMIT, is_patient: true })
    }

    /// The same client, whose requests take this long at most.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The same client, which sends each request once, to one member. The next request goes to the
    /// next member if that one could not do it. For callers that choose members themselves.
    #[must_use]
    pub fn without_retries(self) -> Self {
        Self { is_patient: false, ..self }
    }

    /// Writes a key, and returns the revision.
    ///
    /// # Errors
    /// All of [`ClientError`], as for every method.
    pub async fn put(&self, key: &str, value: &str) -> Result<Revision, ClientError> {
        self.put_with_lease(key, value, 0).await
    }

    /// Writes a key that is removed with a lease.
    ///
    /// # Errors
    /// [`ClientError`]; without such a lease, [`Refused`](ClientError::Refused) with `lease-not-found`.
    pub async fn put_with_lease(
        &self,
        key: &str,
        value: &str,
        lease: LeaseId,
    ) -> Result<Revision, ClientError> {
        let path = with_query(&key_path(key)?, &PutQuery { lease })?;
        let written: At =
            self.ask(Method::PUT, &path, value.as_bytes().to_vec(), Repeat::No).await?;
        Ok(written.revision)
    }

    /// What is at a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, key: &str) -> Result<Option<KeyValue>, ClientError> {
        Ok(self.get_with(key, ReadOptions::default()).await?.kv)
    }

    /// What is at a key, and the revision of the store.
    ///
    /// # Errors
    /// [`ClientError`]; below the compacted revision, [`Refused`](ClientError::Refused) with `compacted`.
    pub async fn get_with(&self, key: &str, read: ReadOptions) -> Result<Got, ClientError> {
        self.read(&with_query(&key_path(key)?, &read)?).await
    }

    /// What is at the keys `from <= key < to`; without `to`, at all from `from` on.
    ///
    /// # Errors
    /// [`ClientError`]; below the compacted revision, [`Refused`](ClientError::Refused) with `compacted`.
    pub async fn range(
        &self,
        from: &str,
        to: Option<&str>,
        read: ReadOptions,
    ) -> Result<RangeResponse, ClientError> {
        let KeyRange { from, to } = key_range(from, to);
        let ReadOptions { stale, revision, limit } = read;
        let query = RangeQuery { from, to, stale, revision, limit };
        self.read(&with_query("/v1/range", &query)?).await
    }

    /// Removes a key. Returns 1 as the number if it was there, else 0.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, key: &str) -> Result<Deleted, ClientError> {
        self.ask(Method::DELETE, &key_path(key)?, Vec::new(), Repeat::No).await
    }

    /// Removes the keys `from <= key < to`; without `to`, all from `from` on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_range(&self, from: &str, to: Option<&str>) -> Result<Deleted, ClientError> {
        let path = with_query("/v1/range", &key_range(from, to))?;
        self.ask(Method::DELETE, &path, Vec::new(), Repeat::No).await
    }

    /// Does one of two lists of operations, in one step.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn txn(&self, txn: &Txn) -> Result<TxnResponse, ClientError> {
        self.post("/v1/txn", txn, Repeat::No).await
    }

    /// Watches the keys `from <= key < to`; without `to`, all from `from` on. Without a revision it
    /// starts now; a revision may lie in the past or in the future.
    ///
    /// # Errors
    /// [`ClientError`]; [`Watch::next`] may return [`Refused`](ClientError::Refused) with `compacted`.
    pub async fn watch(
        &self,
        from: &str,
        to: Option<&str>,
        first: Option<Revision>,
    ) -> Result<Watch, ClientError> {
        Watch::open(self, key_range(from, to), first).await
    }

    /// Forgets what only revisions before this one had.
    ///
    /// # Errors
    /// [`ClientError`]; [`Refused`](ClientError::Refused) if the revision lies in the future or is
    /// compacted already.
    pub async fn compact(&self, revision: Revision) -> Result<Revision, ClientError> {
        let written: At = self.post("/v1/compact", &Compact { revision }, Repeat::No).await?;
        Ok(written.revision)
    }

    /// Grants a lease of so many whole seconds; less than one counts as one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn grant(&self, ttl: Duration) -> Result<Granted, ClientError> {
        let ttl = ttl.as_millis().div_ceil(1_000).max(1) as u64;
        self.post("/v1/leases", &Grant { ttl }, Repeat::No).await
    }

    /// Renews a lease for its whole time to live.
    ///
    /// # Errors
    /// [`ClientError`]; [`Refused`](ClientError::Refused) with `lease-not-found`.
    pub async fn keep_alive(&self, lease: LeaseId) -> Result<Granted, ClientError> {
        let path = format!("/v1/leases/{lease}/keepalive");
        self.ask(Method::POST, &path, Vec::new(), Repeat::Yes).await
    }

    /// What is left of a lease, and its keys.
    ///
    /// # Errors
    /// [`ClientError`]; [`Refused`](ClientError::Refused) with `lease-not-found`.
    pub async fn lease(&self, lease: LeaseId) -> Result<Lease, ClientError> {
        self.read(&format!("/v1/leases/{lease}")).await
    }

    /// Ends a lease, and removes its keys.
    ///
    /// # Errors
    /// [`ClientError`]; [`Refused`](ClientError::Refused) with `lease-not-found`.
    pub async fn revoke(&self, lease: LeaseId) -> Result<Deleted, ClientError> {
        let path = format!("/v1/leases/{lease}");
        self.ask(Method::DELETE, &path, Vec::new(), Repeat::No).await
    }

    /// How one member is: the one that answers first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.read("/v1/status").await
    }

    /// The hash of one member's state at a revision; `None`: at its last one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn hash(&self, revision: Option<Revision>) -> Result<Hash, ClientError> {
        self.read(&with_query("/v1/hash", &HashQuery { revision })?).await
    }

    /// The members of the cluster.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn members(&self) -> Result<Vec<Member>, ClientError> {
        let members: Members = self.read("/v1/members").await?;
        Ok(members.members)
    }

    /// Adds a member. Start it then, with `--join`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_member(&self, member: &Member) -> Result<Vec<Member>, ClientError> {
        let members: Members = self.post("/v1/members", member, Repeat::No).await?;
        Ok(members.members)
    }

    /// Removes a member.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_member(&self, id: u64) -> Result<Vec<Member>, ClientError> {
        let path = format!("/v1/members/{id}");
        let members: Members = self.ask(Method::DELETE, &path, Vec::new(), Repeat::No).await?;
        Ok(members.members)
    }

    /// Asks the leader to hand over to this member. The answer comes before that has happened.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn transfer_leadership(&self, to: u64) -> Result<(), ClientError> {
        let path = format!("/v1/leader/{to}");
        self.send(Method::POST, &path, Vec::new(), Repeat::Yes).await.map(drop)
    }

    /// A snapshot of one member, as bytes that `raft-kv restore` takes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn snapshot(&self) -> Result<Vec<u8>, ClientError> {
        Ok(self.send(Method::GET, "/v1/snapshot", Vec::new(), Repeat::Yes).await?.1)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, Vec::new(), Repeat::Yes).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        repeat: Repeat,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Invalid(error.to_string()))?;
        self.ask(Method::POST, path, body, repeat).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        repeat: Repeat,
    ) -> Result<T, ClientError> {
        let (member, body) = self.send(method, path, body, repeat).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let message = format!("an answer that is not raft-kv's: {error}");
            ClientError::Unknown { member, message }
        })
    }

    /// Asks one member after the other; returns who answered, and what.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        repeat: Repeat,
    ) -> Result<(String, Vec<u8>), ClientError> {
        let deadline = Instant::now() + self.limit;
        let (attempt, last_start) = match repeat {
            _ if !self.is_patient => (self.limit, deadline),
            // One that does not answer a read must leave time for the others.
            Repeat::Yes => (self.limit / (self.members.len() as u32).min(4), deadline - REST),
            // Without enough time for its answer, a write that could certainly fail would end as unknown.
            Repeat::No => (self.limit, deadline - self.limit / 2),
        };
        loop {
            for _ in 0..self.members.len() {
                let index = self.next.load(Ordering::Relaxed) % self.members.len();
                let member = &self.members[index];
                let limit = attempt.min(deadline.saturating_duration_since(Instant::now()));
                let answer =
                    self.http.call(member, method.clone(), path, body.clone(), limit).await;
                let error = match answer {
                    Ok(answer) if answer.status == 200 => return Ok((member.clone(), answer.body)),
                    Ok(answer) => ClientError::of_answer(member, answer.status, &answer.body),
                    Err(failure) => ClientError::of_failure(member, failure),
                };
                let error = if method == Method::GET { error.of_read() } else { error };
                match &error {
                    ClientError::Failed { .. } => {}
                    ClientError::Unknown { .. } if repeat == Repeat::Yes => {}
                    _ => return Err(error),
                }
                // Unless another request of this client did that meanwhile.
                let _ = self.next.compare_exchange(
                    index,
                    (index + 1) % self.members.len(),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                if !self.is_patient || Instant::now() >= last_start {
                    return Err(error);
                }
            }
            sleep(REST).await;
        }
    }
}

fn key_path(key: &str) -> Result<String, ClientError> {
    match key {
        "" => Err(ClientError::Invalid("a key has at least one character".into())),
        // They mean something else in a path, however they are written.
        "." | ".." => {
            let message = format!("the key `{key}` cannot be part of a path: use a transaction");
            Err(ClientError::Invalid(message))
        }
        key => Ok(format!("/v1/kv/{}", utf8_percent_encode(key, ESCAPED))),
    }
}

fn with_query(path: &str, query: &impl Serialize) -> Result<String, ClientError> {
    let query = serde_urlencoded::to_string(query)
        .map_err(|error| ClientError::Invalid(error.to_string()))?;
    Ok(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") })
}

fn key_range(from: &str, to: Option<&str>) -> KeyRange {
    KeyRange { from: from.to_owned(), to: to.map(ToOwned::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for wrong in ["", "localhost", ":1", "localhost:port", "http://localhost:1", "a:99999"] {
            assert!(matches!(Client::new([wrong]), Err(ClientError::Invalid(_))), "{wrong:?}");
        }
        assert!(matches!(Client::new(Vec::<String>::new()), Err(ClientError::Invalid(_))));
        Client::new(["localhost:1", "[::1]:2"]).unwrap();
    }

    #[test]
    fn keys_are_written_so_that_they_arrive() {
        assert_eq!(key_path("a/b c?é").unwrap(), "/v1/kv/a%2Fb%20c%3F%C3%A9");
        assert!(key_path("..").is_err() && key_path("").is_err());
        let ranges = [("a", Some("b"), "/?from=a&to=b"), ("&é", None, "/?from=%26%C3%A9")];
        for (from, to, expected) in ranges {
            assert_eq!(with_query("/", &key_range(from, to)).unwrap(), expected);
        }
    }

    #[test]
    fn a_read_says_only_what_differs_from_the_default() {
        assert_eq!(with_query("/", &ReadOptions::default()).unwrap(), "/");
        let read = ReadOptions { stale: true, revision: Some(7), limit: 2 };
        assert_eq!(with_query("/", &read).unwrap(), "/?stale=true&revision=7&limit=2");
    }
}
