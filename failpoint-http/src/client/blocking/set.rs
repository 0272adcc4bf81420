//! The blocking client for several servers.

use super::client::Client;
use super::guard::{RemoteArmed, guards};
use crate::client::{self, Arming, Armings, ByAddress, ClientError, Wait};
use crate::wire::{Changed, Counts, Points, Reset};

/// Several servers; the blocking version of [`ClientSet`](crate::ClientSet).
#[derive(Clone, Debug)]
pub struct ClientSet {
    set: client::ClientSet,
}

#[expect(clippy::missing_errors_doc, reason = "documented at the async versions")]
impl ClientSet {
    /// As [`ClientSet::new`](crate::ClientSet::new).
    pub fn new<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Self, ClientError> {
        client::ClientSet::new(addresses).map(|set| Self { set })
    }

    /// As [`ClientSet::clients`](crate::ClientSet::clients).
    pub fn clients(&self) -> Vec<Client> {
        self.set.clients().iter().cloned().map(|client| Client { client }).collect()
    }

    /// As [`ClientSet::list`](crate::ClientSet::list).
    pub fn list(&self) -> Result<ByAddress<Points>, ClientError> {
        blocking!(set = self.set.clone() => async { Ok(set.list().await) })
    }

    /// As [`ClientSet::disarm`](crate::ClientSet::disarm).
    pub fn disarm(&self, name: &str) -> Result<ByAddress<Changed>, ClientError> {
        blocking!(set = self.set.clone(), name = name.to_owned()
            => async { Ok(set.disarm(&name).await) })
    }

    /// As [`ClientSet::reset`](crate::ClientSet::reset).
    pub fn reset(&self) -> Result<ByAddress<Reset>, ClientError> {
        blocking!(set = self.set.clone() => async { Ok(set.reset().await) })
    }

    /// As [`ClientSet::arm`](crate::ClientSet::arm).
    pub fn arm(
        &self,
        name: &str,
        arming: impl Into<Arming>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        guards(blocking!(set = self.set.clone(), name = name.to_owned(), arming = arming.into()
            => set.arm(&name, arming)))
    }

    /// As [`ClientSet::arm_all`](crate::ClientSet::arm_all).
    pub fn arm_all(&self, armings: impl Into<Armings>) -> Result<Vec<RemoteArmed>, ClientError> {
        guards(blocking!(set = self.set.clone(), armings = armings.into() => set.arm_all(armings)))
    }

    /// As [`ClientSet::arm_matching`](crate::ClientSet::arm_matching).
    pub fn arm_matching(
        &self,
        glob: &str,
        arming: impl Into<Arming>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        guards(blocking!(set = self.set.clone(), glob = glob.to_owned(), arming = arming.into()
            => set.arm_matching(&glob, arming)))
    }

    /// As [`ClientSet::wait_any`](crate::ClientSet::wait_any).
    pub fn wait_any(&self, name: &str, wait: Wait) -> Result<(String, Counts), ClientError> {
        blocking!(set = self.set.clone(), name = name.to_owned() => set.wait_any(&name, wait))
    }

    /// As [`ClientSet::wait_all`](crate::ClientSet::wait_all).
    pub fn wait_all(&self, name: &str, wait: Wait) -> Result<Vec<(String, Counts)>, ClientError> {
        blocking!(set = self.set.clone(), name = name.to_owned() => set.wait_all(&name, wait))
    }
}

impl FromIterator<Client> for ClientSet {
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        Self { set: clients.into_iter().map(|client| client.client).collect() }
    }
}
