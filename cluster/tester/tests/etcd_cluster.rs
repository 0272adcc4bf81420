//! The driver `etcd`, against a real one of three members: it loses members, one by one and all.

use std::time::Duration;

use failpoint_tester::agent::{Agent, Operation};
use failpoint_tester::driver::{Driver, DriverError, Hash, Start};
use failpoint_tester::history::{Outcome, Request, Revision};
use support::{Cluster, PATIENCE, has_etcd};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

#[path = "support/etcd.rs"]
mod support;

/// etcd keeps this many entries for members that were away.
const CATCH_UP: u64 = 5_000;

fn put(key: impl Into<String>, value: impl Into<String>) -> Request {
    Request::Put { key: key.into(), value: value.into() }
}

/// Writes through a member, until it is answered.
async fn write(cluster: &Cluster, via: usize, key: &str) -> Revision {
    let client = cluster.driver.client(via);
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = client.execute(&put(key, key), Duration::from_secs(1)).await;
        if let Outcome::Done { revision, .. } = answer.outcome {
            return revision.expect("etcd gives revisions");
        }
        assert!(Instant::now() < end, "{answer:?}");
    }
}

/// Writes so much that a member which is away needs a snapshot.
async fn burst(cluster: &Cluster, via: usize) {
    const CLIENTS: u64 = 32;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = cluster.driver.client(via);
        clients.spawn(async move {
            for value in 0..CATCH_UP / CLIENTS + 10 {
                let request = put(format!("burst{number}"), value.to_string());
                let answer = client.execute(&request, PATIENCE).await;
                assert!(matches!(answer.outcome, Outcome::Done { .. }), "{answer:?}");
            }
        });
    }
    clients.join_all().await;
}

/// Changes the members. etcd refuses that while it has no leader.
async fn change<F: Future<Output = Result<(), DriverError>>>(change: impl Fn() -> F) {
    let end = Instant::now() + PATIENCE;
    while let Err(error) = change().await {
        assert!(Instant::now() < end, "{error}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Checks that all members have the same contents.
async fn check_equal(cluster: &Cluster) {
    let revision = write(cluster, 0, "last").await;
    let mut hashes: Vec<Hash> = Vec::new();
    for member in 0..3 {
        let end = Instant::now() + PATIENCE;
        let hash = loop {
            match cluster.driver.hash(member, Some(revision)).await {
                Ok(hash) => break hash,
                // A follower is behind.
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            sleep(Duration::from_millis(10)).await;
        };
        hashes.push(hash);
    }
    assert_eq!(hashes[0].revision, Some(revision));
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

/// Brings a member back that was removed with its data.
async fn join(cluster: &mut Cluster, via: usize, member: usize, members: &[usize]) {
    change(|| cluster.driver.add_member(via, member)).await;
    change(|| cluster.driver.add_member(via, member)).await;
    let start = Start::Joining(members.to_vec());
    cluster.operate(member, Operation::RestartFromSnapshot, Some(start)).await;
    cluster.healthy().await;
    let error = cluster.driver.add_member(via, member).await.expect_err("it is a member");
    assert!(error.message.ends_with("is a member already"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_loses_members_and_gets_them_back() {
    if !has_etcd() {
        return;
    }
    let mut cluster = Cluster::start(3).await;
    let leader = cluster.healthy().await;
    let (follower, other) = ((leader + 1) % 3, (leader + 2) % 3);

    // A watch on a follower ends with it, and goes on with another member.
    let first = write(&cluster, leader, "before").await;
    let watch = cluster.driver.client(follower).watch("", None, first).await;
    let mut watch = watch.expect("a watch");
    let message = timeout(PATIENCE, watch.next()).await.expect("in time").expect("it runs");
    assert_eq!(message.changes[0].revision, first);
    cluster.operate(follower, Operation::SigkillEtcd, None).await;
    timeout(PATIENCE, watch.next()).await.expect("in time").expect_err("its member is gone");
    let watch = cluster.driver.client(other).watch("", None, first + 1).await;
    let mut watch = watch.expect("a watch");
    burst(&cluster, leader).await;
    let last = write(&cluster, leader, "after").await;
    let mut next = first + 1;
    while next <= last {
        let message = timeout(PATIENCE, watch.next()).await.expect("in time").expect("it runs");
        for change in message.changes {
            assert_eq!(change.revision, next);
            next += 1;
        }
    }

    // The follower was away for so long that it needs a snapshot, and says that it got one.
    let text = cluster.driver.received_snapshot().expect("etcd says it");
    assert!(!cluster.log(follower).contains(text));
    cluster.operate(follower, Operation::RestartEtcd, Some(Start::Again)).await;
    let logs = cluster.agent.logs(&cluster.driver.files(follower).name).expect("a member");
    logs.expect(text, 1, PATIENCE).await.expect("it received a snapshot");
    cluster.healthy().await;
    check_equal(&cluster).await;

    // The others elect another leader. The old one comes back as a new member without data.
    cluster.operate(leader, Operation::SigquitEtcdAndRemoveData, None).await;
    assert_ne!(cluster.healthy().await, leader);
    write(&cluster, other, "without the old leader").await;
    change(|| cluster.driver.remove_member(other, leader)).await;
    change(|| cluster.driver.remove_member(other, leader)).await;
    join(&mut cluster, other, leader, &[0, 1, 2]).await;
    check_equal(&cluster).await;

    // All data is lost but for a snapshot. What was written after it is gone.
    let leader = cluster.healthy().await;
    let (follower, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let saved = write(&cluster, leader, "saved").await;
    cluster.operate(leader, Operation::SaveSnapshot, None).await;
    write(&cluster, leader, "not saved").await;
    for member in 0..3 {
        cluster.operate(member, Operation::SigquitEtcdAndRemoveData, None).await;
    }
    cluster.operate(leader, Operation::RestoreRestartFromSnapshot, Some(Start::Restored)).await;
    assert_eq!(cluster.healthy().await, leader);
    let health = cluster.driver.health(leader).await.expect("it runs");
    assert_eq!(health.revision, Some(saved));
    join(&mut cluster, leader, follower, &[leader, follower]).await;
    join(&mut cluster, leader, other, &[0, 1, 2]).await;
    check_equal(&cluster).await;
}
