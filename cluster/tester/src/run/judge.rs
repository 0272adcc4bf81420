//! Which checks are made when, and what did they say?
//!
//! | when | checks |
//! |---|---|
//! | after each case | KV_HASH, LEASE_EXPIRE, SHORT_TTL_LEASE_EXPIRE |
//! | at the end of a round | RUNNER, ORDER, LINEARIZABLE, WATCH, LOGS, SOME_SUCCEEDED, REACHED |

use std::time::Instant;

use super::cluster::POLL;
use super::failure::Failure;
use super::journal::Journal;
use super::scene::Scene;
use crate::checks::around::{Evidence, around};
use crate::checks::linearizable::{self, Budget};
use crate::checks::logs::{self, Cause, LogLine, Patterns};
use crate::checks::{Check, Verdict, coverage, order, watch};
use crate::config::Config;
use crate::driver::{DriverError, Hash};
use crate::history::{History, Revision};
use crate::report::event::Event;
use crate::report::model::{CheckReport, Outcome};

/// How many lines around a violation a report shows.
const AROUND: usize = 40;

/// What a check found, with the lines around it.
pub(super) struct Found {
    outcome: Outcome,
    message: String,
    around: Vec<String>,
}

impl Found {
    pub(super) fn passed(message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Passed, message: message.into(), around: Vec::new() }
    }

    pub(super) fn failed(message: impl Into<String>, around: Vec<String>) -> Self {
        Self { outcome: Outcome::Failed, message: message.into(), around }
    }

    pub(super) fn not_decided(message: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotDecided, message: message.into(), around: Vec::new() }
    }

    fn of<V: Evidence + std::fmt::Display, N: std::fmt::Display>(
        verdict: &Verdict<V, N>,
        history: &History,
    ) -> Self {
        match verdict {
            Verdict::Holds => Self::passed("holds"),
            Verdict::Violated(violation) => {
                Self::failed(violation.to_string(), around(history, violation, AROUND))
            }
            Verdict::NotDecided(why) => Self::not_decided(why.to_string()),
        }
    }
}

/// Whether a check is to be made. NO_CHECK leaves out all others.
pub(super) fn wanted(config: &Config, check: Check) -> bool {
    config.checks.contains(&check) && !config.checks.contains(&Check::NoCheck)
}

/// Reports what a check found.
pub(super) fn report(
    journal: &Journal,
    check: Check,
    round: u64,
    case: Option<&str>,
    begin: Instant,
    found: Found,
) {
    let Found { outcome, message, around } = found;
    let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let case = case.map(str::to_owned);
    journal.checked(&CheckReport { check, round, case, outcome, message, around, milliseconds });
}

/// Makes the checks of a case that has passed.
pub(super) async fn after_case(scene: &Scene<'_>, case: &str) -> Result<(), Failure> {
    let report = |check, begin, found| {
        report(scene.journal, check, scene.round, Some(case), begin, found);
    };
    if wanted(scene.config, Check::KvHash) {
        let begin = Instant::now();
        report(Check::KvHash, begin, equal_hashes(scene).await?);
    }
    Ok(())
}

/// Whether all members have the same contents.
async fn equal_hashes(scene: &Scene<'_>) -> Result<Found, Failure> {
    let cluster = scene.cluster;
    scene.step("comparing the hashes of all members");
    // Where the store has revisions, writes may go on: all hashes are those of one revision.
    let quiet = !cluster.abilities().revisions;
    if quiet {
        scene.load.pause().await;
    }
    let at = scene.recorder.latest();
    let found = hashes_at(scene, (!quiet).then_some(at)).await;
    if quiet {
        scene.load.resume();
    }
    Ok(found)
}
async fn hashes_at(scene: &Scene<'_>, at: Option<Revision>) -> Found {
    let deadline = tokio::time::Instant::now() + scene.cluster.limits.heal;
    loop {
        let hashes = scene.cluster.hashes(at).await;
        let of = |hash: &Result<Hash, DriverError>| match hash {
            Ok(hash) => format!("{:x}", hash.hash),
            Err(error) => error.to_string(),
        };
        let each: Vec<String> = (scene.cluster.members().iter().zip(&hashes))
            .map(|(member, hash)| format!("{}: {}", scene.cluster.name(*member), of(hash)))
            .collect();
        let known: Result<Vec<&Hash>, _> = hashes.iter().map(Result::as_ref).collect();
        let equal = known
            .as_ref()
            .is_ok_and(|known| known.windows(2).all(|two| two[0].hash == two[1].hash));
        let at = at.map_or(String::new(), |at| format!(" at revision {at}"));
        if equal {
            return Found::passed(format!("all hashes{at} are equal"));
        }
        // A member that is behind does not know the revision yet. Equal revisions with other hashes
        // stay so, but where no revision is named, members may only be behind.
        if tokio::time::Instant::now() >= deadline || (known.is_ok() && !at.is_empty()) {
            let message = format!("the hashes{at} differ: {}", each.join(", "));
            return match known {
                Ok(_) => Found::failed(message, each),
                Err(error) => Found::not_decided(format!("no hash{at}: {error}")),
            };
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What a round leaves to be judged.
pub(super) struct Evidences {
    pub(super) history: History,
    /// The lines of all logs since the round started.
    pub(super) lines: Vec<LogLine>,
    pub(super) causes: Vec<Cause>,
    /// The points that were armed, and how often they fired.
    pub(super) armed: Vec<(String, u64)>,
    /// What the runners found.
    pub(super) runners: Vec<String>,
    /// Why the history is not complete, if so.
    pub(super) incomplete: Option<String>,
    /// Whether answers have revisions.
    pub(super) revisions: bool,
}

/// Makes the checks of a round. Takes as long as they take: call it where that blocks no one.
/// Returns the history.
pub(super) fn round(
    config: &Config,
    journal: &Journal,
    round: u64,
    evidences: Evidences,
) -> History {
    let Evidences { history, lines, causes, armed, runners, incomplete, revisions } = evidences;
    let make = |check: Check, find: &dyn Fn() -> Found| {
        if wanted(config, check) {
            journal.step(&format!("checking {check}"));
            let begin = Instant::now();
            report(journal, check, round, None, begin, find());
        }
    };
    make(Check::Runner, &|| match runners.first() {
        None => Found::passed("no runner found a violation"),
        Some(first) => Found::failed(first.clone(), runners.clone()),
    });
    make(Check::Order, &|| {
        let found = order::check(&history);
        let lost = u64::from(matches!(
            found.verdict.violation(),
            Some(order::Violation::LostWrite { .. })
        ));
        let discarded = found.discarded as u64;
        if lost + discarded > 0 {
            journal.tell(&Event::WritesGone { lost, discarded });
        }
        or_incomplete(Found::of(&found.verdict, &history), incomplete.as_deref())
    });
    make(Check::Linearizable, &|| {
        let budget = Budget { time: config.limits.check, ..Budget::default() };
        let found = Found::of(&linearizable::check(&history, budget), &history);
        or_incomplete(found, incomplete.as_deref().filter(|_| revisions))
    });
    make(Check::Watch, &|| {
        or_incomplete(Found::of(&watch::check(&history), &history), incomplete.as_deref())
    });
    make(Check::Logs, &|| match Patterns::new(&config.log_patterns) {
        Err(error) => Found::not_decided(error.to_string()),
        Ok(patterns) => match logs::check(&lines, &patterns, &causes) {
            Ok(()) => Found::passed("no trouble that the tester did not cause"),
            Err(trouble) => {
                Found::failed(trouble.to_string(), logs::around(&lines, &trouble, AROUND))
            }
        },
    });
    make(Check::SomeSucceeded, &|| match coverage::some_succeeded(&history) {
        Ok(()) => Found::passed("requests of each kind succeeded"),
        Err(none) => Found::failed(none.to_string(), Vec::new()),
    });
    make(Check::Reached, &|| {
        let fires = armed.iter().map(|(point, fires)| (point.as_str(), *fires));
        match coverage::reached(fires) {
            Ok(()) => Found::passed("each point that was armed fired"),
            Err(missed) => Found::failed(missed.to_string(), Vec::new()),
        }
    });
    history
}

/// A history that is not complete decides nothing, except by what it has.
fn or_incomplete(found: Found, incomplete: Option<&str>) -> Found {
    match incomplete {
        Some(why) if found.outcome != Outcome::Failed => Found::not_decided(why),
        _ => found,
    }
}
