//! A process of its own: its allocator counts. What does an evaluation allocate?
//!
//! Nothing, where nothing is returned and nobody waits: idle or armed, on a thread or a task. Nor for a
//! value that a site reads.
#![cfg(feature = "failpoints")]

use allocation_counter::measure;
use failpoint::{
    Action, Armed, Scope, arm, arm_with, fail_point, fail_point_async, fail_result_async,
    fail_value, fail_value_async,
};
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const TIMES: u64 = 100;

fn statement() {
    fail_point!("allocations/statement", tenant = black_box("this"), shard = black_box(7));
}

fn value() -> Option<u64> {
    fail_value!("allocations/value", u64)
}

async fn task() {
    fail_point_async!("allocations/task");
}

/// What a future gives that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// What one of many evaluations allocates, once the thread and the point have what they keep.
fn allocations(evaluate: impl Fn()) -> f64 {
    evaluate();
    let all = measure(|| (0..TIMES).for_each(|_| evaluate()));
    all.count_total as f64 / TIMES as f64
}

/// Counted as many hits as there were evaluations.
fn all_hit(armed: &Armed) {
    assert_eq!(armed.hits(), TIMES + 1, "{}", armed.terms());
}

#[test]
fn nothing_where_nothing_is_armed() {
    fn idle() {
        fail_point!("allocations/idle", tenant = black_box("this"));
    }
    async fn idle_task() {
        fail_point_async!("allocations/idleTask", tenant = black_box("this"));
        assert!(fail_value_async!("allocations/idleTask").is_none());
    }
    assert_eq!(allocations(idle), 0.0);
    assert_eq!(allocations(|| at_once(idle_task())), 0.0);
}

#[test]
fn nothing_where_nothing_is_returned() {
    for terms in [
        "off",
        "1%off",
        "50%3*off->nth(5):off->skip(2):every(3):off",
        "sleep(0)",
        "yield",
        "yield&yield",
        "delay(1us)",
        "when(tenant=other):panic",
        "when(tenant=this,shard=7):off",
        "when(tenant!=other,shard~7*):off",
        "when(thread!=other):off",
        "when(shard>=7,shard<7.5):off",
        "for(1h):off",
        "after(1h):panic",
    ] {
        let armed = arm("allocations/statement", terms).unwrap();
        assert_eq!(allocations(statement), 0.0, "{terms}");
        match terms {
            "when(tenant=other):panic" => assert_eq!(armed.hits(), 0),
            _ => all_hit(&armed),
        }
    }
}

#[test]
fn nothing_on_a_task() {
    for terms in ["off", "1%off", "sleep(0)", "yield"] {
        let armed = arm("allocations/task", terms).unwrap();
        assert_eq!(allocations(|| at_once(task())), 0.0, "{terms}");
        all_hit(&armed);
    }
}

#[test]
fn nothing_in_a_scope_or_outside() {
    fn site() {
        fail_point!("allocations/scoped");
    }
    let (scope, other) = (Scope::new(), Scope::isolated("other"));
    // The first hit draws already: who draws first of all says the seed, and a line of the log is not ours.
    scope.arm("allocations/scoped", "1%off->2*off").unwrap();
    scope.wrap_fn(|| assert_eq!(allocations(site), 0.0))();
    assert_eq!(scope.hits("allocations/scoped"), Ok(TIMES + 1));
    other.wrap_fn(|| assert_eq!(allocations(site), 0.0))();
    assert_eq!(allocations(site), 0.0);
    assert_eq!(scope.hits("allocations/scoped"), Ok(TIMES + 1));
}

#[test]
fn nothing_to_find_a_value_of_a_scope() {
    fn find() -> Option<u32> {
        Scope::find::<u32>().map(|value| *value)
    }
    let outer = Scope::new();
    let scope = outer.wrap_fn(Scope::new)();
    assert_eq!(allocations(|| assert_eq!(find(), None)), 0.0);
    scope.wrap_fn(|| assert_eq!(allocations(|| assert_eq!(find(), None)), 0.0))();
    outer.insert(7_u32);
    scope.wrap_fn(|| assert_eq!(allocations(|| assert_eq!(find(), Some(7))), 0.0))();
}

#[test]
fn nothing_where_a_value_is_returned_to_a_thread() {
    let armed = arm("allocations/value", "return(5)").unwrap();
    assert_eq!(allocations(|| assert_eq!(value(), Some(5))), 0.0);
    all_hit(&armed);
    let armed = arm("allocations/value", "return(0000000000000005)").unwrap();
    assert_eq!(allocations(|| assert_eq!(value(), Some(5))), 0.0);
    all_hit(&armed);
    let armed = arm("allocations/value", "0%return(5)").unwrap();
    assert_eq!(allocations(|| assert_eq!(value(), None)), 0.0);
    all_hit(&armed);
    let armed = arm_with("allocations/value", |_| Action::Pass).unwrap();
    assert_eq!(allocations(|| assert_eq!(value(), None)), 0.0);
    all_hit(&armed);
}

#[test]
fn nothing_where_a_value_is_returned_to_a_task() {
    async fn value() -> Option<u64> {
        fail_value_async!("allocations/valueOfTask", u64)
    }
    let armed = arm("allocations/valueOfTask", "return(5)").unwrap();
    assert_eq!(allocations(|| assert_eq!(at_once(value()), Some(5))), 0.0);
    all_hit(&armed);
    let armed = arm("allocations/valueOfTask", "return(0000000000000005)").unwrap();
    assert_eq!(allocations(|| assert_eq!(at_once(value()), Some(5))), 0.0);
    all_hit(&armed);
}

/// Can this check fail?
#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1.0);
}

#[test]
fn the_points_of_a_future_share_one_pointer() {
    async fn none(n: u64) -> u64 {
        std::future::ready(n).await
    }
    async fn one(n: u64) -> u64 {
        fail_point_async!("allocations/future");
        std::future::ready(n).await
    }
    async fn five(n: u64) -> u64 {
        fail_point_async!("allocations/future");
        fail_point_async!("allocations/future", n = n);
        let _ = fail_value_async!("allocations/futureValue", u64, n = n);
        let _ = fail_result_async!("allocations/futureValue", if n > 1);
        fail_point_async!("allocations/future", if n > 1, n = n);
        std::future::ready(n).await
    }
    let size = |future: &dyn Future<Output = u64>| size_of_val(future);
    let (none, one, five) = (size(&none(1)), size(&one(1)), size(&five(1)));
    let pointer = size_of::<usize>();
    // The pointer, and what its alignment asks for.
    assert!(one <= none + 2 * pointer, "{none} bytes without a point, {one} with one");
    assert_eq!(one, five, "five points need no more than one");
}
