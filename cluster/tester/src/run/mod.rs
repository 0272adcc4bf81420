//! In which order does a run inject, load, check and report?
//!
//! | module | question |
//! |---|---|
//! | [`schedule`] | which cases are injected, and in which order? |
//! | `cluster` | how are driver, agents and clients used together? |
//! | `scene` | what does a case work with, and which steps do all cases share? |
//! | `case` | how is a case injected, felt and healed? |
//! | `round` | what is a round? |
//! | `judge` | which checks are made when? |
//! | `journal` | how do the report and its observers learn what happens? |
//! | `claim` | which run works in a directory? |
//! | `subject` | what is run? |
//! | `failure` | why did a case, or the whole run, not go on? |

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::checks::logs::Patterns;
use crate::config::Config;
use crate::report::archive::Archive;
use crate::report::collect::Collector;
use crate::report::event::{Event, Observer};
use crate::report::files::Directory;
use crate::report::model::{Outcome, Report};

mod case;
mod claim;
mod cluster;
mod failure;
mod journal;
mod judge;
mod round;
mod scene;
pub mod schedule;
mod subject;

pub use claim::Claim;
pub use failure::Failure;
pub use subject::Subject;

use cluster::Cluster;
use journal::Journal;
use round::Stage;
use schedule::Schedule;

/// How long a run takes, and where it starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the draws start.
    pub seed: u64,
    /// How many rounds; `None`: until it is interrupted, or the time is over.
    pub rounds: Option<u64>,
    /// After this time, no further case is started.
    pub time: Option<Duration>,
    /// The directory of the report, to which histories and archives go. `None`: they are not kept.
    pub directory: Option<Directory>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// What it found out until then.
    pub report: Report,
    /// Why it ended before its end, if so.
    pub why: Option<Why>,
    /// What of histories, data and logs could not be kept, in sentences.
    pub problems: Vec<String>,
}

/// Why a run ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was interrupted. So many members still ran, and were ended.
    Interrupted {
        /// How many members were ended.
        members: usize,
    },
    /// The set-up does not work.
    Setup(String),
    /// The subject is not healthy at the start or the end of a round.
    Subject(String),
}

impl Ended {
    /// The exit status of the command: 0 clean; 3 a violation, or a fault that was not felt or did
    /// not heal; 4 not decided; 1 trouble with the set-up; 130 interrupted.
    #[must_use]
    pub fn status(&self) -> u8 {
        match (&self.why, self.report.summary.verdict) {
            (Some(Why::Interrupted { .. }), _) => 130,
            (Some(Why::Subject(_)), _) | (_, Some(Outcome::Failed)) => 3,
            (Some(Why::Setup(_)), _) => 1,
            (None, Some(Outcome::Passed)) => 0,
            (None, _) => 4,
        }
    }
}

/// Runs a configuration. Faults are injected until the rounds or the time are over, or until
/// `interrupt` completes. All processes that it started have ended when it returns.
///
/// `collector` builds the report; `observers` are told what happens, too.
pub async fn run(
    config: Config,
    options: Options,
    subject: Subject,
    collector: Collector,
    observers: Vec<Box<dyn Observer>>,
    interrupt: impl Future<Output = ()>,
) -> Ended {
    let Subject { driver, agents, clock } = subject;
    let schedule = Schedule::new(&config, options.seed);
    let journal = Journal::new(clock, collector, observers);
    let names = config.members.iter().map(|member| member.name.clone()).collect();
    let stage = Stage {
        cluster: Cluster::new(driver, agents, names, config.limits.clone(), clock),
        config: Arc::new(config),
        journal: journal.clone(),
        archive: options
            .directory
            .map(|directory| Arc::new(tokio::sync::Mutex::new(Archive::new(directory)))),
        problems: Mutex::default(),
        recorder: Mutex::default(),
        // A time that no clock reaches is no limit.
        end: options.time.and_then(|time| Instant::now().checked_add(time)),
        unjudged: Mutex::default(),
    };
    let cases = options.rounds.map(|rounds| {
        let rounds = usize::try_from(rounds).unwrap_or(usize::MAX);
        schedule.cases_of_a_round().saturating_mul(rounds)
    });
    journal.tell(&Event::Started {
        subject: &stage.config.name,
        seed: options.seed,
        cases,
        limit: options.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
    });
    let current = Mutex::new(0);
    let ended = tokio::select! {
        // An interrupt comes first, also where everything else is ready.
        biased;
        () = interrupt => Err(None),
        done = rounds(&stage, &schedule, options.rounds, &current) => done.map_err(Some),
    };
    let mut why = match ended {
        Ok(()) => None,
        Err(failure) => {
            let reason = match &failure {
                None => "the run was interrupted".to_owned(),
                Some(failure) => failure.to_string(),
            };
            journal.case_ended(Outcome::Interrupted, Some(reason.clone()));
            let current = *current.lock().unwrap_or_else(PoisonError::into_inner);
            stage.keep_broken_off(current).await;
            Some(match failure {
                None => Why::Interrupted { members: stage.cluster.running().await },
                Some(Failure::Subject(_)) => {
                    journal.tell(&Event::Unhealthy(&reason));
                    stage.archive(&format!("round-{current}")).await;
                    Why::Subject(reason)
                }
                Some(Failure::Setup(_) | Failure::NotApplicable(_)) => Why::Setup(reason),
            })
        }
    };
    if let Err(failure) = stage.cluster.stop().await {
        why.get_or_insert(Why::Setup(failure.to_string()));
    }
    if let Some(Why::Setup(why)) = &why {
        journal.tell(&Event::Broken(why));
    }
    let problems = stage.problems.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ended { report: journal.end(why.is_some()), why, problems }
}

async fn rounds(
    stage: &Stage,
    schedule: &Schedule,
    rounds: Option<u64>,
    current: &Mutex<u64>,
) -> Result<(), Failure> {
    let mut fresh = true;
    let patterns = Patterns::new(&stage.config.log_patterns);
    let patterns = patterns.map_err(|error| Failure::Setup(error.to_string()))?;
    stage.cluster.declare(&patterns).await?;
    for number in 1..=rounds.unwrap_or(u64::MAX) {
        if stage.end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
        *current.lock().unwrap_or_else(PoisonError::into_inner) = number;
        if fresh {
            stage.start().await?;
        }
        // A subject that could not be healed is replaced by a new one.
        fresh = !stage.round(&schedule.round(number)).await?;
    }
    Ok(())
}
