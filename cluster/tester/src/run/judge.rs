//! Which checks are made when, and what did they say?
//!
//! | when | checks |
//! |---|---|
//! | after each case | KV_HASH |
//! | when its leases have ended | LEASE_EXPIRE, SHORT_TTL_LEASE_EXPIRE |
//! | at the end of a round | RUNNER, ORDER, LINEARIZABLE, WATCH, LOGS, SOME_SUCCEEDED, REACHED |

use std::collections::VecDeque;
use std::time::Instant;

use super::cluster::POLL;
use super::journal::Journal;
use super::scene::Scene;
use crate::checks::around::{Evidence, around};
use crate::checks::kv_hash::{self, MemberHash};
use crate::checks::logs::{self, Cause, LogLine, Patterns};
use crate::checks::{Check, Verdict, coverage, order, runners, watch};
use crate::config::Config;
use crate::driver::{DriverError, Hash};
use crate::history::{History, Revision};
use crate::load::Followed;
use crate::process::checker::{self, Limits};
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
pub(super) async fn after_case(scene: &Scene<'_>, case: &str) {
    let report = |check, begin, found| {
        report(scene.journal, check, scene.round, Some(case), begin, found);
    };
    if wanted(scene.config, Check::KvHash) {
        let begin = Instant::now();
        report(Check::KvHash, begin, equal_hashes(scene).await);
    }
}

/// The leases of cases that were not judged yet.
///
/// Leases live for a second or two, and longer where a fault changes the leader. They are looked at
/// from the end of their case on, and judged when each has ended, or when some more cases have
/// passed. So no case waits for leases that live.
#[derive(Default)]
pub(super) struct Leases(VecDeque<(String, Check, Followed)>);

impl Leases {
    /// How many cases after its own a lease is judged at the latest. Without a fault of the store, each
    /// has ended before.
    const LATER: usize = 16;

    /// Follows the leases that were granted in a case, which has healed, and judges those of earlier
    /// cases.
    pub(super) async fn after_case(&mut self, scene: &Scene<'_>, case: &str) {
        let checks = [(Check::LeaseExpire, false), (Check::ShortTtlLeaseExpire, true)];
        let wanted = checks.into_iter().filter(|(check, _)| wanted(scene.config, *check));
        let new: Vec<_> = wanted
            .map(|(check, short)| (case.to_owned(), check, scene.load.follow_leases(short)))
            .collect();
        let keep = new.len() * Self::LATER;
        self.0.extend(new);
        self.judge(scene, keep).await;
    }

    /// Judges all.
    pub(super) async fn finish(&mut self, scene: &Scene<'_>) {
        self.judge(scene, 0).await;
    }

    async fn judge(&mut self, scene: &Scene<'_>, keep: usize) {
        while let Some((_, _, followed)) = self.0.front_mut()
            && let over = followed.is_over()
            && (over || self.0.len() > keep)
            && let Some((case, check, followed)) = self.0.pop_front()
        {
            if !over {
                scene.step("waiting until leases expire");
            }
            let begin = Instant::now();
            let found = expired(followed).await;
            report(scene.journal, check, scene.round, Some(&case), begin, found);
        }
    }
}

/// Whether leases ended when they should.
async fn expired(followed: Followed) -> Found {
    match followed.judge().await {
        Verdict::Holds => Found::passed("leases end when they should, and their keys with them"),
        Verdict::Violated(violation) => Found::failed(violation.to_string(), Vec::new()),
        Verdict::NotDecided(why) => Found::not_decided(why.to_string()),
    }
}

/// Whether all members have the same contents.
async fn equal_hashes(scene: &Scene<'_>) -> Found {
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
    found
}

async fn hashes_at(scene: &Scene<'_>, at: Option<Revision>) -> Found {
    let cluster = scene.cluster;
    let deadline = tokio::time::Instant::now() + cluster.limits.heal;
    loop {
        let asked = cluster.hashes(at).await;
        let each: Result<Vec<MemberHash>, DriverError> = (cluster.members().into_iter().zip(asked))
            .map(|(member, hash)| {
                let Hash { revision, compacted, hash } = hash?;
                let member = cluster.name(member).to_owned();
                Ok(MemberHash { member, revision, compacted, hash })
            })
            .collect();
        let over = tokio::time::Instant::now() >= deadline;
        let verdict = each.map(|each| (kv_hash::check(&each), each));
        let why = match verdict {
            Ok((Verdict::Holds, _)) => return Found::passed("all members have the same contents"),
            // Where a revision is named, other contents stay so. Else a member may only be behind.
            Ok((Verdict::Violated(different), each)) if over || at.is_some() => {
                let around = each.iter().map(ToString::to_string).collect();
                return Found::failed(different.to_string(), around);
            }
            Ok((verdict, _)) => verdict.to_string(),
            // A member that is behind does not know the revision yet.
            Err(error) => error.to_string(),
        };
        if over {
            return Found::not_decided(why);
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
    pub(super) runners: runners::Found,
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
    make(Check::Runner, &|| match runners::check(&runners) {
        Verdict::Holds => Found::passed("the runners saw what they may rely on"),
        Verdict::Violated(violation) => {
            let all = runners.violations.iter().take(AROUND).map(ToString::to_string).collect();
            Found::failed(violation.to_string(), all)
        }
        Verdict::NotDecided(idle) => Found::not_decided(idle.to_string()),
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
        let limits = Limits { time: config.limits.check, ..Limits::default() };
        let found = Found::of(&checker::linearizable(&history, limits), &history);
        // A watch that is late concerns only stores with revisions.
        or_incomplete(found, incomplete.as_deref().filter(|_| !revisions))
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
