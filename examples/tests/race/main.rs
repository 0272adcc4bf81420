//! Does a rename that was answered stay seen? In one order of two requests it does not.
//!
//! The wrong version and the right one are put through the same order, which failpoints make:
//! nothing sleeps, nothing is left to luck.
#![cfg(feature = "failpoints")]
#![allow(missing_docs, unreachable_pub)] // the service is written as a crate would have it

mod profiles;

use failpoint::Scope;
use failpoint_test_support::PATIENCE;
use profiles::{Fill, Profiles};
use std::sync::Arc;

const USER: u64 = 7;
/// The whole order: the rename saves when the reader has read, and the reader fills the cache when
/// the rename has invalidated it.
const ORDER: &str = "profiles/beforeSave=wait(profiles/beforeFill, 1, 60s);
                     profiles/beforeFill=wait(profiles/invalidated, 1, 60s)";

fn profiles(fill: Fill) -> Profiles {
    Profiles::new(fill, [(USER, "Ada".to_owned())])
}

/// A reader and a rename beside each other; then what the next reader is told.
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
async fn whoever_missed_fills() {
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
            // Armed anew: what a `wait` has seen counts from there.
            scope.arm_all(ORDER).unwrap();
            let profiles = profiles(fill);
            assert_eq!(told_after_a_rename(&profiles).await.as_deref(), Some(told), "{fill:?}");
        }
    }
}

/// The same on two threads, and by hand: so it is looked for before the order is known.
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

/// What a plain stress test would have found, for comparison: nothing is asserted of luck.
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
