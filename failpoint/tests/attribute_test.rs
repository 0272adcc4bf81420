//! What is a test inside `#[failpoint::test]`? In a build without failpoints: ignored, and checked.
// Miri has no linker's list, so a point cannot be armed before its first hit: see tests/late.rs.
#![cfg(all(feature = "attributes", not(miri)))]
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use failpoint::{Scope, fail_point, fail_point_async, fail_value};
use failpoint_test_support::PATIENCE;
use std::time::Duration;

fn site() -> u64 {
    fail_value!("tested/site", u64).unwrap_or(0)
}

fn other() {
    fail_point!("tested/other");
}

const POINTS: &str = "tested/site=return(3)";

#[failpoint::test]
fn nothing_is_armed() {
    assert_eq!(site(), 0);
    assert!(Scope::current().is_some());
}

#[failpoint::test(points = "tested/site=return(7); tested/other=off")]
fn points_are_armed() {
    use std::thread::spawn;
    assert_eq!(site(), 7);
    other();
    assert_eq!(spawn(site).join().unwrap(), 0, "a bare thread is outside");
}

#[failpoint::test(points = POINTS)]
fn the_scope_is_handed_over(mut scope: Scope) {
    const INNER: &str = "tested/other";
    assert_eq!(site(), 3);
    scope.arm("tested/site", "return(4)").unwrap();
    assert_eq!(site(), 4);
    assert_eq!(scope.hits(INNER), Ok(0));
    assert_eq!(scope.name(), concat!(module_path!(), "::the_scope_is_handed_over"));
    scope = scope.clone();
    assert!(scope.disarm("tested/site").unwrap());
}

#[failpoint::test]
fn an_error_fails(scope: failpoint::Scope) -> Result<(), Box<dyn std::error::Error>> {
    scope.arm("tested/site", "return(1)")?;
    if site() == 1 {
        return Ok(());
    }
    let _: u8 = "no".parse()?;
    Err("not armed".into())
}

#[failpoint::test(points = "tested/site=nth(2):return(1)")]
#[should_panic(expected = "never fired")]
fn a_point_that_never_fires_fails() {
    assert_eq!(site(), 0);
}

#[failpoint::test(points = "tested/site=nth(2):return(1)", allow_unfired)]
fn unless_that_may_be() {
    assert_eq!(site(), 0);
}

#[failpoint::test(points = "tested/site=return(x)")]
#[should_panic(expected = "cannot arm its points")]
fn points_that_are_refused_fail() {}

#[failpoint::test]
#[ignore = "shows that a reason of one's own is kept"]
fn ignored() {}

#[failpoint::test(points = "tested/site=return(7)")]
async fn tasks_of_a_current_thread_are_inside() {
    let task = tokio::spawn(async { site() });
    let blocking = tokio::task::spawn_blocking(site);
    assert_eq!((site(), task.await.unwrap(), blocking.await.unwrap()), (7, 7, 7));
}

#[failpoint::test(
    crate = ::failpoint,
    flavor = "multi_thread",
    worker_threads = 2,
    points = "tested/site=return(7)",
)]
async fn tasks_of_workers_are_inside(scope: Scope) -> Result<(), tokio::task::JoinError> {
    let tasks = [tokio::spawn(async { site() }), tokio::spawn(async { site() })];
    for task in tasks {
        assert_eq!(task.await?, 7);
    }
    assert_eq!(scope.fires("tested/site"), Ok(2));
    Ok(())
}

#[failpoint::test(flavor = "current_thread", start_paused = true)]
async fn time_may_stand_still() {
    let before = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(before.elapsed() >= Duration::from_secs(3600));
}

#[failpoint::test(points = "tested/async=pause(never)")]
async fn what_is_still_paused_is_let_go(scope: Scope) {
    // Both stand there when the test ends; the runtime waits for the blocking one.
    let _blocking = tokio::task::spawn_blocking(|| fail_point!("tested/async"));
    let _task = tokio::spawn(async { fail_point_async!("tested/async") });
    scope.wait_paused_async("tested/async", 2, PATIENCE).await.unwrap();
}

#[failpoint::test(points = "tested/site=return(7)")]
#[test]
fn beside_the_test_attribute() {
    assert_eq!(site(), 7);
}

#[failpoint::test(points = "tested/site=return(7)")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn beside_tokio(scope: Scope) -> Result<(), std::num::ParseIntError> {
    assert_eq!(site(), 7);
    let task = tokio::spawn(scope.wrap(async { site() }));
    assert_eq!(task.await.unwrap(), "7".parse::<u64>()?);
    Ok(())
}

mod users_own_names {
    #![no_implicit_prelude]
    #![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

    mod core {}
    mod std {}
    mod tokio {}
    struct str;
    const test: () = ();
    const body: () = ();
    const result: () = ();
    const returned: () = ();
    const runtime: () = ();
    const has_failed: () = ();

    #[::failpoint::test(points = "tested/site=return(7)")]
    fn plain(scope: ::failpoint::Scope) {
        let _ = (super::site(), scope);
    }

    #[::failpoint::test(points = "tested/site=return(7)")]
    async fn asynchronous() -> ::std::io::Result<()> {
        super::site();
        ::std::result::Result::Ok(())
    }
}
