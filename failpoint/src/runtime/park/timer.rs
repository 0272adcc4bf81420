//! Wakes a task when its time is up.
//!
//! One thread, started when the first task waits, so that no runtime is needed. A child of `fork` does not
//! have that thread, and starts its own. (A blocked thread needs no timer: it waits until its time.)

use crate::runtime::own_code::OwnCode;
use crate::runtime::sync::Arc;
use crate::runtime::sync::lasting::{ArcSwapOption, Condvar, Mutex};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::task::Waker;
use std::time::Instant;

/// The timer of this process, or of the process that it was forked from.
static TIMER: ArcSwapOption<Timer> = ArcSwapOption::const_empty();

#[derive(Debug)]
struct Timer {
    process: u32,
    alarms: Mutex<Alarms>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Alarms {
    next: u64,
    /// By time; the number tells two of the same instant apart.
    by_time: BTreeMap<(Instant, u64), Waker>,
}

/// Wakes a task at its time; dropping it takes that back.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Arc<Timer>,
    key: (Instant, u64),
}

impl Alarm {
    /// Sees to it that `waker` is woken at `time`, by the alarm there is or a new one.
    pub(crate) fn set(alarm: &mut Option<Self>, time: Instant, waker: &Waker) {
        match alarm {
            Some(alarm) if alarm.timer.is_ours() => alarm.set_waker(waker),
            _ => *alarm = Some(Self::at(time, waker)),
        }
    }

    fn at(time: Instant, waker: &Waker) -> Self {
        let timer = Timer::ours();
        let mut alarms = timer.alarms.lock();
        let key = (time, alarms.next);
        alarms.next += 1;
        alarms.by_time.insert(key, waker.clone());
        let is_first = alarms.by_time.keys().next() == Some(&key);
        drop(alarms);
        if is_first {
            timer.changed.notify_one();
        }
        Self { timer, key }
    }

    /// Wakes `waker` from now on.
    fn set_waker(&self, waker: &Waker) {
        let mut alarms = self.timer.alarms.lock();
        let Some(current) = alarms.by_time.get_mut(&self.key) else { return };
        let old = (!current.will_wake(waker)).then(|| std::mem::replace(current, waker.clone()));
        drop(alarms);
        drop(old);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.timer.is_ours() {
            // The timer's thread may have held the lock at the `fork`; nothing releases it here.
            return;
        }
        // A waker is the user's code: it is dropped after the lock is released.
        let waker = self.timer.alarms.lock().by_time.remove(&self.key);
        drop(waker);
    }
}

impl Timer {
    /// The timer of this process.
    fn ours() -> Arc<Self> {
        loop {
            let there_is = TIMER.load();
            if let Some(ours) = there_is.as_ref().filter(|timer| timer.is_ours()) {
                return ours.clone();
            }
            let new = Arc::new(Self {
                process: process::id(),
                alarms: Mutex::new(Alarms::default()),
                changed: Condvar::new(),
            });
            let before = TIMER.compare_and_swap(&*there_is, Some(new.clone()));
            // Else another thread has put one there.
            if before.as_ref().map(Arc::as_ptr) == there_is.as_ref().map(Arc::as_ptr) {
                new.clone().start();
                return new;
            }
        }
    }

    fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    fn start(self: Arc<Self>) {
        std::thread::Builder::new()
            .name("failpoint-timer".into())
            .spawn(move || self.ring())
            .expect("a thread for the timer of failpoints");
    }

    fn ring(&self) {
        // A point that held this thread would hold all who wait for it: none is evaluated here.
        let _own = OwnCode::enter();
        let mut alarms = self.alarms.lock();
        loop {
            let now = Instant::now();
            let later = alarms.by_time.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut alarms.by_time, later);
            if !due.is_empty() {
                drop(alarms);
                for waker in due.into_values() {
                    // Code of the user's: if it panics, the others are woken all the same.
                    let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()));
                }
                alarms = self.alarms.lock();
                continue;
            }
            let next = alarms.by_time.keys().next().map(|(time, _)| *time);
            alarms = self.changed.wait(alarms, next);
        }
    }
}
