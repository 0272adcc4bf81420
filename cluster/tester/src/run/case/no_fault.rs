//! NO_FAIL: nothing happens, and everything works. With load, and without.

use tokio::time::{Instant, sleep};

use super::super::failure::Failure;
use super::super::scene::Scene;

/// Under load, requests are answered all the time.
pub(super) async fn with_load(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.before().await?;
    sleep(scene.cluster.limits.fault).await;
    scene.healed().await
}

/// Without load, a write through each member succeeds.
pub(super) async fn without_load(scene: &mut Scene<'_>) -> Result<(), Failure> {
    scene.step("pausing the load");
    scene.load.pause().await;
    sleep(scene.cluster.limits.fault).await;
    let members = scene.cluster.members();
    scene.step("writing through each member");
    let deadline = Instant::now() + scene.cluster.limits.heal;
    let written =
        scene.cluster.final_writes(&members, scene.recorder, scene.prefix, deadline).await;
    scene.load.resume();
    written.map(|_| ())?;
    scene.healed().await
}
