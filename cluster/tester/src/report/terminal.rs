//! What does a run look like on a terminal? And without one?
//!
//! Everything for people goes to the standard error: on a terminal a progress bar with the time
//! that is left and the step of the case; else plain lines, at most one for each case name and one
//! in 30 seconds, beside the failures. At the end come the failures in full. The standard output
//! has one line: the [`Summary`](super::model::Summary) as JSON.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use failpoint::__private::text::{visible, visible_json, visible_lines};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::{Event, Observer};
use super::model::{CaseReport, CheckReport, Healed, Outcome, Report};
use super::text::{counted, duration, number};

/// How often a line tells of the progress where there is no terminal.
const RHYTHM: Duration = Duration::from_secs(30);
/// How many failures are printed in full.
const FAILURES: usize = 20;
/// How many lines around a violation are printed.
const AROUND: usize = 20;

/// The bar that is on the standard error now.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints a message to the standard error: above the bar, where there is one.
pub fn tell(message: &str) {
    let bar = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A standard error that is closed is no reason to stop.
    let print = || drop(writeln!(io::stderr(), "{}", visible_lines(message)));
    match bar {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Shows a run.
pub struct Terminal {
    bar: Option<ProgressBar>,
    error: Box<dyn Write + Send>,
    output: Box<dyn Write + Send>,
    colours: bool,
    report: Option<PathBuf>,
    started: Instant,
    cases: Option<u64>,
    limit: Option<Duration>,
    round: u64,
    case: String,
    /// What the case does now.
    step: String,
    done: u64,
    failed: u64,
    injections: u64,
    operations: u64,
    seen: BTreeSet<String>,
    told: Instant,
}

impl Terminal {
    /// Shows a run on the standard error, and its summary on `output`. `report` is where its report
    /// is written.
    #[must_use]
    pub fn new(report: Option<PathBuf>, output: Box<dyn Write + Send>) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stderr().is_terminal() && !dumb;
        let mut shown = Self::plain(report, Box::new(io::stderr()), output);
        shown.colours = terminal && !is_set("NO_COLOR");
        if terminal {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            bar.enable_steady_tick(Duration::from_millis(250));
            shown.show(Some(bar));
        }
        shown
    }

    /// Shows a run in plain lines.
    #[must_use]
    pub fn plain(
        report: Option<PathBuf>,
        error: Box<dyn Write + Send>,
        output: Box<dyn Write + Send>,
    ) -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            error,
            output,
            colours: false,
            report,
            started: now,
            cases: None,
            limit: None,
            round: 0,
            case: String::new(),
            step: String::new(),
            done: 0,
            failed: 0,
            injections: 0,
            operations: 0,
            seen: BTreeSet::new(),
            told: now,
        }
    }

    fn show(&mut self, bar: Option<ProgressBar>) {
        SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&bar);
        self.bar = bar;
    }

    /// Removes the bar.
    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.show(None);
        }
    }

    /// Prints lines above the progress bar. A standard error that is closed is no reason to stop.
    fn print(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| {
                let _ = writeln!(io::stderr(), "{text}");
            }),
            None => {
                let _ = writeln!(self.error, "{text}");
            }
        }
    }

    fn started(&mut self, subject: &str, seed: u64, cases: Option<usize>, limit: Option<u64>) {
        self.started = Instant::now();
        self.cases = cases.map(|cases| cases as u64);
        self.limit = limit.map(Duration::from_millis);
        if let Some(bar) = &self.bar {
            let template = match self.cases {
                Some(_) => "{spinner} {prefix} [{bar:24}] {pos}/{len}\n  {wide_msg}",
                None => "{spinner} {prefix}\n  {wide_msg}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            if let Some(cases) = self.cases {
                bar.set_length(cases);
            }
        }
        let cases =
            cases.map_or(String::new(), |cases| format!(", {}", counted(cases as u64, "case")));
        self.print(&format!("{}: seed {seed}{cases}", visible(subject)));
        self.progress();
    }

    /// How long the run still takes, if it goes on as until now.
    fn left(&self) -> Option<Duration> {
        let elapsed = self.started.elapsed();
        let by_cases = self.cases.filter(|_| self.done > 0).and_then(|cases| {
            let share = cases.saturating_sub(self.done) as f64 / self.done as f64;
            Duration::try_from_secs_f64(elapsed.as_secs_f64() * share).ok()
        });
        let by_time = self.limit.map(|limit| limit.saturating_sub(elapsed));
        by_cases.into_iter().chain(by_time).min()
    }

    /// The counts and the time that is left, in a line.
    fn line(&self) -> String {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let elapsed = milliseconds(self.started.elapsed());
        let left = self.left().map_or(String::new(), |left| {
            // To the second: tenths of a guess say nothing.
            format!(
                ", {} left",
                duration(milliseconds(left).div_ceil(1000).max(1) * 1000).replace(".0 s", " s")
            )
        });
        format!(
            "round {}: {}, {}, {} failed; {}{left}",
            self.round,
            counted(self.injections, "fault"),
            counted(self.operations, "request"),
            number(self.failed),
            duration(elapsed),
        )
    }

    fn progress(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(self.line());
            bar.set_position(self.done);
        }
    }

    fn step(&mut self, step: &str) {
        self.step = format!("{}: {}", visible(&self.case), visible(step));
        if let Some(bar) = &self.bar {
            bar.set_message(self.step.clone());
        }
    }

    fn case_ended(&mut self, case: &CaseReport) {
        self.done += 1;
        self.injections += case.injections.len() as u64;
        let new = self.seen.len() < 1000 && self.seen.insert(case.case.clone());
        let took = duration(case.end.saturating_sub(case.start));
        let reason = case.reason.as_deref().unwrap_or("").lines().next().unwrap_or("");
        if case.outcome == Outcome::Failed {
            self.failed += 1;
        }
        match case.outcome {
            Outcome::Passed | Outcome::NotApplicable | Outcome::NotAvailable if !new => {}
            Outcome::Passed => {
                let healed = case
                    .healed_after
                    .map_or(String::new(), |healed| format!(", healed after {}", duration(healed)));
                let combinations = match case.combinations {
                    0 => String::new(),
                    count => format!(", {}", counted(count, "combination")),
                };
                let passed = self.paint(case.outcome);
                let case = visible(&case.case);
                self.print(&format!("{passed} {case} in {took}{combinations}{healed}"));
            }
            outcome => {
                let outcome = self.paint(outcome);
                self.print(&format!("{outcome} {}: {}", visible(&case.case), visible(reason)));
            }
        }
        self.tell();
    }

    fn checked(&mut self, check: &CheckReport) {
        if check.outcome == Outcome::Failed {
            self.failed += 1;
        }
        if matches!(check.outcome, Outcome::Failed | Outcome::NotDecided) {
            let message = check.message.lines().next().unwrap_or("");
            let outcome = self.paint(check.outcome);
            self.print(&format!("{outcome} {}: {}", check.check, visible(message)));
        }
        self.tell();
    }

    /// Tells of the progress, where there is no bar and the last line is old.
    fn tell(&mut self) {
        self.progress();
        if self.bar.is_none() && self.told.elapsed() >= RHYTHM {
            self.told = Instant::now();
            let line = format!("{}; {}", self.line(), self.step);
            self.print(&line);
        }
    }

    fn paint(&self, outcome: Outcome) -> String {
        let colour = match outcome {
            Outcome::Passed => 32,
            Outcome::Failed | Outcome::SetupFailed => 31,
            Outcome::NotDecided | Outcome::Interrupted => 33,
            Outcome::NotApplicable | Outcome::NotAvailable => 90,
        };
        match self.colours {
            true => format!("\x1b[{colour}m{outcome}\x1b[0m"),
            false => outcome.to_string(),
        }
    }

    fn ended(&mut self, report: &Report) {
        self.end();
        let bad = |outcome| matches!(outcome, Outcome::Failed | Outcome::NotDecided);
        let cases = report.cases.iter().filter(|case| bad(case.outcome));
        let checks = report.checks.iter().filter(|check| bad(check.outcome));
        let mut texts: Vec<String> = cases.map(|case| self.failed_case(case)).collect();
        texts.extend(checks.map(|check| self.failed_check(check)));
        let more = texts.len().saturating_sub(FAILURES);
        texts.truncate(FAILURES);
        if more > 0 {
            texts.push(format!("\nthe report has {} more", counted(more as u64, "failure")));
        }
        let summary = &report.summary;
        let verdict = summary.verdict.unwrap_or(Outcome::Interrupted);
        texts.push(format!(
            "\n{}: {}, {}, {}, {} in {}",
            self.paint(verdict),
            counted(summary.cases, "case"),
            counted(summary.injections, "fault"),
            counted(summary.operations, "request"),
            counted(summary.lost_writes, "lost write"),
            duration(report.milliseconds),
        ));
        texts.extend(healed(&summary.healed));
        if let Some(path) = &self.report {
            texts.push(format!("report: {}", visible(&path.display().to_string())));
        }
        texts.push(format!("replay: {}", visible(&report.replay)));
        for text in texts {
            self.print(&text);
        }
        let line = visible_json(summary.line());
        let _ = writeln!(self.output, "{line}").and_then(|()| self.output.flush());
    }

    fn failed_case(&self, case: &CaseReport) -> String {
        let CaseReport { case: name, number, round, reason, failures, .. } = case;
        let reason = reason.as_deref().unwrap_or("no reason is given");
        let mut text = format!(
            "\n{} {} (case {number} of round {round}): {}",
            self.paint(case.outcome),
            visible(name),
            visible_lines(reason)
        );
        // The reason has the first one.
        for failure in failures.iter().take(AROUND).skip(1) {
            text += &format!("\n  {}", visible(failure));
        }
        if failures.len() > AROUND {
            let more = (failures.len() - AROUND) as u64;
            text += &format!("\n    the report has {} more", counted(more, "combination"));
        }
        text
    }

    fn failed_check(&self, check: &CheckReport) -> String {
        let when = match &check.case {
            Some(case) => format!("after {} in round {}", visible(case), check.round),
            None => format!("at the end of round {}", check.round),
        };
        let mut text = format!(
            "\n{} {} {when}: {}",
            self.paint(check.outcome),
            check.check,
            visible_lines(&check.message)
        );
        // Those that disagree are shown, also if not all can be.
        let (mut first, rest): (Vec<_>, Vec<_>) =
            check.around.iter().enumerate().partition(|(_, line)| line.starts_with("> "));
        first.extend(rest);
        first.truncate(AROUND);
        first.sort_unstable_by_key(|(place, _)| *place);
        for (_, line) in &first {
            text += &format!("\n  {}", visible(line));
        }
        if check.around.len() > first.len() {
            let more = (check.around.len() - first.len()) as u64;
            text += &format!("\n    the report has {} more", counted(more, "line"));
        }
        text
    }
}

/// How long the subject took to heal, in a line. `None`: there was no fault.
fn healed(healed: &Healed) -> Option<String> {
    let Healed { faults: 1.., milliseconds, elections } = healed else { return None };
    let [median, p99, longest] = milliseconds.map(duration);
    let elections = elections.map_or(String::new(), |[median, p99, longest]| {
        format!("; in election time-outs {median}, {p99}, {longest}")
    });
    Some(format!("healed: median {median}, 99th percentile {p99}, longest {longest}{elections}"))
}

/// A run that stops in the middle leaves no bar.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.end();
    }
}

impl Observer for Terminal {
    fn on(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { subject, seed, cases, limit } => {
                self.started(subject, seed, cases, limit);
            }
            Event::Round(round) => self.round = round,
            Event::Case { name, .. } => {
                name.clone_into(&mut self.case);
                self.step("starts");
            }
            Event::Step(step) => self.step(step),
            Event::CaseEnded(case) => self.case_ended(case),
            Event::Checked(check) => self.checked(check),
            Event::Sample(sample) => {
                let operations = sample.succeeded.saturating_add(sample.failed);
                self.operations = self.operations.saturating_add(operations);
                self.tell();
            }
            Event::Ended(report) => self.ended(report),
            Event::Fault(_)
            | Event::Healed { .. }
            | Event::WritesGone { .. }
            | Event::Broken(_)
            | Event::Unhealthy(_) => {}
        }
    }
}
