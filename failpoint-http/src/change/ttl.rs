//! Disarms points when their `?ttl=` expires.
//!
//! A separate thread keeps the time. The first ttl starts it, and it outlives the listener, so a ttl
//! also expires after the `Control` was dropped, or while a runtime is blocked.
//!
//! A point has at most one ttl, that of its last arming over HTTP. A superseded one is removed at once.

use crate::change::fail_crate;
use failpoint::__bridge::control;
use failpoint::__private::text::visible;
use std::collections::{BTreeSet, HashMap};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The library that has the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Whose {
    Ours,
    /// Of a point of the crate `fail`.
    Fail,
}

type Point = (Whose, String);

/// How many leases are kept before those are removed whose armings the program has ended itself.
const LOOK_AT: usize = 1_024;

struct Leases {
    running: Mutex<Running>,
    changed: Condvar,
}

/// The leases that have not ended.
struct Running {
    /// For each point, when it is disarmed, and the arming that this ends.
    of_points: HashMap<Point, (Instant, u64)>,
    /// The same, the earliest first.
    ends: BTreeSet<(Instant, Point)>,
    /// At this number, leases of ended armings are removed.
    look_at: usize,
}

/// Records that `name` was armed at `generation`. It is disarmed after `ttl`, if there is one, unless it
/// is armed again before.
pub(crate) fn armed(whose: Whose, name: &str, generation: u64, ttl: Option<Duration>) {
    // If the clock cannot represent the time, there is no limit.
    let end = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
    let Some(leases) = (if end.is_some() { Some(leases()) } else { LEASES.get() }) else { return };
    if leases.lock().supersede((whose, name.to_owned()), generation, end) {
        leases.changed.notify_one();
    }
}

/// Records that the armings of `name` up to `generation` have ended.
pub(crate) fn disarmed(whose: Whose, name: &str, generation: u64) {
    armed(whose, name, generation, None);
}

/// As [`disarmed`], for every point.
pub(crate) fn reset(whose: Whose, generation: u64) {
    if let Some(leases) = LEASES.get() {
        leases.lock().retain(|of, _, made| of != whose || made > generation);
    }
}

static LEASES: OnceLock<Leases> = OnceLock::new();

fn leases() -> &'static Leases {
    /// The process that has the thread. A child of `fork` starts its own.
    static THREAD_OF: AtomicU32 = AtomicU32::new(0);
    let leases = LEASES
        .get_or_init(|| Leases { running: Mutex::new(Running::new()), changed: Condvar::new() });
    let process = process::id();
    if THREAD_OF.swap(process, Ordering::Relaxed) != process {
        let started =
            thread::Builder::new().name("failpoint-lease".to_owned()).spawn(|| leases.run());
        if let Err(error) = started {
            control::warn(format_args!(
                "cannot start the thread for ttls: {error}; no ttl will expire"
            ));
        }
    }
    leases
}

impl Leases {
    fn run(&self) {
        let _quiet = control::quiet();
        let mut running = self.lock();
        loop {
            let now = Instant::now();
            match running.ends.first() {
                None => {
                    running = self.changed.wait(running).unwrap_or_else(PoisonError::into_inner);
                }
                Some((end, _)) if *end > now => {
                    let left = *end - now;
                    let waited = self.changed.wait_timeout(running, left);
                    running = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    let ended = running.pop();
                    // The lock is not held while callers are woken and a line is logged.
                    drop(running);
                    ended.into_iter().for_each(|(point, generation)| end(&point, generation));
                    running = self.lock();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn new() -> Self {
        Self { of_points: HashMap::new(), ends: BTreeSet::new(), look_at: LOOK_AT }
    }

    /// Replaces the point's lease by one for the arming at `generation`; without an `end`, only removes
    /// it. Returns whether there is a lease now.
    fn supersede(&mut self, point: Point, generation: u64, end: Option<Instant>) -> bool {
        if let Some((old_end, old)) = self.of_points.get(&point) {
            // The calls may arrive in another order than the armings were made.
            if *old > generation {
                return false;
            }
            self.ends.remove(&(*old_end, point.clone()));
            self.of_points.remove(&point);
        }
        let Some(end) = end else { return false };
        self.ends.insert((end, point.clone()));
        self.of_points.insert(point, (end, generation));
        self.drop_those_over();
        true
    }

    fn pop(&mut self) -> Option<(Point, u64)> {
        let (_, point) = self.ends.pop_first()?;
        let (_, generation) = self.of_points.remove(&point)?;
        Some((point, generation))
    }

    /// This module does not learn when the program disarms a point itself. Such leases are removed
    /// whenever the number has doubled since the last time, so that old names are not kept.
    fn drop_those_over(&mut self) {
        if self.of_points.len() < self.look_at {
            return;
        }
        self.retain(|whose, name, generation| match whose {
            Whose::Ours => control::is_in_force(name, generation),
            Whose::Fail => fail_crate::is_in_force(name, generation),
        });
        self.look_at = LOOK_AT.max(2 * self.of_points.len());
    }

    fn retain(&mut self, is_kept: impl Fn(Whose, &str, u64) -> bool) {
        self.of_points.retain(|(whose, name), (_, generation)| is_kept(*whose, name, *generation));
        self.ends.retain(|(_, point)| self.of_points.contains_key(point));
    }
}

fn end((whose, name): &Point, generation: u64) {
    let ended = match whose {
        Whose::Ours => control::disarm_generation(name, generation),
        Whose::Fail => fail_crate::end(name, generation),
    };
    if ended {
        let name = visible(name);
        control::inform(format_args!("failpoint-http: a ttl ended, disarmed {name}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{LEASES, Running, Whose};
    use crate::respond;
    use std::time::{Duration, Instant};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Armings of a day at so many points, one after the other.
    fn arm(running: &mut Running, armings: u64, points: u64) {
        let end = Instant::now() + DAY;
        for generation in 1..=armings {
            let point = (Whose::Fail, (generation % points).to_string());
            running.supersede(point, generation, Some(end));
        }
    }

    #[test]
    fn a_point_has_one_lease() {
        let mut running = Running::new();
        arm(&mut running, 20_000, 1_000);
        assert_eq!((running.of_points.len(), running.ends.len()), (1_000, 1_000));
        // A late call changes nothing.
        assert!(!running.supersede((Whose::Fail, "7".to_owned()), 3, None));
        assert_eq!(running.of_points.len(), 1_000);
        assert!(!running.supersede((Whose::Fail, "7".to_owned()), 20_001, None));
        assert_eq!((running.of_points.len(), running.ends.len()), (999, 999));
    }

    #[test]
    fn a_reset_ends_those_before_it() {
        let mut running = Running::new();
        arm(&mut running, 100, 100);
        running.retain(|whose, _, made| whose != Whose::Fail || made > 90);
        assert_eq!((running.of_points.len(), running.ends.len()), (10, 10));
    }

    #[test]
    fn armings_that_the_program_ended_are_not_kept() {
        let mut running = Running::new();
        // Nothing is armed there.
        arm(&mut running, 20_000, 20_000);
        assert!(running.of_points.len() <= 1_024 && running.ends.len() <= 1_024);
    }

    #[test]
    fn what_ends_an_arming_ends_its_lease() {
        let ask = |method: &str, path: &str| {
            let status = respond(method, path, &[], b"off").status;
            assert!(matches!(status, 200 | 204), "{method} {path}: {status}");
        };
        let has_lease = |name: &str| {
            let point = (Whose::Ours, name.to_owned());
            LEASES.get().is_some_and(|leases| leases.lock().of_points.contains_key(&point))
        };
        let name = "lease/of-a-test";
        let arm = || {
            ask("PUT", &format!("/{name}?unlisted=1&ttl=24h"));
            assert!(has_lease(name));
        };
        arm();
        arm();
        ask("PUT", &format!("/{name}?unlisted=1"));
        assert!(!has_lease(name), "armed again without a ttl");
        arm();
        ask("DELETE", &format!("/{name}"));
        assert!(!has_lease(name), "disarmed");
    }
}
