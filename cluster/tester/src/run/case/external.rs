//! EXTERNAL: a program of the user injects a fault with `enable N`, and heals it with `disable N`.
//!
//! N is the number of the case in the run. What the program leaves running in its process group ends
//! with it; what has to go on needs a session of its own, as `setsid` gives.

use std::path::PathBuf;

use tokio::time::{sleep_until, timeout};

use super::super::cluster::how;
use super::super::failure::Failure;
use super::super::scene::Scene;
use crate::process::logs::Logs;
use crate::process::{Launch, Output, Program, Spawner};

pub(super) async fn run(scene: &mut Scene<'_>, number: u64) -> Result<(), Failure> {
    let Some(words) = scene.config.external.clone() else {
        return Err(Failure::NotApplicable("the configuration names no program".to_owned()));
    };
    scene.before().await?;
    let begin = scene.fault(&[]);
    let enabled = call(scene, &words, "enable", number).await;
    if enabled.is_ok() {
        scene.felt_elsewhere(&format!("enable {number}"), "it exited with status 0");
        sleep_until(begin + scene.cluster.limits.fault).await;
    }
    // What was injected by half is healed, too.
    let disabled = call(scene, &words, "disable", number).await;
    enabled.and(disabled)?;
    scene.healed().await
}

async fn call(scene: &Scene<'_>, words: &[String], verb: &str, number: u64) -> Result<(), Failure> {
    let mut argv = words.to_vec();
    argv.extend([verb.to_owned(), number.to_string()]);
    let what = argv.join(" ");
    scene.step(&what);
    let failed = |why: String| Failure::Subject(format!("{what}: {why}"));
    let logs = Logs::new("EXTERNAL", scene.cluster.clock);
    // If this is broken off, the program ends with its spawner.
    let spawner = Spawner::start().map_err(|error| Failure::Setup(error.message))?;
    let launch = Launch {
        program: Program { argv, ..Program::default() },
        directory: PathBuf::from("."),
        output: Output { file: None, logs: logs.clone() },
    };
    let process = spawner.spawn(launch).await.map_err(|error| Failure::Setup(error.message))?;
    let limit = scene.cluster.limits.heal;
    let Ok(ended) = timeout(limit, process.wait()).await else {
        process.signal(rustix::process::Signal::KILL);
        return Err(failed(format!("not done after {:.1} s", limit.as_secs_f64())));
    };
    if ended.code == Some(0) {
        return Ok(());
    }
    let said = logs.last(5).join(" | ");
    Err(failed(format!("it {}{}{said}", how(&ended), if said.is_empty() { "" } else { ": " })))
}
