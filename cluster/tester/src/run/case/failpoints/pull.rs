//! What makes an armed point reached?

use std::time::Duration;

use super::super::super::failure::Failure;
use super::super::super::scene::Scene;
use super::super::stop;
use super::armed::Armed;
use super::combination::Combination;
use crate::agent::Operation;
use crate::driver::{Start, Trigger};
use crate::load::WholeWatch;

/// The shortest time to live that stores have.
const LEASE: Duration = Duration::from_secs(1);

/// Does what makes the point reached.
pub(super) async fn pull(
    scene: &Scene<'_>,
    combination: &Combination,
    armed: &mut [Armed],
) -> Result<(), Failure> {
    let members: Vec<usize> = armed.iter().map(|armed| armed.member).collect();
    let cluster = scene.cluster;
    match combination.known.trigger {
        Trigger::Load | Trigger::None => {}
        Trigger::Defragmentation => {
            for &member in &members {
                scene.step(&format!("defragmenting {}", cluster.name(member)));
                // The member may end before it answers: that is what was armed.
                let limit = cluster.limits.request;
                let _ = tokio::time::timeout(limit, cluster.driver().defragment(member)).await;
            }
        }
        Trigger::Lease => lease(scene, &members).await,
        Trigger::Watch => watch(scene, &members).await,
        Trigger::Compaction => {
            let seen = scene.watch.map(WholeWatch::seen).unwrap_or_default();
            scene.step(&format!("compacting up to revision {seen}"));
            // The member that is asked may end before it answers: that is what was armed.
            let via = scene.others(&members).first().copied().unwrap_or(members[0]);
            let limit = cluster.limits.request;
            let _ = tokio::time::timeout(limit, cluster.driver().compact(via, seen)).await;
        }
        Trigger::Snapshot => snapshot(scene, combination, armed).await?,
        Trigger::Restart => {
            for armed in armed {
                if end(scene, armed).await? {
                    start_armed(scene, combination, armed).await?;
                }
            }
        }
        Trigger::Membership => membership(scene, armed).await?,
    }
    Ok(())
}

/// A member falls so far behind that it needs a snapshot, and comes back with the point armed.
///
/// Its process ends for that. The sockets of one that is only paused keep what the leader sends, so that it
/// catches up without a snapshot.
async fn snapshot(
    scene: &Scene<'_>,
    combination: &Combination,
    armed: &mut [Armed],
) -> Result<(), Failure> {
    // A leader receives none, and the others need a quorum to go on.
    let leader = scene.cluster.leader().await?;
    let away = armed.iter().position(|armed| armed.member != leader).unwrap_or_default();
    let away = &mut armed[away];
    if end(scene, away).await? {
        scene.burst(&[away.member]).await?;
        start_armed(scene, combination, away).await?;
    }
    Ok(())
}

/// Ends a member. `false`: the point that is armed there has already ended it.
async fn end(scene: &Scene<'_>, armed: &Armed) -> Result<bool, Failure> {
    let (cluster, member) = (scene.cluster, armed.member);
    scene.step(&format!("SIGTERM_ETCD {}", cluster.name(member)));
    match cluster.operate(member, Operation::SigtermEtcd, &Start::Again).await {
        Ok(_) => Ok(true),
        Err(failure) => match cluster.ended(member, armed.starts, Duration::ZERO).await? {
            Some(_) => Ok(false),
            None => Err(failure),
        },
    }
}

/// Starts a member that has ended, with the point armed from its start on.
async fn start_armed(
    scene: &Scene<'_>,
    combination: &Combination,
    armed: &mut Armed,
) -> Result<(), Failure> {
    let (cluster, member) = (scene.cluster, armed.member);
    scene.step(&format!("RESTART_ETCD {} with the point armed", cluster.name(member)));
    let terms = format!("{}={}", combination.point, combination.command);
    let env = [("GOFAIL_FAILPOINTS".to_owned(), terms)];
    armed.starts = cluster.restart_with(member, &env).await?.starts;
    Ok(())
}

/// A member leaves and comes back: one that is not armed, where there is one.
async fn membership(scene: &Scene<'_>, armed: &mut [Armed]) -> Result<(), Failure> {
    let members: Vec<usize> = armed.iter().map(|armed| armed.member).collect();
    let others = scene.others(&members);
    let away = [others.first().copied().unwrap_or(members[members.len() - 1])];
    stop::end(scene, &away, Operation::SigquitEtcdAndRemoveData).await?;
    let changed = async {
        stop::leave(scene, &away).await?;
        stop::join(scene, &away).await
    };
    let changed = changed.await;
    for armed in armed.iter_mut() {
        let cluster = scene.cluster;
        if armed.member == away[0] {
            // Nothing is armed in its new process.
            armed.starts = cluster.state(armed.member).await?.starts;
        } else if cluster.ended(armed.member, armed.starts, Duration::ZERO).await?.is_some() {
            // That is what was armed. Without this member, the change may be impossible, and is made when
            // the fault is healed.
            return Ok(());
        }
    }
    changed
}

/// Through each member, a lease is granted, renewed and looked at. Then it is left to end.
async fn lease(scene: &Scene<'_>, members: &[usize]) {
    scene.step("granting a lease, which will end");
    let limit = scene.cluster.limits.request;
    for &member in members {
        let client = scene.cluster.driver().client(member);
        let Some(leases) = client.leases() else { continue };
        // The member may end before it answers: that is what was armed.
        if let Ok(lease) = leases.grant(LEASE, limit).await {
            let _ = leases.keep_alive(lease, limit).await;
            let _ = leases.time_to_live(lease, limit).await;
        }
    }
}

/// Through each member, a watch of all keys begins a little in the past, and gets what it missed.
async fn watch(scene: &Scene<'_>, members: &[usize]) {
    scene.step("watching what has happened");
    let seen = scene.watch.map(WholeWatch::seen).unwrap_or_default();
    let limit = scene.cluster.limits.request;
    for &member in members {
        let client = scene.cluster.driver().client(member);
        let watched = async {
            if let Ok(mut watch) = client.watch("", None, seen.max(1)).await {
                let _ = watch.next().await;
            }
        };
        // The member may end before it answers: that is what was armed.
        let _ = tokio::time::timeout(limit, watched).await;
    }
}
