//! What did the store do, by its own account? A watch of all keys that never misses a revision.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Recorder;
use crate::driver::{Driver, DriverError, WatchStream};
use crate::history::{Change, Revision};

/// Watches all keys of a store and records every change once. When the member that it watches fails,
/// or falls silent while answers show later revisions, it goes on with another one from the next
/// revision.
///
/// Compact only up to [`seen`](Self::seen): the watch cannot go on from a revision that is compacted.
/// Dropping it stops it.
pub struct WholeWatch {
    driver: Arc<dyn Driver>,
    recorder: Recorder,
    seen: watch::Sender<Revision>,
    state: Mutex<State>,
}

struct State {
    task: JoinHandle<()>,
    error: Arc<Mutex<Option<DriverError>>>,
}

/// How long a member may be silent while answers show later revisions.
const SILENT: Duration = Duration::from_millis(500);
/// How long to wait before another member is tried.
const RETRY: Duration = Duration::from_millis(50);

impl WholeWatch {
    /// Watches from revision `first` on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(driver: Arc<dyn Driver>, recorder: Recorder, first: Revision) -> Self {
        let (seen, _) = watch::channel(first.saturating_sub(1));
        let state = Mutex::new(spawn(&driver, &recorder, &seen, first));
        Self { driver, recorder, seen, state }
    }

    /// The last revision that it saw: every change up to it is recorded.
    #[must_use]
    pub fn seen(&self) -> Revision {
        *self.seen.borrow()
    }

    /// Waits until it has seen the change of this revision.
    ///
    /// # Errors
    /// It did not see it within `limit`; what it saw, and why it is late if it knows.
    pub async fn reached(&self, revision: Revision, limit: Duration) -> Result<(), String> {
        let mut seen = self.seen.subscribe();
        let reached = timeout(limit, seen.wait_for(|seen| *seen >= revision)).await.is_ok();
        if reached {
            return Ok(());
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let error = state.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let why = error.map_or(String::new(), |error| format!(" ({error})"));
        Err(format!(
            "the watch of all keys has seen revision {}, not {revision}, after {limit:?}{why}",
            self.seen()
        ))
    }

    /// Starts a new epoch in the recorder, whose first change is that of revision `first`, and watches
    /// from there on. What the old watch did not record before is dropped. For a store that was
    /// restored from a snapshot, and for a new round.
    pub async fn restart(&self, first: Revision) {
        let old = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.task.abort();
            // An aborted task ends at its next wait: nothing more is recorded when it is gone.
            state.task.abort_handle()
        };
        while !old.is_finished() {
            tokio::task::yield_now().await;
        }
        self.recorder.epoch(first.saturating_sub(1));
        self.seen.send_replace(first.saturating_sub(1));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = spawn(&self.driver, &self.recorder, &self.seen, first);
    }

    /// Ends the watch.
    pub fn stop(self) {}
}

impl Drop for WholeWatch {
    fn drop(&mut self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).task.abort();
    }
}

fn spawn(
    driver: &Arc<dyn Driver>,
    recorder: &Recorder,
    seen: &watch::Sender<Revision>,
    first: Revision,
) -> State {
    let error = Arc::default();
    let watcher = Watcher {
        driver: Arc::clone(driver),
        recorder: recorder.clone(),
        seen: seen.clone(),
        next: first,
        error: Arc::clone(&error),
    };
    State { task: tokio::spawn(watcher.run()), error }
}

struct Watcher {
    driver: Arc<dyn Driver>,
    recorder: Recorder,
    seen: watch::Sender<Revision>,
    /// The next revision to record.
    next: Revision,
    /// Why the last member was left.
    error: Arc<Mutex<Option<DriverError>>>,
}

impl Watcher {
    async fn run(mut self) {
        let members = self.driver.abilities().members.max(1);
        for turn in 0.. {
            let error = self.follow(turn % members).await;
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            sleep(RETRY).await;
        }
    }

    /// Records what one member shows until it fails, and returns why.
    async fn follow(&mut self, member: usize) -> DriverError {
        let name = self.driver.files(member).name;
        let silent = |message: &str| DriverError { whom: name.clone(), message: message.into() };
        let client = self.driver.client(member);
        let opened = timeout(4 * SILENT, client.watch("", None, self.next)).await;
        let mut stream: Box<dyn WatchStream> = match opened {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return error,
            Err(_) => return silent("opening a watch took too long"),
        };
        loop {
            let message = {
                // Kept over the time-outs: a message that has come in part must not be lost.
                let mut next = stream.next();
                // Whether answers showed a later revision when the last wait ended.
                let mut late = false;
                loop {
                    match timeout(SILENT, &mut next).await {
                        Ok(message) => break message,
                        Err(_) if self.recorder.latest() < self.next => late = false,
                        Err(_) if late => return silent("the watch is silent while writes go on"),
                        Err(_) => late = true,
                    }
                }
            };
            match message {
                Ok(message) => self.record(message.changes),
                Err(error) => return error,
            }
        }
    }

    fn record(&mut self, changes: Vec<Change>) {
        let mut merged: Vec<Change> = Vec::with_capacity(changes.len());
        for change in changes {
            match merged.last_mut() {
                Some(last) if last.revision == change.revision => last.events.extend(change.events),
                _ => merged.push(change),
            }
        }
        for change in merged {
            // Another member may show again what the one before had shown.
            if change.revision >= self.next {
                self.next = change.revision + 1;
                self.recorder.change(change);
            }
        }
        self.seen.send_replace(self.next - 1);
    }
}
