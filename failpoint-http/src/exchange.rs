//! How far is a connection with its request, how long may that take, and who may die meanwhile?
//!
//! ```text
//! idle ──first byte──▶ head ──▶ acting ──reply made──▶ replying ──flushed──▶ idle
//! ```
//! From before a request is acted upon until its reply was flushed, the end of the process is held,
//! so that the reply to a request that arms `kill` arrives. hyper writes all that it has of a reply
//! and only then flushes, and it writes in the very poll in which it is given the reply: so the next
//! flush that succeeds has carried it.

use failpoint::ExitHold;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For a head, from its first byte on, and for the first one from the connection on.
    pub(crate) head: Duration,
    /// For a whole body.
    pub(crate) body: Duration,
    /// To take a reply.
    pub(crate) reply: Duration,
    /// Between a reply and the next request. Go's clients give up after 90 s: they are to go first,
    /// since a request sent to a connection that is being closed is lost.
    pub(crate) idle: Duration,
    /// More wait to be accepted.
    pub(crate) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            reply: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            connections: 1024,
        }
    }
}

/// What a connection, its requests and its watchdog share.
#[derive(Clone)]
pub(crate) struct Exchange {
    shared: Arc<Shared>,
}

struct Shared {
    from: String,
    limits: Limits,
    state: Mutex<State>,
    deadline: watch::Sender<Option<Instant>>,
}

struct State {
    phase: Phase,
    /// One for each reply that is on its way: a peer may ask again before it has the first.
    holds: Vec<ExitHold>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Acting,
    Replying,
}

impl Exchange {
    /// Of a connection with `from`.
    pub(crate) fn new(from: String, limits: Limits) -> Self {
        let deadline = watch::Sender::new(Some(Instant::now() + limits.head));
        let state = Mutex::new(State { phase: Phase::Head, holds: Vec::new() });
        Self { shared: Arc::new(Shared { from, limits, state, deadline }) }
    }

    pub(crate) fn from(&self) -> &str {
        &self.shared.from
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// A head is complete; how long it is acted upon is for the one who acts to limit.
    pub(crate) fn begin(&self) {
        self.enter(Phase::Acting, None);
    }

    /// A reply goes out now; `hold` was taken before the request was acted upon.
    pub(crate) fn reply(&self, hold: ExitHold) {
        self.state().holds.push(hold);
        self.enter(Phase::Replying, Some(self.shared.limits.reply));
    }

    /// Comes back once the peer has taken longer than it may.
    pub(crate) async fn overdue(&self) {
        let mut deadline = self.shared.deadline.subscribe();
        loop {
            let now = *deadline.borrow_and_update();
            // The sender lives in `self`: there always is a next change.
            match now {
                None => drop(deadline.changed().await),
                Some(at) => tokio::select! {
                    () = sleep_until(at) => return,
                    _ = deadline.changed() => {}
                },
            }
        }
    }

    fn heard(&self) {
        if self.state().phase == Phase::Idle {
            self.enter(Phase::Head, Some(self.shared.limits.head));
        }
    }

    fn flushed(&self) {
        self.let_go();
        if self.state().phase == Phase::Replying {
            self.enter(Phase::Idle, Some(self.shared.limits.idle));
        }
    }

    fn let_go(&self) {
        let holds = std::mem::take(&mut self.state().holds);
        drop(holds);
    }

    fn enter(&self, phase: Phase, limit: Option<Duration>) {
        self.state().phase = phase;
        self.shared.deadline.send_replace(limit.map(|limit| Instant::now() + limit));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that tells its exchange what passes.
pub(crate) struct Wire<S> {
    stream: S,
    exchange: Exchange,
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S, exchange: Exchange) -> Self {
        Self { stream, exchange }
    }
}

impl<S> Drop for Wire<S> {
    /// Nothing more goes out: whoever waits for the reply to be out waits in vain.
    fn drop(&mut self) {
        self.exchange.let_go();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.exchange.heard();
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.exchange.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whatever did not get out by now never will.
        self.exchange.let_go();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
