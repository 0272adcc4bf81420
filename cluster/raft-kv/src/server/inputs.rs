//! What reaches the node, and how do those who ask get their answers?

use super::metrics::Metrics;
use super::peers::Event;
use super::refusal::Refusal;
use crate::{KeyRange, KeyValue, Request, RequestError, Response, Revision, WatchMessage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many inputs wait for the node at most.
const QUEUE: usize = 8_192;
/// How many messages of a watch wait for its client at most. A slower client loses the watch.
const WATCH_QUEUE: usize = 64;
/// How many bytes of keys and values wait for the client of a watch at most. One message may be larger.
const WATCH_BYTES: usize = 4 << 20;

/// Takes the answer to a request.
pub(super) type Reply = oneshot::Sender<Result<Response, Refusal>>;

/// What a watch gets: messages until the first error.
type Watched = Result<WatchMessage, RequestError>;

/// Takes the messages of a watch, until the first error.
#[derive(Debug)]
pub(super) struct WatchSender {
    queue: mpsc::Sender<Watched>,
    /// How many bytes wait in the queue.
    bytes: Arc<AtomicUsize>,
}

impl WatchSender {
    /// Gives the client a message. If too many wait, or too many bytes, this one is lost.
    pub(super) fn try_send(&self, message: Watched) -> Result<(), WatchError> {
        let size = size(&message);
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        if before > 0 && before + size > WATCH_BYTES {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(WatchError::Slow);
        }
        self.queue.try_send(message).map_err(|error| {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(_) => WatchError::Slow,
                mpsc::error::TrySendError::Closed(_) => WatchError::Closed,
            }
        })
    }
}

/// Why a watch does not get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchError {
    /// Its client reads too slowly.
    Slow,
    /// Its client has gone.
    Closed,
}

/// The bytes of the keys and the values in a message.
fn size(message: &Watched) -> usize {
    let of = |kv: &KeyValue| kv.key.len() + kv.value.len();
    let events = message.iter().flat_map(|message| &message.events);
    events.map(|event| of(&event.kv) + event.previous.as_ref().map_or(0, of)).sum()
}

/// What happens to the owner of the node.
#[derive(Debug)]
pub(super) enum Work {
    /// Something on the connections of peers.
    Peer(Event),
    /// A client asks for something. The messages of a watch have a channel of their own.
    Request {
        /// No other request of the server has it.
        id: u64,
        request: Request,
        reply: Reply,
        watch: Option<WatchSender>,
    },
    /// The client of a watch has gone.
    CancelWatch(u64),
    /// The server stops.
    Stop,
}

/// Gives inputs to the node. Never blocks. Clones share the queue.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    queue: SyncSender<Work>,
    next_id: Arc<AtomicU64>,
    /// How long a request may take before the owner of the node is given up.
    limit: Duration,
    metrics: Arc<Metrics>,
}

/// A watch that is open. Dropping it closes it.
pub(super) struct OpenWatch {
    /// The revision at which it was opened.
    pub(super) revision: Revision,
    messages: mpsc::Receiver<Watched>,
    bytes: Arc<AtomicUsize>,
    id: u64,
    inputs: Inputs,
}

impl Inputs {
    pub(super) fn new(limit: Duration, metrics: Arc<Metrics>) -> (Self, Receiver<Work>) {
        let (queue, receiver) = sync_channel(QUEUE);
        (Self { queue, next_id: Arc::default(), limit, metrics }, receiver)
    }

    /// Gives what comes from peers. If the queue is full, it is lost, as messages may be.
    pub(super) fn peer(&self, event: Event) {
        if self.queue.try_send(Work::Peer(event)).is_err() {
            self.metrics.input_dropped();
        }
    }

    /// Asks the node, and waits for the answer.
    pub(super) async fn request(&self, request: Request) -> Result<Response, Refusal> {
        self.ask(self.id(), request, None).await
    }

    /// Opens a watch.
    pub(super) async fn watch(
        &self,
        keys: KeyRange,
        first: Revision,
    ) -> Result<OpenWatch, Refusal> {
        let (queue, messages) = mpsc::channel(WATCH_QUEUE);
        let bytes = Arc::new(AtomicUsize::new(0));
        let sender = WatchSender { queue, bytes: Arc::clone(&bytes) };
        self.metrics.watch_opened();
        let id = self.id();
        let request = Request::Watch { keys, first };
        let mut open = OpenWatch { revision: 0, messages, bytes, id, inputs: self.clone() };
        match self.ask(id, request, Some(sender)).await? {
            Response::Watching { revision } => open.revision = revision,
            other => unreachable!("a watch was answered by {other:?}"),
        }
        Ok(open)
    }

    fn id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    async fn ask(
        &self,
        id: u64,
        request: Request,
        watch: Option<WatchSender>,
    ) -> Result<Response, Refusal> {
        let (kind, is_unknown) = (kind(&request), changes_something(&request));
        let (reply, answer) = oneshot::channel();
        let answer = match self.queue.try_send(Work::Request { id, request, reply, watch }) {
            Err(TrySendError::Full(_)) => Err(Refusal::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(Refusal::Stopping { is_unknown: false }),
            Ok(()) => match tokio::time::timeout(self.limit, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(Refusal::Stopping { is_unknown }),
                Err(_) => Err(Refusal::NoAnswer { limit: self.limit, is_unknown }),
            },
        };
        self.metrics.answered(kind, answer.as_ref().err());
        answer
    }

    /// Lets the owner of the node stop.
    pub(super) fn stop(&self) {
        // It waits for a place in the queue. Without the owner there is nothing to stop.
        let _ = self.queue.send(Work::Stop);
    }
}

impl OpenWatch {
    /// The next message; `None`: the watch has ended, and can be opened again where it was.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<WatchMessage, RequestError>>> {
        let next = ready!(self.messages.poll_recv(context));
        if let Some(message) = &next {
            self.bytes.fetch_sub(size(message), Ordering::Relaxed);
        }
        Poll::Ready(next)
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.inputs.metrics.watch_closed();
        // If the queue is full, the owner notices when it sends to the closed channel.
        let _ = self.inputs.queue.try_send(Work::CancelWatch(self.id));
    }
}

/// Whether a request that got no answer may have had an effect.
pub(super) fn changes_something(request: &Request) -> bool {
    match request {
        Request::Write(_)
        | Request::AddMember(_)
        | Request::RemoveMember(_)
        | Request::MoveLeader(_) => true,
        Request::Read { .. }
        | Request::Watch { .. }
        | Request::Hash { .. }
        | Request::Status
        | Request::Snapshot => false,
    }
}

/// The name of a request in the metrics.
fn kind(request: &Request) -> &'static str {
    use crate::{Read, Write};
    match request {
        Request::Write(Write::Put(_)) => "put",
        Request::Write(Write::Delete(_)) => "delete",
        Request::Write(Write::Txn(_)) => "txn",
        Request::Write(Write::Compact(_)) => "compact",
        Request::Write(Write::Grant { .. }) => "grant",
        Request::Write(Write::KeepAlive(_)) => "keep-alive",
        Request::Write(Write::Revoke(_) | Write::Expire { .. }) => "revoke",
        Request::Read { read: Read::Range(_), .. } => "range",
        Request::Read { read: Read::TimeToLive(_), .. } => "time-to-live",
        Request::Read { read: Read::Nothing, .. } => "health",
        Request::Watch { .. } => "watch",
        Request::Hash { .. } => "hash",
        Request::Status => "status",
        Request::Snapshot => "snapshot",
        Request::AddMember(_) | Request::RemoveMember(_) => "member",
        Request::MoveLeader(_) => "move-leader",
    }
}
