//! How is a point armed on a member, felt there, and disarmed?

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::super::cluster::{Cluster, POLL, how};
use super::super::super::failure::Failure;
use super::super::super::scene::{Caused, Scene};
use super::super::stop;
use super::combination::Combination;
use crate::agent::Operation;
use crate::driver::Start;
use crate::driver::points::Control;

/// How long a process that panics takes to end, if it does: on a busy machine, it prints its backtrace
/// for a while.
const DYING: Duration = Duration::from_secs(5);

/// The control plane of a member.
pub(super) fn control(scene: &Scene<'_>, member: usize) -> Result<Control, Failure> {
    let name = scene.cluster.name(member);
    let address = scene.cluster.driver().failpoints(member).ok_or_else(|| {
        Failure::NotApplicable(format!("{name} has no address at which its points are armed"))
    })?;
    Ok(Control::new(&address)?)
}

/// A point that is armed on a member.
pub(super) struct Armed {
    pub(super) member: usize,
    control: Control,
    /// Which start of the member it was armed in.
    pub(super) starts: u64,
    caused: Caused,
    /// How many lines its log had before.
    lines: usize,
    /// How long a write through it took before.
    usual: Option<Duration>,
    pub(super) felt: Option<String>,
    pub(super) fires: u64,
    /// Its process has ended.
    pub(super) ended: bool,
}

pub(super) async fn arm(
    scene: &Scene<'_>,
    member: usize,
    point: &str,
    command: &str,
) -> Result<Armed, Failure> {
    let control = control(scene, member)?;
    let starts = scene.cluster.state(member).await?.starts;
    let short = point.rsplit('/').next().unwrap_or(point);
    let lines = scene.cluster.logs(member)?.len();
    // Without counts, a latency is felt by a write that takes longer than before.
    let usual = match control.fires(point).await {
        Ok(None) => write(scene, member).await,
        _ => None,
    };
    let caused = scene.caused(member, short);
    control.arm(point, command).await?;
    Ok(Armed { member, control, starts, caused, lines, usual, felt: None, fires: 0, ended: false })
}

/// Waits until the point was felt on a member, or on each one if it can fire on each.
pub(super) async fn feel(
    scene: &Scene<'_>,
    combination: &Combination,
    armed: &mut [Armed],
    begin: Instant,
) -> Result<bool, Failure> {
    // To make the point reached can take long: only from here on, it has to fire soon.
    let deadline = Instant::now() + scene.cluster.limits.felt;
    loop {
        for armed in armed.iter_mut() {
            look(scene, combination, armed).await?;
        }
        let felt = armed.iter().filter(|armed| armed.felt.is_some()).count();
        if felt == armed.len() {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(felt > 0);
        }
        // What ended one member can keep the others from reaching the point: without a quorum, or
        // because only a leader or a follower reaches it.
        if felt > 0 && begin.elapsed() >= scene.cluster.limits.fault {
            return Ok(true);
        }
        sleep(POLL).await;
    }
}

/// Looks for the traces of the point on a member.
async fn look(
    scene: &Scene<'_>,
    combination: &Combination,
    armed: &mut Armed,
) -> Result<(), Failure> {
    if let Ok(Some(fires)) = armed.control.fires(&combination.point).await {
        armed.fires = armed.fires.max(fires);
        if fires > 0 && !armed.ended {
            armed.felt = Some(format!("it fired {fires} times"));
        }
    }
    let ended = scene.cluster.ended(armed.member, armed.starts, Duration::ZERO).await?;
    if let Some(ended) = ended.filter(|_| !armed.ended) {
        armed.ended = true;
        let short = combination.point.rsplit('/').next().unwrap_or_default();
        let logs = scene.cluster.logs(armed.member)?;
        let named = logs.lines_after(armed.lines).iter().any(|line| line.text.contains(short));
        let how = how(&ended);
        armed.felt = if named {
            Some(format!("the process {how}, and its log names the point"))
        } else if armed.fires > 0 || ended.signal == Some(9) {
            Some(format!("the process {how}"))
        } else {
            None
        };
        return Ok(());
    }
    if let (Some(usual), None) = (armed.usual, &armed.felt)
        && let Some(took) = write(scene, armed.member).await
        && took >= usual * 2
    {
        let (took, usual) = (took.as_millis(), usual.as_millis());
        armed.felt = Some(format!("a write took {took} ms, and {usual} ms before"));
    }
    Ok(())
}

/// How long a write through this member takes; `None`: it does not succeed.
async fn write(scene: &Scene<'_>, member: usize) -> Option<Duration> {
    let begin = Instant::now();
    let written = scene.cluster.write(member, scene.recorder, scene.prefix).await;
    written.is_ok().then(|| begin.elapsed())
}

/// Disarms the point, and starts again what it ended.
pub(super) async fn heal(
    scene: &Scene<'_>,
    Combination { point, command, .. }: &Combination,
    armed: Vec<Armed>,
) -> Result<(), Failure> {
    scene.step("disarming, and starting again what has ended");
    for Armed { member, control, starts, caused, fires, .. } in armed {
        if scene.cluster.without_data().contains(&member) {
            scene.no_more(caused);
            continue;
        }
        let fired = matches!(control.fires(point).await, Ok(Some(1..))) || fires > 0;
        let disarmed = control.disarm(point).await;
        // A process that is about to end may still have answered.
        let limit = match disarmed {
            Ok(_) if fired && ends_process(command) => DYING.min(scene.cluster.limits.felt),
            Ok(_) => Duration::ZERO,
            Err(_) => scene.cluster.limits.felt,
        };
        if scene.cluster.ended(member, starts, limit).await?.is_some() {
            scene.cluster.operate(member, Operation::RestartEtcd, &Start::Again).await?;
        } else {
            disarmed?;
        }
        scene.no_more(caused);
    }
    // A member that could not come back because others had ended.
    let lost = scene.cluster.without_data();
    if lost.is_empty() { Ok(()) } else { stop::rejoin(scene, &lost).await }
}

/// Whether a process that fires these terms ends, or may do so.
fn ends_process(command: &str) -> bool {
    ["panic", "kill", "exit", "abort"].iter().any(|action| command.contains(action))
}

/// Proves that the point is armed nowhere.
pub(super) async fn disarmed(scene: &Scene<'_>, point: &str) -> Result<(), Failure> {
    for member in scene.cluster.members() {
        let listed = control(scene, member)?.list().await?;
        if let Some(Some(terms)) = listed.get(point) {
            let name = scene.cluster.name(member);
            return Err(Failure::Subject(format!("{name} still has {point}={terms} armed")));
        }
    }
    Ok(())
}

/// Disarms all points of a member, if it has any.
pub(in super::super::super) async fn disarm_all(cluster: &Cluster, member: usize) {
    if let Some(address) = cluster.driver().failpoints(member)
        && let Ok(control) = Control::new(&address)
    {
        // A member that does not answer is not healthy, and that is found elsewhere.
        let _ = control.disarm_all().await;
    }
}
