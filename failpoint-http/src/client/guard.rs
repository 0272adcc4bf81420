//! [`RemoteArmed`]: a guard for an arming in another process.

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

/// How long dropping a guard may block its thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// A point armed in another process; returned by [`Client::arm`](crate::Client::arm).
///
/// The guard belongs to one arming. If the point was disarmed or armed again since, dropping the guard
/// does nothing.
///
/// **Dropping it** disarms the point on a background thread and a separate connection, and blocks the
/// current thread until that is done, but for at most one second. So the code that follows finds the
/// point idle, even if the runtime ends next. In a task that must not block for a round trip, await
/// [`disarm`](Self::disarm) instead. It is no error if the server has ended. A test that is *killed*
/// drops nothing: set a [`ttl`](crate::Arming::ttl) where that matters.
///
/// If the control plane is mounted on a single-threaded runtime and you drop the guard on that thread,
/// the drop blocks for the whole second, because the control plane cannot answer, and the point is
/// disarmed afterwards. Await [`disarm`](Self::disarm) there. A listener has its own thread and does
/// not have this problem.
#[must_use = "dropping the guard disarms the point; `keep()` leaves it armed"]
pub struct RemoteArmed {
    caller: Caller,
    point: Point,
    note: Option<String>,
    /// Whether dropping it disarms. The blocking guard shares this with the background thread.
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

    /// The generation of the arming.
    pub fn generation(&self) -> u64 {
        self.point.generation
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        self.caller.address()
    }

    /// The point right after it was armed.
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// A note by the server, for example that `panic` ends one thread and not the process.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Hits so far.
    ///
    /// # Errors
    /// [`ClientError::Disarmed`] if this arming has ended, and the errors of all methods of
    /// [`Client`](crate::Client).
    pub async fn hits(&self) -> Result<u64, ClientError> {
        Ok(self.counts().await?.hits)
    }

    /// Fires so far.
    ///
    /// # Errors
    /// As [`hits`](Self::hits).
    pub async fn fires(&self) -> Result<u64, ClientError> {
        Ok(self.counts().await?.fires)
    }

    /// How many callers are paused now.
    ///
    /// # Errors
    /// As [`hits`](Self::hits).
    pub async fn paused(&self) -> Result<u64, ClientError> {
        Ok(self.counts().await?.paused)
    }

    /// Hits, fires and paused callers, read together.
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

    /// Waits until this arming has had `count` hits, including those before the call.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] with the counts, [`ClientError::Disarmed`] if the arming has ended,
    /// and the errors of all methods of [`Client`](crate::Client).
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

    /// Waits until `count` callers are paused at the same time.
    ///
    /// # Errors
    /// As [`wait_hits`](Self::wait_hits).
    pub async fn wait_paused(&self, count: u64, timeout: Duration) -> Result<Counts, ClientError> {
        self.wait(Wait::paused(count).timeout(timeout)).await
    }

    /// Resumes at most `count` of the callers that are paused. The point stays armed.
    ///
    /// # Errors
    /// As [`Client::resume`](crate::Client::resume).
    pub async fn resume(&self, count: u64) -> Result<Resumed, ClientError> {
        point::resume(&self.caller, self.name(), Some(count)).await
    }

    /// Disarms the point. Returns whether this arming was still in force.
    ///
    /// # Errors
    /// As [`Client::disarm`](crate::Client::disarm). The guard is consumed in any case.
    pub async fn disarm(self) -> Result<bool, ClientError> {
        self.end().await
    }

    /// Leaves the point armed.
    pub fn keep(self) {
        self.forget();
    }

    pub(super) async fn end(&self) -> Result<bool, ClientError> {
        self.forget();
        end(&self.caller, self.name(), self.generation()).await
    }

    pub(super) fn forget(&self) {
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
                // If the process has ended, nothing is armed.
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

/// Ends this arming and no other. Returns whether it was in force.
async fn end(caller: &Caller, name: &str, generation: u64) -> Result<bool, ClientError> {
    let request = Request::new(Method::DELETE, path::point(name)).if_match(Some(generation));
    match caller.json::<Changed>(request).await {
        Ok(changed) => Ok(changed.was.is_some()),
        // Another arming, or an unlisted name that no longer exists.
        Err(error) if error.is_refused_as("stale") || error.is_refused_as("unknown-point") => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
