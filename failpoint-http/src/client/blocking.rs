//! The client library for those who are no tasks: the same, and it blocks.
//!
//! The work is done on one thread of this library, so these types may be used anywhere, within a
//! tokio runtime too, where they hold their thread up. What a method does, gives and refuses is said
//! at its twin: [`Client`](crate::Client), [`ClientSet`](crate::ClientSet),
//! [`RemoteArmed`](crate::RemoteArmed).
//!
//! ```no_run
//! use failpoint_http::blocking::Client;
//! use std::time::Duration;
//!
//! # fn test() -> Result<(), failpoint_http::ClientError> {
//! let server = Client::new("127.0.0.1:22381")?;
//! let save = server.arm("raftAfterSave", "pause")?;
//! // … a write …
//! save.wait_paused(1, Duration::from_secs(10))?;
//! save.resume(1)?;
//! # Ok(()) }
//! ```

use super::background::run;
use super::{Arming, Armings, ByAddress, ClientError, Events, Filter, Received, Wait};
use crate::wire::{Changed, Counts, Info, Point, Points, Report, Reset, Resumed, Waited};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Controls the failpoints of one server; the twin of [`Client`](crate::Client).
///
/// It is made as that is: `Client::from(failpoint_http::Client::builder(…).build()?)` where it takes
/// more than an address.
#[derive(Clone, Debug)]
pub struct Client {
    client: super::Client,
}

/// Several servers; the twin of [`ClientSet`](crate::ClientSet).
#[derive(Clone, Debug)]
pub struct ClientSet {
    set: super::ClientSet,
}

/// A point armed in another process; the twin of [`RemoteArmed`](crate::RemoteArmed).
///
/// Dropping it disarms, and waits for that for at most a second.
#[derive(Debug)]
#[must_use = "dropping the guard disarms the point; `keep()` leaves it armed"]
pub struct RemoteArmed {
    armed: Arc<super::RemoteArmed>,
}

/// Events as they come; the twin of [`EventStream`](crate::EventStream). It iterates until the
/// first error, which it gives.
#[derive(Debug)]
#[must_use = "events are lost unless they are received"]
pub struct EventStream {
    address: String,
    stream: Arc<Mutex<super::EventStream>>,
    ended: bool,
}

/// gofail's routes; the twin of [`Gofail`](crate::Gofail).
#[derive(Clone)]
pub struct Gofail {
    gofail: super::Gofail,
}

/// Has the work done on the thread of the library. What it uses is cloned first.
macro_rules! blocking {
    ($($used:ident = $value:expr),+ => $work:expr) => {{
        $(let $used = $value;)+
        run(async move { $work.await })
    }};
}

#[expect(clippy::missing_errors_doc, reason = "said at the twins")]
impl Client {
    /// As [`Client::new`](crate::Client::new).
    pub fn new(address: &str) -> Result<Self, ClientError> {
        super::Client::new(address).map(Self::from)
    }

    /// As [`Client::from_env`](crate::Client::from_env).
    pub fn from_env() -> Result<Self, ClientError> {
        super::Client::from_env().map(Self::from)
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
        let address = self.address().to_owned();
        Ok(EventStream { address, stream: Arc::new(Mutex::new(stream)), ended: false })
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
        Gofail { gofail: self.client.gofail() }
    }

    fn twin(&self) -> super::Client {
        self.client.clone()
    }
}

impl From<super::Client> for Client {
    /// With connections of its own: those of `client` belong to the runtime that it is used in.
    fn from(client: super::Client) -> Self {
        Self { client: client.apart() }
    }
}

#[expect(clippy::missing_errors_doc, reason = "said at the twins")]
impl ClientSet {
    /// As [`ClientSet::new`](crate::ClientSet::new).
    pub fn new<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Self, ClientError> {
        super::ClientSet::new(addresses).map(|set| Self { set })
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

#[expect(clippy::missing_errors_doc, reason = "said at the twins")]
impl RemoteArmed {
    /// As [`RemoteArmed::name`](crate::RemoteArmed::name).
    pub fn name(&self) -> &str {
        self.armed.name()
    }

    /// As [`RemoteArmed::generation`](crate::RemoteArmed::generation).
    pub fn generation(&self) -> u64 {
        self.armed.generation()
    }

    /// As [`RemoteArmed::address`](crate::RemoteArmed::address).
    pub fn address(&self) -> &str {
        self.armed.address()
    }

    /// As [`RemoteArmed::point`](crate::RemoteArmed::point).
    pub fn point(&self) -> &Point {
        self.armed.point()
    }

    /// As [`RemoteArmed::note`](crate::RemoteArmed::note).
    pub fn note(&self) -> Option<&str> {
        self.armed.note()
    }

    /// As [`RemoteArmed::hits`](crate::RemoteArmed::hits).
    pub fn hits(&self) -> Result<u64, ClientError> {
        blocking!(armed = self.armed.clone() => armed.hits())
    }

    /// As [`RemoteArmed::fires`](crate::RemoteArmed::fires).
    pub fn fires(&self) -> Result<u64, ClientError> {
        blocking!(armed = self.armed.clone() => armed.fires())
    }

    /// As [`RemoteArmed::paused`](crate::RemoteArmed::paused).
    pub fn paused(&self) -> Result<u64, ClientError> {
        blocking!(armed = self.armed.clone() => armed.paused())
    }

    /// As [`RemoteArmed::counts`](crate::RemoteArmed::counts).
    pub fn counts(&self) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.counts())
    }

    /// As [`RemoteArmed::wait_hits`](crate::RemoteArmed::wait_hits).
    pub fn wait_hits(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.wait_hits(count, timeout))
    }

    /// As [`RemoteArmed::wait_fires`](crate::RemoteArmed::wait_fires).
    pub fn wait_fires(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.wait_fires(count, timeout))
    }

    /// As [`RemoteArmed::wait_paused`](crate::RemoteArmed::wait_paused).
    pub fn wait_paused(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        blocking!(armed = self.armed.clone() => armed.wait_paused(count, timeout))
    }

    /// As [`RemoteArmed::resume`](crate::RemoteArmed::resume).
    pub fn resume(&self, count: u64) -> Result<Resumed, ClientError> {
        blocking!(armed = self.armed.clone() => armed.resume(count))
    }

    /// As [`RemoteArmed::disarm`](crate::RemoteArmed::disarm).
    pub fn disarm(self) -> Result<bool, ClientError> {
        blocking!(armed = self.armed.clone() => armed.end())
    }

    /// As [`RemoteArmed::keep`](crate::RemoteArmed::keep).
    pub fn keep(self) {
        self.armed.let_go();
    }
}

impl From<super::RemoteArmed> for RemoteArmed {
    fn from(armed: super::RemoteArmed) -> Self {
        Self { armed: Arc::new(armed) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "said at the twins")]
impl EventStream {
    /// As [`EventStream::recv`](crate::EventStream::recv).
    pub fn recv(&mut self) -> Result<Received, ClientError> {
        let stream = self.stream.clone();
        run(async move { stream.lock().await.recv().await })
    }

    /// As [`recv`](Self::recv), for at most this long; `None` where nothing came.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Received>, ClientError> {
        let stream = self.stream.clone();
        run(async move {
            let mut stream = stream.lock().await;
            // Cancelling it loses nothing.
            tokio::time::timeout(timeout, stream.recv()).await.ok().transpose()
        })
    }

    /// As [`EventStream::address`](crate::EventStream::address).
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Iterator for EventStream {
    type Item = Result<Received, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let received = self.recv();
        self.ended = received.is_err();
        Some(received)
    }
}

#[expect(clippy::missing_errors_doc, reason = "said at the twins")]
impl Gofail {
    /// As [`Gofail::list`](crate::Gofail::list).
    pub fn list(&self) -> Result<BTreeMap<String, Option<String>>, ClientError> {
        blocking!(gofail = self.gofail.clone() => gofail.list())
    }

    /// As [`Gofail::get`](crate::Gofail::get).
    pub fn get(&self, name: &str) -> Result<Option<String>, ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned() => gofail.get(&name))
    }

    /// As [`Gofail::count`](crate::Gofail::count).
    pub fn count(&self, name: &str) -> Result<Option<u64>, ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned() => gofail.count(&name))
    }

    /// As [`Gofail::arm`](crate::Gofail::arm).
    pub fn arm(&self, name: &str, terms: &str) -> Result<(), ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned(), terms = terms.to_owned()
            => gofail.arm(&name, &terms))
    }

    /// As [`Gofail::arm_all`](crate::Gofail::arm_all).
    pub fn arm_all(&self, config: &str) -> Result<(), ClientError> {
        blocking!(gofail = self.gofail.clone(), config = config.to_owned()
            => gofail.arm_all(&config))
    }

    /// As [`Gofail::disarm`](crate::Gofail::disarm).
    pub fn disarm(&self, name: &str) -> Result<bool, ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned() => gofail.disarm(&name))
    }
}

fn guards(
    armed: Result<Vec<super::RemoteArmed>, ClientError>,
) -> Result<Vec<RemoteArmed>, ClientError> {
    Ok(armed?.into_iter().map(RemoteArmed::from).collect())
}
