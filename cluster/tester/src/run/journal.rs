//! How do the report and its observers learn what happens?

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::schedule::Planned;
use crate::clock::Clock;
use crate::report::collect::Collector;
use crate::report::event::{Event, Observer};
use crate::report::model::{CaseReport, CheckReport, Injection, Outcome, Report, Sample, Span};

/// Tells the observers what happens. Clones share what they know.
///
/// What is known of the current case is kept here, not in the case: when it is broken off in the
/// middle, that is still told.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<Inner>>);

struct Inner {
    clock: Clock,
    collector: Collector,
    observers: Vec<Box<dyn Observer>>,
    case: Option<CaseReport>,
    fault: Option<Span>,
    failed: bool,
}

impl Journal {
    pub(super) fn new(
        clock: Clock,
        collector: Collector,
        observers: Vec<Box<dyn Observer>>,
    ) -> Self {
        let inner = Inner { clock, collector, observers, case: None, fault: None, failed: false };
        Self(Arc::new(Mutex::new(inner)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change leaves it whole, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened that is of no case.
    pub(super) fn tell(&self, event: &Event<'_>) {
        self.lock().tell(event);
    }

    pub(super) fn case(&self, round: u64, planned: &Planned) {
        let mut inner = self.lock();
        let now = inner.now();
        inner.case = Some(CaseReport {
            case: planned.case.name.to_owned(),
            round,
            number: planned.number,
            seed: planned.seed,
            outcome: Outcome::Interrupted,
            reason: None,
            members: Vec::new(),
            injections: Vec::new(),
            combinations: 0,
            failures: Vec::new(),
            left_out: BTreeMap::new(),
            start: now,
            end: now,
            healed_after: None,
            rates: None,
        });
        inner.tell(&Event::Case { name: planned.case.name, number: planned.number });
    }

    pub(super) fn step(&self, step: &str) {
        self.tell(&Event::Step(step));
    }

    /// Changes what is known of the current case.
    pub(super) fn of_case(&self, change: impl FnOnce(&mut CaseReport)) {
        if let Some(case) = &mut self.lock().case {
            change(case);
        }
    }

    /// A fault was injected, and perhaps felt.
    pub(super) fn injected(&self, injection: Injection) {
        self.of_case(|case| {
            if !case.members.contains(&injection.member) {
                case.members.push(injection.member.clone());
            }
            case.injections.push(injection);
        });
    }

    /// A fault begins.
    pub(super) fn fault(&self, members: Vec<String>) {
        let mut inner = self.lock();
        inner.end_fault();
        let start = inner.now();
        let case = inner.case.as_ref().map(|case| case.case.clone()).unwrap_or_default();
        let span = Span { case, members, start, end: None };
        inner.tell(&Event::Fault(&span));
        inner.fault = Some(span);
    }

    /// The fault is healed, so many milliseconds after it was undone. `election`: how many milliseconds
    /// an election takes to begin.
    pub(super) fn healed(&self, milliseconds: u64, election: Option<u64>) {
        let mut inner = self.lock();
        if inner.fault.is_some() {
            inner.tell(&Event::Healed { milliseconds, election });
        }
        inner.end_fault();
    }

    pub(super) fn case_ended(&self, outcome: Outcome, reason: Option<String>) {
        let mut inner = self.lock();
        inner.end_fault();
        let end = inner.now();
        if let Some(mut case) = inner.case.take() {
            (case.outcome, case.reason, case.end) = (outcome, reason, end);
            inner.failed |= outcome == Outcome::Failed;
            inner.tell(&Event::CaseEnded(&case));
        }
    }

    pub(super) fn checked(&self, check: &CheckReport) {
        let mut inner = self.lock();
        inner.failed |= check.outcome == Outcome::Failed;
        inner.tell(&Event::Checked(check));
    }

    pub(super) fn sample(&self, sample: &Sample) {
        self.tell(&Event::Sample(sample));
    }

    /// Whether something failed since the last call.
    pub(super) fn take_failed(&self) -> bool {
        std::mem::take(&mut self.lock().failed)
    }

    /// Ends the report.
    pub(super) fn end(&self, interrupted: bool) -> Report {
        let mut inner = self.lock();
        let report = inner.collector.finish(interrupted);
        inner.tell(&Event::Ended(&report));
        report
    }
}

impl Inner {
    fn now(&self) -> u64 {
        self.clock.now() / 1_000_000
    }

    fn end_fault(&mut self) {
        if let Some(mut span) = self.fault.take() {
            span.end = Some(self.now());
            self.tell(&Event::Fault(&span));
        }
    }

    fn tell(&mut self, event: &Event<'_>) {
        self.collector.on(event);
        for observer in &mut self.observers {
            observer.on(event);
        }
    }
}
