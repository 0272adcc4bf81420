//! The state of a connection, its time limits, and the hold on the process's end while it replies.
//!
//! ```text
//! idle ──first byte──▶ head ──▶ acting ──reply made──▶ replying ──flushed──▶ idle
//!                                  └──▶ held open ──────────┘
//! ```
//! From before a request is acted upon until its reply was flushed, the end of the process is held,
//! so that the reply to a request that arms `kill` arrives. `watched` tells when it was.
//!
//! A request that waits or reads events is held open while its peer is connected. It returns the permit
//! of its connection, and holds a separate permit instead.

pub(crate) mod io;
pub(crate) mod limits;
pub(crate) mod seat;
pub(crate) mod spare;

use self::limits::Room;
use self::seat::Permit;
use crate::http::v1::HEARTBEAT;
use failpoint::ExitHold;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
    /// To take any of what is streamed, where there is something.
    pub(crate) stuck: Duration,
    /// Between two signs of life in a stream.
    pub(crate) heartbeat: Duration,
    /// More wait to be accepted. Those that are held open do not count.
    pub(crate) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            reply: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            stuck: Duration::from_secs(120),
            heartbeat: HEARTBEAT,
            connections: Room::now().connections,
        }
    }
}

/// What a connection, its requests and its watchdog share.
#[derive(Clone)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    from: String,
    limits: Limits,
    state: Mutex<State>,
    places: Arc<Semaphore>,
}

struct State {
    phase: Phase,
    /// When the peer has taken too long; `None` while it is not the peer's turn.
    deadline: Option<Instant>,
    /// One for each reply that is on its way: a peer may ask again before it has the first.
    holds: Vec<ExitHold>,
    place: Place,
    /// Whether the connection, once it is to close, waits for what the peer still sends.
    lingers: bool,
}

/// What lets a connection be. Of each kind there are so many and no more.
#[expect(dead_code, reason = "they are kept to be dropped")]
enum Place {
    Ordinary(OwnedSemaphorePermit),
    HeldOpen(Permit),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Acting,
    /// Acting, or replying, for as long as the peer is there.
    HeldOpen,
    Replying,
}

impl Connection {
    /// Of a connection with `from`, which has `place` until it ends.
    pub(crate) fn new(from: String, limits: Limits, place: OwnedSemaphorePermit) -> Self {
        let deadline = Some(Instant::now() + limits.head);
        let places = place.semaphore().clone();
        let place = Place::Ordinary(place);
        let holds = Vec::new();
        let state = Mutex::new(State { phase: Phase::Head, deadline, holds, place, lingers: true });
        Self { shared: Arc::new(Shared { from, limits, state, places }) }
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

    /// The request is held open. Its connection holds `permit` and returns its own permit.
    pub(crate) fn hold_open(&self, permit: Permit) {
        self.set_place(Place::HeldOpen(permit));
        self.enter(Phase::HeldOpen, None);
    }

    /// The connection closes as soon as its reply is out. The request was read to its end, so the peer
    /// has nothing to send before it has the reply.
    pub(crate) fn close_promptly(&self) {
        self.state().lingers = false;
    }

    /// How long a connection that closes waits for the end of what the peer sends.
    pub(crate) fn linger(&self) -> Duration {
        if self.state().lingers { self.limits().body } else { Duration::ZERO }
    }

    /// A reply goes out now; `hold` was taken before the request was acted upon.
    pub(crate) fn reply(&self, hold: ExitHold) {
        self.state().holds.push(hold);
        if self.is_held_open() {
            // If there is no connection permit, it keeps the other: each of them is limited.
            if let Ok(place) = self.shared.places.clone().try_acquire_owned() {
                self.set_place(Place::Ordinary(place));
            }
        }
        self.enter(Phase::Replying, Some(self.shared.limits.reply));
    }

    /// Comes back once the peer has taken longer than it may.
    ///
    /// Nothing wakes it when the deadline moves: it is polled by the task of the connection, after
    /// the connection, and whatever moves the deadline runs there.
    pub(crate) async fn overdue(&self) {
        let mut timer = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            loop {
                let Some(deadline) = self.state().deadline else { return Poll::Pending };
                // One that moves further away, as with every request, is looked at when it is time:
                // a timer that is set anew each time costs more.
                if deadline < timer.deadline() {
                    timer.as_mut().reset(deadline);
                }
                ready!(timer.as_mut().poll(cx));
                if deadline <= Instant::now() {
                    return Poll::Ready(());
                }
                timer.as_mut().reset(deadline);
            }
        })
        .await;
    }

    pub(crate) fn heard(&self) {
        if self.state().phase == Phase::Idle {
            self.enter(Phase::Head, Some(self.shared.limits.head));
        }
    }

    pub(crate) fn flushed(&self) {
        self.release_exit();
        if self.state().phase == Phase::Replying {
            self.enter(Phase::Idle, Some(self.shared.limits.idle));
        }
    }

    pub(crate) fn is_held_open(&self) -> bool {
        self.state().phase == Phase::HeldOpen
    }

    /// What is streamed goes on, or does not.
    pub(crate) fn stream(&self, goes_on: bool) {
        let stuck = self.state().deadline.is_some();
        if stuck == goes_on {
            let limit = (!goes_on).then_some(self.shared.limits.stuck);
            self.enter(Phase::HeldOpen, limit);
        }
    }

    fn set_place(&self, place: Place) {
        let old = std::mem::replace(&mut self.state().place, place);
        drop(old);
    }

    /// Stops holding the end of the process.
    pub(crate) fn release_exit(&self) {
        let holds = std::mem::take(&mut self.state().holds);
        drop(holds);
    }

    fn enter(&self, phase: Phase, limit: Option<Duration>) {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut state = self.state();
        (state.phase, state.deadline) = (phase, deadline);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
