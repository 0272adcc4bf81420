//! PAUSE: members that stand still for a while, and do not know it.

use std::time::Duration;

use super::super::cluster::each;
use super::super::failure::Failure;
use super::super::scene::Scene;
use crate::agent::Operation;
use crate::cases::{Case, Target};
use crate::driver::Start;

/// How long a paused member may take to answer, before it counts as paused.
const SILENCE: Duration = Duration::from_millis(250);

pub(super) async fn run(scene: &mut Scene<'_>, case: &Case) -> Result<(), Failure> {
    let members = scene.draw(case.target.unwrap_or(Target::All)).await?;
    scene.before().await?;

    let begin = scene.fault(&members);
    pause(scene, &members).await?;
    scene.during(&members, begin).await?;

    unpause(scene, &members).await?;
    scene.healed().await
}

/// Pauses members, and proves that they do not answer.
async fn pause(scene: &Scene<'_>, members: &[usize]) -> Result<(), Failure> {
    scene.step(&format!("PAUSE {}", scene.cluster.names(members).join(", ")));
    scene.cluster.operate_all(members, Operation::Pause, &Start::Again).await?;
    let health = each(members, |member| {
        let cluster = scene.cluster.clone();
        async move { cluster.health_of(member, SILENCE).await }
    });
    for (member, health) in members.iter().zip(health.await) {
        let paused = scene.cluster.state(*member).await?.paused;
        let serves = health.is_ok_and(|health| health.healthy);
        let felt =
            (paused && !serves).then(|| format!("no answer within {} ms", SILENCE.as_millis()));
        let silent = felt.is_some();
        scene.felt("PAUSE", *member, felt);
        if !silent {
            let name = scene.cluster.name(*member);
            return Err(Failure::Subject(format!("{name} answers although it is paused")));
        }
    }
    Ok(())
}

/// Lets members go on.
async fn unpause(scene: &Scene<'_>, members: &[usize]) -> Result<(), Failure> {
    scene.step(&format!("UNPAUSE {}", scene.cluster.names(members).join(", ")));
    scene.cluster.operate_all(members, Operation::Unpause, &Start::Again).await
}
