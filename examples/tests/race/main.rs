//! Tests that readers see a rename after it was answered. In one order of two requests they do not.
//!
//! Failpoints enforce that order for the wrong and for the right version, without sleeps.
#![cfg(feature = "failpoints")]
#![allow(missing_docs, unreachable_pub)] // the service is written as a crate would have it

mod profiles;

use failpoint::Scope;
use failpoint_test_support::PATIENCE;
use profiles::{Fill, Profiles};
use std::sync::Arc;

const USER: u64 = 7;
/// The order: the rename saves after the reader has read, and the reader fills the cache after the
/// rename has invalidated it.
const ORDER: &str = "profiles/beforeSave=wait(profiles/beforeFill, 1, 60s);
                     profiles/beforeFill=wait(profiles/invalidated, 1, 60s)";

fn profiles(fill: Fill) -> Profiles {
    Profiles::new(fill, [(USER, "Ada".to_owned())])
}

/// Runs a reader and a rename concurrently; returns what the next reader gets.
async fn told_after_a_rename(profiles: &Profiles) -> Option<String> {
    tokio::join!(profiles.name(USER), profiles.rename(USER, "Grace"));
    profiles.name(USER).await
}

async fn a_rename_that_was_answered_is_seen(fill: Fill) {
    let told = told_after_a_rename(&profiles(fill)).await;
    assert_eq!(told.as_deref(), Some("Grace"), "a stale name is served");
}

// One test, on both versions.

#[failpoint::test(points = ORDER)]
#[should_panic(expected = "a stale name is served")]
async fn every_reader_that_missed_fills() {
    a_rename_that_was_answered_is_seen(Fill::Always).await;
}

#[failpoint::test(points = ORDER)]
async fn only_a_lease_fills() {
    a_rename_that_was_answered_is_seen(Fill::Leased).await;
}

#[failpoint::test]
async fn it_is_found_every_time_and_never(scope: Scope) {
    for _ in 0..100 {
        for (fill, told) in [(Fill::Always, "Ada"), (Fill::Leased, "Grace")] {
            // Armed again, so that `wait` counts from here.
            scope.arm_all(ORDER).unwrap();
            let profiles = profiles(fill);
            assert_eq!(told_after_a_rename(&profiles).await.as_deref(), Some(told), "{fill:?}");
        }
    }
}

/// The same on two threads with `pause` and `resume`: how to explore before the order is known.
#[failpoint::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_reader_fills_with_what_was(scope: Scope) {
    for (fill, told) in [(Fill::Always, "Ada"), (Fill::Leased, "Grace")] {
        scope.arm("profiles/beforeFill", "1*pause").unwrap();
        let profiles = Arc::new(profiles(fill));
        let reader = tokio::spawn({
            let profiles = Arc::clone(&profiles);
            async move { profiles.name(USER).await }
        });
        scope.wait_paused_async("profiles/beforeFill", 1, PATIENCE).await.unwrap();
        profiles.rename(USER, "Grace").await;
        assert_eq!(scope.resume("profiles/beforeFill", 1), Ok(1));
        assert_eq!(reader.await.unwrap().as_deref(), Some("Ada"), "it asked before the rename");
        assert_eq!(profiles.name(USER).await.as_deref(), Some(told), "{fill:?}");
    }
}

/// For comparison, what a stress test finds. It asserts nothing, because the result is random.
#[failpoint::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_rounds_hardly_find_it() {
    const ROUNDS: usize = 200;
    let mut stale = 0;
    for _ in 0..ROUNDS {
        let profiles = Arc::new(profiles(Fill::Always));
        let reader = tokio::spawn({
            let profiles = Arc::clone(&profiles);
            async move { profiles.name(USER).await }
        });
        let writer = tokio::spawn({
            let profiles = Arc::clone(&profiles);
            async move { profiles.rename(USER, "Grace").await }
        });
        reader.await.unwrap();
        writer.await.unwrap();
        stale += usize::from(profiles.name(USER).await.as_deref() == Some("Ada"));
    }
    println!("{stale} of {ROUNDS} plain rounds found the stale name");
}
