//! SIGTERM, SIGKILL, and SIGQUIT with the data removed: members that end, and come back.

use tokio::time::Instant;

use super::super::cluster::{each, how};
use super::super::failure::Failure;
use super::super::scene::Scene;
use super::snapshot::Snapshots;
use crate::agent::Operation;
use crate::cases::{Case, Fault, Target};
use crate::driver::Start;

pub(super) async fn run(scene: &mut Scene<'_>, case: &Case) -> Result<(), Failure> {
    if case.until_snapshot {
        scene.let_forget().await?;
    }
    let members = scene.draw(case.target.unwrap_or(Target::All)).await?;
    let removed = case.fault == Fault::SigquitAndRemove;
    let operation = match case.fault {
        Fault::Sigkill => Operation::SigkillEtcd,
        Fault::SigquitAndRemove => Operation::SigquitEtcdAndRemoveData,
        _ => Operation::SigtermEtcd,
    };
    scene.before().await?;
    let snapshots = Snapshots::expect(scene, &members, case.until_snapshot)?;

    let begin = scene.fault(&members);
    end(scene, &members, operation).await?;
    if removed {
        leave(scene, &members).await?;
    }
    if case.until_snapshot {
        scene.burst(&members).await?;
    }
    scene.during(&members, begin).await?;

    if removed {
        join(scene, &members).await?;
    } else {
        scene.step("starting again");
        scene.cluster.operate_all(&members, Operation::RestartEtcd, &Start::Again).await?;
    }
    scene.healed().await?;
    snapshots.received(scene).await
}

/// Ends members, and proves that they are gone.
pub(super) async fn end(
    scene: &Scene<'_>,
    members: &[usize],
    operation: Operation,
) -> Result<(), Failure> {
    let what = operation.name();
    scene.step(&format!("{what} {}", scene.cluster.names(members).join(", ")));
    let quit = matches!(
        operation,
        Operation::SigquitEtcdAndRemoveData | Operation::SigquitEtcdAndArchiveData
    );
    let causes: Vec<_> =
        members.iter().filter(|_| quit).map(|member| scene.caused(*member, "SIGQUIT")).collect();
    let states = each(members, |member| {
        let cluster = scene.cluster.clone();
        async move { cluster.operate(member, operation, &Start::Again).await }
    });
    for (member, state) in members.iter().zip(states.await) {
        let state = state?;
        let felt = (!state.runs()).then(|| {
            let how = state.ended.as_ref().map_or_else(|| "is gone".to_owned(), how);
            let late = if state.killed { ", after SIGKILL because it took too long" } else { "" };
            format!("the process {how}{late}")
        });
        let gone = felt.is_some();
        scene.felt(what, *member, felt);
        if !gone {
            let name = scene.cluster.name(*member);
            return Err(Failure::Subject(format!("{name} still runs after {what}")));
        }
    }
    causes.into_iter().for_each(|caused| scene.no_more(caused));
    Ok(())
}

/// Takes members that are gone out of the cluster.
pub(super) async fn leave(scene: &Scene<'_>, members: &[usize]) -> Result<(), Failure> {
    for member in members {
        scene.step(&format!("removing {} from the cluster", scene.cluster.name(*member)));
        change(scene, members, *member, Change::Remove).await?;
    }
    Ok(())
}

/// Brings members that were removed back, with empty data.
pub(super) async fn join(scene: &Scene<'_>, members: &[usize]) -> Result<(), Failure> {
    let mut away = members.to_vec();
    while let Some(member) = away.pop() {
        scene.step(&format!("adding {} to the cluster", scene.cluster.name(member)));
        let mut out = away.clone();
        out.push(member);
        change(scene, &out, member, Change::Add).await?;
        // It takes part from here on.
        let there = scene.others(&away);
        let start = Start::Joining(there.clone());
        scene.cluster.operate(member, Operation::RestartFromSnapshot, &start).await?;
        scene.cluster.agreed(&there, scene.cluster.limits.heal).await?;
        scene.cluster.joined(member);
    }
    Ok(())
}

/// Takes out members that have lost their data, where that was not done yet, and brings them back.
pub(super) async fn rejoin(scene: &Scene<'_>, members: &[usize]) -> Result<(), Failure> {
    for member in members {
        if scene.cluster.state(*member).await?.pid.is_some() {
            scene.cluster.operate(*member, Operation::SigkillEtcd, &Start::Again).await?;
        }
    }
    leave(scene, members).await?;
    join(scene, members).await
}

#[derive(Clone, Copy)]
enum Change {
    Remove,
    Add,
}

/// Asks for a change of the members until it is done: it needs a leader, and some stores refuse a
/// change soon after another one.
async fn change(
    scene: &Scene<'_>,
    away: &[usize],
    member: usize,
    change: Change,
) -> Result<(), Failure> {
    let cluster = scene.cluster;
    let deadline = Instant::now() + cluster.limits.heal;
    loop {
        let there = scene.others(away);
        let via = cluster.agreed(&there, cluster.limits.heal).await?.unwrap_or(there[0]);
        let driver = cluster.driver();
        let done = match change {
            Change::Remove => driver.remove_member(via, member).await,
            Change::Add => driver.add_member(via, member).await,
        };
        match done {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error.into()),
            Err(_) => tokio::time::sleep(super::super::cluster::POLL).await,
        }
    }
}
