//! FAILPOINTS: every point, with every command, on every target. FAILPOINTS_WITH_DISK_IO_LATENCY:
//! one point, with latencies.

use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::cluster::{Cluster, POLL, how};
use super::super::failure::Failure;
use super::super::scene::{Caused, Scene};
use super::snapshot::Snapshots;
use super::{pause, stop};
use crate::agent::Operation;
use crate::cases::Target;
use crate::config::FailpointsConfig;
use crate::driver::points::{self, Control};
use crate::driver::{Point, Role, Start, Trigger};
use crate::load::WholeWatch;

/// The shortest time to live that stores have.
const LEASE: Duration = Duration::from_secs(1);

/// How long a process that panics takes to end, if it does: on a busy machine, it prints its backtrace
/// for a while.
const DYING: Duration = Duration::from_secs(5);

/// One point, armed with one command on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Combination {
    /// The point, as the member lists it.
    pub(crate) point: String,
    /// What is known of it.
    pub(crate) known: Point,
    /// Its terms.
    pub(crate) command: String,
    /// On which members.
    pub(crate) target: Target,
}

impl Combination {
    fn name(&self) -> String {
        format!("{}={} on {}", self.point, self.command, self.target)
    }

    /// Why it makes no sense, if so.
    fn ruled_out(&self, members: usize) -> Option<String> {
        match (self.known.role, self.target) {
            _ if self.known.trigger == Trigger::None => {
                Some("nothing that the tester does reaches it".to_owned())
            }
            (Role::Leader, Target::OneFollower) => Some("it fires only on the leader".to_owned()),
            (Role::Follower, Target::Leader) => Some("it fires only on followers".to_owned()),
            _ => match self.known.trigger {
                Trigger::Snapshot if self.target == Target::Leader => {
                    Some("a leader receives no snapshot".to_owned())
                }
                Trigger::Snapshot | Trigger::Membership if members == 1 => {
                    Some("there is only one member".to_owned())
                }
                _ => None,
            },
        }
    }
}

/// The combinations of a round: those that are run, and those that are left out with the reason.
///
/// A sample takes each pair of a command and a target once before it takes one twice.
pub(crate) fn combinations(
    config: &FailpointsConfig,
    points: &[(String, Point)],
    leader: bool,
    members: usize,
    rng: &mut ChaCha8Rng,
) -> (Vec<Combination>, Vec<(String, String)>) {
    let (mut run, mut left_out) = (Vec::new(), Vec::new());
    for (point, known) in points {
        for command in &config.commands {
            for target in &config.targets {
                // Without a leader, there is no choice of members: all of them are the target.
                if !leader && *target != Target::All {
                    continue;
                }
                let combination = Combination {
                    point: point.clone(),
                    known: *known,
                    command: command.clone(),
                    target: *target,
                };
                match combination.ruled_out(members) {
                    Some(why) => left_out.push((combination.name(), why)),
                    None => run.push(combination),
                }
            }
        }
    }
    if let Some(sample) = config.sample {
        run.shuffle(rng);
        let mut taken = std::collections::HashMap::new();
        run.sort_by_cached_key(|combination| {
            let pair = (combination.command.clone(), combination.target);
            let before = taken.entry(pair).or_insert(0_usize);
            *before += 1;
            *before
        });
        run.truncate(sample);
    }
    (run, left_out)
}

/// FAILPOINTS.
pub(super) async fn run(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let points = listed(scene).await?;
    let members = scene.cluster.members().len();
    let leader = scene.cluster.abilities().leader;
    let config = &scene.config.failpoints;
    let (run, left_out) = combinations(config, &points, leader, members, &mut scene.rng);
    scene.journal.of_case(|case| case.left_out.extend(left_out));
    if run.is_empty() {
        return Err(Failure::NotApplicable("no point can be armed on any target".to_owned()));
    }
    scene.before().await?;
    for combination in &run {
        one(scene, combination).await.map_err(|failure| of(&combination.name(), failure))?;
    }
    Ok(())
}

/// FAILPOINTS_WITH_DISK_IO_LATENCY.
pub(super) async fn disk_latency(scene: &mut Scene<'_>) -> Result<(), Failure> {
    let control = control(scene, 0)?;
    let listed = control.list().await?;
    let wanted = &scene.config.failpoints.latency_point;
    let point = points::matching(listed.keys().map(String::as_str), wanted)
        .map_err(|why| Failure::NotApplicable(why.to_string()))?
        .to_owned();
    let known = known(scene, &point);
    let leader = scene.cluster.abilities().leader;
    let most = scene.config.failpoints.latency.as_millis().max(1);
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    scene.before().await?;
    for target in scene.config.failpoints.targets.clone() {
        if !leader && target != Target::All {
            continue;
        }
        // Half of it at least, so that it can be told from a busy machine.
        let latency = scene.rng.random_range(most.div_ceil(2)..=most);
        let command = format!("sleep({latency})");
        let combination = Combination { point: point.clone(), known, command, target };
        match combination.ruled_out(scene.cluster.members().len()) {
            Some(why) => scene.journal.of_case(|case| {
                case.left_out.insert(combination.name(), why);
            }),
            None => {
                one(scene, &combination).await.map_err(|why| of(&combination.name(), why))?;
            }
        }
    }
    Ok(())
}

fn of(combination: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Subject(why) => Failure::Subject(format!("{combination}: {why}")),
        Failure::Setup(why) => Failure::Setup(format!("{combination}: {why}")),
        Failure::NotApplicable(why) => Failure::NotApplicable(why),
    }
}

/// The points that are armed, as members list them, with what is known of them.
async fn listed(scene: &Scene<'_>) -> Result<Vec<(String, Point)>, Failure> {
    let listed = control(scene, 0)?.list().await?;
    let wanted = &scene.config.failpoints.points;
    let chosen: Vec<String> = if wanted.is_empty() {
        listed.into_keys().collect()
    } else {
        let names = || listed.keys().map(String::as_str);
        let found = wanted.iter().map(|end| points::matching(names(), end).map(str::to_owned));
        found.collect::<Result<_, _>>().map_err(|why| Failure::Setup(why.to_string()))?
    };
    Ok(chosen.into_iter().map(|name| (name.clone(), known(scene, &name))).collect())
}

/// What is known of a point: by the configuration, else by the driver.
fn known(scene: &Scene<'_>, name: &str) -> Point {
    let short = name.rsplit('/').next().unwrap_or(name);
    let said = &scene.config.failpoints.known;
    let known = said.get(name).or_else(|| said.get(short)).copied();
    known.unwrap_or_else(|| scene.cluster.driver().point(short))
}

fn control(scene: &Scene<'_>, member: usize) -> Result<Control, Failure> {
    let name = scene.cluster.name(member);
    let address = scene.cluster.driver().failpoints(member).ok_or_else(|| {
        Failure::NotApplicable(format!("{name} has no address at which its points are armed"))
    })?;
    Ok(Control::new(&address)?)
}

/// A point that is armed on a member.
struct Armed {
    member: usize,
    control: Control,
    /// Which start of the member it was armed in.
    starts: u64,
    caused: Caused,
    /// How many lines its log had before.
    lines: usize,
    /// How long a write through it took before.
    usual: Option<Duration>,
    felt: Option<String>,
    fires: u64,
    /// Its process has ended.
    ended: bool,
}

async fn one(scene: &mut Scene<'_>, combination: &Combination) -> Result<(), Failure> {
    if combination.known.trigger == Trigger::Snapshot {
        scene.let_forget().await?;
    }
    let members = scene.draw_for(combination.target, combination.known.role).await?;
    let Combination { point, command, .. } = combination;
    scene.step(&format!("{point}={command} on {}", scene.cluster.names(&members).join(", ")));
    let begin = scene.fault(&members);
    let mut armed = Vec::new();
    for member in &members {
        armed.push(arm(scene, *member, point, command).await?);
    }
    pull(scene, combination, &mut armed).await?;
    let felt = feel(scene, combination, &mut armed, begin).await?;
    for armed in &armed {
        scene.felt(&format!("{point}={command}"), armed.member, armed.felt.clone());
        scene.reached(point, armed.fires.max(u64::from(armed.felt.is_some())));
    }
    if !felt {
        // Leave nothing armed behind.
        heal(scene, combination, armed).await?;
        return Err(Failure::Subject("the point was armed and did not fire".to_owned()));
    }
    let gone: Vec<usize> =
        armed.iter().filter(|armed| armed.ended).map(|armed| armed.member).collect();
    if gone.len() == members.len() && scene.quorum_without(&gone) {
        scene.during(&gone, begin).await?;
    }
    sleep_until(begin + scene.cluster.limits.fault).await;
    heal(scene, combination, armed).await?;
    scene.healed().await?;
    disarmed(scene, point).await
}

async fn arm(
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

/// Does what makes the point reached.
async fn pull(
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
        Trigger::Snapshot => {
            // A leader receives none, and the others need a quorum to go on.
            let leader = cluster.leader().await?;
            let away = members.iter().copied().find(|member| *member != leader);
            let away = [away.unwrap_or(members[0])];
            let snapshots = Snapshots::expect(scene, &away, true)?;
            pause::pause_quietly(scene, &away).await?;
            let written = scene.burst(&away).await;
            pause::unpause(scene, &away).await?;
            written?;
            // It fires while the snapshot is received, so it may end the member before its log says so.
            drop(snapshots);
        }
        Trigger::Restart => {
            for armed in armed {
                let member = armed.member;
                scene.step(&format!("RESTART_ETCD {} with the point armed", cluster.name(member)));
                cluster.operate(member, Operation::SigtermEtcd, &Start::Again).await?;
                let terms = format!("{}={}", combination.point, combination.command);
                let env = [("GOFAIL_FAILPOINTS".to_owned(), terms)];
                armed.starts = cluster.restart_with(member, &env).await?.starts;
            }
        }
        Trigger::Membership => {
            // A member that is not armed leaves and comes back, where there is one.
            let others = scene.others(&members);
            let away = others.first().copied().unwrap_or(members[members.len() - 1]);
            let away = [away];
            stop::end(scene, &away, Operation::SigquitEtcdAndRemoveData).await?;
            stop::leave(scene, &away).await?;
            stop::join(scene, &away).await?;
        }
    }
    Ok(())
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

/// Waits until the point was felt on a member, or on each one if it can fire on each.
async fn feel(
    scene: &Scene<'_>,
    combination: &Combination,
    armed: &mut [Armed],
    begin: Instant,
) -> Result<bool, Failure> {
    let deadline = begin + scene.cluster.limits.felt;
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
async fn heal(
    scene: &Scene<'_>,
    Combination { point, command, .. }: &Combination,
    armed: Vec<Armed>,
) -> Result<(), Failure> {
    scene.step("disarming, and starting again what has ended");
    for Armed { member, control, starts, caused, fires, .. } in armed {
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
    Ok(())
}

/// Whether a process that fires these terms ends, or may do so.
fn ends_process(command: &str) -> bool {
    ["panic", "kill", "exit", "abort"].iter().any(|action| command.contains(action))
}

/// Proves that the point is armed nowhere.
async fn disarmed(scene: &Scene<'_>, point: &str) -> Result<(), Failure> {
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
pub(crate) async fn disarm_all(cluster: &Cluster, member: usize) {
    if let Some(address) = cluster.driver().failpoints(member)
        && let Ok(control) = Control::new(&address)
    {
        // A member that does not answer is not healthy, and that is found elsewhere.
        let _ = control.disarm_all().await;
    }
}
