//! Says on stderr that a run of the user's code does not come back. It may not use the disk, and then nothing
//! can end it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, sync::Arc};

/// After how long that is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// Watches the runs of one exploration. They are on one thread.
pub(super) struct Watch {
    /// How many runs began and ended: it is odd while one runs.
    runs: Arc<AtomicU64>,
    /// Ends the watching thread when it is dropped.
    open: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self::with(PATIENCE, |text| eprintln!("{text}"))
    }

    fn with(patience: Duration, say: impl Fn(fmt::Arguments<'_>) + Send + 'static) -> Self {
        let (open, closed) = mpsc::channel();
        let runs = Arc::new(AtomicU64::new(0));
        let seen = runs.clone();
        let explorer = thread::current().name().unwrap_or("without a name").to_owned();
        let watch = move || {
            let (mut before, mut told) = (0, 0);
            while closed.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                // Relaxed: nothing else is read.
                let now = seen.load(Ordering::Relaxed);
                if now % 2 == 1 && now == before && now != told {
                    told = now;
                    say(format_args!(
                        "failpoint-disk: the exploration of thread {explorer} waits for a workload, recovery or \
                         check that has run for more than {patience:?}; a loop that does not use the disk \
                         cannot be ended"
                    ));
                }
                before = now;
            }
        };
        // Without a thread, it is not said.
        let thread = thread::Builder::new().name("failpoint-disk watch".to_owned()).spawn(watch);
        Self { runs, open: Some(open), thread: thread.ok() }
    }

    pub(super) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        // Only this thread changes it.
        let runs = self.runs.load(Ordering::Relaxed);
        self.runs.store(runs + 1, Ordering::Relaxed);
        let result = run();
        self.runs.store(runs + 2, Ordering::Relaxed);
        result
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.open = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_does_not_come_back_is_told_once() {
        let (told, tells) = mpsc::channel();
        let watch = Watch::with(Duration::from_millis(1), move |text| {
            let _ = told.send(text.to_string());
        });
        let patience = failpoint_test_support::PATIENCE;
        let text = watch.during(|| tells.recv_timeout(patience)).expect("it is told");
        assert!(text.contains("cannot be ended"), "{text}");
        let text = watch.during(|| tells.recv_timeout(patience)).expect("the next one is told too");
        assert!(text.contains("the exploration of thread "), "{text}");
        drop(watch);
        assert!(tells.try_recv().is_err(), "each is told once");
    }
}
