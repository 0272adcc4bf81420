//! How is a cluster healed that a failed case left behind?

use super::super::scene::Scene;
use super::{disarm_all, rejoin};
use crate::agent::Operation;
use crate::driver::Start;

/// Undoes what a failed case may have left behind. Returns whether the cluster is healthy then.
pub(in super::super) async fn recovered(scene: &Scene<'_>) -> bool {
    let cluster = scene.cluster;
    scene.step("healing what the case left behind");
    let lost = cluster.without_data();
    let there = scene.others(&lost);
    for member in there.iter().copied() {
        let Ok(state) = cluster.state(member).await else { return false };
        let undone = if state.paused {
            cluster.operate(member, Operation::Unpause, &Start::Again).await.map(|_| ())
        } else if !state.runs() && state.starts > 0 {
            cluster.operate(member, Operation::RestartEtcd, &Start::Again).await.map(|_| ())
        } else {
            Ok(())
        };
        if undone.is_err() {
            return false;
        }
        disarm_all(cluster, member).await;
    }
    // Without a quorum, no member joins again.
    let healthy = (lost.is_empty() || there.len() >= cluster.quorum())
        && rejoin(scene, &lost).await.is_ok()
        && cluster.agreed(&cluster.members(), cluster.limits.heal).await.is_ok();
    if healthy {
        scene.nothing_more();
    }
    healthy
}
