//! The checkers are not blind: what a driver corrupts on purpose is caught each time, by the checker of
//! that name, and the report shows it. The same run without corruption passes.
//!
//! Each test takes one seed. With `BLIND_SEEDS=5` in the environment, it takes five.

mod support {
    pub(crate) mod corrupting;
    pub(crate) mod memory;
}

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use failpoint_tester::checks::around::around;
use failpoint_tester::checks::{Check, Verdict, order, watch};
use failpoint_tester::clock::Clock;
use failpoint_tester::config::parse;
use failpoint_tester::driver::Driver;
use failpoint_tester::history::{History, Watch};
use failpoint_tester::load::{Kind, Load, Recorder, Settings, WholeWatch};
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::files::write_json;
use failpoint_tester::report::html;
use failpoint_tester::report::model::{Outcome, Report};
use failpoint_tester::run::{Ended, Options, Subject, run};
use support::corrupting::{Corrupting, Corruption, PANIC};
use support::memory::{Memory, within_a_minute};

/// The seeds of each test.
fn seeds() -> std::ops::RangeInclusive<u64> {
    let count = std::env::var("BLIND_SEEDS").map(|text| text.parse().expect("a number"));
    1..=count.unwrap_or(1)
}

/// What is recorded of a load on a store in memory until the corruption has happened, and a while
/// longer.
async fn recorded(corruption: Corruption, seed: u64) -> History {
    let memory = Memory::new(3);
    let driver = Corrupting::new(memory.driver(), corruption, seed);
    let shared: Arc<dyn Driver> = Arc::new(driver.clone());
    let settings = Settings {
        clients: 6,
        rate: 5_000,
        minimum_rate: 0.0,
        keys: 5,
        kinds: Kind::ALL.into_iter().map(|kind| (kind, 10)).collect(),
        runners: BTreeMap::new(),
        large: 100,
        snapshot_entries: 100,
    };
    let recorder = Recorder::new(Clock::start(), 1);
    let whole = WholeWatch::start(shared.clone(), recorder.clone(), 2);
    let limit = Duration::from_secs(5);
    let prefix = "r1/".to_owned();
    let load = Load::start(shared.clone(), settings, limit, recorder.clone(), seed, prefix);

    let watching = recorder.clone();
    let watcher = tokio::spawn(async move {
        let (from, to) = ("r1/".to_owned(), Some("r10".to_owned()));
        let client = shared.client(0);
        let mut stream =
            client.watch(&from, to.as_deref(), 2).await.expect("the store has watches");
        watching.opened(7, Watch { first: 2, from, to, deliveries: Vec::new() });
        while let Ok(message) = stream.next().await {
            watching.delivered(7, message.changes);
        }
    });
    let enough = |more: u64| {
        let goal = load.counts().succeeded + more;
        let load = &load;
        async move {
            while load.counts().succeeded < goal {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    };
    if corruption == Corruption::None {
        enough(1_000).await;
    }
    while corruption != Corruption::None && !driver.done() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    enough(100).await;
    load.stop().await;
    whole.reached(memory.revision(), limit).await.expect("the store answers");
    watcher.abort();
    recorder.take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_store_in_memory_passes() {
    for seed in seeds() {
        let history = within_a_minute(recorded(Corruption::None, seed)).await;
        assert_eq!(order::check(&history).verdict, Verdict::Holds, "seed {seed}");
        assert_eq!(watch::check(&history), Verdict::Holds, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_sees_a_read_from_the_past() {
    for seed in seeds() {
        let history = within_a_minute(recorded(Corruption::PastRead, seed)).await;
        let verdict = order::check(&history).verdict;
        let Some(violation @ order::Violation::RealTime { later, .. }) = verdict.violation() else {
            panic!("seed {seed}: {verdict}");
        };
        let lines = around(&history, violation, 20);
        let read = format!("> operation {} ", later.number);
        assert!(lines.iter().any(|line| line.starts_with(&read)), "seed {seed}: {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_sees_a_lost_write() {
    for seed in seeds() {
        let history = within_a_minute(recorded(Corruption::LostWrite, seed)).await;
        let verdict = order::check(&history).verdict;
        let Some(order::Violation::LostWrite { write, found }) = verdict.violation() else {
            panic!("seed {seed}: {verdict}");
        };
        assert_eq!(found.events[0].key(), "of-no-request", "seed {seed}: {write}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_sees_an_event_that_comes_twice() {
    for seed in seeds() {
        let history = within_a_minute(recorded(Corruption::EventTwice, seed)).await;
        assert_eq!(order::check(&history).verdict, Verdict::Holds, "seed {seed}");
        let verdict = watch::check(&history);
        let found = verdict.violation().map(|found| (found.watcher, found.rule));
        assert_eq!(found, Some((7, watch::Rule::Unique)), "seed {seed}: {verdict}");
    }
}

/// Whether a program is missing. Under `REQUIRE_PROGRAMS=1` that is a failure.
fn missing(program: &str, package: &str) -> bool {
    let mut command = Command::new(program);
    let found = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "{program} is missing");
        println!("skipped: needs {package}");
    }
    found.is_err()
}

/// A round over real etcds. If no opportunity to corrupt something came, as on a busy machine, a longer one
/// follows.
async fn run_etcd(corruption: Corruption, seed: u64) -> Ended {
    for milliseconds in [500, 1_000, 2_000, 4_000, 8_000, 16_000] {
        let (ended, corrupted) = run_etcd_once(corruption, seed, milliseconds).await;
        if corrupted == (corruption != Corruption::None) {
            return ended;
        }
    }
    panic!("nothing was corrupted");
}

/// The end of a round with so much time under load, and whether something was corrupted.
async fn run_etcd_once(corruption: Corruption, seed: u64, milliseconds: u64) -> (Ended, bool) {
    let directory = tempfile::tempdir().expect("a directory");
    // A panic is seen from the very first start on. The others need the load.
    let case = match corruption {
        Corruption::Panic => "NO_FAIL_WITH_NO_STRESS_FOR_LIVENESS",
        _ => "NO_FAIL_WITH_STRESS",
    };
    // One member is enough, except to differ from another one.
    let (members, hash) = match corruption {
        Corruption::None | Corruption::OtherHash => (3, "KV_HASH, "),
        _ => (1, ""),
    };
    let text = format!(
        "driver: etcd
directory: {}
members: {members}
cases: [{case}]
checks: [{hash}ORDER, WATCH, LOGS, SOME_SUCCEEDED]
load: {{ keys: 5, minimum-rate: 1, kinds: [KV_WRITE_SMALL, KV_READ_ONE_KEY] }}
limits: {{ heal: 30s, fault: {milliseconds}ms }}
",
        directory.path().display()
    );
    let mut config = parse(&text, "blind.yaml".as_ref()).expect("the text is right");
    config.choose_ports().expect("free ports");
    let clock = Clock::start();
    let mut subject = Subject::new(&config, clock).expect("etcd is here");
    let driver = Corrupting::new(subject.driver, corruption, seed);
    subject.driver = Arc::new(driver.clone());
    let collector = Collector::new(clock, format!("failpoint-tester run c.yaml --seed {seed}"));
    let options = Options { seed, rounds: Some(1), ..Options::default() };
    let ended = run(config, options, subject, collector, Vec::new(), std::future::pending()).await;
    (ended, driver.done())
}

/// Runs etcd with each seed: the check of this name fails, with these words, in all reports.
async fn caught_on_etcd(corruption: Corruption, check: Check, words: &str) {
    if missing("etcd", "etcd-server") {
        return;
    }
    for seed in seeds() {
        let ended = run_etcd(corruption, seed).await;
        assert_eq!(ended.status(), 3, "seed {seed}: {:#?}", ended.report.summary);
        let found = ended
            .report
            .checks
            .iter()
            .find(|found| found.check == check && found.outcome == Outcome::Failed);
        let Some(found) = found else { panic!("seed {seed}: {:#?}", ended.report.checks) };
        assert!(found.message.contains(words), "seed {seed}: {}", found.message);
        assert!(!found.around.is_empty(), "seed {seed}: {found:#?}");

        let mut json = Vec::new();
        write_json(&ended.report, &mut json).expect("a vector takes everything");
        let read: Report = serde_json::from_slice(&json).expect("a report");
        assert!(read.checks.contains(found), "seed {seed}");
        let page = html::page(&ended.report);
        assert!(page.contains(check.name()) && page.contains(words), "seed {seed}");
        assert!(page.contains(&format!("--seed {seed}")), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_etcd_passes() {
    if missing("etcd", "etcd-server") {
        return;
    }
    for seed in seeds() {
        let ended = run_etcd(Corruption::None, seed).await;
        assert_eq!(ended.status(), 0, "seed {seed}: {:#?}", ended.report.checks);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_from_the_past_is_caught_on_etcd() {
    caught_on_etcd(Corruption::PastRead, Check::Order, "does not see the past").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_write_is_caught_on_etcd() {
    caught_on_etcd(Corruption::LostWrite, Check::Order, "an acknowledged write is lost").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_is_caught_on_etcd() {
    caught_on_etcd(Corruption::EventTwice, Check::Watch, "came twice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn different_hashes_are_caught_on_etcd() {
    caught_on_etcd(Corruption::OtherHash, Check::KvHash, "differ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_caught_on_etcd() {
    caught_on_etcd(Corruption::Panic, Check::Logs, PANIC).await;
}
