//! A process of its own: it measures. Do tests in their scopes run side by side?
//!
//! ```console
//! $ cargo test --release -p failpoint --features failpoints --test scopes_rate -- --ignored --nocapture
//! ```
//!
//! A thousand test bodies, each in a scope of its own which arms the same two names with terms of
//! its own, each a millisecond of hashing and a hundred evaluations: how much sooner are two threads
//! done with them than one? It should be near 2 on two idle cores, and must be at least 1.8; beside
//! it stand the same bodies without a scope or a point, which is as near to 2 as the machine lets.
#![cfg(feature = "failpoints")]

use failpoint::{Scope, fail_point, fail_value};
use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const BODIES: usize = 1000;
const EVALUATIONS: usize = 100;
const ENOUGH: f64 = 1.8;

fn value() -> Option<u64> {
    fail_value!("rate/value", u64)
}

fn counted() {
    fail_point!("rate/counted");
}

/// The `n`-th test body: what a test does in its scope, and sees nothing of the others.
fn scoped(n: usize, rounds: usize) {
    let scope = Scope::new();
    let counted_off = n % 7 + 1;
    scope.arm("rate/value", &format!("return({n})")).unwrap();
    scope.arm("rate/counted", &format!("{counted_off}*off->every(2):yield")).unwrap();
    let _in = scope.enter();
    for _ in 0..EVALUATIONS / 2 {
        hash(rounds / (EVALUATIONS / 2));
        assert_eq!(value(), Some(n as u64));
        counted();
    }
    let all = EVALUATIONS as u64 / 2;
    let fires = (counted_off + (EVALUATIONS / 2 - counted_off) / 2) as u64;
    assert_eq!(scope.hits("rate/value"), Ok(all));
    assert_eq!((scope.hits("rate/counted"), scope.fires("rate/counted")), (Ok(all), Ok(fires)));
}

/// The same work without failpoints.
fn plain(_: usize, rounds: usize) {
    (0..EVALUATIONS / 2).for_each(|_| hash(rounds / (EVALUATIONS / 2)));
}

fn hash(rounds: usize) {
    let mut hasher = DefaultHasher::new();
    (0..rounds).for_each(|n| hasher.write_usize(black_box(n)));
    black_box(hasher.finish());
}

/// Rounds of hashing that take a millisecond here.
fn rounds_of_a_millisecond() -> usize {
    let took = |rounds| {
        let start = Instant::now();
        hash(rounds);
        start.elapsed()
    };
    let best = (0..20).map(|_| took(100_000)).min().expect("there are twenty");
    (100_000.0 * Duration::from_millis(1).as_secs_f64() / best.as_secs_f64()) as usize
}

/// How long so many threads take for all bodies, which they take one by one.
fn time(threads: usize, rounds: usize, body: fn(usize, usize)) -> Duration {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    thread::scope(|all| {
        for _ in 0..threads {
            all.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= BODIES {
                        break;
                    }
                    body(n, rounds);
                }
            });
        }
    });
    start.elapsed()
}

#[test]
#[ignore = "measures for half a minute: release mode, two idle cores"]
fn two_threads_run_scoped_tests_nearly_twice_as_fast_as_one() {
    let rounds = rounds_of_a_millisecond();
    println!("{BODIES} bodies, {rounds} rounds of hashing and {EVALUATIONS} evaluations each");
    // The best time of each, since whatever else the machine does only adds to a time, while a lock
    // that serializes would add to each time of two threads. The plain bodies tell whether the
    // machine had two cores to give at all: it goes on until it had them three times.
    let mut best = [f64::MAX; 4];
    let mut quiet_turns = 0;
    for _ in 0..40 {
        let times = [(1, scoped as fn(_, _)), (2, scoped), (1, plain), (2, plain)]
            .map(|(threads, body)| time(threads, rounds, body).as_secs_f64());
        best.iter_mut().zip(times).for_each(|(best, time)| *best = time.min(*best));
        let [one, two, plain_one, plain_two] = times;
        println!("1 thread {one:.3} s, 2 threads {two:.3} s; plain {plain_one:.3}, {plain_two:.3}");
        quiet_turns += usize::from(plain_one / plain_two >= 1.85);
        if quiet_turns == 3 {
            break;
        }
    }
    let (scopes, plain) = (best[0] / best[1], best[2] / best[3]);
    println!("scopes {scopes:.2} times the rate, plain {plain:.2} times");
    assert!(quiet_turns == 3, "the machine is busy: try again, two idle cores are needed");
    assert!(scopes >= ENOUGH, "two threads reach only {scopes:.2} times the rate of one");
}
