//! Failpoints that are armed over HTTP, and what clients notice of them.

use crate::support::{Cluster, Member, eventually, write};
use raft_kv::client::ClientError;
use reqwest::Method;
use std::time::{Duration, Instant};

/// How long a save takes at least while the point is armed.
const DELAY: Duration = Duration::from_millis(100);

/// The latencies of writes by a few clients of one member.
async fn load(member: &Member) -> Vec<Duration> {
    let writers = (0..3).map(|writer| {
        let (client, key) = (member.client(), format!("load/{writer}"));
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            for value in 0..3 {
                let started = Instant::now();
                client.put(&key, &value.to_string()).await.unwrap();
                latencies.push(started.elapsed());
            }
            latencies
        })
    });
    let mut latencies = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        latencies.extend(writer.await.unwrap());
    }
    latencies
}

#[tokio::test]
async fn a_slow_save_is_in_every_latency_until_it_is_disarmed() {
    let cluster = Cluster::start(3, SLOW).await;
    let leader = &cluster.members[cluster.leader().await];
    load(leader).await;
    let armed = leader.curl(Method::PUT, "raftAfterSave", "sleep(100)").await;
    assert_eq!(armed, (204, String::new()));
    // The thread that saves is the one that answers, so no write that begins now is faster than the point.
    let slow = load(leader).await;
    assert!(slow.iter().all(|latency| *latency >= DELAY), "{slow:?}");
    let (_, saves) = leader.curl(Method::GET, "raftAfterSave/count", "").await;
    assert!(saves.trim().parse::<u64>().unwrap() >= 3, "each client wrote three times: {saves}");

    assert_eq!(leader.curl(Method::DELETE, "raftAfterSave", "").await, (204, String::new()));
    // While it was armed, no write was as fast as this one, however busy the machine is.
    eventually("a write that does not wait", async || {
        load(leader).await.iter().any(|latency| *latency < DELAY).then_some(())
    })
    .await;
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
    // Long enough that no follower campaigns by itself.
    let cluster = Cluster::start(3, &["--heartbeat", "50ms", "--election", "2s"]).await;
    let member = &cluster.members[cluster.follower().await];
    let before = member.client().status().await.unwrap().term;
    let armed = member.curl(Method::PUT, "raftDropHeartbeat", "return").await;
    assert_eq!(armed, (204, String::new()));
    let term = eventually("a higher term", async || {
        let term = member.client().status().await.ok()?.term;
        (term > before).then_some(term)
    })
    .await;
    let (_, dropped) = member.curl(Method::GET, "raftDropHeartbeat/count", "").await;
    assert!(dropped.trim().parse::<u64>().unwrap() >= 1, "{dropped}");
    assert_eq!(member.curl(Method::DELETE, "raftDropHeartbeat", "").await, (204, String::new()));
    // All follow a leader of that term, or of a later one.
    for member in &cluster.members {
        write(&member.client(), "k", "v").await;
        assert!(member.client().status().await.unwrap().term >= term);
    }
}

#[tokio::test]
async fn a_full_disk_stops_writes_until_there_is_room() {
    for full in ["return(ENOSPC)", "when(path~*.log):return(ENOSPC)"] {
        a_full_disk_stops_writes(full).await;
    }
}

async fn a_full_disk_stops_writes(terms: &'static str) {
    let cluster = Cluster::start(1, &[]).await;
    let member = &cluster.members[0];
    let client = member.client().limit(Duration::from_secs(4));
    client.put("before", "x").await.unwrap();
    let armed = member.curl(Method::PUT, "disk.write", terms).await;
    assert_eq!(armed, (204, String::new()));
    // The write that met the full disk may be there after a restart.
    let first = client.put("during", "x").await.unwrap_err();
    assert!(first.is_unknown() && first.to_string().contains("No space left"), "{first}");
    let later = client.put("later", "x").await.unwrap_err();
    assert!(matches!(later, ClientError::Failed { .. }), "{later:?}");
    assert!(later.to_string().contains("No space left"), "{later}");
    member.log().wait_line("node stopped error=");

    assert_eq!(member.curl(Method::DELETE, "disk.write", "").await, (204, String::new()));
    let client = cluster.client();
    client.put("after", "x").await.unwrap();
    assert!(client.get("before").await.unwrap().is_some());
    assert!(client.get("later").await.unwrap().is_none(), "it was said not to have happened");
    member.log().wait_line("node serves again");
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
