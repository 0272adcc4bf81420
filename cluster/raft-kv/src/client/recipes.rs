//! How do clients take turns? By a queue of keys, in the order of their create revisions.
//!
//! Each client writes a key below a common prefix, with its lease. The one whose key is oldest has its
//! turn. A client that ends loses its lease, and with it its key.

use super::{Client, ClientError, ReadOptions, Session};
use crate::{Compare, Comparison, KeyValue, LeaseId, Operation, Put, Revision, Target, Txn};

/// A lock that this client holds. It is held until it is released, or until its session ends.
#[derive(Debug)]
pub struct Lock {
    turn: Turn,
}

impl Lock {
    /// Waits until the lock of this name is free, and takes it.
    ///
    /// A caller that stops waiting keeps its place in the queue until its session ends.
    ///
    /// # Errors
    /// [`ClientError`]; [`Refused`](ClientError::Refused) with `lease-not-found` if the session has ended.
    pub async fn acquire(session: &Session, name: &str) -> Result<Self, ClientError> {
        Self::acquire_with_lease(session.client(), session.lease(), name).await
    }

    /// The same, with a lease that the caller renews.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub async fn acquire_with_lease(
        client: &Client,
        lease: LeaseId,
        name: &str,
    ) -> Result<Self, ClientError> {
        let turn = Turn::enter(client, lease, &format!("lock/{name}"), "").await?;
        turn.wait().await?;
        Ok(Self { turn })
    }

    /// The key that stands for it. A write that must not happen after the lock is lost is a
    /// transaction that compares the create revision of this key with [`Lock::revision`].
    pub fn key(&self) -> &str {
        &self.turn.key
    }

    /// The revision at which the key was created.
    pub fn revision(&self) -> Revision {
        self.turn.revision
    }

    /// Gives it back.
    ///
    /// # Errors
    /// [`ClientError`]. Then it is given back when the session ends.
    pub async fn release(self) -> Result<(), ClientError> {
        self.turn.leave().await
    }
}

/// An election that this client has won. It leads until it resigns, or until its session ends.
#[derive(Debug)]
pub struct Election {
    turn: Turn,
}

impl Election {
    /// Waits until this client is elected, and says so by this value.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub async fn campaign(session: &Session, name: &str, value: &str) -> Result<Self, ClientError> {
        Self::campaign_with_lease(session.client(), session.lease(), name, value).await
    }

    /// The same, with a lease that the caller renews.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub async fn campaign_with_lease(
        client: &Client,
        lease: LeaseId,
        name: &str,
        value: &str,
    ) -> Result<Self, ClientError> {
        let turn = Turn::enter(client, lease, &format!("election/{name}"), value).await?;
        turn.wait().await?;
        Ok(Self { turn })
    }

    /// The key and the value of the client that is elected, if one is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn leader(client: &Client, name: &str) -> Result<Option<KeyValue>, ClientError> {
        Ok(queue(client, &format!("election/{name}")).await?.1.into_iter().next())
    }

    /// The key that stands for it; see [`Lock::key`].
    pub fn key(&self) -> &str {
        &self.turn.key
    }

    /// The revision at which the key was created.
    pub fn revision(&self) -> Revision {
        self.turn.revision
    }

    /// Lets another client be elected.
    ///
    /// # Errors
    /// [`ClientError`]. Then this client leads until the session ends.
    pub async fn resign(self) -> Result<(), ClientError> {
        self.turn.leave().await
    }
}

/// A place in a queue.
#[derive(Debug)]
struct Turn {
    client: Client,
    prefix: String,
    key: String,
    lease: LeaseId,
    revision: Revision,
}

impl Turn {
    /// Takes the last place. The key depends on the lease alone, so a second attempt after an unknown
    /// outcome finds the place that the first one took.
    async fn enter(
        client: &Client,
        lease: LeaseId,
        prefix: &str,
        value: &str,
    ) -> Result<Self, ClientError> {
        let key = format!("{prefix}/{lease:016x}");
        let put = Operation::Put(Put { key: key.clone(), value: value.to_owned(), lease });
        let is_new =
            Compare { key: key.clone(), is: Comparison::Equal, target: Target::CreateRevision(0) };
        let txn = Txn { compare: vec![is_new], then: vec![put], otherwise: Vec::new() };
        loop {
            match client.txn(&txn).await {
                Err(error) if error.is_unknown() => {}
                done => break done.map(drop)?,
            }
        }
        let entered = client.get(&key).await?.ok_or_else(lost)?;
        let revision = entered.create_revision;
        Ok(Self { client: client.clone(), prefix: prefix.to_owned(), key, lease, revision })
    }

    /// Waits until all places before this one are gone.
    async fn wait(&self) -> Result<(), ClientError> {
        let (mut revision, mut places) = queue(&self.client, &self.prefix).await?;
        loop {
            let own =
                places.iter().find(|place| place.key == self.key && place.lease == self.lease);
            if own.is_none() {
                return Err(lost());
            }
            if places.first().is_some_and(|first| first.key == self.key) {
                return Ok(());
            }
            let (from, to) = below(&self.prefix);
            let mut changes = self.client.watch(&from, Some(&to), Some(revision + 1)).await?;
            changes.next().await?;
            (revision, places) = queue(&self.client, &self.prefix).await?;
        }
    }

    async fn leave(self) -> Result<(), ClientError> {
        self.client.delete(&self.key).await.map(drop)
    }
}

/// The places of a queue, the oldest first, and the revision at which they were read.
async fn queue(client: &Client, prefix: &str) -> Result<(Revision, Vec<KeyValue>), ClientError> {
    let (from, to) = below(prefix);
    let mut found = client.range(&from, Some(&to), ReadOptions::default()).await?;
    found.kvs.sort_by_key(|place| place.create_revision);
    Ok((found.revision, found.kvs))
}

/// All keys below a prefix: `0` follows `/`.
fn below(prefix: &str) -> (String, String) {
    (format!("{prefix}/"), format!("{prefix}0"))
}

fn lost() -> ClientError {
    let message = "the lease of the session has ended".to_owned();
    ClientError::Refused { code: "lease-not-found".to_owned(), message }
}
