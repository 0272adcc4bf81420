//! The blocking client for one server.

use super::events::EventStream;
use super::gofail::Gofail;
use super::guard::{RemoteArmed, guards};
use crate::client::{self, Arming, Armings, ClientError, Events, Filter, Wait};
use crate::wire::{Changed, Info, Point, Points, Report, Reset, Resumed, Waited};

/// Controls the failpoints of one server; the blocking version of [`Client`](crate::Client).
///
/// To set a token or time limits, convert an async client:
/// `Client::from(failpoint_http::Client::builder(…).build()?)`.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) client: client::Client,
}

#[expect(clippy::missing_errors_doc, reason = "documented at the async versions")]
impl Client {
    /// As [`Client::new`](crate::Client::new).
    pub fn new(address: &str) -> Result<Self, ClientError> {
        client::Client::new(address).map(Self::from)
    }

    /// As [`Client::from_env`](crate::Client::from_env).
    pub fn from_env() -> Result<Self, ClientError> {
        client::Client::from_env().map(Self::from)
    }

    /// As [`Client::address`](crate::Client::address).
    pub fn address(&self) -> &str {
        self.client.address()
    }

    /// As [`Client::list`](crate::Client::list).
    pub fn list(&self) -> Result<Points, ClientError> {
        blocking!(client = self.twin() => client.list())
    }

    /// As [`Client::list_where`](crate::Client::list_where).
    pub fn list_where(&self, filter: &Filter) -> Result<Points, ClientError> {
        blocking!(client = self.twin(), filter = filter.clone() => client.list_where(&filter))
    }

    /// As [`Client::get`](crate::Client::get).
    pub fn get(&self, name: &str) -> Result<Point, ClientError> {
        blocking!(client = self.twin(), name = name.to_owned() => client.get(&name))
    }

    /// As [`Client::arm`](crate::Client::arm).
    pub fn arm(&self, name: &str, arming: impl Into<Arming>) -> Result<RemoteArmed, ClientError> {
        let armed = blocking!(client = self.twin(), name = name.to_owned(), arming = arming.into()
            => client.arm(&name, arming));
        armed.map(RemoteArmed::from)
    }

    /// As [`Client::arm_all`](crate::Client::arm_all).
    pub fn arm_all(&self, armings: impl Into<Armings>) -> Result<Vec<RemoteArmed>, ClientError> {
        guards(blocking!(client = self.twin(), armings = armings.into() => client.arm_all(armings)))
    }

    /// As [`Client::arm_matching`](crate::Client::arm_matching).
    pub fn arm_matching(
        &self,
        glob: &str,
        arming: impl Into<Arming>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        guards(blocking!(client = self.twin(), glob = glob.to_owned(), arming = arming.into()
            => client.arm_matching(&glob, arming)))
    }

    /// As [`Client::disarm`](crate::Client::disarm).
    pub fn disarm(&self, name: &str) -> Result<Changed, ClientError> {
        blocking!(client = self.twin(), name = name.to_owned() => client.disarm(&name))
    }

    /// As [`Client::disarm_if`](crate::Client::disarm_if).
    pub fn disarm_if(&self, name: &str, generation: u64) -> Result<Changed, ClientError> {
        blocking!(client = self.twin(), name = name.to_owned()
            => client.disarm_if(&name, generation))
    }

    /// As [`Client::reset`](crate::Client::reset).
    pub fn reset(&self) -> Result<Reset, ClientError> {
        blocking!(client = self.twin() => client.reset())
    }

    /// As [`Client::wait`](crate::Client::wait).
    pub fn wait(&self, name: &str, wait: Wait) -> Result<Waited, ClientError> {
        blocking!(client = self.twin(), name = name.to_owned() => client.wait(&name, wait))
    }

    /// As [`Client::resume`](crate::Client::resume).
    pub fn resume(&self, name: &str, count: u64) -> Result<Resumed, ClientError> {
        blocking!(client = self.twin(), name = name.to_owned() => client.resume(&name, count))
    }

    /// As [`Client::resume_all`](crate::Client::resume_all).
    pub fn resume_all(&self, name: &str) -> Result<Resumed, ClientError> {
        blocking!(client = self.twin(), name = name.to_owned() => client.resume_all(&name))
    }

    /// As [`Client::events`](crate::Client::events).
    pub fn events(&self, events: &Events) -> Result<EventStream, ClientError> {
        let stream =
            blocking!(client = self.twin(), events = events.clone() => client.events(&events))?;
        Ok(EventStream::from(stream))
    }

    /// As [`Client::report`](crate::Client::report).
    pub fn report(&self) -> Result<Report, ClientError> {
        blocking!(client = self.twin() => client.report())
    }

    /// As [`Client::export`](crate::Client::export).
    pub fn export(&self) -> Result<String, ClientError> {
        blocking!(client = self.twin() => client.export())
    }

    /// As [`Client::info`](crate::Client::info).
    pub fn info(&self) -> Result<Info, ClientError> {
        blocking!(client = self.twin() => client.info())
    }

    /// As [`Client::healthz`](crate::Client::healthz).
    pub fn healthz(&self) -> Result<(), ClientError> {
        blocking!(client = self.twin() => client.healthz())
    }

    /// As [`Client::metrics`](crate::Client::metrics).
    pub fn metrics(&self) -> Result<String, ClientError> {
        blocking!(client = self.twin() => client.metrics())
    }

    /// As [`Client::gofail`](crate::Client::gofail).
    pub fn gofail(&self) -> Gofail {
        Gofail::from(self.client.gofail())
    }

    fn twin(&self) -> client::Client {
        self.client.clone()
    }
}

impl From<client::Client> for Client {
    /// Makes a client with its own connections, because those of `client` belong to its runtime.
    fn from(client: client::Client) -> Self {
        Self { client: client.with_own_connections() }
    }
}
