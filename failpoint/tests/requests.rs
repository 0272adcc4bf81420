//! A process of its own: its allocator counts. How much work is a change of so many steps, names and
//! errors?
//!
//! Twice as much takes twice the work: what is copied for each part of a change shows as memory.
#![cfg(feature = "failpoints")]

use allocation_counter::{AllocationInfo, measure};
use failpoint::{Scope, arm, fail_point};

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
