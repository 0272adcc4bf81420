//! Does tokio's clock hold for failpoints, and is blocking an executor noticed?
#![cfg(all(feature = "failpoints", feature = "tokio"))]

use failpoint::{Scope, arm, fail_point, fail_point_async, fail_value_async};
use failpoint_test_support::PATIENCE;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

async fn site() {
    fail_point_async!("paused-time");
}

#[tokio::test(start_paused = true)]
async fn an_hour_passes_at_once_where_time_is_paused() {
    let scope = Scope::new();
    for terms in ["sleep(1h)", "delay(5ms)&sleep(1h)"] {
        scope.arm("paused-time", terms).unwrap();
        let start = tokio::time::Instant::now();
        scope.wrap(site()).await;
        // While one sleeps in real time, this clock stands still.
        assert!(start.elapsed() >= HOUR, "{terms}");
    }
}

#[tokio::test(start_paused = true)]
async fn windows_follow_the_clock() {
    async fn site() -> bool {
        fail_value_async!("paused-window").is_some()
    }
    let scope = Scope::new();
    scope.arm("paused-window", "after(1h):for(2h):return").unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(scope.wrap(site()).await);
        tokio::time::advance(HOUR + Duration::from_secs(1)).await;
    }
    assert_eq!(seen, [false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn limits_run_on_real_time() {
    let scope = Scope::new();
    scope.arm("paused-time", "pause(30ms)").unwrap();
    let real = Instant::now();
    let limited = tokio::spawn(scope.wrap(site())).await;
    assert!(limited.unwrap_err().is_panic());
    assert!(real.elapsed() >= Duration::from_millis(30));
}

#[test]
fn a_runtime_without_a_timer_sleeps_on_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let scope = Scope::new();
    scope.arm("paused-time", "sleep(20ms)").unwrap();
    let start = Instant::now();
    runtime.block_on(scope.wrap(site()));
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_blocking_wait_on_the_only_thread_names_its_twin() {
    fn site() {
        fail_point!("paused/blocking");
    }
    let armed = arm("paused/blocking", "off").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let wait = || armed.wait_hits(1, PATIENCE);
    let payload = std::panic::catch_unwind(|| runtime.block_on(async { wait() })).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("wait_hits_async"), "{message}");
    // Also by name, where nothing is armed yet.
    let idle = Scope::new();
    let wait = || idle.wait_fires("paused/blocking", 1, PATIENCE);
    let payload = std::panic::catch_unwind(|| runtime.block_on(async { wait() })).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("wait_fires_async"), "{message}");
    // On a thread that may block, it blocks.
    let waits = runtime.block_on(async {
        let waiting = tokio::task::spawn_blocking(move || {
            site();
            armed.wait_hits(1, PATIENCE)
        });
        waiting.await.unwrap()
    });
    waits.unwrap();
}

/// Needs a process of its own: what is said once is heard in a child.
#[test]
fn a_site_that_blocks_tasks_is_named_once() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "blocks_its_runtime", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> =
        said.lines().filter(|line| line.contains("use its async macro")).collect();
    assert_eq!(complaints.len(), 1, "{said}");
    assert!(complaints[0].contains("paused/blocks at failpoint/tests/paused_time.rs:"), "{said}");
    assert!(!said.contains("Cannot start a runtime"), "the question is not heard: {said}");
}

#[test]
#[ignore = "the child of the test above"]
fn blocks_its_runtime() {
    fn site() {
        fail_point!("paused/blocks");
    }
    let _armed = arm("paused/blocks", "sleep(1)").unwrap();
    // A plain thread may block.
    site();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // And so may one that is made for it.
    runtime.block_on(async { tokio::task::spawn_blocking(site).await.unwrap() });
    for _ in 0..3 {
        runtime.block_on(async { site() });
    }
}
