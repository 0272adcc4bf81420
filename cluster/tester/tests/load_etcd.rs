//! The load on a real etcd, of which a member is killed: it keeps its promises, and nothing that is
//! said of it is wrong.

use std::sync::Arc;
use std::time::Duration;

use failpoint_tester::agent::Operation;
use failpoint_tester::checks::{coverage, order, runners, watch};
use failpoint_tester::clock::Clock;
use failpoint_tester::driver::{Driver, Start};
use failpoint_tester::load::{Kind, Load, Recorder, Runner, Settings, WholeWatch};
use support::{Cluster, PATIENCE, has_etcd};

#[path = "support/etcd.rs"]
mod support;

const LIMIT: Duration = Duration::from_secs(2);

fn settings() -> Settings {
    Settings {
        clients: 8,
        rate: 300,
        minimum_rate: 0.0,
        keys: 50,
        kinds: Kind::ALL.into_iter().map(|kind| (kind, 10)).collect(),
        runners: Runner::ALL.into_iter().map(|runner| (runner, 2)).collect(),
        large: 1_000,
        snapshot_entries: 5_100,
    }
}

async fn answers(load: &Load, more: u64) {
    let goal = load.counts().succeeded + more;
    let reached = async {
        while load.counts().succeeded < goal {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the load is answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_killed_and_comes_back_under_load() {
    if !has_etcd() {
        return;
    }
    let mut cluster = Cluster::start(3).await;
    let driver: Arc<dyn Driver> = Arc::clone(&cluster.driver) as _;
    let health = driver.health(0).await.expect("it runs");
    let revision = health.revision.expect("etcd has them");
    let recorder = Recorder::new(Clock::start(), revision);
    let whole = WholeWatch::start(Arc::clone(&driver), recorder.clone(), revision + 1);
    let prefix = "r1/".to_owned();
    let load = Load::start(Arc::clone(&driver), settings(), LIMIT, recorder.clone(), 7, prefix);
    answers(&load, 200).await;
    let leader = health.leader.expect("there is one");
    for member in [leader, (leader + 1) % 3] {
        cluster.operate(member, Operation::SigkillEtcd, None).await;
        answers(&load, 200).await;
        cluster.operate(member, Operation::RestartEtcd, Some(Start::Again)).await;
        cluster.healthy().await;
        for short in [true, false] {
            let verdict = load.check_leases(short).await;
            assert!(verdict.holds(), "{verdict}");
        }
    }
    // It is a burst in a pause, as for a snapshot.
    load.pause().await;
    let burst = load.burst(0, 500, PATIENCE).await.expect("the members are healthy");
    assert!(burst >= 500);
    load.resume();
    answers(&load, 100).await;

    let verdict = runners::check(&load.stop().await);
    assert!(verdict.holds(), "{verdict}");
    let health = driver.health(0).await.expect("it runs");
    whole.reached(health.revision.expect("etcd has them"), PATIENCE).await.expect("it catches up");
    let history = recorder.take();
    let order = order::check(&history).verdict;
    assert!(order.holds(), "{order}");
    let watch = watch::check(&history);
    assert!(watch.holds(), "{watch}");
    coverage::some_succeeded(&history).expect("each kind is answered");
}
