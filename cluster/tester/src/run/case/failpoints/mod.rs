//! FAILPOINTS: every point, with every command, on every target. FAILPOINTS_WITH_DISK_IO_LATENCY:
//! one point, with latencies.
//!
//! A combination that fails does not end the case: what it left behind is healed, and the next one is
//! run. The report lists each one that failed.

use rand::RngExt;
use tokio::time::{Instant, sleep_until};

use self::armed::{Armed, arm, control, disarmed, feel, heal};
use self::combination::{Combination, combinations};
use self::pull::pull;
use super::super::failure::Failure;
use super::super::judge;
use super::super::scene::Scene;
use super::recover::recovered;
use crate::cases::Target;
use crate::driver::points;
use crate::driver::{Point, Role, Trigger};

mod armed;
mod combination;
mod pull;

pub(super) use armed::disarm_all;

/// How often a combination is tried, if each time the leader changes before the point fires.
const TRIES: usize = 3;

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
    each(scene, &run).await
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
    let mut run = Vec::new();
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
            None => run.push(combination),
        }
    }
    each(scene, &run).await
}

/// Runs these combinations, also after one has failed.
async fn each(scene: &mut Scene<'_>, run: &[Combination]) -> Result<(), Failure> {
    let mut failures = Failures::default();
    for (number, combination) in run.iter().enumerate() {
        scene.journal.of_case(|case| case.combinations += 1);
        let place = format!("{} of {}", number + 1, run.len());
        let why = match one(scene, combination, &place).await {
            Ok(()) => continue,
            Err(Failure::Subject(why)) => why,
            Err(Failure::Setup(why)) => {
                return Err(Failure::Setup(format!("{}: {why}", combination.name())));
            }
            Err(other) => return Err(other),
        };
        failures.push(scene, &combination.name(), &why);
        let left = run.len() - number - 1;
        if left > 0 && !recovered(scene).await {
            failures.not_run = left;
            break;
        }
    }
    failures.result(run.len())
}

/// The combinations that failed.
#[derive(Default)]
struct Failures {
    count: usize,
    first: String,
    /// How many were not run, because the cluster could not be healed.
    not_run: usize,
}

impl Failures {
    /// As many as this are told. Then they are only counted.
    const TOLD: usize = 400;

    fn push(&mut self, scene: &Scene<'_>, name: &str, why: &str) {
        let failure = format!("{name}: {why}");
        if self.count == 0 {
            self.first.clone_from(&failure);
        }
        if self.count < Self::TOLD {
            scene.journal.of_case(|case| case.failures.push(failure));
        }
        self.count += 1;
    }

    fn result(self, all: usize) -> Result<(), Failure> {
        let Self { count, first, not_run } = self;
        if count == 0 {
            return Ok(());
        }
        let not_run = match not_run {
            0 => String::new(),
            more => format!(", and {more} were not run, because the cluster could not be healed"),
        };
        let why = format!("{count} of {all} combinations failed{not_run}; the first: {first}");
        Err(Failure::Subject(why))
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

/// Runs a combination. A point of one role does not fire where the role has moved to another member, so
/// it is armed again there.
async fn one(scene: &mut Scene<'_>, combination: &Combination, place: &str) -> Result<(), Failure> {
    if combination.known.trigger == Trigger::Snapshot {
        scene.let_forget().await?;
    }
    let mut tries = 1;
    while !once(scene, combination, place, tries == TRIES).await? {
        tries += 1;
    }
    judge::after_case(scene, &combination.name()).await;
    Ok(())
}

/// Arms the point, proves that it was felt, and heals that. Returns whether it was felt. `last`: that it
/// was not is an error in any case, not only where the members have kept their roles.
async fn once(
    scene: &mut Scene<'_>,
    combination: &Combination,
    place: &str,
    last: bool,
) -> Result<bool, Failure> {
    let members = scene.draw_for(combination.target, combination.known.role).await?;
    let Combination { point, command, .. } = combination;
    let names = scene.cluster.names(&members).join(", ");
    scene.step(&format!("{place}: {point}={command} on {names}"));
    let begin = scene.fault(&members);
    let mut armed = Vec::new();
    for member in &members {
        armed.push(arm(scene, *member, point, command).await?);
    }
    pull(scene, combination, &mut armed).await?;
    let felt = feel(scene, combination, &mut armed, begin).await?;
    if !felt && !last && moved(scene, combination, &members).await? {
        heal(scene, combination, armed).await?;
        scene.healed().await?;
        return Ok(false);
    }
    for armed in &armed {
        scene.felt(&format!("{point}={command}"), armed.member, armed.felt.clone());
        scene.reached(point, armed.fires.max(u64::from(armed.felt.is_some())));
    }
    if !felt {
        // Leave nothing armed behind.
        heal(scene, combination, armed).await?;
        return Err(Failure::Subject("the point was armed and did not fire".to_owned()));
    }
    during(scene, &armed, begin).await?;
    sleep_until(begin + scene.cluster.limits.fault).await;
    heal(scene, combination, armed).await?;
    scene.healed().await?;
    disarmed(scene, point).await?;
    Ok(true)
}

/// Whether none of these members has the role any more in which the point is reached.
async fn moved(
    scene: &Scene<'_>,
    combination: &Combination,
    members: &[usize],
) -> Result<bool, Failure> {
    if !scene.cluster.abilities().leader || combination.target == Target::All {
        return Ok(false);
    }
    // Where the members that are left make no quorum, there is no leader, and it is no question of roles.
    let leader = scene.cluster.leader().await?;
    Ok(match combination.known.role {
        Role::Any => false,
        Role::Leader => !members.contains(&leader),
        Role::Follower => members == [leader],
    })
}

/// Where a quorum is left by members that all have ended, proves that it serves requests.
async fn during(scene: &Scene<'_>, armed: &[Armed], begin: Instant) -> Result<(), Failure> {
    if !armed.iter().all(|armed| armed.ended) {
        return Ok(());
    }
    let mut gone: Vec<usize> = armed.iter().map(|armed| armed.member).collect();
    gone.extend(scene.cluster.without_data());
    if scene.quorum_without(&gone) {
        scene.during(&gone, begin).await?;
    }
    Ok(())
}
