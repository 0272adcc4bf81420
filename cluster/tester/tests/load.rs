//! The load on a correct store in memory: what it records is a history that the checkers accept.

use std::collections::BTreeMap;
use std::time::Duration;

use failpoint_tester::checks::{coverage, order, watch};
use failpoint_tester::clock::Clock;
use failpoint_tester::driver::Driver;
use failpoint_tester::history::{History, Outcome, Request};
use failpoint_tester::load::{Kind, Load, Recorder, Settings, TESTER, WholeWatch};

#[path = "support/memory.rs"]
mod memory;
use memory::{Memory, Reach, within_a_minute};

const LIMIT: Duration = Duration::from_millis(200);

fn settings() -> Settings {
    // A history does not show all requests of LEASE; `load_runners` has it.
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Lease);
    let kinds = kinds.map(|kind| (kind, 10)).collect();
    Settings {
        clients: 8,
        rate: 2_000,
        minimum_rate: 0.0,
        keys: 20,
        kinds,
        runners: BTreeMap::new(),
        large: 100,
        snapshot_entries: 100,
    }
}

struct Running {
    memory: Memory,
    recorder: Recorder,
    whole: WholeWatch,
    load: Load,
}

fn start(memory: Memory, settings: Settings, seed: u64) -> Running {
    let recorder = Recorder::new(Clock::start(), 1);
    let whole = WholeWatch::start(memory.driver(), recorder.clone(), 2);
    let load =
        Load::start(memory.driver(), settings, LIMIT, recorder.clone(), seed, "r1/".to_owned());
    Running { memory, recorder, whole, load }
}

impl Running {
    /// Waits until the load has this many answers more.
    async fn answers(&self, more: u64) {
        let goal = self.load.counts().succeeded + more;
        while self.load.counts().succeeded < goal {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn end(self) -> History {
        self.load.stop().await;
        self.whole.reached(self.memory.revision(), Duration::from_secs(30)).await.unwrap();
        self.recorder.take()
    }
}

fn check(history: &History) {
    let order = order::check(history).verdict;
    assert!(order.holds(), "{order}");
    let watch = watch::check(history);
    assert!(watch.holds(), "{watch}");
    coverage::some_succeeded(history).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_store_passes_while_members_come_and_go() {
    within_a_minute(async {
        let running = start(Memory::new(3), settings(), 7);
        running.answers(200).await;
        for (member, reach) in [(0, Reach::Refused), (1, Reach::Silent), (2, Reach::Refused)] {
            running.memory.reach(member, reach);
            running.answers(200).await;
            running.memory.reach(member, Reach::Up);
        }
        running.answers(100).await;
        let counts = running.load.member_counts();
        let failed: u64 = counts.iter().map(|counts| counts.failed).sum();
        let sample = running.load.sample();
        assert!(failed > 0 && counts.iter().all(|counts| counts.succeeded > 0), "{counts:?}");
        assert!(sample.succeeded >= 900 && sample.latency[3] >= sample.latency[0], "{sample:?}");
        let history = running.end().await;
        check(&history);
        let operations = &history.epochs[0].operations;
        assert!(operations.iter().any(|operation| operation.outcome == Outcome::Failed));
        assert!(operations.iter().any(|operation| operation.outcome == Outcome::Unknown));
        assert!(operations.iter().all(|operation| operation.client != TESTER));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_in_flight_in_a_pause() {
    within_a_minute(async {
        let running = start(Memory::new(1), settings(), 8);
        running.answers(50).await;
        for _ in 0..3 {
            running.load.pause().await;
            running.load.pause().await;
            let (revision, recorded) = (running.memory.revision(), running.recorder.len());
            let written = running.load.burst(0, 100, Duration::from_secs(30)).await.unwrap();
            assert!(written >= 100);
            assert_eq!(running.memory.revision(), revision + written);
            assert_eq!(running.recorder.len(), recorded + written as usize);
            running.load.resume();
            running.answers(20).await;
        }
        check(&running.end().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_that_cannot_end_says_so() {
    within_a_minute(async {
        let running = start(Memory::new(2), Settings { clients: 0, ..settings() }, 9);
        running.memory.reach(1, Reach::Refused);
        running.load.burst(0, 1_000, Duration::from_secs(30)).await.unwrap();
        running.memory.reach(0, Reach::Refused);
        let error = running.load.burst(0, 10, Duration::from_millis(50)).await.unwrap_err();
        let start = "only 0 of 10 small writes were acknowledged within 50ms; the last error: m";
        assert!(error.starts_with(start) && error.ends_with("cannot be reached"), "{error}");
        running.memory.reach(0, Reach::Up);
        check(&running.end().await);
    })
    .await;
}

/// Each client's requests: values are unique, so these are its draws.
fn requests(history: &History) -> BTreeMap<u64, Vec<Request>> {
    let mut requests: BTreeMap<u64, Vec<Request>> = BTreeMap::new();
    for operation in &history.epochs[0].operations {
        requests.entry(operation.client).or_default().push(operation.request.clone());
    }
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn the_draws_depend_on_the_seed_only() {
    within_a_minute(async {
        let mut runs = Vec::new();
        for (seed, disturbed) in [(1, false), (1, true), (2, false)] {
            let running = start(Memory::new(3), settings(), seed);
            if disturbed {
                running.memory.reach(1, Reach::Silent);
            }
            running.answers(400).await;
            runs.push(requests(&running.end().await));
        }
        for (client, requests) in &runs[0] {
            let common = requests.len().min(runs[1][client].len());
            assert!(common > 5, "client {client} sent {common} requests");
            assert_eq!(requests[..common], runs[1][client][..common]);
            assert_ne!(requests[..5], runs[2][client][..5]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_recorder_ends_the_load() {
    within_a_minute(async {
        let memory = Memory::new(1);
        let recorder = Recorder::with_limit(Clock::start(), 1, 100_000);
        let load =
            Load::start(memory.driver(), settings(), LIMIT, recorder.clone(), 1, "r1/".to_owned());
        while recorder.full().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        load.pause().await;
        let recorded = recorder.len();
        load.resume();
        load.stop().await;
        assert!(recorder.len() <= recorded + 8, "{} after {recorded}", recorder.len());
        assert!(recorder.full().unwrap().contains("as much as a round may record"));
        let _ = recorder.take();
        assert_eq!(recorder.full(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_gets_nothing_of_the_old_one() {
    within_a_minute(async {
        let running = start(Memory::new(3), settings(), 3);
        running.answers(100).await;
        running.load.pause().await;
        let revision = running.memory.revision();
        running.whole.reached(revision, Duration::from_secs(30)).await.unwrap();
        running.whole.restart(revision + 1).await;
        running.recorder.epoch(revision);
        running.load.resume();
        running.answers(100).await;
        let history = running.end().await;
        assert_eq!(history.epochs.len(), 2);
        assert_eq!(history.epochs[1].revision, revision);
        check(&history);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_watch_says_why_it_is_late() {
    within_a_minute(async {
        let memory = Memory::new(1);
        let recorder = Recorder::new(Clock::start(), 1);
        memory.reach(0, Reach::Refused);
        let whole = WholeWatch::start(memory.driver(), recorder, 2);
        let mut error = String::new();
        while !error.contains("m1: cannot be reached") {
            error = whole.reached(2, Duration::from_millis(20)).await.unwrap_err();
        }
        assert!(error.starts_with("the watch of all keys has seen revision 1, not 2"), "{error}");
        assert!(memory.abilities().watches);
    })
    .await;
}
