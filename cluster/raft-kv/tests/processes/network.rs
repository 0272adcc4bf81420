//! A network that fails, between real processes.

use crate::support::{Cluster, eventually, write};
use raft_kv::client::Client;

/// A client of the members but one.
fn without(cluster: &Cluster, index: usize) -> Client {
    let others = cluster.members.iter().enumerate().filter(|(other, _)| *other != index);
    Client::new(others.map(|(_, member)| member.client.clone())).unwrap()
}

#[tokio::test]
async fn an_isolated_leader_is_replaced_and_no_byte_passes_it() {
    let (cluster, mesh) = Cluster::start_in_mesh(3).await;
    write(&cluster.client(), "k", "before").await;
    let leader = cluster.leader().await;
    mesh.isolate(leader);
    let before = mesh.traffic(leader);
    let others = without(&cluster, leader);
    eventually("another leader", async || {
        let status = others.status().await.ok()?;
        (status.leader != 0 && status.leader != cluster.members[leader].id).then_some(())
    })
    .await;
    write(&others, "k", "after").await;
    let traffic = mesh.traffic(leader).since(before);
    assert_eq!(traffic.passed, 0);
    assert!(traffic.dropped > 0, "the leader had nothing to say");
    mesh.heal();
    // It learns what it missed.
    let isolated = cluster.members[leader].client();
    eventually("the write of the others", async || {
        let read = isolated.get("k").await.ok()??;
        (read.value == "after").then_some(())
    })
    .await;
    assert!(mesh.traffic(leader).since(before).passed > 0);
    mesh.stop().await;
}

#[tokio::test]
async fn the_member_between_two_others_takes_writes() {
    let (cluster, mesh) = Cluster::start_in_mesh(3).await;
    // The first and the last do not hear each other; the second hears both.
    mesh.bridge();
    let apart = mesh.sent(0, 2).passed + mesh.sent(2, 0).passed;
    for i in 0..10 {
        write(&cluster.members[1].client(), &format!("k{i}"), "x").await;
    }
    assert_eq!(mesh.sent(0, 2).passed + mesh.sent(2, 0).passed, apart);
    mesh.heal();
    eventually("equal hashes", async || {
        let mut hashes = Vec::new();
        let revision = cluster.client().status().await.ok()?.revision;
        for member in &cluster.members {
            hashes.push(member.client().hash(Some(revision)).await.ok()?);
        }
        hashes.windows(2).all(|pair| pair[0] == pair[1]).then_some(())
    })
    .await;
    mesh.stop().await;
}
