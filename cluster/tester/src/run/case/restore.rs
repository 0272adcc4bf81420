//! SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH: the quorum is gone for good,
//! and a new cluster starts from a snapshot that the leader saved.
//!
//! Acknowledged writes after the snapshot are discarded, on purpose. So a new epoch of the history
//! starts at the revision of the snapshot.

use rand::seq::SliceRandom;

use super::super::failure::Failure;
use super::super::scene::Scene;
use super::stop;
use crate::agent::Operation;
use crate::driver::Start;

pub(super) async fn run(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let cluster = scene.cluster;
    let leader = cluster.leader().await?;
    let mut quorum = scene.others(&[leader]);
    quorum.shuffle(&mut scene.rng);
    quorum.truncate(cluster.quorum());
    quorum.sort_unstable();
    scene.before().await?;

    scene.step(&format!("SAVE_SNAPSHOT {}", cluster.name(leader)));
    let saved = cluster.operate(leader, Operation::SaveSnapshot, &Start::Again).await?;
    if saved.kept.is_none() {
        let name = cluster.name(leader);
        return Err(Failure::Setup(format!("the agent of {name} kept no snapshot")));
    }
    // These writes are the ones that the restore discards.
    scene.rate("before").await?;

    let all = cluster.members();
    let begin = scene.fault(&all);
    stop::end(scene, &quorum, Operation::SigquitEtcdAndRemoveData).await?;
    // The old epoch is complete when nothing is in flight any more.
    scene.step("waiting until no request is in flight");
    scene.load.pause().await;
    // The leader still shows all that was acknowledged.
    if let Some(watch) = scene.watch {
        let last = scene.recorder.latest();
        watch.reached(last, cluster.limits.heal).await.map_err(Failure::Subject)?;
    }
    let restored = restore(scene, leader, &quorum, begin).await;
    scene.load.resume();
    restored?;
    scene.healed().await
}

async fn restore(
    scene: &Scene<'_>,
    leader: usize,
    quorum: &[usize],
    begin: tokio::time::Instant,
) -> Result<(), Failure> {
    let cluster = scene.cluster;
    stop::end(scene, &scene.others(quorum), Operation::SigquitEtcdAndRemoveData).await?;
    tokio::time::sleep_until(begin + cluster.limits.fault).await;

    scene.step(&format!("RESTORE_RESTART_FROM_SNAPSHOT {}", cluster.name(leader)));
    cluster.operate(leader, Operation::RestoreRestartFromSnapshot, &Start::Restored).await?;
    cluster.agreed(&[leader], cluster.limits.heal).await?;
    let health = cluster.health_of(leader, cluster.limits.request).await?;
    let Some(revision) = health.revision else {
        let name = cluster.name(leader);
        return Err(Failure::Subject(format!("{name} has no revision after the restore")));
    };
    scene.load.forget();
    match scene.watch {
        Some(watch) => watch.restart(revision + 1).await,
        None => scene.recorder.epoch(revision),
    }
    stop::join(scene, &scene.others(&[leader])).await
}
