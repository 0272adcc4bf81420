//! How are leases, locks and elections of raft-kv used?

use std::time::Duration;

use async_trait::async_trait;
use raft_kv::client::{ClientError, Election, Lock};

use super::requests::{KvClient, answer};
use crate::driver::{Answer, DriverError, Leadership, LeaseId, Leases};
use crate::history::{Request, Response};

/// The error about a lease that is not there.
const NO_LEASE: &str = "lease-not-found";

#[async_trait]
impl Leases for KvClient {
    async fn grant(&self, ttl: Duration, limit: Duration) -> Result<LeaseId, DriverError> {
        let granted = self.within(limit).grant(ttl).await;
        Ok(ours(granted.map_err(|error| self.fail(&error))?.id))
    }

    async fn keep_alive(&self, lease: LeaseId, limit: Duration) -> Result<Duration, DriverError> {
        match self.within(limit).keep_alive(theirs(lease)).await {
            Ok(granted) => Ok(Duration::from_secs(granted.ttl)),
            Err(error) if error.code() == Some(NO_LEASE) => Ok(Duration::ZERO),
            Err(error) => Err(self.fail(&error)),
        }
    }

    async fn revoke(&self, lease: LeaseId, limit: Duration) -> Result<(), DriverError> {
        let revoked = self.within(limit).revoke(theirs(lease)).await;
        revoked.map(drop).map_err(|error| self.fail(&error))
    }

    async fn time_to_live(
        &self,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Option<(Duration, Vec<String>)>, DriverError> {
        match self.within(limit).lease(theirs(lease)).await {
            Ok(lease) => Ok(Some((Duration::from_secs(lease.remaining), lease.keys))),
            Err(error) if error.code() == Some(NO_LEASE) => Ok(None),
            Err(error) => Err(self.fail(&error)),
        }
    }

    async fn put(&self, key: &str, value: &str, lease: LeaseId, limit: Duration) -> Answer {
        let request = Request::Put { key: key.to_owned(), value: value.to_owned() };
        let written = self.within(limit).put_with_lease(key, value, theirs(lease)).await;
        answer(&request, written.map(|revision| (Response::Put, revision)))
    }

    async fn lock(
        &self,
        name: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<String, DriverError> {
        let client = self.within(limit);
        let lock = Lock::acquire_with_lease(&client, theirs(lease), name);
        Ok(self.wait(lock, limit).await?.key().to_owned())
    }

    async fn unlock(&self, key: &str, limit: Duration) -> Result<(), DriverError> {
        let deleted = self.within(limit).delete(key).await;
        deleted.map(drop).map_err(|error| self.fail(&error))
    }

    async fn campaign(
        &self,
        name: &str,
        value: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Leadership, DriverError> {
        let client = self.within(limit);
        let election = Election::campaign_with_lease(&client, theirs(lease), name, value);
        let election = self.wait(election, limit).await?;
        let (key, revision) = (election.key().to_owned(), election.revision());
        Ok(Leadership { name: name.to_owned(), key, revision, lease })
    }

    async fn resign(&self, leadership: &Leadership, limit: Duration) -> Result<(), DriverError> {
        self.unlock(&leadership.key, limit).await
    }

    async fn leader(&self, name: &str, limit: Duration) -> Result<Option<String>, DriverError> {
        let leader = Election::leader(&self.within(limit), name).await;
        Ok(leader.map_err(|error| self.fail(&error))?.map(|kv| kv.value))
    }
}

impl KvClient {
    /// Waits for a turn, for so long. The place in the queue ends with the lease.
    async fn wait<T>(
        &self,
        turn: impl Future<Output = Result<T, ClientError>>,
        limit: Duration,
    ) -> Result<T, DriverError> {
        let Ok(waited) = tokio::time::timeout(limit, turn).await else {
            let message = format!("others came first for {limit:?}");
            return Err(DriverError { whom: self.name.clone(), message });
        };
        waited.map_err(|error| self.fail(&error))
    }
}

/// The numbers of leases are those of log entries, far below half of the range.
fn ours(lease: raft_kv::LeaseId) -> LeaseId {
    lease.cast_signed()
}

fn theirs(lease: LeaseId) -> raft_kv::LeaseId {
    lease.cast_unsigned()
}
