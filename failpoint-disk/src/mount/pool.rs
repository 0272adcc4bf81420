//! Threads that perform the requests, so that a request that is delayed or paused delays only itself.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many requests are performed at once. More than that wait until one is done.
const MAX: usize = 512;

/// How long a thread waits for its next request before it ends.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock();
        state.queue.push_back(Box::new(job));
        if state.idle < state.queue.len() && state.threads < MAX {
            let shared = self.0.clone();
            let spawned = thread::Builder::new()
                .name("failpoint-disk".to_owned())
                .spawn(move || shared.work());
            match spawned {
                Ok(_) => state.threads += 1,
                // The system has no more threads. Another one takes the request when it is done.
                Err(_) if state.threads > 0 => {}
                Err(_) => {
                    let job = state.queue.pop_back();
                    drop(state);
                    job.into_iter().for_each(perform);
                    return;
                }
            }
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until all requests are done; `false` if they are not by `deadline`.
    pub(super) fn is_done_by(&self, deadline: Instant) -> bool {
        let mut state = self.0.lock();
        while !state.queue.is_empty() || state.idle < state.threads {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = wait(&self.0.changed, state, left);
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                perform(job);
                state = self.lock();
                continue;
            }
            state.idle += 1;
            self.changed.notify_all();
            let deadline = Instant::now() + IDLE;
            while state.queue.is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    state.idle -= 1;
                    state.threads -= 1;
                    return;
                }
                state = wait(&self.changed, state, left);
            }
            state.idle -= 1;
        }
    }
}

/// A panic, which a point can be armed with, ends the request: the kernel gets EIO for it.
fn perform(job: Job) {
    let _ = catch_unwind(AssertUnwindSafe(job));
}

fn wait<'a>(
    changed: &Condvar,
    state: MutexGuard<'a, State>,
    left: Duration,
) -> MutexGuard<'a, State> {
    changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
}
