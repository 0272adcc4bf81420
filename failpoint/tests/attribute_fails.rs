//! Processes of its own: tests that are to fail run as children of this one.
//!
//! How does a test with `#[failpoint::test]` fail: at once, and saying why?
#![cfg(all(feature = "failpoints", feature = "attributes"))]

use failpoint::{Scope, fail_point, fail_point_async};
use failpoint_test_support::PATIENCE;
use std::process::Command;
use std::thread::JoinHandle;

fn pausing() {
    fail_point!("fails/pausing");
}

/// A worker that is joined when its owner goes, as a well-behaved server's are.
struct Worker(Option<JoinHandle<()>>);

impl Worker {
    fn start(work: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(std::thread::spawn(work)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let joined = self.0.take().map(JoinHandle::join);
        // It panics where the limit of its pause ran out.
        let well = matches!(joined, Some(Ok(())));
        println!("joined well: {well}, while unwinding: {}", std::thread::panicking());
    }
}

#[failpoint::test(points = "fails/pausing=pause(60s)")]
#[ignore = "a child of the other tests"]
fn panics_while_a_worker_is_paused(scope: Scope) {
    let _worker = Worker::start(scope.wrap_fn(pausing));
    scope.wait_paused("fails/pausing", 1, PATIENCE).unwrap();
    panic!("what the test found");
}

#[failpoint::test(points = "fails/pausing=pause(60s)")]
#[ignore = "a child of the other tests"]
async fn panics_while_a_task_owns_a_worker(scope: Scope) {
    let _worker = Worker::start(scope.wrap_fn(pausing));
    scope.wait_paused_async("fails/pausing", 1, PATIENCE).await.unwrap();
    panic!("what the test found");
}

#[failpoint::test(points = "fails/pausing=pause(60s)", flavor = "multi_thread")]
#[ignore = "a child of the other tests"]
async fn panics_while_the_pool_is_paused(scope: Scope) {
    // The runtime waits for its blocking threads when it goes.
    let _blocking = tokio::task::spawn_blocking(pausing);
    let _task = tokio::spawn(async { fail_point_async!("fails/pausing") });
    scope.wait_paused_async("fails/pausing", 2, PATIENCE).await.unwrap();
    panic!("what the test found");
}

#[failpoint::test(points = "fails/pausing=pause(60s)")]
#[ignore = "a child of the other tests"]
fn returns_an_error_while_a_worker_is_paused(scope: Scope) -> Result<(), String> {
    let hook = scope.on_thread_start();
    std::thread::spawn(move || {
        hook();
        pausing();
    });
    scope.wait_paused("fails/pausing", 1, PATIENCE).map_err(|error| error.to_string())?;
    Err("what the test found".to_owned())
}

#[failpoint::test(points = "fails/pausing=off")]
#[ignore = "a child of the other tests"]
fn is_hit_from_outside_only() {
    let named = std::thread::Builder::new().name("stray".to_owned());
    named.spawn(pausing).unwrap().join().unwrap();
}

#[failpoint::test]
#[ignore = "a child of the other tests"]
fn expects_what_came_from_outside(scope: Scope) {
    scope.arm("fails/pausing", "off").unwrap();
    let named = std::thread::Builder::new().name("stray".to_owned());
    named.spawn(pausing).unwrap().join().unwrap();
    scope.expect_fired("fails/pausing");
}

#[failpoint::test(points = "fails/pausing=off")]
#[ignore = "a child of the other tests"]
fn returns_an_error_before_its_point() -> Result<(), String> {
    Err("what the test found".to_owned())
}

#[failpoint::test(points = "fails/pausing=off")]
#[ignore = "a child of the other tests"]
async fn returns_an_error_before_its_point_async() -> Result<(), String> {
    Err("what the test found".to_owned())
}

#[failpoint::test(points = "fails/pausing=off")]
#[tokio::test]
#[ignore = "a child of the other tests"]
async fn returns_an_error_before_its_point_beside_tokio() -> Result<(), String> {
    Err("what the test found".to_owned())
}

#[failpoint::test(points = "fails/pausing=off")]
#[ignore = "a child of the other tests"]
fn returns_well_and_never_fires() -> Result<(), String> {
    Ok(())
}

/// Runs one of the tests above, which is to fail, and not by the limit of its pause; gives what it
/// said.
fn child(test: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().contains("FAILPOINT") {
            command.env_remove(name);
        }
    }
    let output = command.env("RUST_BACKTRACE", "0").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(101), "{said}");
    assert!(!said.contains("ran out"), "a pause was not released: {said}");
    said
}

#[test]
fn a_failing_test_releases_its_workers_before_it_unwinds() {
    for test in ["panics_while_a_worker_is_paused", "panics_while_a_task_owns_a_worker"] {
        let said = child(test);
        assert!(said.contains("what the test found"), "{said}");
        assert!(said.contains("joined well: true, while unwinding: true"), "{said}");
    }
}

#[test]
fn a_failing_test_leaves_nobody_standing_in_its_runtime() {
    for test in ["panics_while_the_pool_is_paused", "returns_an_error_while_a_worker_is_paused"] {
        let said = child(test);
        assert!(said.contains("what the test found"), "{said}");
    }
}

#[test]
fn an_error_is_not_hidden_by_a_point_that_never_fired() {
    for test in [
        "returns_an_error_before_its_point",
        "returns_an_error_before_its_point_async",
        "returns_an_error_before_its_point_beside_tokio",
    ] {
        let said = child(test);
        assert!(said.contains("Error: \"what the test found\""), "{said}");
        assert!(said.contains("never fired: `fails/pausing=off`"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    assert!(child("returns_well_and_never_fires").contains("never fired: `fails/pausing=off`"));
}

#[test]
fn an_unfired_point_that_was_hit_from_outside_says_where_and_what_to_do() {
    for test in ["is_hit_from_outside_only", "expects_what_came_from_outside"] {
        let said = child(test);
        for part in [
            "fails/pausing",
            "1 evaluations came from outside the scope",
            "attribute_fails.rs:",
            "on thread `stray`",
            "scope.wrap_fn(closure)",
        ] {
            assert!(said.contains(part), "{part} is missing in: {said}");
        }
    }
}
