//! Which members does the cluster have, and how are they changed?

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::gateway::{GatewayError, number};
use super::{CHANGE, Etcd, STATUS};
use crate::driver::DriverError;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct List {
    members: Vec<Listed>,
}

/// A member, as etcd lists it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    #[serde(rename = "ID", deserialize_with = "number")]
    id: u64,
    /// Empty until it is started for the first time.
    name: String,
    #[serde(rename = "peerURLs")]
    peer_urls: Vec<String>,
}

impl Etcd {
    /// The index of the member with this id. `via` is asked if the id is a new one: a member that
    /// was removed and added has another id than before.
    pub(super) async fn index(&self, via: usize, id: u64) -> Option<usize> {
        if let Some(&index) = self.ids.lock().expect("never poisoned").get(&id) {
            return Some(index);
        }
        let list = self.list(via).await.ok()?;
        let mut ids = self.ids.lock().expect("never poisoned");
        for listed in list {
            if let Some(index) = (0..self.members.len()).find(|&index| self.is(index, &listed)) {
                ids.insert(listed.id, index);
            }
        }
        ids.get(&id).copied()
    }

    pub(super) async fn remove(&self, via: usize, member: usize) -> Result<(), DriverError> {
        let list = self.list(via).await.map_err(|error| self.fail(via, error))?;
        let Some(listed) = list.iter().find(|listed| self.is(member, listed)) else {
            return Ok(());
        };
        let request = json!({ "ID": listed.id.to_string() });
        let removed = self.gateways[via].call("/v3/cluster/member/remove", &request, CHANGE).await;
        self.changed(via, removed, "etcdserver: member not found")
    }

    pub(super) async fn add(&self, via: usize, member: usize) -> Result<(), DriverError> {
        let list = self.list(via).await.map_err(|error| self.fail(via, error))?;
        if let Some(listed) = list.iter().find(|listed| self.is(member, listed)) {
            if listed.name.is_empty() {
                return Ok(());
            }
            let name = &self.members[member].name;
            return Err(self.error(via, format!("{name} is a member already")));
        }
        // A new member refuses to join a cluster that has not said its version yet, and ends. So it is
        // soon after a restore.
        let versions = self.peers[via].call(Method::GET, "/version", Vec::new(), STATUS).await;
        let versions = versions.map_err(|failure| self.fail(via, failure.into()))?;
        if String::from_utf8_lossy(&versions.body).contains("not_decided") {
            return Err(self.error(via, "the version of the cluster is not decided"));
        }
        let request = json!({ "peerURLs": [self.peer_url(member)] });
        let added = self.gateways[via].call("/v3/cluster/member/add", &request, CHANGE).await;
        self.changed(via, added, "etcdserver: Peer URLs already exists")
    }

    /// What came of a change; `done` is the error that says that it was made before.
    fn changed(
        &self,
        via: usize,
        changed: Result<serde::de::IgnoredAny, GatewayError>,
        done: &str,
    ) -> Result<(), DriverError> {
        match changed {
            Err(error) if error.message != done => Err(self.fail(via, error)),
            _ => Ok(()),
        }
    }

    async fn list(&self, via: usize) -> Result<Vec<Listed>, GatewayError> {
        let list: List =
            self.gateways[via].call("/v3/cluster/member/list", &json!({}), STATUS).await?;
        Ok(list.members)
    }

    fn is(&self, member: usize, listed: &Listed) -> bool {
        listed.name == self.members[member].name
            || listed.peer_urls.contains(&self.peer_url(member))
    }
}
