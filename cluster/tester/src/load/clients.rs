//! The clients: each sends a request, waits for the answer, and sends the next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::kinds::{Draw, Draws, Task};
use super::measure::{Meter, Sample};
use super::members::Members;
use super::rate::Bucket;
use super::{Counts, Recorder, Settings};
use crate::driver::{Answer, Client, Driver};
use crate::history::{Operation, Outcome, Request};

/// A running load. Dropping it stops it without waiting.
///
/// A client whose request failed goes on with another member, and all clients avoid that member for
/// half a second.
///
/// Values that the load writes are unique, so that a history tells which request wrote them, and all
/// keys start with the prefix. A request that timed out is recorded as [`Outcome::Unknown`]: it may
/// take effect later, in this epoch at any revision, which ORDER allows. A late effect in the next
/// round changes keys of the old prefix, which no operation of that round writes, so ORDER takes
/// them as changed by others.
pub struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    paused: Mutex<Option<OwnedRwLockWriteGuard<()>>>,
    stop: watch::Sender<bool>,
}

/// What the clients of a load share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) prefix: String,
    pub(super) recorder: Recorder,
    /// One for each member. Its requests run side by side.
    pub(super) clients: Vec<Box<dyn Client>>,
    pub(super) members: Members,
    pub(super) meter: Meter,
    bucket: Bucket,
    limit: Duration,
    /// How many values bursts wrote.
    burst: AtomicU64,
    /// Held for reading while a request is in flight, and for writing during a pause.
    flights: Arc<RwLock<()>>,
}

impl Load {
    /// Starts the clients. They use the runtime from which this is called.
    ///
    /// Kinds that the subject cannot serve are left out. All keys start with `prefix`, and
    /// `request_limit` is the limit of one request.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(
        driver: Arc<dyn Driver>,
        settings: Settings,
        request_limit: Duration,
        recorder: Recorder,
        seed: u64,
        prefix: String,
    ) -> Self {
        let abilities = driver.abilities();
        let members = abilities.members.max(1);
        let shared = Arc::new(Shared {
            clients: (0..members).map(|member| driver.client(member)).collect(),
            members: Members::new(recorder.clock(), members),
            meter: Meter::new(members),
            bucket: Bucket::new(settings.rate),
            limit: request_limit,
            burst: AtomicU64::new(0),
            flights: Arc::new(RwLock::new(())),
            prefix,
            recorder,
            settings,
        });
        let (stop, stopped) = watch::channel(false);
        let clients = 1..=shared.settings.clients as u64;
        let tasks = clients.map(|client| {
            let draws = Draws::new(&shared.settings, &abilities, seed, client, &shared.prefix);
            tokio::spawn(run(Arc::clone(&shared), client, draws, stopped.clone()))
        });
        let tasks = tasks.collect();
        Self { shared, tasks, paused: Mutex::default(), stop }
    }

    /// How many requests of all members were answered, and how many were not, since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.member_counts().into_iter().fold(Counts::default(), |sum, of| Counts {
            succeeded: sum.succeeded + of.succeeded,
            failed: sum.failed + of.failed,
        })
    }

    /// The same for each member, by its index.
    #[must_use]
    pub fn member_counts(&self) -> Vec<Counts> {
        self.shared.meter.members()
    }

    /// What happened since the last call.
    #[must_use]
    pub fn sample(&self) -> Sample {
        self.shared.meter.sample()
    }

    /// Stops sending. Returns when no request is in flight, after at most the limit of a request: then
    /// the history is complete up to now. In a pause this does nothing.
    pub async fn pause(&self) {
        if self.paused().is_some() {
            return;
        }
        let guard = Arc::clone(&self.shared.flights).write_owned().await;
        *self.paused() = Some(guard);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.paused().take();
    }

    /// Writes small values as fast as it can, until at least `entries` of them are acknowledged. Returns how
    /// many were. It works in a pause, too, and does not count against the rate.
    ///
    /// # Errors
    /// Fewer were acknowledged within `limit`; how many, and the last error.
    pub async fn burst(&self, entries: u64, limit: Duration) -> Result<u64, String> {
        super::burst::run(&self.shared, entries, limit).await
    }

    /// Stops the clients. Returns when no request is in flight.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        self.resume();
        for task in self.tasks.drain(..) {
            // A client that panicked has nothing to say that its message did not.
            let _ = task.await;
        }
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, Option<OwnedRwLockWriteGuard<()>>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn run(
    shared: Arc<Shared>,
    client: u64,
    mut draws: Draws,
    mut stopped: watch::Receiver<bool>,
) {
    // What waits between requests ends with the load; a request that was sent is waited for.
    loop {
        let Some(Draw { task, member }) = draws.next() else { return };
        let flight = tokio::select! {
            flight = shared.next_flight() => flight,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        if shared.recorder.full().is_some() {
            return;
        }
        let member = shared.members.choose(member);
        let answered = match task {
            Task::Request(request) => shared.ask(client, member, request).await,
        };
        drop(flight);
        if !answered {
            // Members that refuse connections answer at once: do not spin on them.
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Shared {
    async fn next_flight(&self) -> tokio::sync::OwnedRwLockReadGuard<()> {
        self.bucket.take().await;
        Arc::clone(&self.flights).read_owned().await
    }

    /// A number that no other value of a burst has.
    pub(super) fn next_burst(&self) -> u64 {
        self.burst.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request, records and measures it. Returns whether it was answered.
    pub(super) async fn ask(&self, client: u64, member: usize, request: Request) -> bool {
        let clock = self.recorder.clock();
        let start = clock.now();
        let sent = self.clients[member].execute(&request, self.limit);
        // A driver keeps its limit. If it does not, the load must not hang with it.
        let answer = timeout(self.limit + Duration::from_secs(2), sent).await;
        let unknown = |_| Answer { outcome: Outcome::Unknown, error: None };
        let Answer { outcome, .. } = answer.unwrap_or_else(unknown);
        let end = clock.now();
        let answered = matches!(outcome, Outcome::Done { .. });
        self.recorder.operation(Operation { client, start, end, request, outcome });
        if answered {
            self.members.answered(member);
            self.meter.succeeded(member, Duration::from_nanos(end - start));
        } else {
            self.members.failed(member);
            self.meter.failed(member);
        }
        answered
    }
}
