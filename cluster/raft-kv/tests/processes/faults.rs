//! Failpoints that are armed over HTTP, and what clients notice of them.

use crate::support::{Cluster, eventually, write};
use raft_kv::client::ClientError;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_slow_save_is_seen_by_writers_until_it_is_disarmed() {
    let cluster = Cluster::start(3, SLOW).await;
    let client = cluster.client();
    client.put("k", "0").await.unwrap();
    let leader = cluster.leader().await;
    let points = cluster.members[leader].points();
    let armed = points.arm("raftAfterSave", "sleep(100)").await.unwrap();
    // The thread that saves is the one that answers, so no answer is faster than the point.
    let started = Instant::now();
    cluster.members[leader].client().put("k", "1").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(points.get("raftAfterSave").await.unwrap().fires >= 1);

    armed.disarm().await.unwrap();
    cluster.members[leader].client().put("k", "2").await.unwrap();
    assert_eq!(points.get("raftAfterSave").await.unwrap().terms, None);
    assert_eq!(client.get("k").await.unwrap().unwrap().value, "2");
}

#[tokio::test]
async fn followers_save_what_a_leader_has_not_saved_yet() {
    let cluster = Cluster::start(3, SLOW).await;
    cluster.client().put("k", "0").await.unwrap();
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let (leader, follower) = (&cluster.members[leader], &cluster.members[follower]);
    let term = follower.client().status().await.unwrap().term;
    let paused = leader.points().arm("raftBeforeSave", "pause").await.unwrap();
    let saved = follower.points().arm("walAfterSync", "off").await.unwrap();
    let client = leader.client();
    let put = tokio::spawn(async move { client.put("k", "1").await });
    eventually("the entry on the disk of the follower", async || {
        let at = leader.points().get("raftBeforeSave").await.unwrap();
        let fires = follower.points().get("walAfterSync").await.unwrap().fires;
        (at.paused == 1 && fires > 0).then_some(())
    })
    .await;
    assert!(!put.is_finished(), "the leader is paused, and answers nothing");
    // It saved the entry, and not a vote.
    assert_eq!(follower.client().status().await.unwrap().term, term);
    saved.disarm().await.unwrap();
    paused.disarm().await.unwrap();
    put.await.unwrap().unwrap();
}

/// A leader that sleeps at a point stays one.
const SLOW: &[&str] = &["--heartbeat", "100ms", "--election", "5s"];

#[tokio::test]
async fn a_follower_that_hears_no_heartbeats_makes_an_election() {
    let cluster = Cluster::start(3, &[]).await;
    let follower = cluster.follower().await;
    let member = &cluster.members[follower];
    let before = member.client().status().await.unwrap().term;
    let dropped = member.points().arm("raftDropHeartbeat", "return").await.unwrap();
    eventually("a higher term", async || {
        (member.client().status().await.ok()?.term > before).then_some(())
    })
    .await;
    assert!(member.points().get("raftDropHeartbeat").await.unwrap().fires >= 1);
    dropped.disarm().await.unwrap();
    write(&cluster.client(), "k", "v").await;
}

#[tokio::test]
async fn a_full_disk_stops_writes_until_there_is_room() {
    let cluster = Cluster::start(1, &[]).await;
    let client = cluster.members[0].client().limit(Duration::from_secs(4));
    client.put("before", "x").await.unwrap();
    let points = cluster.members[0].points();
    let full = points.arm("disk.write", "return(ENOSPC)").await.unwrap();
    // The write that met the full disk may be there after a restart.
    let first = client.put("during", "x").await.unwrap_err();
    assert!(first.is_unknown() && first.to_string().contains("No space left"), "{first}");
    let later = client.put("later", "x").await.unwrap_err();
    assert!(matches!(later, ClientError::Failed { .. }), "{later:?}");
    assert!(later.to_string().contains("No space left"), "{later}");
    cluster.members[0].log().wait_line("node stopped error=");

    full.disarm().await.unwrap();
    let client = cluster.client();
    client.put("after", "x").await.unwrap();
    assert!(client.get("before").await.unwrap().is_some());
    assert!(client.get("later").await.unwrap().is_none(), "it was said not to have happened");
    cluster.members[0].log().wait_line("node serves again");
}

#[tokio::test]
async fn full_disks_of_all_members_stop_writes_until_there_is_room() {
    let cluster = Cluster::start(3, &[]).await;
    cluster.client().put("before", "x").await.unwrap();
    let mut full = Vec::new();
    for member in &cluster.members {
        full.push(member.points().arm("disk.write", "return(ENOSPC)").await.unwrap());
    }
    let client = cluster.client().limit(Duration::from_secs(10));
    let error = client.put("during", "x").await.unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    for armed in full {
        armed.disarm().await.unwrap();
    }
    write(&cluster.client(), "after", "x").await;
    assert!(cluster.client().get("before").await.unwrap().is_some());
}

#[tokio::test]
async fn a_panic_at_a_point_ends_the_process() {
    let mut cluster = Cluster::start(3, &[]).await;
    let client = cluster.client();
    client.put("k", "before").await.unwrap();
    let leader = cluster.leader().await;
    let points = cluster.members[leader].points();
    // A write reaches the point; its reply need not arrive.
    let armed = points.arm("raftBeforeSave", "panic").await;
    if let Ok(armed) = &armed {
        let _ =
            cluster.members[leader].client().limit(Duration::from_secs(5)).put("k", "during").await;
        let _ = armed;
    }
    let status = cluster.members[leader].ended();
    assert_eq!(status.code(), Some(101), "{status}");
    std::mem::forget(armed);

    assert!(client.get("k").await.unwrap().is_some());
    cluster.members[leader].start();
    eventually("the member that came back", async || {
        cluster.members[leader].client().get("k").await.ok()?
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_paused_at_a_point_leaves_its_clients_with_an_answer() {
    let cluster = Cluster::start(1, &["--request-limit", "200ms"]).await;
    let member = &cluster.members[0];
    let paused = member.points().arm("raftBeforeSave", "pause").await.unwrap();
    let client = member.client().limit(Duration::from_secs(30));
    let error = client.put("k", "v").await.unwrap_err();
    assert!(error.is_unknown(), "{error:?}");
    assert!(error.to_string().contains("no answer within"), "{error}");
    assert_eq!(member.points().get("raftBeforeSave").await.unwrap().paused, 1);
    paused.disarm().await.unwrap();
    eventually("the write that was paused", async || client.get("k").await.ok()?).await;
}
