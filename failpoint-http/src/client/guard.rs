//! How does a test hold an arming in another process?

use super::background;
use super::caller::{Caller, Request};
use super::error::ClientError;
use super::path;
use super::point;
use super::wait::Wait;
use crate::wire::{Changed, Counts, Outcome, Point, Resumed, Waited};
use failpoint::__private::text::{to_stderr, visible};
use hyper::Method;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a dropped guard holds its thread up.
const PATIENCE: Duration = Duration::from_secs(1);

/// A point armed in another process; given by [`Client::arm`](crate::Client::arm).
///
/// It stands for one arming, and ends that one alone: where the point was armed anew since, or
/// disarmed, dropping the guard does nothing.
///
/// **Dropping it** disarms from a thread of its own, on a connection of its own, and waits until
/// that is done, though for no more than one second: so what comes after it finds the point idle,
/// also where the runtime ends next. It waits on whatever thread it is dropped on; a task that may
/// not be held up for a round trip awaits [`disarm`](Self::disarm) instead. A server that is gone by
/// then has nothing armed any more. A test that is *killed* drops nothing: give a
/// [`ttl`](crate::Arming::ttl) where that matters.
///
/// Where the control plane is mounted on a runtime of one thread, a guard dropped on that very thread
/// waits the whole second, since nobody can answer meanwhile, and the point is disarmed after it:
/// await [`disarm`](Self::disarm) there. The listener's own thread answers all the same.
#[must_use = "dropping the guard disarms the point; `keep()` leaves it armed"]
pub struct RemoteArmed {
    caller: Caller,
    point: Point,
    note: Option<String>,
    /// Whether dropping it is to disarm. Its blocking twin shares it with the thread that asks.
    held: AtomicBool,
}

impl RemoteArmed {
    pub(super) fn new(caller: &Caller, point: Point) -> Self {
        Self { caller: caller.clone(), point, note: None, held: AtomicBool::new(true) }
    }

    pub(super) fn changed(caller: &Caller, changed: Changed) -> Self {
        let mut armed = Self::new(caller, changed.point);
        armed.note = changed.note;
        armed
    }

    /// The name of the point.
    pub fn name(&self) -> &str {
        &self.point.name
    }

    /// Which arming it is.
    pub fn generation(&self) -> u64 {
        self.point.generation
    }

    /// The server.
    pub fn address(&self) -> &str {
        self.caller.address()
    }

    /// The point as it stood when it was armed.
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// What the server said not to expect, such as that `panic` ends one thread alone.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Hits until now.
    ///
    /// # Errors
    /// [`ClientError::Disarmed`] where this arming is over, and all that asking can meet with.
    pub async fn hits(&self) -> Result<u64, ClientError> {
        Ok(self.counts().await?.hits)
    }

    /// Fires until now.
    ///
    /// # Errors
    /// As [`hits`](Self::hits).
    pub async fn fires(&self) -> Result<u64, ClientError> {
        Ok(self.counts().await?.fires)
    }

    /// How many callers stand in `pause` now.
    ///
    /// # Errors
    /// As [`hits`](Self::hits).
    pub async fn paused(&self) -> Result<u64, ClientError> {
        Ok(self.counts().await?.paused)
    }

    /// Hits, fires and paused at one moment.
    ///
    /// # Errors
    /// As [`hits`](Self::hits).
    pub async fn counts(&self) -> Result<Counts, ClientError> {
        let now: Point = self.caller.json(Request::get(path::point(self.name()))).await?;
        let same = now.generation == self.generation() && now.armed;
        let counts = |now: Point| Counts {
            name: now.name,
            generation: now.generation,
            hits: now.hits,
            fires: now.fires,
            paused: now.paused,
        };
        if same { Ok(counts(now)) } else { Err(self.over(self.unknown())) }
    }

    /// Waits until this arming has had `count` hits, those before the call included.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] with the counts, [`ClientError::Disarmed`] where the arming is
    /// over, and all that asking can meet with.
    pub async fn wait_hits(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        self.wait(Wait::hits(count).timeout(timeout)).await
    }

    /// Waits until it has had `count` fires.
    ///
    /// # Errors
    /// As [`wait_hits`](Self::wait_hits).
    pub async fn wait_fires(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        self.wait(Wait::fires(count).timeout(timeout)).await
    }

    /// Waits until `count` callers stand in `pause` at once.
    ///
    /// # Errors
    /// As [`wait_hits`](Self::wait_hits).
    pub async fn wait_paused(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        self.wait(Wait::paused(count).timeout(timeout)).await
    }

    /// Lets at most `count` of those go that stand in `pause` now; the point stays armed.
    ///
    /// # Errors
    /// As [`Client::resume`](crate::Client::resume).
    pub async fn resume(&self, count: u64) -> Result<Resumed, ClientError> {
        point::resume(&self.caller, self.name(), Some(count)).await
    }

    /// Disarms; whether this arming was still there to be ended.
    ///
    /// # Errors
    /// As [`Client::disarm`](crate::Client::disarm); the guard is gone all the same.
    pub async fn disarm(self) -> Result<bool, ClientError> {
        self.end().await
    }

    /// Leaves it armed.
    pub fn keep(self) {
        self.let_go();
    }

    pub(super) async fn end(&self) -> Result<bool, ClientError> {
        self.let_go();
        end(&self.caller, self.name(), self.generation()).await
    }

    pub(super) fn let_go(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    async fn wait(&self, wait: Wait) -> Result<Counts, ClientError> {
        let waited: Waited =
            point::wait(&self.caller, self.name(), wait.since(self.generation())).await?;
        match waited.outcome {
            Outcome::Reached => Ok(waited.counts),
            Outcome::Disarmed => Err(self.over(waited.counts)),
        }
    }

    fn over(&self, counts: Counts) -> ClientError {
        ClientError::Disarmed { address: self.address().into(), counts }
    }

    fn unknown(&self) -> Counts {
        let (name, generation) = (self.name().to_owned(), self.generation());
        Counts { name, generation, hits: 0, fires: 0, paused: 0 }
    }
}

impl Drop for RemoteArmed {
    fn drop(&mut self) {
        if !*self.held.get_mut() {
            return;
        }
        let (caller, name, generation) =
            (self.caller.with_own_connections(), self.point.name.clone(), self.point.generation);
        let work = async move {
            match end(&caller, &name, generation).await {
                // A process that is gone has nothing armed.
                Ok(_) | Err(ClientError::NotReachable { .. }) => {}
                Err(error) => to_stderr(format_args!(
                    "failpoint-http: {} may still be armed: {error}",
                    visible(&name)
                )),
            }
        };
        background::run_for_a_while(work, PATIENCE);
    }
}

impl fmt::Debug for RemoteArmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteArmed")
            .field("address", &self.address())
            .field("name", &self.name())
            .field("terms", &self.point.terms)
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

/// Ends one arming and no other; whether it was there.
async fn end(caller: &Caller, name: &str, generation: u64) -> Result<bool, ClientError> {
    let request = Request::new(Method::DELETE, path::point(name)).if_match(Some(generation));
    match caller.json::<Changed>(request).await {
        Ok(changed) => Ok(changed.was.is_some()),
        // Another arming, or a name that was unlisted and is forgotten by now.
        Err(error) if error.is_refused_as("stale") || error.is_refused_as("unknown-point") => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
