//! The blocking stream of events.

use crate::client::background::run;
use crate::client::{self, ClientError, Received};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A stream of events; the blocking version of [`EventStream`](crate::EventStream). The iterator ends
/// after the first error, which it yields.
#[derive(Debug)]
#[must_use = "events are lost unless they are received"]
pub struct EventStream {
    address: String,
    stream: Arc<Mutex<client::EventStream>>,
    ended: bool,
}

#[expect(clippy::missing_errors_doc, reason = "documented at the async versions")]
impl EventStream {
    /// As [`EventStream::recv`](crate::EventStream::recv).
    pub fn recv(&mut self) -> Result<Received, ClientError> {
        let stream = self.stream.clone();
        run(async move { stream.lock().await.recv().await })
    }

    /// As [`recv`](Self::recv), for at most this long; `None` if no event arrived.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Received>, ClientError> {
        let stream = self.stream.clone();
        run(async move {
            let mut stream = stream.lock().await;
            // `recv` is cancel safe.
            tokio::time::timeout(timeout, stream.recv()).await.ok().transpose()
        })
    }

    /// As [`EventStream::address`](crate::EventStream::address).
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl From<client::EventStream> for EventStream {
    fn from(stream: client::EventStream) -> Self {
        let address = stream.address().to_owned();
        Self { address, stream: Arc::new(Mutex::new(stream)), ended: false }
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
