//! The state of a connection, its time limits, and the hold on the process's end while it replies.
//!
//! ```text
//! new ───first byte──┐
//!                    ▼
//! idle ──first byte──▶ head ──▶ acting ──reply made──▶ replying ──flushed──▶ idle
//!                                  └──▶ held open ──────────┘
//! ```
//! The end of the process is held from before a request is handled until its reply was flushed, so that
//! the reply to a request that arms `kill` arrives. `io` reports the flush.
//!
//! A request that waits or reads events is held open while its peer is connected. It returns the permit
//! of its connection, and holds a separate permit instead.

pub(crate) mod capacity;
pub(crate) mod crowd;
pub(crate) mod io;
pub(crate) mod permits;
pub(crate) mod reserve_fd;

use self::capacity::Capacity;
use self::crowd::Crowd;
use self::permits::Permit;
use crate::http::v1::HEARTBEAT;
use failpoint::ExitHold;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// To send a head, from its first byte on; for the first head, from the connect on.
    pub(crate) head: Duration,
    /// To send a whole body.
    pub(crate) body: Duration,
    /// To receive a reply.
    pub(crate) reply: Duration,
    /// Between a reply and the next request. It is longer than the 90 s of Go's clients, so that the
    /// client closes first: a request on a connection that the server is closing would be lost.
    pub(crate) idle: Duration,
    /// To receive some of a stream, if there is something to send.
    pub(crate) stuck: Duration,
    /// Between two heartbeats of a stream.
    pub(crate) heartbeat: Duration,
    /// The number of connections. For one more, an idle one is closed (`crowd`); if all are busy, it
    /// waits. Requests that are held open do not count.
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
            connections: Capacity::now().connections,
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
    crowd: Arc<Crowd>,
    asked_to_give_way: Notify,
}

struct State {
    phase: Phase,
    /// When it entered the phase.
    since: Instant,
    /// When the peer has taken too long; `None` while the server is working.
    deadline: Option<Instant>,
    /// One for each reply in flight: a peer may send a request before it has the last reply.
    holds: Vec<ExitHold>,
    place: Place,
    /// Whether the connection, once it is to close, waits for what the peer still sends.
    lingers: bool,
}

/// The permit of a connection. The number of each kind is limited.
#[expect(dead_code, reason = "they are kept to be dropped")]
enum Place {
    Ordinary(OwnedSemaphorePermit),
    HeldOpen(Permit),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has arrived since it connected.
    New,
    Idle,
    Head,
    Acting,
    /// Acting or replying while the peer is connected.
    HeldOpen,
    Replying,
}

/// What an idle connection has done before, in the order in which they give way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Idle {
    /// It has not sent anything.
    Silent,
    /// Its last request was answered.
    Answered,
}

impl Connection {
    /// A connection with the peer `from`, which holds `place`.
    fn new(from: String, limits: Limits, place: OwnedSemaphorePermit, crowd: Arc<Crowd>) -> Self {
        let since = Instant::now();
        let deadline = Some(since + limits.head);
        let place = Place::Ordinary(place);
        let holds = Vec::new();
        let state = State { phase: Phase::New, since, deadline, holds, place, lingers: true };
        let state = Mutex::new(state);
        let asked_to_give_way = Notify::new();
        Self { shared: Arc::new(Shared { from, limits, state, crowd, asked_to_give_way }) }
    }

    pub(crate) fn from(&self) -> &str {
        &self.shared.from
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// A head is complete. The handler limits its own time.
    pub(crate) fn begin(&self) {
        self.enter(Phase::Acting, None);
    }

    /// The request is held open. Its connection holds `permit` and returns its own permit.
    pub(crate) fn hold_open(&self, permit: Permit) {
        self.set_place(Place::HeldOpen(permit));
        self.enter(Phase::HeldOpen, None);
    }

    /// Closes the connection as soon as the reply is sent. The request was read completely, so the peer
    /// sends nothing before it has the reply.
    pub(crate) fn close_promptly(&self) {
        self.state().lingers = false;
    }

    /// How long a closing connection waits until the peer stops sending.
    pub(crate) fn linger(&self) -> Duration {
        if self.state().lingers { self.limits().body } else { Duration::ZERO }
    }

    /// A reply is sent now; `hold` was taken before the request was handled.
    pub(crate) fn reply(&self, hold: ExitHold) {
        self.state().holds.push(hold);
        if self.is_held_open() {
            // If there is no connection permit, it keeps the other: each of them is limited.
            if let Ok(place) = self.shared.crowd.places.clone().try_acquire_owned() {
                self.set_place(Place::Ordinary(place));
            }
        }
        self.enter(Phase::Replying, Some(self.shared.limits.reply));
    }

    /// Returns when the peer has exceeded a limit.
    ///
    /// Nothing wakes it when the deadline moves: the task of the connection polls it after the
    /// connection, and everything that moves the deadline runs in that task.
    pub(crate) async fn overdue(&self) {
        let mut timer = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| {
            loop {
                let Some(deadline) = self.state().deadline else { return Poll::Pending };
                // If the deadline moved further away, as with every request, it is checked when the
                // timer fires: resetting the timer each time costs more.
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

    /// Returns when a new connection needs the place of this one, which is idle.
    pub(crate) async fn gives_way(&self) {
        loop {
            self.shared.asked_to_give_way.notified().await;
            if self.shared.crowd.wants_a_place() {
                if self.idle().is_some() {
                    return;
                }
                // A request has arrived since.
                self.shared.crowd.make_room();
            }
        }
    }

    /// How it compares with other idle connections, if it is idle and holds the place of a connection:
    /// the least one gives way first.
    fn idle(&self) -> Option<(Idle, Instant)> {
        let state = self.state();
        let idle = match state.phase {
            Phase::New => Idle::Silent,
            Phase::Idle => Idle::Answered,
            _ => return None,
        };
        matches!(state.place, Place::Ordinary(_)).then_some((idle, state.since))
    }

    pub(crate) fn received(&self) {
        let phase = self.state().phase;
        match phase {
            // The time for the first head began with the connect.
            Phase::New => self.state().phase = Phase::Head,
            Phase::Idle => self.enter(Phase::Head, Some(self.shared.limits.head)),
            _ => {}
        }
    }

    pub(crate) fn flushed(&self) {
        self.release_exit();
        if self.state().phase == Phase::Replying {
            self.enter(Phase::Idle, Some(self.shared.limits.idle));
            if self.shared.crowd.wants_a_place() {
                self.shared.crowd.make_room();
            }
        }
    }

    pub(crate) fn is_held_open(&self) -> bool {
        self.state().phase == Phase::HeldOpen
    }

    /// A stream makes progress, or is stuck.
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
        let now = Instant::now();
        let deadline = limit.map(|limit| now + limit);
        let mut state = self.state();
        (state.phase, state.since, state.deadline) = (phase, now, deadline);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
