//! Power that is cut over HTTP: what was not synced is lost.

use crate::support::Cluster;
use reqwest::Method;
use std::os::unix::process::ExitStatusExt as _;

/// The member starts again, and from now on a power cut takes what it does not sync.
fn hold_back(cluster: &mut Cluster) {
    let member = &mut cluster.members[0];
    member.kill();
    member.environment.push(("FAILPOINT_DISK", "volatile"));
    member.start();
}

/// Cuts the power of the member, and starts it again.
async fn cut_power(cluster: &mut Cluster) {
    let member = &mut cluster.members[0];
    let (status, cut) = member.curl(Method::POST, "v1/ext/disk/crash?keep=synced", "").await;
    assert_eq!(status, 200, "{cut}");
    // As by `kill`.
    assert_eq!(member.ended().signal(), Some(9));
    member.start();
}

async fn has(cluster: &Cluster, key: &str) -> bool {
    cluster.client().get(key).await.unwrap().is_some()
}

#[tokio::test]
async fn a_power_cut_takes_what_was_not_synced_and_nothing_else() {
    let mut cluster = Cluster::start(1, &[]).await;
    let refused = cluster.members[0].curl(Method::POST, "v1/ext/disk/crash", "").await;
    assert_eq!(refused.0, 409, "nothing is held back: {}", refused.1);
    hold_back(&mut cluster);

    cluster.client().put("synced", "x").await.unwrap();
    cut_power(&mut cluster).await;
    assert!(has(&cluster, "synced").await);

    let lie = cluster.members[0].curl(Method::PUT, "disk.sync", "return(lie)").await;
    assert_eq!(lie.0, 204, "{}", lie.1);
    cluster.client().put("not-synced", "x").await.unwrap();
    let held = cluster.members[0].curl(Method::GET, "v1/ext/disk/unsynced", "").await;
    assert!(held.0 == 200 && held.1.contains("00001.log"), "{held:?}");
    cut_power(&mut cluster).await;
    assert!(has(&cluster, "synced").await && !has(&cluster, "not-synced").await);
}
