//! How are leases, locks and elections of etcd used?

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::client::EtcdClient;
use super::gateway::{Bytes, GatewayError, Headed, KeyValue, encode, number};
use crate::driver::{Answer, DriverError, Leadership, LeaseId, Leases};
use crate::history::{Request, Revision};

/// What etcd says of a lease.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lease {
    #[serde(rename = "ID", deserialize_with = "number")]
    id: LeaseId,
    /// Seconds that are left. Below zero, or zero, of a lease that is expired and not yet revoked.
    #[serde(rename = "TTL", deserialize_with = "number")]
    ttl: i64,
    /// Zero, where it is asked for: there is no such lease.
    #[serde(rename = "grantedTTL", deserialize_with = "number")]
    granted_ttl: i64,
    keys: Vec<Bytes>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    key: Bytes,
}

#[derive(Debug, Deserialize)]
struct Elected {
    leader: LeaderKey,
}

#[derive(Debug, Deserialize)]
struct LeaderKey {
    key: Bytes,
    #[serde(deserialize_with = "number")]
    rev: Revision,
}

#[derive(Debug, Deserialize)]
struct Leading {
    kv: KeyValue,
}

#[async_trait]
impl Leases for EtcdClient {
    async fn grant(&self, ttl: Duration, limit: Duration) -> Result<LeaseId, DriverError> {
        // etcd counts whole seconds. A lease must not end before its time.
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let lease: Lease =
            self.get("/v3/lease/grant", json!({ "TTL": seconds.to_string() }), limit).await?;
        if lease.id == 0 {
            return Err(self.fail(GatewayError::strange("a lease without number")));
        }
        Ok(lease.id)
    }

    async fn keep_alive(&self, lease: LeaseId, limit: Duration) -> Result<Duration, DriverError> {
        let request = json!({ "ID": lease.to_string() });
        let renewed: Result<Lease, _> =
            self.gateway.first("/v3/lease/keepalive", &request, limit).await;
        Ok(renewed.map_err(|error| self.fail(error))?.left())
    }

    async fn revoke(&self, lease: LeaseId, limit: Duration) -> Result<(), DriverError> {
        let request = json!({ "ID": lease.to_string() });
        self.get::<Headed>("/v3/lease/revoke", request, limit).await?;
        Ok(())
    }

    async fn time_to_live(
        &self,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Option<(Duration, Vec<String>)>, DriverError> {
        let request = json!({ "ID": lease.to_string(), "keys": true });
        let lease: Lease = self.get("/v3/lease/timetolive", request, limit).await?;
        if lease.granted_ttl == 0 {
            return Ok(None);
        }
        let left = lease.left();
        let keys = lease.keys.into_iter().map(Bytes::text).collect::<Result<_, _>>();
        Ok(Some((left, keys.map_err(|error| self.fail(error))?)))
    }

    async fn put(&self, key: &str, value: &str, lease: LeaseId, limit: Duration) -> Answer {
        let body =
            json!({ "key": encode(key), "value": encode(value), "lease": lease.to_string() });
        let request = Request::Put { key: key.to_owned(), value: value.to_owned() };
        self.ask("/v3/kv/put", &body, &request, limit).await
    }

    async fn lock(
        &self,
        name: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<String, DriverError> {
        let request = json!({ "name": encode(name), "lease": lease.to_string() });
        let locked: Locked = self.get("/v3/lock/lock", request, limit).await?;
        locked.key.text().map_err(|error| self.fail(error))
    }

    async fn unlock(&self, key: &str, limit: Duration) -> Result<(), DriverError> {
        self.get::<Headed>("/v3/lock/unlock", json!({ "key": encode(key) }), limit).await?;
        Ok(())
    }

    async fn campaign(
        &self,
        name: &str,
        value: &str,
        lease: LeaseId,
        limit: Duration,
    ) -> Result<Leadership, DriverError> {
        let request = json!({
            "name": encode(name),
            "value": encode(value),
            "lease": lease.to_string(),
        });
        let elected: Elected = self.get("/v3/election/campaign", request, limit).await?;
        let LeaderKey { key, rev: revision } = elected.leader;
        let key = key.text().map_err(|error| self.fail(error))?;
        Ok(Leadership { name: name.to_owned(), key, revision, lease })
    }

    async fn resign(&self, leadership: &Leadership, limit: Duration) -> Result<(), DriverError> {
        let Leadership { name, key, revision, lease } = leadership;
        let request = json!({ "leader": {
            "name": encode(name),
            "key": encode(key),
            "rev": revision.to_string(),
            "lease": lease.to_string(),
        }});
        self.get::<Headed>("/v3/election/resign", request, limit).await?;
        Ok(())
    }

    async fn leader(&self, name: &str, limit: Duration) -> Result<Option<String>, DriverError> {
        let request = json!({ "name": encode(name) });
        let leading: Result<Leading, _> =
            self.gateway.call("/v3/election/leader", &request, limit).await;
        match leading {
            Ok(leading) => Ok(Some(leading.kv.value.text().map_err(|error| self.fail(error))?)),
            Err(error) if error.message == "election: no leader" => Ok(None),
            Err(error) => Err(self.fail(error)),
        }
    }
}

impl EtcdClient {
    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        request: serde_json::Value,
        limit: Duration,
    ) -> Result<T, DriverError> {
        self.gateway.call(path, &request, limit).await.map_err(|error| self.fail(error))
    }
}

impl Lease {
    fn left(&self) -> Duration {
        Duration::from_secs(self.ttl.try_into().unwrap_or(0))
    }
}
