//! [`Events`] and [`EventStream`]: the events at the points of a server.

use super::caller::{Caller, Request};
use super::error::ClientError;
use super::path::with_query;
use super::sse::{Message, Parser};
use crate::wire::{Event, EventKind, Lost};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// The server sends a heartbeat every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// The largest event that is accepted.
const LARGEST: usize = 1 << 20;

/// Which events to receive; all by default.
///
/// ```
/// use failpoint_http::Events;
/// use failpoint_http::wire::EventKind;
///
/// let fires = Events::matching("raft*").kinds([EventKind::Fired]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it does nothing until you pass it to a client"]
pub struct Events {
    glob: Option<String>,
    kinds: Vec<EventKind>,
}

/// An item of an [`EventStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// Something happened.
    Event(Event),
    /// This reader was too slow: this many events before the next one are lost.
    Lost(u64),
}

/// A stream of events; returned by [`Client::events`](crate::Client::events). Dropping it closes the
/// stream.
#[must_use = "events are lost unless they are received"]
pub struct EventStream {
    caller: Caller,
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Message>,
}

impl Events {
    /// All events.
    pub fn all() -> Self {
        Self::default()
    }

    /// The events of points whose name matches.
    pub fn matching(glob: impl Into<String>) -> Self {
        Self { glob: Some(glob.into()), kinds: Vec::new() }
    }

    /// Only events of these kinds.
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        self.kinds.extend(kinds);
        self
    }

    fn path(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        let kinds = (!kinds.is_empty()).then(|| kinds.join(","));
        with_query("/v1/events", [("match", self.glob.clone()), ("kinds", kinds)])
    }
}

impl EventStream {
    pub(super) async fn open(caller: &Caller, events: &Events) -> Result<Self, ClientError> {
        let request = Request::get(events.path()).accept("text/event-stream");
        let body = caller.open(request).await?;
        let (parser, ready) = (Parser::default(), VecDeque::new());
        Ok(Self { caller: caller.clone(), body, parser, ready })
    }

    /// The next event. This method is cancel safe.
    ///
    /// # Errors
    /// [`ClientError::NotReachable`] if the stream has ended, or if nothing was received for 45 s. It
    /// does not reconnect, because the events in between would be missing.
    pub async fn recv(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                if let Some(received) = self.understand(&message)? {
                    return Ok(received);
                }
                continue;
            }
            let frame = match timeout(SILENCE, self.body.frame()).await {
                Err(_) => {
                    let why = format_args!("nothing was received for {SILENCE:?}");
                    return Err(self.caller.unreached(why));
                }
                Ok(None) => return Err(self.caller.unreached("the stream of events has ended")),
                Ok(Some(frame)) => frame.map_err(|error| {
                    let why = super::transport::root(&error);
                    self.caller.unreached(format_args!("the stream of events has ended: {why}"))
                })?,
            };
            if let Some(bytes) = frame.data_ref() {
                let ready = &mut self.ready;
                self.parser.read(bytes, |message| ready.push_back(message));
                if self.parser.kept() > LARGEST {
                    return Err(self.caller.bad("an event of more than 1 MiB"));
                }
            }
        }
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        self.caller.address()
    }

    /// `None` for a kind of event that this version does not know.
    fn understand(&self, message: &Message) -> Result<Option<Received>, ClientError> {
        let bad = |error| self.caller.bad(format_args!("an event `{}`: {error}", message.event));
        match message.event.as_str() {
            "lost" => {
                let lost: Lost = serde_json::from_str(&message.data).map_err(bad)?;
                Ok(Some(Received::Lost(lost.lost)))
            }
            kind if EventKind::ALL.iter().any(|known| known.as_str() == kind) => {
                serde_json::from_str(&message.data).map(Received::Event).map(Some).map_err(bad)
            }
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("address", &self.address()).finish_non_exhaustive()
    }
}
