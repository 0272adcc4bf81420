//! What wakes a task when its time is up?
//!
//! One thread, started when the first task waits, so that no runtime is needed. (A blocked thread
//! needs no timer: it parks until its time.)

use crate::own_code::OwnCode;
use crate::sync::lasting::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::task::Waker;
use std::time::Instant;

static ALARMS: Mutex<Alarms> = Mutex::new(Alarms { next: 0, by_time: BTreeMap::new() });
static CHANGED: Condvar = Condvar::new();

struct Alarms {
    next: u64,
    /// By time; the number tells two of the same instant apart.
    by_time: BTreeMap<(Instant, u64), Waker>,
}

/// Wakes a task at its time; dropping it takes that back.
#[derive(Debug)]
pub(crate) struct Alarm {
    key: (Instant, u64),
}

impl Alarm {
    /// Sees to it that `waker` is woken at `time`, by the alarm there is or a new one.
    pub(crate) fn set(alarm: &mut Option<Self>, time: Instant, waker: &Waker) {
        match alarm {
            Some(alarm) => alarm.set_waker(waker),
            None => *alarm = Some(Self::at(time, waker)),
        }
    }

    fn at(time: Instant, waker: &Waker) -> Self {
        start();
        let mut alarms = ALARMS.lock();
        let key = (time, alarms.next);
        alarms.next += 1;
        alarms.by_time.insert(key, waker.clone());
        let is_first = alarms.by_time.keys().next() == Some(&key);
        drop(alarms);
        if is_first {
            CHANGED.notify_one();
        }
        Self { key }
    }

    /// Wakes `waker` from now on.
    fn set_waker(&self, waker: &Waker) {
        let mut alarms = ALARMS.lock();
        let Some(current) = alarms.by_time.get_mut(&self.key) else { return };
        let old = (!current.will_wake(waker)).then(|| std::mem::replace(current, waker.clone()));
        drop(alarms);
        drop(old);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // A waker is somebody's code: it is dropped when the lock is gone.
        let waker = ALARMS.lock().by_time.remove(&self.key);
        drop(waker);
    }
}

fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        std::thread::Builder::new()
            .name("failpoint-timer".into())
            .spawn(ring)
            .expect("a thread for the timer of failpoints");
    });
}

fn ring() {
    // A point that held this thread would hold all who wait for it: none is evaluated here.
    let _own = OwnCode::enter();
    let mut alarms = ALARMS.lock();
    loop {
        let now = Instant::now();
        let later = alarms.by_time.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut alarms.by_time, later);
        if !due.is_empty() {
            drop(alarms);
            for waker in due.into_values() {
                // Somebody's code: where it panics, the others are woken all the same.
                let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
            alarms = ALARMS.lock();
            continue;
        }
        match alarms.by_time.keys().next() {
            Some(&(next, _)) => {
                let _looks_again_either_way = CHANGED.wait_until(&mut alarms, next);
            }
            None => CHANGED.wait(&mut alarms),
        }
    }
}
