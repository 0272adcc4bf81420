//! Leases and runners on a store in memory: a correct one passes, a broken one is caught.

use std::collections::BTreeMap;
use std::time::Duration;

use failpoint_tester::checks::leases;
use failpoint_tester::checks::runners::{self, Held, Violation};
use failpoint_tester::checks::{Verdict, order, watch};
use failpoint_tester::clock::Clock;
use failpoint_tester::load::{Kind, Load, Recorder, Runner, Settings, WholeWatch};

#[path = "support/memory.rs"]
mod memory;
use memory::{Memory, Reach, within_a_minute};

const LIMIT: Duration = Duration::from_millis(200);

fn settings(kinds: &[Kind], runners: &[Runner]) -> Settings {
    Settings {
        clients: 4,
        rate: 1_000,
        minimum_rate: 0.0,
        keys: 20,
        kinds: kinds.iter().map(|&kind| (kind, 1)).collect(),
        runners: runners.iter().map(|&runner| (runner, 3)).collect(),
        large: 100,
        snapshot_entries: 100,
    }
}

fn start(memory: &Memory, settings: Settings) -> (Recorder, WholeWatch, Load) {
    let recorder = Recorder::new(Clock::start(), 1);
    let whole = WholeWatch::start(memory.driver(), recorder.clone(), 2);
    let load = Load::start(memory.driver(), settings, LIMIT, recorder.clone(), 5, "r1/".to_owned());
    (recorder, whole, load)
}

async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn answers(load: &Load, more: u64) {
    let goal = load.counts().succeeded + more;
    until(|| load.counts().succeeded >= goal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_store_passes_while_members_come_and_go() {
    within_a_minute(async {
        let memory = Memory::new(3);
        let (recorder, whole, load) = start(&memory, settings(&Kind::ALL, &Runner::ALL));
        answers(&load, 300).await;
        for (member, reach) in [(0, Reach::Refused), (1, Reach::Silent), (2, Reach::Refused)] {
            memory.reach(member, reach);
            answers(&load, 200).await;
            memory.reach(member, Reach::Up);
            memory.lead(member);
        }
        // Each runner comes to an end of what it does.
        until(|| load.check_runners().holds()).await;
        for short in [true, false] {
            let verdict = load.check_leases(short).await;
            assert!(verdict.holds(), "{verdict}");
        }
        let found = load.stop().await;
        let verdict = runners::check(&found);
        assert!(verdict.holds() && found.held.len() > 2, "{verdict}: {found:?}");
        assert_eq!(found.done.len(), Runner::ALL.len());
        whole.reached(memory.revision(), Duration::from_secs(30)).await.unwrap();
        let history = recorder.take();
        let order = order::check(&history).verdict;
        assert!(order.holds(), "{order}");
        let watch = watch::check(&history);
        assert!(watch.holds(), "{watch}");
        let watches = history.epochs[0].watches.values();
        assert!(watches.filter(|watch| !watch.deliveries.is_empty()).count() > 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_that_never_expire_are_caught() {
    within_a_minute(async {
        let memory = Memory::new(1);
        memory.never_expire();
        let (_recorder, _whole, load) = start(&memory, settings(&[Kind::Lease], &[]));
        answers(&load, 100).await;
        load.pause().await;
        let verdict = load.check_leases(true).await;
        assert!(matches!(verdict, Verdict::Violated(leases::Violation::Lingers(_))), "{verdict}");
        assert!(verdict.to_string().contains("still exists at"), "{verdict}");
        load.resume();
        load.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_that_end_too_early_are_caught() {
    within_a_minute(async {
        let memory = Memory::new(1);
        let runners = [Runner::LeaseRunner];
        let (_recorder, _whole, load) = start(&memory, settings(&[Kind::Lease], &runners));
        answers(&load, 200).await;
        let lost = memory.leases();
        lost.into_iter().for_each(|lease| memory.lose_lease(lease));
        let verdict = load.check_leases(false).await;
        assert!(matches!(verdict, Verdict::Violated(leases::Violation::TooEarly(_))), "{verdict}");
        until(|| load.check_runners().violation().is_some()).await;
        let violation = load.stop().await.violations.remove(0).to_string();
        assert!(violation.starts_with("LEASE_RUNNER: lease "), "{violation}");
        assert!(violation.ends_with(" ms before their time"), "{violation}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_start_again_on_a_restored_store() {
    within_a_minute(async {
        let memory = Memory::new(1);
        let (_recorder, _whole, load) = start(&memory, settings(&[Kind::Lease], &Runner::ALL));
        until(|| load.check_runners().holds()).await;
        load.pause().await;
        memory.leases().into_iter().for_each(|lease| memory.lose_lease(lease));
        load.forget();
        load.resume();
        answers(&load, 200).await;
        for short in [true, false] {
            let verdict = load.check_leases(short).await;
            assert!(verdict.holds(), "{verdict}");
        }
        let found = load.stop().await;
        let verdict = runners::check(&found);
        assert!(verdict.holds(), "{verdict}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runners_that_are_never_served_decide_nothing() {
    within_a_minute(async {
        let memory = Memory::new(1);
        memory.reach(0, Reach::Refused);
        let runners = [Runner::LockRacerRunner];
        let (_recorder, _whole, load) = start(&memory, settings(&[], &runners));
        until(|| load.counts().failed > 3).await;
        let verdict = runners::check(&load.stop().await);
        let expected = "not decided: LOCK_RACER_RUNNER never came to an end of what it does: the \
                        round was too short for it, or its requests failed";
        assert_eq!(verdict.to_string(), expected);
    })
    .await;
}

#[test]
fn holders_of_different_locks_and_one_after_another_are_no_violation() {
    let held = |lock: &str, holder: &str, first, last| Held {
        lock: lock.into(),
        holder: holder.into(),
        first,
        last,
    };
    let fine = [held("a", "x", 1, 3), held("b", "y", 2, 4), held("a", "y", 4, 5)];
    assert_eq!(runners::exclusive(&fine), Ok(()));
    // The long one reaches over a short one to the third.
    let shared = [held("a", "x", 1, 9), held("a", "y", 8, 8), held("b", "z", 8, 8)];
    let Err(Violation::Shared { first, second }) = runners::exclusive(&shared) else {
        panic!("two holders at revision 8")
    };
    assert_eq!((first.holder.as_str(), second.holder.as_str()), ("x", "y"));
    let none: BTreeMap<&'static str, u64> = BTreeMap::new();
    let found = runners::Found { held: shared.to_vec(), done: none, ..Default::default() };
    assert!(runners::check(&found).violation().is_some());
}
