//! What is the report of a run that has not ended? [`Collector`] builds it from the events.
//!
//! What it holds is bounded, however long a run takes:
//!
//! | of | at most | what makes room |
//! |---|---|---|
//! | cases, checks | 4 MiB and 8 MiB of text | the oldest that passed are dropped, then failures in the middle; the first and the newest are kept |
//! | samples, faults | 2,000 each | neighbours are merged into longer intervals |
//! | a message | 16 KiB | it is cut |
//! | the first failure in the summary | 2 KiB | it is cut |
//! | lines around a violation, combinations that failed | 400 of 2 KiB | the last are dropped |

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::event::{Event, Observer};
use super::healing::Healing;
use super::model::{CaseReport, CheckReport, Outcome, Report, Sample, Span, Summary};
use super::text::cut;
use crate::clock::Clock;

const CASE_BYTES: usize = 4 << 20;
const CHECK_BYTES: usize = 8 << 20;
const POINTS: usize = 2_000;
const MESSAGE_BYTES: usize = 16 << 10;
const FIRST_BYTES: usize = 2 << 10;
const LINES: usize = 400;
const LINE_BYTES: usize = 2 << 10;

/// Builds the report. Clones share it.
#[derive(Clone, Debug)]
pub struct Collector {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    subject: String,
    seed: u64,
    started: u64,
    rounds: u64,
    replay: String,
    cases: Kept<CaseReport>,
    checks: Kept<CheckReport>,
    samples: Vec<Sample>,
    /// Neighbours are merged while they are not longer than this together. Milliseconds.
    sample_length: u64,
    faults: Vec<Span>,
    healing: Healing,
    summary: Summary,
    /// Whether the set-up does not work.
    broken: bool,
    not_decided: u64,
    /// Why not, the first time.
    first_not_decided: Option<String>,
}

impl Collector {
    /// A report without events. `replay` is the command that runs the same schedule again.
    #[must_use]
    pub fn new(clock: Clock, replay: String) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let state = State {
            subject: String::new(),
            seed: 0,
            started: started.saturating_sub(clock.elapsed()).as_secs(),
            rounds: 0,
            replay,
            cases: Kept::new(CASE_BYTES),
            checks: Kept::new(CHECK_BYTES),
            samples: Vec::new(),
            sample_length: 0,
            faults: Vec::new(),
            healing: Healing::new(),
            summary: Summary::default(),
            broken: false,
            not_decided: 0,
            first_not_decided: None,
        };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    /// The report of what happened until now. It has no verdict yet.
    #[must_use]
    pub fn report(&self) -> Report {
        let milliseconds = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.state().report(milliseconds)
    }

    /// The summary of what happened until now, with the verdict that it would have if the run ended
    /// now.
    #[must_use]
    pub fn summary(&self, interrupted: bool) -> Summary {
        self.state().judged(interrupted)
    }

    /// The report of a run that has ended. `interrupted`: it was stopped before its end, such as by
    /// Ctrl-C.
    #[must_use]
    pub fn finish(&self, interrupted: bool) -> Report {
        let summary = self.summary(interrupted);
        Report { summary, ..self.report() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each event leaves the state whole, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Collector {
    fn on(&mut self, event: &Event<'_>) {
        self.state().on(event);
    }
}

impl State {
    fn on(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { subject, seed, .. } => {
                subject.clone_into(&mut self.subject);
                self.seed = seed;
            }
            Event::Round(round) => self.rounds = self.rounds.max(round),
            Event::CaseEnded(case) => self.case(case.clone()),
            Event::Checked(check) => self.check(check.clone()),
            Event::Sample(sample) => self.sample(sample),
            Event::Fault(span) => self.fault(span),
            Event::Healed { milliseconds, election } => {
                self.healing.record(milliseconds, election);
                self.summary.healed = self.healing.told();
            }
            Event::WritesGone { lost, discarded } => {
                self.summary.lost_writes += lost;
                self.summary.discarded += discarded;
            }
            Event::Broken(why) => {
                self.broken = true;
                let mut why = format!("the run cannot go on: {why}");
                cut(&mut why, FIRST_BYTES);
                self.summary.first_failure.get_or_insert(why);
            }
            Event::Unhealthy(why) => {
                let what = format!("the subject in round {}", self.rounds);
                self.judge(Outcome::Failed, &what, why);
            }
            Event::Case { .. } | Event::Step(_) | Event::Ended(_) => {}
        }
    }

    fn report(&self, milliseconds: u64) -> Report {
        Report {
            subject: self.subject.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: self.seed,
            started: self.started,
            milliseconds,
            rounds: self.rounds,
            replay: self.replay.clone(),
            cases: self.cases.items(),
            checks: self.checks.items(),
            samples: self.samples.clone(),
            faults: self.faults.clone(),
            summary: self.summary.clone(),
        }
    }

    fn judged(&self, interrupted: bool) -> Summary {
        let mut summary = self.summary.clone();
        let verdict = if summary.failed > 0 {
            Outcome::Failed
        } else if self.broken {
            Outcome::SetupFailed
        } else if interrupted {
            Outcome::Interrupted
        } else if self.not_decided > 0 || summary.cases == 0 {
            Outcome::NotDecided
        } else {
            Outcome::Passed
        };
        summary.verdict = Some(verdict);
        if verdict == Outcome::NotDecided && summary.first_failure.is_none() {
            let reason = || "no case was run".to_owned();
            summary.first_failure = Some(self.first_not_decided.clone().unwrap_or_else(reason));
        }
        summary
    }

    fn case(&mut self, mut case: CaseReport) {
        if let Some(reason) = &mut case.reason {
            cut(reason, MESSAGE_BYTES);
        }
        case.failures.truncate(LINES);
        for failure in &mut case.failures {
            cut(failure, LINE_BYTES);
        }
        let summary = &mut self.summary;
        summary.combinations += case.combinations;
        summary.not_applicable += case.left_out.len() as u64;
        summary.injections += case.injections.len() as u64;
        match case.outcome {
            Outcome::NotApplicable | Outcome::NotAvailable => summary.not_applicable += 1,
            _ => summary.cases += 1,
        }
        let reason = case.reason.as_deref().unwrap_or("no reason is given");
        let what = format!("{} (case {} of round {})", case.case, case.number, case.round);
        self.judge(case.outcome, &what, reason);
        self.cases.push(case);
    }

    fn check(&mut self, mut check: CheckReport) {
        cut(&mut check.message, MESSAGE_BYTES);
        check.around.truncate(LINES);
        for line in &mut check.around {
            cut(line, LINE_BYTES);
        }
        let when = match &check.case {
            Some(case) => format!("{} after {case} in round {}", check.check, check.round),
            None => format!("{} at the end of round {}", check.check, check.round),
        };
        self.judge(check.outcome, &when, &check.message);
        self.checks.push(check);
    }

    fn judge(&mut self, outcome: Outcome, what: &str, reason: &str) {
        let first = match outcome {
            Outcome::Failed => {
                self.summary.failed += 1;
                &mut self.summary.first_failure
            }
            Outcome::NotDecided => {
                self.not_decided += 1;
                &mut self.first_not_decided
            }
            _ => return,
        };
        first.get_or_insert_with(|| {
            let mut first = format!("{what}: {reason}");
            cut(&mut first, FIRST_BYTES);
            first
        });
    }

    fn sample(&mut self, sample: &Sample) {
        let operations = sample.succeeded.saturating_add(sample.failed);
        self.summary.operations = self.summary.operations.saturating_add(operations);
        push_merged(&mut self.samples, sample, self.sample_length);
        if self.samples.len() > POINTS {
            let lengths = self.samples.iter().map(|sample| sample.milliseconds);
            self.sample_length = length(lengths.fold(0, u64::saturating_add));
            self.samples = merged(&self.samples, self.sample_length);
        }
    }

    fn fault(&mut self, span: &Span) {
        let began = |open: &&mut Span| {
            open.end.is_none()
                && (&open.case, &open.members, open.start)
                    == (&span.case, &span.members, span.start)
        };
        // A span that begins is new.
        let ends = span.end.is_some();
        match ends.then(|| self.faults.iter_mut().rev().find(began)).flatten() {
            Some(open) => open.end = span.end,
            None => self.faults.push(span.clone()),
        }
        if self.faults.len() > POINTS {
            let first = self.faults.iter().map(|span| span.start).min().unwrap_or_default();
            let total = span.start.saturating_sub(first);
            self.faults = merged_spans(&self.faults, length(total));
            // Spans that never end are not merged.
            let excess = self.faults.len().saturating_sub(POINTS);
            self.faults.drain(..excess);
        }
    }
}

/// The length of which a quarter of [`POINTS`] covers `total`.
fn length(total: u64) -> u64 {
    total.saturating_mul(4) / POINTS as u64 + 1
}

/// Samples whose neighbours are merged while they are not longer than `length` together.
pub(crate) fn merged(samples: &[Sample], length: u64) -> Vec<Sample> {
    let mut merged = Vec::with_capacity(samples.len());
    for sample in samples {
        push_merged(&mut merged, sample, length);
    }
    // Samples that take no time at all cannot be told apart by it.
    let excess = merged.len().saturating_sub(POINTS);
    merged.drain(..excess);
    merged
}

fn push_merged(samples: &mut Vec<Sample>, sample: &Sample, length: u64) {
    match samples.last_mut() {
        Some(last) if last.milliseconds.saturating_add(sample.milliseconds) <= length => {
            last.time = last.time.max(sample.time);
            last.milliseconds += sample.milliseconds;
            last.succeeded = last.succeeded.saturating_add(sample.succeeded);
            last.failed = last.failed.saturating_add(sample.failed);
            for (last, latency) in last.latency.iter_mut().zip(sample.latency) {
                *last = (*last).max(latency);
            }
        }
        _ => samples.push(sample.clone()),
    }
}

/// Faults of which those that began within `length` and have ended are merged.
pub(crate) fn merged_spans(spans: &[Span], length: u64) -> Vec<Span> {
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last)
                if last.end.is_some()
                    && span.end.is_some()
                    && span.start.saturating_sub(last.start) < length =>
            {
                last.end = last.end.max(span.end);
                if last.case != span.case {
                    "several cases".clone_into(&mut last.case);
                }
                let new = span.members.iter().filter(|member| !last.members.contains(member));
                let new: Vec<String> = new.cloned().collect();
                last.members.extend(new);
            }
            _ => merged.push(span.clone()),
        }
    }
    merged
}

/// What can be dropped when there is too much of it.
trait Droppable: Clone {
    fn outcome(&self) -> Outcome;
    /// About the bytes that it takes in memory, and in JSON.
    fn bytes(&self) -> usize;
}

impl Droppable for CaseReport {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn bytes(&self) -> usize {
        let injections = self.injections.iter().map(|injection| {
            let felt = injection.felt.as_ref().map_or(0, String::len);
            80 + injection.what.len() + injection.member.len() + felt
        });
        let left_out = self.left_out.iter().map(|(what, why)| 60 + what.len() + why.len());
        let failures = self.failures.iter().map(|failure| 30 + failure.len());
        let members = self.members.iter().map(|member| 30 + member.len()).chain(failures);
        let texts = self.case.len() + self.reason.as_ref().map_or(0, String::len);
        300 + texts + injections.chain(left_out).chain(members).sum::<usize>()
    }
}

impl Droppable for CheckReport {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn bytes(&self) -> usize {
        let around = self.around.iter().map(|line| 30 + line.len());
        200 + self.message.len() + self.case.as_ref().map_or(0, String::len) + around.sum::<usize>()
    }
}

/// What there is room for, in its order.
#[derive(Debug)]
struct Kept<T> {
    items: Vec<T>,
    bytes: usize,
    limit: usize,
}

impl<T: Droppable> Kept<T> {
    fn new(limit: usize) -> Self {
        Self { items: Vec::new(), bytes: 0, limit }
    }

    fn items(&self) -> Vec<T> {
        self.items.clone()
    }

    fn push(&mut self, item: T) {
        self.bytes += item.bytes();
        self.items.push(item);
        if self.bytes > self.limit {
            self.make_room();
        }
    }

    /// Drops a quarter at once, so that one event does not cost a walk through all.
    fn make_room(&mut self) {
        let mut excess = self.bytes - self.limit / 4 * 3;
        self.items.retain(|item| {
            let drop = excess > 0 && item.outcome() != Outcome::Failed;
            if drop {
                excess = excess.saturating_sub(item.bytes());
            }
            !drop
        });
        let mut first = self.limit / 4;
        self.items.retain(|item| {
            let bytes = item.bytes();
            if first >= bytes {
                first -= bytes;
                return true;
            }
            first = 0;
            let drop = excess > 0;
            excess = excess.saturating_sub(bytes);
            !drop
        });
        self.bytes = self.items.iter().map(Droppable::bytes).sum();
    }
}
