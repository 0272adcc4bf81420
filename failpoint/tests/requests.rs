//! A process of its own: its allocator counts. How much work is a change of so many steps, names and
//! errors?
//!
//! Twice as much takes twice the work: what is copied for each part of a change shows as memory.
#![cfg(feature = "failpoints")]

use allocation_counter::{AllocationInfo, measure};
use failpoint::__bridge::control::{ArmRequest, Precondition};
use failpoint::{Armed, Error, Scope, arm, arm_all, arm_unlisted, fail_point};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: what one thread allocates for the registry another may free.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The work of something done with `n` parts, and with twice as many.
fn once_and_twice(n: usize, work: impl Fn(usize)) -> [AllocationInfo; 2] {
    // The first takes what is kept for all.
    work(1);
    [n, 2 * n].map(|n| measure(|| work(n)))
}

/// A copy of all for each would take four times as much; tables that double, less than three.
#[track_caller]
fn assert_linear(n: usize, work: impl Fn(usize)) {
    let [once, twice] = once_and_twice(n, work);
    let is_linear =
        twice.count_total < 3 * once.count_total && twice.bytes_total < 3 * once.bytes_total;
    assert!(is_linear, "{n} take {once:?}, twice as many {twice:?}");
}

#[test]
fn steps_that_wait() {
    let _alone = alone();
    fn site() {
        fail_point!("requests/waits");
        fail_point!("requests/waited");
        fail_point!("requests/waited-too");
    }
    site();
    let terms = |n| vec!["wait(requests/waited)&wait(requests/waited-too)"; n].join("&");
    assert_linear(200, |n| drop(arm("requests/waits", &terms(n)).unwrap()));
    let scope = Scope::new();
    assert_linear(200, |n| {
        scope.arm("requests/waits", &terms(n)).unwrap();
        scope.disarm("requests/waits").unwrap();
    });
}

/// Points that no code declares, as long as the guards live.
fn unlisted(name: &str, n: usize) -> Vec<Armed> {
    (0..n).map(|n| arm_unlisted(&format!("requests/{name}/{n}"), "off").unwrap()).collect()
}

#[test]
fn names_that_wait_for_one_point() {
    let _alone = alone();
    fn site() {
        fail_point!("requests/awaited");
    }
    site();
    let config = |n: usize| {
        let binding = |n| format!("requests/waiter/{n}=wait(requests/awaited);");
        (0..n).map(binding).collect::<String>()
    };
    let arm = |n| {
        let armed = ArmRequest::config(&config(n), true).arm(&Precondition::None).unwrap();
        armed.made.iter().for_each(|one| {
            failpoint::disarm(one.point.name()).unwrap();
        });
    };
    // Each is disarmed alone, which copies who else waits: a handle of eight bytes.
    let [once, twice] = once_and_twice(50, arm);
    assert!(twice.count_total < 3 * once.count_total, "{once:?}, twice as many {twice:?}");
    // Together, both ways.
    let together = |n| {
        ArmRequest::config(&config(n), true).arm(&Precondition::None).unwrap();
        ArmRequest::config(&config(n), true).arm(&Precondition::None).unwrap();
    };
    assert_linear(50, together);
}

#[test]
fn names_that_nobody_knows() {
    let _alone = alone();
    let _points = unlisted("known", 200);
    let refuse = |n: usize| {
        let config: String = (0..n).map(|n| format!("requests/knowm/{n}=off;")).collect();
        let Err(Error::Config(errors)) = arm_all(&config) else { panic!("nobody knows them") };
        assert_eq!(errors.len(), n);
        errors
    };
    // Names are suggested for the first few: beyond them, an error takes its own room and no more.
    let [some, more] = [20, 120].map(|n| measure(|| drop(refuse(n))));
    let each = (more.count_total - some.count_total) / 100;
    assert!(each < 20, "{each} allocations for each");
    let room = |error: &Error| match error {
        Error::UnknownPoint { nearest, .. } => (nearest.len(), nearest.capacity()),
        error => panic!("{error}"),
    };
    let rooms: Vec<_> = refuse(20).iter().map(room).collect();
    assert!(rooms[0].0 > 0 && rooms[19].0 == 0, "{rooms:?}");
    assert!(rooms.iter().all(|(_, capacity)| *capacity <= 4), "{rooms:?}");
}

#[test]
fn a_name_that_no_code_declares_is_forgotten_when_it_is_disarmed() {
    let _alone = alone();
    drop(unlisted("warm", 2));
    let all = measure(|| (0..100).for_each(|_| drop(unlisted("forgotten", 100))));
    assert_eq!((all.count_current, all.bytes_current), (0, 0), "nothing is kept");
    let error = failpoint::point("requests/forgotten/1").unwrap_err();
    assert!(matches!(error, Error::UnknownPoint { .. }), "{error}");
}

#[test]
fn a_name_that_is_observed_is_kept_until_nobody_does() {
    let _alone = alone();
    fn site() {
        fail_point!("requests/observer");
    }
    site();
    let target = arm_unlisted("requests/observed-only", "off").unwrap();
    let waits = arm("requests/observer", "wait(requests/observed-only)").unwrap();
    drop(target);
    assert!(failpoint::point("requests/observed-only").is_err(), "nobody sees it");
    let again = arm_unlisted("requests/observed-only", "off").unwrap();
    drop(waits);
    drop(again);
    assert!(failpoint::disarm("requests/observed-only").is_err());
}
