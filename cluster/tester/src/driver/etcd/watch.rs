//! How does a watch of etcd come in?

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::client::EtcdClient;
use super::gateway::{Bytes, GatewayError, Header, KeyValue, interval, number, parse_streamed};
use crate::driver::http::Lines;
use crate::driver::{DriverError, WatchMessage, WatchStream};
use crate::history::{Change, Event, Revision};

/// How long a member may take to say that a watch is open.
const OPENING: Duration = Duration::from_secs(5);

/// An open watch.
#[derive(Debug)]
pub(super) struct Watch {
    /// The name of the member.
    name: String,
    lines: Lines,
    /// The changes of a message of which further pieces will come.
    pieces: VecDeque<Change>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    header: Header,
    created: bool,
    canceled: bool,
    cancel_reason: String,
    #[serde(deserialize_with = "number")]
    compact_revision: Revision,
    /// Whether the message goes on with the next one.
    fragment: bool,
    events: Vec<WatchEvent>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WatchEvent {
    #[serde(rename = "type")]
    kind: EventKind,
    kv: KeyValue,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EventKind {
    #[default]
    Put,
    Delete,
}

/// Opens a watch, and waits until the member says that it is open.
pub(super) async fn open(
    client: &EtcdClient,
    from: &str,
    to: Option<&str>,
    first: Revision,
) -> Result<Watch, DriverError> {
    let mut create = interval(from, to);
    create["start_revision"] = json!(first.to_string());
    // A message can hold a thousand revisions. In pieces, none of its lines is long.
    create["fragment"] = json!(true);
    let request = json!({ "create_request": create });
    let opening = async {
        let lines = client.gateway.stream("/v3/watch", &request, OPENING).await;
        let lines = lines.map_err(|error| client.fail(error))?;
        let mut watch = Watch { name: client.name.clone(), lines, pieces: VecDeque::new() };
        let message = watch.message().await?;
        if !message.created {
            return Err(watch.error("the first message of the watch does not say that it is open"));
        }
        Ok(watch)
    };
    let opened = tokio::time::timeout(OPENING, opening).await;
    opened.unwrap_or_else(|_| Err(client.error(format!("the watch is not open after {OPENING:?}"))))
}

impl Watch {
    /// The next message. One that ends the watch is an error.
    async fn message(&mut self) -> Result<Message, DriverError> {
        let line = match self.lines.next().await {
            Ok(Some(line)) => line,
            Ok(None) => return Err(self.error("the watch has ended")),
            Err(failure) => return Err(self.error(format!("the watch broke: {}", failure.message))),
        };
        let message: Message = parse_streamed(&line)
            .map_err(|error| self.error(format!("the watch ended: {}", error.message)))?;
        if message.canceled && message.compact_revision > 0 {
            let compacted = message.compact_revision;
            return Err(self.error(format!(
                "the watch asks for revisions that are compacted; the first one that is left is {compacted}"
            )));
        }
        if message.canceled {
            return Err(self.error(format!("the watch was canceled: {}", message.cancel_reason)));
        }
        Ok(message)
    }

    fn error(&self, message: impl Into<String>) -> DriverError {
        DriverError { whom: self.name.clone(), message: message.into() }
    }
}

#[async_trait]
impl WatchStream for Watch {
    async fn next(&mut self) -> Result<WatchMessage, DriverError> {
        loop {
            let message = self.message().await?;
            // A piece begins where the one before ended, also within a revision.
            for event in message.events {
                let revision = event.kv.mod_revision;
                let event = event.read().map_err(|error| self.error(error.message))?;
                match self.pieces.back_mut() {
                    Some(last) if last.revision == revision => last.events.push(event),
                    _ => self.pieces.push_back(Change { revision, events: vec![event] }),
                }
            }
            // The last change may go on in the next piece.
            let whole = self.pieces.len().saturating_sub(message.fragment.into());
            if whole > 0 || !message.fragment {
                let changes = self.pieces.drain(..whole).collect();
                return Ok(WatchMessage { changes, revision: message.header.revision });
            }
        }
    }
}

impl WatchEvent {
    fn read(self) -> Result<Event, GatewayError> {
        if self.kv.mod_revision == 0 || self.kv.key == Bytes::default() {
            return Err(GatewayError::strange("an event without key or revision"));
        }
        let key = self.kv.key.text()?;
        Ok(match self.kind {
            EventKind::Put => Event::Put { key, value: self.kv.value.text()? },
            EventKind::Delete => Event::Delete { key },
        })
    }
}
