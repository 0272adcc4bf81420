//! SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH: the quorum is gone for good,
//! and a new cluster starts from a snapshot that the leader saved.
//!
//! Acknowledged writes after the snapshot are discarded, on purpose. So a new epoch of the history
//! starts at the revision of the snapshot.

use rand::seq::SliceRandom;
use tokio::time::timeout;

use super::super::failure::Failure;
use super::super::scene::Scene;
use super::stop;
use crate::agent::Operation;
use crate::driver::{DriverError, Start};
use crate::history::{Change, Revision};

pub(super) async fn run(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let cluster = scene.cluster;
    let leader = cluster.leader().await?;
    let mut quorum = scene.others(&[leader]);
    quorum.shuffle(&mut scene.rng);
    quorum.truncate(cluster.quorum());
    quorum.sort_unstable();
    scene.before().await?;

    scene.step(&format!("SAVE_SNAPSHOT {}", cluster.name(leader)));
    let before = revision(scene, leader).await?;
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
    let restored = restore(scene, leader, &quorum, before, begin).await;
    scene.load.resume();
    restored?;
    scene.healed().await
}

async fn restore(
    scene: &Scene<'_>,
    leader: usize,
    quorum: &[usize],
    before: Revision,
    begin: tokio::time::Instant,
) -> Result<(), Failure> {
    let cluster = scene.cluster;
    stop::end(scene, &scene.others(quorum), Operation::SigquitEtcdAndRemoveData).await?;
    tokio::time::sleep_until(begin + cluster.limits.fault).await;

    scene.step(&format!("RESTORE_RESTART_FROM_SNAPSHOT {}", cluster.name(leader)));
    cluster.operate(leader, Operation::RestoreRestartFromSnapshot, &Start::Restored).await?;
    cluster.agreed(&[leader], cluster.limits.heal).await?;
    let revision = snapshot(scene, leader, before).await?;
    scene.load.forget();
    match scene.watch {
        Some(watch) => watch.restart(revision + 1).await,
        None => scene.recorder.epoch(revision),
    }
    stop::join(scene, &scene.others(&[leader])).await
}

/// The revision of a member.
async fn revision(scene: &Scene<'_>, member: usize) -> Result<Revision, Failure> {
    let cluster = scene.cluster;
    let health = cluster.health_of(member, cluster.limits.request).await?;
    health.revision.ok_or_else(|| {
        Failure::Subject(format!("{} does not tell its revision", cluster.name(member)))
    })
}

/// The revision of the snapshot, which was saved when the store had at least revision `before`.
///
/// The restored store may have gone on already: leases expire in it. So its changes are compared with
/// those before the restore.
async fn snapshot(scene: &Scene<'_>, leader: usize, before: Revision) -> Result<Revision, Failure> {
    let now = revision(scene, leader).await?;
    if scene.watch.is_none() || now <= before {
        return Ok(now);
    }
    let client = scene.cluster.driver().client(leader);
    let mut watch = client.watch("", None, before + 1).await?;
    let mut restored: Vec<Change> = Vec::new();
    let limit = scene.cluster.limits.heal;
    let all = async {
        while restored.last().is_none_or(|last| last.revision < now) {
            restored.extend(watch.next().await?.changes);
        }
        Ok::<_, DriverError>(())
    };
    timeout(limit, all).await.unwrap_or_else(|_| {
        let message = format!("a watch does not reach revision {now} after {limit:?}");
        Err(DriverError { whom: scene.cluster.name(leader).to_owned(), message })
    })?;
    Ok(scene.recorder.read(|history| {
        let old = history.epochs.last().map_or(&[][..], |epoch| &epoch.changes);
        in_common(old, &restored, before)
    }))
}

/// Up to which revision two stores that were equal at `before` have the same changes.
fn in_common(old: &[Change], restored: &[Change], before: Revision) -> Revision {
    let after = old.partition_point(|change| change.revision <= before);
    let equal = old[after..].iter().zip(merged(restored)).take_while(|(old, new)| *old == new);
    equal.last().map_or(before, |(old, _)| old.revision)
}

/// One change for each revision: a watch may deliver it in pieces.
fn merged(changes: &[Change]) -> impl Iterator<Item = Change> {
    changes.chunk_by(|a, b| a.revision == b.revision).map(|pieces| Change {
        revision: pieces[0].revision,
        events: pieces.iter().flat_map(|piece| piece.events.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::in_common;
    use crate::history::{Change, Event};

    fn put(revision: u64, key: &str) -> Change {
        let event = Event::Put { key: key.to_owned(), value: key.to_owned() };
        Change { revision, events: vec![event] }
    }

    fn delete(revision: u64, key: &str) -> Change {
        Change { revision, events: vec![Event::Delete { key: key.to_owned() }] }
    }

    #[test]
    fn what_expires_after_a_restore_is_not_of_the_snapshot() {
        let old: Vec<Change> = (1..=9).map(|revision| put(revision, "a")).collect();
        // The snapshot has revision 6. A lease expired in the restored store.
        let restored = [put(5, "a"), put(6, "a"), delete(7, "leased")];
        assert_eq!(in_common(&old, &restored, 4), 6);
        assert_eq!(in_common(&old, &restored[..2], 4), 6);
        assert_eq!(in_common(&old, &[delete(5, "leased")], 4), 4);
        assert_eq!(in_common(&old, &[], 4), 4);
    }

    #[test]
    fn a_change_in_pieces_is_one() {
        let mut whole = put(2, "a");
        whole.events.extend(put(2, "b").events);
        assert_eq!(in_common(&[put(1, "a"), whole], &[put(2, "a"), put(2, "b")], 1), 2);
    }
}
