//! Members that end, come back, join, leave, and are restored.

use crate::support::{Cluster, PATIENCE, eventually, raft_kv, write};
use raft_kv::client::ReadOptions;
use raft_kv::{Member, Revision};

#[tokio::test]
async fn nothing_is_lost_when_the_leader_is_killed() {
    let mut cluster =
        Cluster::start(3, &["--snapshot-count", "20", "--catch-up-entries", "5"]).await;
    let client = cluster.client();
    for i in 0..10 {
        client.put(&format!("k{i:03}"), &i.to_string()).await.unwrap();
    }
    let leader = cluster.leader().await;
    cluster.members[leader].kill();
    for i in 0..10 {
        let kv = client.get(&format!("k{i:03}")).await.unwrap().unwrap();
        assert_eq!(kv.value, i.to_string());
    }
    // More than the log keeps: the member that comes back needs a snapshot.
    for i in 10..100 {
        write(&client, &format!("k{i:03}"), &i.to_string()).await;
    }
    cluster.members[leader].start();
    cluster.members[leader].log().wait_line("received snapshot");
    let revision = client.get_with("k000", ReadOptions::default()).await.unwrap().revision;
    same_hashes(&cluster, revision).await;
}

async fn same_hashes(cluster: &Cluster, revision: Revision) {
    eventually("equal hashes", async || {
        let mut hashes = Vec::new();
        for member in &cluster.members {
            hashes.push(member.client().hash(Some(revision)).await.ok()?);
        }
        hashes.windows(2).all(|pair| pair[0] == pair[1]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn members_join_and_leave() {
    let mut cluster = Cluster::start(3, &[]).await;
    let client = cluster.client();
    client.put("before", "x").await.unwrap();
    let new = cluster.prepare_joining(&[]);
    let (id, peer) = (cluster.members[new].id, cluster.members[new].peer.clone());
    let member = Member { id, name: "new".into(), peer, client: String::new() };
    assert_eq!(client.add_member(&member).await.unwrap().len(), 4);
    let twice = client.add_member(&member).await.unwrap_err();
    assert_eq!(twice.code(), Some("member-exists"), "{twice}");
    cluster.members[new].start();
    eventually("what was written before it joined", async || {
        cluster.members[new].client().get("before").await.ok()?
    })
    .await;
    cluster.members[new].client().put("through the new one", "x").await.unwrap();

    // A follower that is removed ends by itself. The leader tells it nothing any more.
    let follower = cluster.follower().await;
    let id = cluster.members[follower].id;
    let leader = cluster.members[cluster.leader().await].client();
    assert_eq!(leader.remove_member(id).await.unwrap().len(), 3);
    assert!(cluster.members[follower].ended().success());
    write(&client, "after", "x").await;

    // So does a leader, which hands over before.
    let leader = cluster.leader().await;
    let id = cluster.members[leader].id;
    let other = cluster.members[cluster.follower().await].client();
    assert_eq!(other.remove_member(id).await.unwrap().len(), 2);
    assert!(cluster.members[leader].ended().success());
    assert!(client.get("after").await.unwrap().is_some());
}

#[tokio::test]
async fn a_leader_that_is_asked_to_stop_hands_over() {
    let mut cluster = Cluster::start(3, &[]).await;
    let client = cluster.client();
    client.put("k", "v").await.unwrap();
    let leader = cluster.leader().await;
    assert!(cluster.members[leader].terminate().success());
    assert!(client.get("k").await.unwrap().is_some());
    let next = cluster.leader().await;
    assert_ne!(next, leader);

    cluster.members[leader].start();
    let id = cluster.members[leader].id;
    // A member that is behind is not handed to.
    eventually("a leader on demand", async || {
        client.transfer_leadership(id).await.ok()?;
        (cluster.leader().await == leader).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_is_the_start_of_another_cluster() {
    let mut cluster = Cluster::start(3, &[]).await;
    let client = cluster.client();
    for i in 0..20 {
        client.put(&format!("k{i}"), &i.to_string()).await.unwrap();
    }
    let before = client.range("", None, ReadOptions::default()).await.unwrap();
    let file = cluster.file("snapshot");
    let member = &cluster.members[0];
    let saved = raft_kv(&["snapshot", &file, "--endpoints", &member.client]);
    assert!(saved.status.success(), "{saved:?}");
    client.put("too late", "x").await.unwrap();

    let directory = cluster.file("restored");
    let restored = cluster.prepare_restored(&directory);
    let peer = cluster.members[restored].peer.clone();
    let id = cluster.members[restored].id.to_string();
    let arguments = ["restore", &file, "--data-dir", &directory, "--id", &id, "--peer", &peer];
    let done = raft_kv(&arguments);
    assert!(done.status.success(), "{done:?}");
    let again = raft_kv(&arguments);
    assert!(!again.status.success(), "a directory with data was overwritten");

    cluster.members[restored].start();
    let client = cluster.members[restored].client().limit(PATIENCE);
    let after = client.range("", None, ReadOptions::default()).await.unwrap();
    assert_eq!(after.kvs, before.kvs);
    assert!(client.put("more", "x").await.unwrap() > before.revision);

    let damaged = cluster.file("damaged");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let other = cluster.file("other");
    let refused = raft_kv(&["restore", &damaged, "--data-dir", &other]);
    assert!(!refused.status.success(), "a damaged snapshot was restored");
}

#[tokio::test]
async fn members_of_two_clusters_refuse_each_other() {
    let mut cluster = Cluster::start(1, &[]).await;
    let stranger = cluster.prepare_stranger();
    cluster.members[stranger].start();
    let line = cluster.members[stranger].log().wait_line("peer unreachable to=1");
    assert!(line.contains("belongs to the cluster"), "{line}");
}
