//! What is in a report? All times are milliseconds since the run started, unless a field says else.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::checks::Check;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// A violation was found, or a fault was not felt or did not heal.
    Failed,
    /// It cannot be told.
    NotDecided,
    /// The subject does not have what it is about.
    NotApplicable,
    /// Something is missing, such as a program.
    NotAvailable,
    /// The run ended before.
    Interrupted,
    /// The set-up did not work, so that the run ended before.
    SetupFailed,
}

impl Outcome {
    /// Its name, as it stands in the JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotDecided => "not-decided",
            Self::NotApplicable => "not-applicable",
            Self::NotAvailable => "not-available",
            Self::Interrupted => "interrupted",
            Self::SetupFailed => "setup-failed",
        }
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Summary {
    /// The last line of the output: JSON, without a line end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A report of a run. It is complete at any time: what has not happened yet is not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The name of the subject.
    pub subject: String,
    /// The version of `failpoint-tester`.
    pub version: String,
    /// Where the draws start.
    pub seed: u64,
    /// When the run started: seconds since 1970.
    pub started: u64,
    /// How long it took.
    pub milliseconds: u64,
    /// The rounds that were begun.
    pub rounds: u64,
    /// The command that runs the same schedule again.
    pub replay: String,
    /// The cases, in the order in which they were run. The oldest that passed are dropped in a long
    /// run, so that it can go on for days; `summary` counts them.
    pub cases: Vec<CaseReport>,
    /// What the checkers said, each time. As with `cases`, the oldest that passed are dropped.
    pub checks: Vec<CheckReport>,
    /// The load over time. In a long run, neighbours are merged into longer intervals.
    pub samples: Vec<Sample>,
    /// The faults over time. In a long run, those that began close to each other are merged.
    pub faults: Vec<Span>,
    /// What came of it.
    pub summary: Summary,
}

/// What came of a run: the last line of the output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Cases that were run.
    pub cases: u64,
    /// Cases and checks that failed; and 1 if the subject was not healthy at the start or
    /// the end of a round.
    pub failed: u64,
    /// Combinations of a point, a command and a target that FAILPOINTS ran.
    #[serde(default)]
    pub combinations: u64,
    /// Cases and combinations of FAILPOINTS that were not applicable or not available.
    pub not_applicable: u64,
    /// Faults that were injected: one for each member and each fault.
    pub injections: u64,
    /// How long the subject took to heal.
    #[serde(default)]
    pub healed: Healed,
    /// Requests that were sent.
    pub operations: u64,
    /// Acknowledged writes that were lost.
    pub lost_writes: u64,
    /// Acknowledged writes that a restore from a snapshot discarded. That is no loss.
    pub discarded: u64,
    /// `passed`, `failed`, `not-decided`, `interrupted` or `setup-failed`; `None`: the run has not
    /// ended.
    pub verdict: Option<Outcome>,
    /// The first thing that failed, in a sentence.
    pub first_failure: Option<String>,
}

/// How long it took from the moment when a fault was undone until all members were healthy, agreed on one
/// leader, and a write through each had succeeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Healed {
    /// How often a fault was healed. A case can have several faults.
    pub faults: u64,
    /// The median, the 99th percentile and the maximum in milliseconds, to three digits.
    pub milliseconds: [u64; 3],
    /// The same in election time-outs of the subject; `None`: that is not known.
    pub elections: Option<[f64; 3]>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// The round.
    pub round: u64,
    /// Its number in the run, from 1 on.
    pub number: u64,
    /// Where its draws start.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, if it did not pass.
    pub reason: Option<String>,
    /// The members that it concerned.
    pub members: Vec<String>,
    /// What it injected, such as `SIGTERM_ETCD`, with the member and the evidence that it was felt.
    pub injections: Vec<Injection>,
    /// How many combinations of a point, a command and a target FAILPOINTS ran.
    #[serde(default)]
    pub combinations: u64,
    /// Those that failed, each with the reason; 400 at most.
    #[serde(default)]
    pub failures: Vec<String>,
    /// Combinations that FAILPOINTS left out, with the reason.
    pub left_out: BTreeMap<String, String>,
    /// When it began.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// How long the cluster took to be healthy after the fault; of several, the longest time.
    pub healed_after: Option<u64>,
    /// Answered requests a second before, during and after the fault.
    pub rates: Option<[f64; 3]>,
}

/// One fault on one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// What: the name of an operation, or a point with its terms.
    pub what: String,
    /// On which member.
    pub member: String,
    /// How it was felt; `None`: it was not.
    pub felt: Option<String>,
}

/// What a checker said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// Which.
    pub check: Check,
    /// The round.
    pub round: u64,
    /// After which case; `None`: at the end of the round.
    pub case: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it found, in words.
    pub message: String,
    /// The operations, events or log lines around a violation, in the order of time. Those that
    /// disagree start with `> `, the others with two spaces, as
    /// [`checks::around`](crate::checks::around) gives them.
    pub around: Vec<String>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

/// What the load did in an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the interval ended.
    pub time: u64,
    /// How long it was.
    pub milliseconds: u64,
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that were not, or with an error.
    pub failed: u64,
    /// Latencies of the answered ones in microseconds: the median, the 90th, the 99th percentile and
    /// the maximum. Those of a merged interval are the largest of its parts, so no percentile of the
    /// whole is above them.
    pub latency: [u64; 4],
}

/// A fault over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What: the case.
    pub case: String,
    /// The members.
    pub members: Vec<String>,
    /// When it began.
    pub start: u64,
    /// When it was healed; `None`: not yet.
    pub end: Option<u64>,
}
