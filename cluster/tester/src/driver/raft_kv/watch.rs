//! How does a watch of raft-kv come in?

use std::time::Duration;

use async_trait::async_trait;
use raft_kv::client;
use raft_kv::{EventKind, WatchMessage as Message};

use super::fail;
use super::requests::KvClient;
use crate::driver::{DriverError, WatchMessage, WatchStream};
use crate::history::{Change, Event, Revision};

/// How long a member may take to say that a watch is open.
const OPENING: Duration = Duration::from_secs(5);

/// An open watch. When its connection breaks, the library opens it again at the same member.
#[derive(Debug)]
pub(super) struct Watch {
    /// The name of the member.
    name: String,
    watch: client::Watch,
}

/// Opens a watch, and waits until the member says that it is open.
pub(super) async fn open(
    client: &KvClient,
    from: &str,
    to: Option<&str>,
    first: Revision,
) -> Result<Watch, DriverError> {
    let watch = client.within(OPENING).watch(from, to, Some(first)).await;
    let watch = watch.map_err(|error| client.fail(&error))?;
    Ok(Watch { name: client.name.clone(), watch })
}

#[async_trait]
impl WatchStream for Watch {
    async fn next(&mut self) -> Result<WatchMessage, DriverError> {
        let message = self.watch.next().await.map_err(|error| fail(&self.name, &error))?;
        Ok(read(message))
    }
}

/// Two changes of one revision that came apart stay apart.
fn read(message: Message) -> WatchMessage {
    let mut changes: Vec<Change> = Vec::new();
    for event in message.events {
        let (revision, key) = (event.kv.mod_revision, event.kv.key);
        let event = match event.kind {
            EventKind::Put => Event::Put { key, value: event.kv.value },
            EventKind::Delete => Event::Delete { key },
        };
        match changes.last_mut() {
            Some(last) if last.revision == revision => last.events.push(event),
            _ => changes.push(Change { revision, events: vec![event] }),
        }
    }
    WatchMessage { changes, revision: message.revision }
}
