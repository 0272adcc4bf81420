//! When does an arming with `?ttl=` end?
//!
//! A thread of its own keeps the time, started by the first lease: it outlives the listener, so a
//! lease ends what it armed also where the `Control` is gone or a runtime is wedged.

use crate::real_fail;
use failpoint::__private::control;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Whose arming is it?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    Ours,
    /// Of a point of the crate `fail`.
    Fail,
}

/// One arming that ends by itself. The earliest is the least.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lease {
    end: Instant,
    generation: u64,
    name: String,
    whose: Whose,
}

#[derive(Default)]
struct Leases {
    running: Mutex<BinaryHeap<Reverse<Lease>>>,
    changed: Condvar,
}

/// Disarms `name` after `ttl`, unless it is armed anew until then.
pub(crate) fn keep(whose: Whose, name: &str, generation: u64, ttl: Duration) {
    // A time that the clock does not reach is no limit.
    let Some(end) = Instant::now().checked_add(ttl) else { return };
    let leases = leases();
    leases.lock().push(Reverse(Lease { end, generation, name: name.to_owned(), whose }));
    leases.changed.notify_one();
}

fn leases() -> &'static Leases {
    static LEASES: OnceLock<Leases> = OnceLock::new();
    static THREAD: OnceLock<()> = OnceLock::new();
    let leases = LEASES.get_or_init(Leases::default);
    THREAD.get_or_init(|| {
        let started =
            thread::Builder::new().name("failpoint-lease".to_owned()).spawn(|| leases.run());
        if let Err(error) = started {
            control::warn(format_args!("no thread for leases: {error}; a ttl will not end"));
        }
    });
    leases
}

impl Leases {
    fn run(&self) {
        let _quiet = control::quiet();
        let mut running = self.lock();
        loop {
            let now = Instant::now();
            match running.peek() {
                None => {
                    running = self.changed.wait(running).unwrap_or_else(PoisonError::into_inner);
                }
                Some(Reverse(next)) if next.end > now => {
                    let left = next.end - now;
                    let waited = self.changed.wait_timeout(running, left);
                    running = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    let ended = running.pop();
                    // Not held while others are woken, and while a line is logged.
                    drop(running);
                    ended.into_iter().for_each(|Reverse(lease)| lease.end_it());
                    running = self.lock();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Lease>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    fn end_it(&self) {
        let ended = match self.whose {
            Whose::Ours => control::disarm_generation(&self.name, self.generation),
            Whose::Fail => real_fail::end(&self.name, self.generation),
        };
        if ended {
            control::inform(format_args!("failpoint-http: a ttl ended, disarmed {}", self.name));
        }
    }
}
