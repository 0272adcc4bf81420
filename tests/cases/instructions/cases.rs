//! How many instructions does each of these take? Run as `cases CASE=TIMES…`, below a counter.
//!
//! Each case is made ready, runs that often, and runs as often again between two calls of [`mark`].

use failpoint::{fail_point, fail_value, fail_value_async};
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[inline(never)]
fn statement(n: u64) -> u64 {
    fail_point!("instructions/statement");
    n.wrapping_mul(3)
}

#[inline(never)]
fn value(n: u64) -> u64 {
    fail_value!("instructions/value", u64).unwrap_or(n)
}

#[inline(never)]
fn told(n: u64) -> u64 {
    fail_point!("instructions/told", tenant = black_box("this"));
    n.wrapping_mul(3)
}

async fn value_of_task(n: u64) -> u64 {
    fail_value_async!("instructions/valueOfTask", u64).unwrap_or(n)
}

/// What a file system asks where a file is opened.
#[inline(never)]
fn find() -> Option<Arc<u64>> {
    failpoint::Scope::find()
}

/// What a future gives that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

const LONG: &str = "3*return(5)->50%return(6)->sleep(10ms)->off";

/// Beside those that the linker lists.
const UNLISTED: usize = 9_996;

/// The counter gives what it has counted, and starts over.
#[inline(never)]
fn mark() {
    black_box(());
}

fn times(times: u64, mut body: impl FnMut(u64)) {
    (0..times).for_each(|n| body(black_box(n)));
    mark();
    (0..times).for_each(|n| body(black_box(n)));
    mark();
}

fn arm(name: &str, terms: &str) {
    failpoint::arm(name, terms).unwrap().keep();
}

fn main() {
    for argument in std::env::args().skip(1) {
        let (case, count) = argument.split_once('=').unwrap();
        run(case, count.parse().unwrap());
        failpoint::reset();
    }
}

fn run(case: &str, count: u64) {
    let scope = failpoint::Scope::new();
    match case {
        "idle" => times(count, |n| {
            black_box(statement(n));
        }),
        // In the lane of the point.
        "armed-off" => {
            arm("instructions/statement", "off");
            times(count, |n| {
                black_box(statement(n));
            });
        }
        // Each fire is an event, and the reader is behind: the oldest is lost.
        "armed-off-subscribed" => {
            arm("instructions/statement", "off");
            let _reader = failpoint::subscribe();
            (0..2_000).for_each(|n| {
                black_box(statement(n));
            });
            times(count, |n| {
                black_box(statement(n));
            });
        }
        // The long way, to a plan.
        "armed-off-numbered" => {
            arm("instructions/statement", "1000000000*off");
            times(count, |n| {
                black_box(statement(n));
            });
        }
        "armed-off-by-chance" => {
            arm("instructions/statement", "50%off");
            times(count, |n| {
                black_box(statement(n));
            });
        }
        "armed-off-rarely" => {
            arm("instructions/statement", "1%off");
            times(count, |n| {
                black_box(statement(n));
            });
        }
        "armed-return" => {
            arm("instructions/value", "return(7)");
            times(count, |n| assert_eq!(value(n), 7));
        }
        "armed-return-async" => {
            arm("instructions/valueOfTask", "return(7)");
            times(count, |n| assert_eq!(at_once(value_of_task(n)), 7));
        }
        "when-does-not-match" => {
            arm("instructions/told", "when(tenant=other):off");
            times(count, |n| {
                black_box(told(n));
            });
        }
        "scope-arms-it" => {
            scope.arm("instructions/value", "return(7)").unwrap();
            let _in = scope.enter();
            times(count, |n| assert_eq!(value(n), 7));
        }
        "scope-does-not" => {
            arm("instructions/value", "return(7)");
            scope.arm("instructions/statement", "off").unwrap();
            let _in = scope.enter();
            times(count, |n| assert_eq!(value(n), 7));
        }
        "scope-of-others" => {
            scope.arm("instructions/statement", "off").unwrap();
            let other = failpoint::Scope::new();
            let _in = other.enter();
            times(count, |n| {
                black_box(statement(n));
            });
        }
        "find-no-scope" => times(count, |_| assert!(find().is_none())),
        "find-no-value" => {
            let _in = scope.enter();
            times(count, |_| assert!(find().is_none()));
        }
        "find-inherited" => {
            scope.insert(7_u64);
            let inner = scope.wrap_fn(failpoint::Scope::new)();
            let _in = inner.enter();
            times(count, |_| assert!(find().is_some()));
        }
        "parse-short" => times(count, |_| parse("return(7)")),
        "parse-long" => times(count, |_| parse(LONG)),
        "arm-short" => times(count, |_| arm("instructions/value", "return(7)")),
        "arm-long" => times(count, |_| arm("instructions/value", LONG)),
        // What the control plane does for a list, before it is written.
        "view-of-10000" => {
            arm_unlisted();
            times(count, |_| {
                let listing = failpoint::__bridge::control::listing();
                let armed = listing.made.iter().filter(|point| point.terms() == Some("off"));
                assert_eq!(armed.count(), UNLISTED);
            });
        }
        "list-of-10000" => {
            arm_unlisted();
            times(count, |_| assert_eq!(failpoint::points().len(), UNLISTED + 4));
        }
        other => panic!("there is no case {other}"),
    }
}

fn arm_unlisted() {
    for n in 0..UNLISTED {
        failpoint::arm_unlisted(&format!("instructions/list/{n}"), "off").unwrap().keep();
    }
}

fn parse(terms: &str) {
    assert!(failpoint::__bridge::fuzz::parses(black_box(terms)));
}
