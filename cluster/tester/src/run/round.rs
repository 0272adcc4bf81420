//! What is a round? Each case of the configuration once, under one load and with one history.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep};

use super::case;
use super::cluster::Cluster;
use super::failure::Failure;
use super::journal::Journal;
use super::judge::{self, Evidences, Leases};
use super::scene::{Scene, traces};
use super::schedule::{Planned, Round};
use crate::cases::{Availability, Fault};
use crate::checks::Check;
use crate::checks::logs::{Cause, LogLine};
use crate::config::Config;
use crate::history::{self, History, Revision};
use crate::load::{Load, Recorder, WholeWatch};
use crate::report::archive::Archive;
use crate::report::event::Event;
use crate::report::model::{Outcome, Sample};

/// How often the load is sampled.
const SAMPLE: Duration = Duration::from_millis(500);
/// How long a round waits for runners that have not come to an end of what they do. That takes the
/// slowest, LEASE_RUNNER, about three seconds.
const RUNNERS: Duration = Duration::from_secs(10);
/// How many problems are told at the end.
const PROBLEMS: usize = 20;

/// What all rounds share.
pub(super) struct Stage {
    pub(super) config: Arc<Config>,
    pub(super) cluster: Cluster,
    pub(super) journal: Journal,
    /// Where histories and data are kept; `None`: they are not.
    pub(super) archive: Option<Arc<tokio::sync::Mutex<Archive>>>,
    /// What could not be kept.
    pub(super) problems: Mutex<Vec<String>>,
    /// The history of the current round, for when it is broken off.
    pub(super) recorder: Mutex<Option<Recorder>>,
    /// When no further case is started.
    pub(super) end: Option<Instant>,
    /// What LOGS has not judged yet.
    pub(super) unjudged: Mutex<Unjudged>,
}

/// What LOGS has not judged yet: what members log from their first start on belongs to the round that
/// comes next.
#[derive(Default)]
pub(super) struct Unjudged {
    /// The last line of each member that was judged. Empty before the first start.
    after: Vec<usize>,
    /// What the tester did in between, or just before.
    causes: Vec<Cause>,
}

impl Stage {
    /// Starts all members as a new cluster.
    pub(super) async fn start(&self) -> Result<(), Failure> {
        self.journal.step("starting all members");
        let (cluster, start) = (&self.cluster, self.cluster.clock.now());
        cluster.start().await?;
        let mut unjudged = self.unjudged();
        if unjudged.after.is_empty() {
            unjudged.after = vec![0; cluster.members().len()];
            return Ok(());
        }
        // Those of the old cluster ended with SIGQUIT.
        let end = cluster.clock.now() + traces();
        unjudged.causes.extend(cluster.members().into_iter().map(|member| Cause {
            member: cluster.name(member).to_owned(),
            start,
            end,
            trace: "SIGQUIT".to_owned(),
        }));
        Ok(())
    }

    /// Runs a round, and judges it. Returns whether the subject can be used for another one.
    pub(super) async fn round(&self, round: &Round) -> Result<bool, Failure> {
        let Self { config, cluster, journal, .. } = self;
        journal.tell(&Event::Round(round.number));
        journal.step("waiting until the cluster is healthy");
        cluster.agreed(&cluster.members(), config.limits.heal).await?;
        let prefix = format!("r{}/", round.number);
        let revisions = cluster.abilities().revisions;
        let first = if revisions { self.revision().await? } else { 0 };
        let recorder = Recorder::new(cluster.clock, first);
        *self.recorder.lock().unwrap_or_else(PoisonError::into_inner) = Some(recorder.clone());
        let driver = Arc::clone(cluster.driver());
        let watch = (revisions && cluster.abilities().watches)
            .then(|| WholeWatch::start(Arc::clone(&driver), recorder.clone(), first + 1));
        let (settings, limit) = (config.load.clone(), config.limits.request);
        let load =
            Load::start(driver, settings, limit, recorder.clone(), round.seed, prefix.clone());

        let causes = Mutex::new(std::mem::take(&mut self.unjudged().causes));
        let armed = Mutex::default();
        let mut scene = Scene {
            config,
            cluster,
            journal,
            load: &load,
            recorder: &recorder,
            watch: watch.as_ref(),
            prefix: &prefix,
            round: round.number,
            causes: &causes,
            armed: &armed,
            rng: ChaCha8Rng::seed_from_u64(round.seed),
            healthy_since: Mutex::default(),
        };
        let usable = tokio::select! {
            usable = async {
                let usable = self.cases(&mut scene, &round.cases).await?;
                if usable && judge::wanted(config, Check::Runner) {
                    journal.step("waiting until each runner has done what it does once");
                    load.each_runner_once(RUNNERS).await;
                }
                Ok::<_, Failure>(usable)
            } => usable?,
            never = sample(&load, journal, cluster) => match never {},
        };
        journal.step("ending the round");
        let runners = load.stop().await;
        let mut incomplete = recorder.full();
        let mut failure = None;
        if usable && let Some(watch) = &watch {
            let (members, deadline) = (cluster.members(), Instant::now() + config.limits.heal);
            let written = cluster.final_writes(&members, &recorder, &prefix, deadline).await;
            failure = written.err();
            let reached = match &failure {
                None => watch.reached(recorder.latest(), config.limits.heal).await,
                Some(failure) => Err(failure.to_string()),
            };
            incomplete = incomplete.or(reached.err());
        }
        drop(watch);
        let causes = causes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let evidences = Evidences {
            history: recorder.take(),
            lines: self.unjudged_lines(&causes)?,
            causes,
            armed: armed.into_inner().unwrap_or_else(PoisonError::into_inner),
            runners,
            incomplete,
            revisions,
        };
        let (config, told, number) = (Arc::clone(config), journal.clone(), round.number);
        let judged = move || judge::round(&config, &told, number, evidences);
        let history = tokio::task::spawn_blocking(judged)
            .await
            .map_err(|panic| Failure::Setup(format!("a checker failed: {panic}")))?;
        self.keep(round.number, history).await;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if usable {
            self.tidy(&prefix).await;
        }
        Ok(usable)
    }

    /// Runs the cases. Returns whether the subject is healthy after them.
    async fn cases(&self, scene: &mut Scene<'_>, cases: &[Planned]) -> Result<bool, Failure> {
        let mut leases = Leases::default();
        for planned in cases {
            if self.end.is_some_and(|end| Instant::now() >= end) {
                break;
            }
            self.journal.case(scene.round, planned);
            let skipped = match &planned.availability {
                Availability::Available => None,
                Availability::NotApplicable(why) => Some((Outcome::NotApplicable, why)),
                Availability::NotAvailable(why) => Some((Outcome::NotAvailable, why)),
            };
            if let Some((outcome, why)) = skipped {
                self.journal.case_ended(outcome, Some(why.clone()));
                continue;
            }
            scene.rng = ChaCha8Rng::seed_from_u64(planned.seed);
            if planned.case.fault == Fault::RemoveQuorumAndRestore {
                // The store that is restored does not know them.
                leases.finish(scene).await;
            }
            match case::run(scene, planned.case, planned.number).await {
                Ok(()) => {
                    self.journal.case_ended(Outcome::Passed, None);
                    judge::after_case(scene, planned.case.name).await;
                    leases.after_case(scene, planned.case.name).await;
                }
                Err(Failure::NotApplicable(why)) => {
                    self.journal.case_ended(Outcome::NotApplicable, Some(why));
                }
                Err(Failure::Subject(why)) => {
                    self.journal.case_ended(Outcome::Failed, Some(why));
                    self.archive(&format!("case-{}", planned.number)).await;
                    if !case::recovered(scene).await {
                        return Ok(false);
                    }
                }
                Err(setup @ Failure::Setup(_)) => return Err(setup),
            }
        }
        leases.finish(scene).await;
        Ok(true)
    }

    /// The revision that the store has now.
    async fn revision(&self) -> Result<Revision, Failure> {
        let cluster = &self.cluster;
        let leader = cluster.leader().await?;
        let health = cluster.health_of(leader, cluster.limits.request).await?;
        health.revision.ok_or_else(|| {
            Failure::Subject(format!("{} does not tell its revision", cluster.name(leader)))
        })
    }

    fn unjudged(&self) -> MutexGuard<'_, Unjudged> {
        self.unjudged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines of all members that were not judged yet. After this they are. What the tester did just
    /// now may show in the lines that come next, too.
    fn unjudged_lines(&self, causes: &[Cause]) -> Result<Vec<LogLine>, Failure> {
        let mut unjudged = self.unjudged();
        let mut lines = Vec::new();
        for (member, after) in unjudged.after.iter_mut().enumerate() {
            let new = self.cluster.logs(member)?.lines_after(*after);
            *after = new.last().map_or(*after, |last| last.number);
            lines.extend(new);
        }
        let now = self.cluster.clock.now();
        unjudged.causes = causes
            .iter()
            .filter(|cause| cause.end > now)
            // A case that failed does not say when it is over.
            .map(|cause| Cause { end: cause.end.min(now + traces()), ..cause.clone() })
            .collect();
        Ok(lines)
    }

    /// Writes the history of a round.
    async fn keep(&self, round: u64, history: History) {
        let failed = self.journal.take_failed();
        if failed {
            self.archive(&format!("round-{round}")).await;
        }
        let Some(archive) = self.archive.clone() else { return };
        let mut archive = archive.lock_owned().await;
        let kept = tokio::task::spawn_blocking(move || archive.history(round, &history, failed));
        let problem = match kept.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        self.problem(problem);
    }

    /// Keeps data and logs of all members.
    pub(super) async fn archive(&self, label: &str) {
        let Some(archive) = &self.archive else { return };
        self.journal.step("keeping data and logs");
        let members = self.cluster.with_agents();
        for problem in archive.lock().await.members(label, &members).await {
            self.problem(problem);
        }
    }

    /// Something could not be kept. That does not end a run.
    fn problem(&self, problem: String) {
        self.journal.step(&problem);
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < PROBLEMS {
            problems.push(problem);
        }
    }

    /// Removes the keys of a round, and forgets their revisions, so that the store stays small. What
    /// does not succeed now is only not tidy.
    async fn tidy(&self, prefix: &str) {
        let cluster = &self.cluster;
        let abilities = cluster.abilities();
        let client = cluster.driver().client(0);
        if abilities.deletes && abilities.ranges {
            let to = format!("{}0", prefix.trim_end_matches('/'));
            let request = history::Request::DeleteRange { from: prefix.to_owned(), to };
            let _ = client.execute(&request, cluster.limits.request).await;
        }
        if abilities.revisions
            && let Ok(revision) = self.revision().await
        {
            let limit = cluster.limits.request;
            let _ = tokio::time::timeout(limit, cluster.driver().compact(0, revision)).await;
        }
    }

    /// Writes the history of a round that was broken off.
    pub(super) async fn keep_broken_off(&self, round: u64) {
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(recorder) = recorder.filter(|recorder| !recorder.is_empty()) {
            self.keep(round, recorder.take()).await;
        }
    }
}

/// Tells how the load does, as long as it is polled.
async fn sample(load: &Load, journal: &Journal, cluster: &Cluster) -> Infallible {
    let mut last = cluster.clock.elapsed();
    loop {
        sleep(SAMPLE).await;
        let now = cluster.clock.elapsed();
        let crate::load::Sample { succeeded, failed, latency, .. } = load.sample();
        journal.sample(&Sample {
            time: milliseconds(now),
            milliseconds: milliseconds(now - last),
            succeeded,
            failed,
            latency,
        });
        last = now;
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
