//! The clients: each sends a request, waits for the answer, and sends the next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::kinds::{Draw, Draws, Task};
use super::leases::{Book, Followed};
use super::measure::{Meter, Sample};
use super::members::Members;
use super::rate::Bucket;
use super::{Counts, Recorder, Settings, runners};
use crate::checks::runners::{Found, Idle, Violation, exclusive};
use crate::checks::{Verdict, leases};
use crate::driver::{Answer, Client, Driver, DriverError, Leadership, LeaseId};
use crate::history::{Operation, Outcome, Request};

/// How much longer than its limit a request is waited for.
const GRACE: Duration = Duration::from_secs(2);

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
    pub(super) driver: Arc<dyn Driver>,
    pub(super) settings: Settings,
    pub(super) prefix: String,
    pub(super) recorder: Recorder,
    /// One for each member. Its requests run side by side.
    pub(super) clients: Vec<Box<dyn Client>>,
    pub(super) members: Members,
    pub(super) meter: Meter,
    /// The limit of one request.
    pub(super) limit: Duration,
    book: Mutex<Book>,
    found: Mutex<Found>,
    bucket: Bucket,
    /// How often the load forgot what it holds.
    generation: AtomicU64,
    /// How many watches were opened.
    watchers: AtomicU64,
    /// How many values bursts wrote.
    burst: AtomicU64,
    /// Held for reading while a request is in flight, and for writing during a pause.
    flights: Arc<RwLock<()>>,
}

impl Load {
    /// Starts the clients and the runners. They use the runtime from which this is called.
    ///
    /// Kinds and runners that the subject cannot serve are left out. All keys start with `prefix`, and
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
            limit: request_limit,
            book: Mutex::default(),
            found: Mutex::default(),
            bucket: Bucket::new(settings.rate),
            generation: AtomicU64::new(0),
            watchers: AtomicU64::new(0),
            burst: AtomicU64::new(0),
            flights: Arc::new(RwLock::new(())),
            driver,
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
        let mut tasks: Vec<_> = tasks.collect();
        tasks.extend(runners::spawn(&shared, &abilities, seed, &stopped));
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

    /// What went wrong with the last request that was not answered, and at which member.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.shared.last_error()
    }

    /// Why the load has ended by itself, if it has: the history is as long as it may be.
    #[must_use]
    pub fn full(&self) -> Option<String> {
        self.shared.recorder.full()
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

    /// Writes small values through `member` as fast as it can, until at least `entries` of them are
    /// acknowledged. Returns how many were. It works in a pause, too, and does not count against the
    /// rate. While the member does not answer, others are asked.
    ///
    /// # Errors
    /// Fewer were acknowledged within `limit`; how many, and the last error.
    pub async fn burst(&self, member: usize, entries: u64, limit: Duration) -> Result<u64, String> {
        super::burst::run(&self.shared, member, entries, limit).await
    }

    /// Looks at the leases that were granted since the last call until each has ended or should have:
    /// LEASE_EXPIRE, or SHORT_TTL_LEASE_EXPIRE if `short`. Call it after a fault is healed. It takes
    /// as long as the leases live, two seconds at most, and about half a second more; and ten seconds
    /// more only where one does not end. The load may go on, or pause.
    pub async fn check_leases(&self, short: bool) -> Verdict<leases::Violation, leases::NotSeen> {
        self.follow_leases(short).judge().await
    }

    /// Begins to look at the leases that were granted since the last call, and does so in the
    /// background. [`Followed::judge`] says what became of them. Faults may come in between, except a
    /// restore of the store: judge them before.
    pub fn follow_leases(&self, short: bool) -> Followed {
        self.shared.follow_leases(short)
    }

    /// What the runners found until now: RUNNER.
    pub fn check_runners(&self) -> Verdict<Violation, Idle> {
        crate::checks::runners::check(&self.shared.found())
    }

    /// Waits until each runner has come to an end of what it does once, for at most `limit`.
    pub async fn each_runner_once(&self, limit: Duration) {
        let idle = || self.shared.found().done.values().any(|done| *done == 0);
        let wait = async {
            while idle() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout(limit, wait).await;
    }

    /// Forgets leases, locks, elections and watches: the store was restored from a snapshot and does
    /// not know them. Call it in a pause.
    pub fn forget(&self) {
        *self.shared.book() = Book::default();
        let mut found = self.shared.found();
        // Revisions of another epoch cannot be compared with these.
        if let Err(violation) = exclusive(&found.held) {
            found.violations.push(violation);
        }
        found.held.clear();
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Stops the clients and the runners. Returns what the runners found, when no request is in flight.
    /// Stop it when the cluster is healthy: a watch may take a moment to deliver what is left.
    ///
    /// # Panics
    /// A client or a runner has panicked.
    pub async fn stop(mut self) -> Found {
        let _ = self.stop.send(true);
        self.resume();
        for task in self.tasks.drain(..) {
            // A load that lacks a client would prove less than it seems to.
            if let Err(error) = task.await
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        std::mem::take(&mut self.shared.found())
    }

    fn paused(&self) -> MutexGuard<'_, Option<OwnedRwLockWriteGuard<()>>> {
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
            flight = shared.next_flight(task.requests()) => flight,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        if shared.recorder.full().is_some() {
            return;
        }
        let member = shared.members.choose(member);
        let answered = match task {
            Task::Request(request) => {
                let outcome = shared.ask(client, member, request).await;
                matches!(outcome, Outcome::Done { .. })
            }
            Task::Lease(plan) => shared.lease(client, member, plan).await,
        };
        drop(flight);
        if !answered {
            // Members that refuse connections answer at once: do not spin on them.
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Shared {
    /// Waits until this many requests may be sent. No pause begins while the guard is held.
    pub(super) async fn next_flight(&self, requests: u32) -> OwnedRwLockReadGuard<()> {
        self.bucket.take(requests).await;
        Arc::clone(&self.flights).read_owned().await
    }

    /// A number that no other value of a burst has.
    pub(super) fn next_burst(&self) -> u64 {
        self.burst.fetch_add(1, Ordering::Relaxed)
    }

    /// A number that no other watch has.
    pub(super) fn next_watcher(&self) -> u64 {
        self.watchers.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes when the load forgets what it holds.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, records and measures it.
    pub(super) async fn ask(&self, client: u64, member: usize, request: Request) -> Outcome {
        let sent = self.clients[member].execute(&request, self.limit);
        self.recorded(client, member, request.clone(), sent).await
    }

    /// Records and measures a request.
    pub(super) async fn recorded(
        &self,
        client: u64,
        member: usize,
        request: Request,
        sent: impl Future<Output = Answer>,
    ) -> Outcome {
        let clock = self.recorder.clock();
        let start = clock.now();
        // A driver keeps its limit. If it does not, the load must not hang with it.
        let answer = timeout(self.limit + GRACE, sent).await;
        let Answer { outcome, error } = answer.unwrap_or_else(|_| self.no_answer());
        let end = clock.now();
        let answered = match outcome {
            Outcome::Done { .. } => Ok(()),
            Outcome::Unknown | Outcome::Failed => Err(error.unwrap_or_default()),
        };
        self.count(member, answered, Duration::from_nanos(end - start));
        let recorded = outcome.clone();
        self.recorder.operation(Operation { client, start, end, request, outcome: recorded });
        outcome
    }

    /// Measures a request that a history does not show.
    pub(super) async fn measured<T>(
        &self,
        member: usize,
        sent: impl Future<Output = Result<T, DriverError>>,
    ) -> Option<T> {
        let clock = self.recorder.clock();
        let start = clock.elapsed();
        let answer = match timeout(self.limit + GRACE, sent).await {
            Ok(answer) => answer.map_err(|error| error.message),
            Err(_) => Err(self.no_answer().error.unwrap_or_default()),
        };
        let answered = answer.as_ref().map(|_| ()).map_err(Clone::clone);
        self.count(member, answered, clock.elapsed() - start);
        answer.ok()
    }

    /// What is known of a request when its driver did not keep the limit.
    fn no_answer(&self) -> Answer {
        let error = format!("no answer within {:?}", self.limit + GRACE);
        Answer { outcome: Outcome::Unknown, error: Some(error) }
    }

    pub(super) async fn lock(&self, member: usize, name: &str, lease: LeaseId) -> Option<String> {
        self.clients[member].leases()?.lock(name, lease, self.limit).await.ok()
    }

    pub(super) async fn unlock(&self, member: usize, key: &str) -> bool {
        let Some(leases) = self.clients[member].leases() else { return false };
        self.measured(member, leases.unlock(key, self.limit)).await.is_some()
    }

    pub(super) async fn campaign(
        &self,
        member: usize,
        name: &str,
        value: &str,
        lease: LeaseId,
    ) -> Option<Leadership> {
        self.clients[member].leases()?.campaign(name, value, lease, self.limit).await.ok()
    }

    pub(super) async fn resign(&self, member: usize, leadership: &Leadership) -> bool {
        let Some(leases) = self.clients[member].leases() else { return false };
        self.measured(member, leases.resign(leadership, self.limit)).await.is_some()
    }

    /// Asks who leads. `None`: no answer.
    pub(super) async fn leader(&self, member: usize, name: &str) -> Option<Option<String>> {
        let leases = self.clients[member].leases()?;
        self.measured(member, leases.leader(name, self.limit)).await
    }

    fn count(&self, member: usize, answered: Result<(), String>, latency: Duration) {
        match answered {
            Ok(()) => {
                self.members.answered(member);
                self.meter.succeeded(member, latency);
            }
            Err(error) => {
                self.members.failed(member);
                self.meter.failed(member, error);
            }
        }
    }

    /// What went wrong with the last request that was not answered, and at which member.
    pub(super) fn last_error(&self) -> Option<String> {
        let (member, error) = self.meter.last_error()?;
        Some(format!("{}: {error}", self.driver.files(member).name))
    }
}
