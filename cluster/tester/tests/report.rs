//! What a report holds, and what it shows.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use failpoint_tester::checks::Check;
use failpoint_tester::clock::Clock;
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::event::{Event, Observer};
use failpoint_tester::report::files::{self, Directory};
use failpoint_tester::report::live::Live;
use failpoint_tester::report::model::{CheckReport, Outcome, Report};
use failpoint_tester::report::terminal::Terminal;

mod support;

use support::report::{case, check, sample, span};

fn collector() -> Collector {
    Collector::new(Clock::start(), "failpoint-tester run x.yaml --seed 7".to_owned())
}

/// A run in which a case and a check failed.
fn failed_run(observers: &mut [&mut dyn Observer]) {
    let mut on = |event: &Event<'_>| observers.iter_mut().for_each(|observer| observer.on(event));
    on(&Event::Started { subject: "etcd", seed: 7, cases: Some(3), limit: None });
    on(&Event::Round(1));
    for number in 1..=3 {
        let mut case = case(number);
        on(&Event::Case { name: &case.case, number });
        on(&Event::Step("SIGTERM m1"));
        on(&Event::Fault(&span(number, None)));
        on(&Event::Fault(&span(number, Some(number * 1000 + 500))));
        on(&Event::Sample(&sample(number)));
        if number == 2 {
            case.outcome = Outcome::Failed;
            case.reason = Some("m1 was not healthy within 10 s".to_owned());
        }
        on(&Event::CaseEnded(&case));
    }
    on(&Event::Checked(&check(Check::Order, Outcome::Failed)));
    on(&Event::WritesGone { lost: 1, discarded: 2 });
}

#[test]
fn a_report_has_what_happened_and_the_summary_counts_it() {
    let mut collector = collector();
    failed_run(&mut [&mut collector]);
    assert_eq!(collector.report().summary.verdict, None, "the run has not ended");
    let report = collector.finish(false);
    let summary = &report.summary;
    assert_eq!((report.subject.as_str(), report.seed, report.rounds), ("etcd", 7, 1));
    assert_eq!((summary.cases, summary.failed, summary.injections), (3, 2, 3));
    assert_eq!((summary.operations, summary.lost_writes, summary.discarded), (303, 1, 2));
    assert_eq!(summary.verdict, Some(Outcome::Failed));
    assert_eq!(
        summary.first_failure.as_deref(),
        Some("SIGTERM_ONE_FOLLOWER (case 2 of round 1): m1 was not healthy within 10 s")
    );
    let ends: Vec<_> = report.faults.iter().map(|span| span.end).collect();
    assert_eq!(
        ends,
        [Some(1500), Some(2500), Some(3500)],
        "a span that ends is the one that began"
    );
}

#[test]
fn the_first_failure_is_short_where_a_message_is_long() {
    let mut collector = collector();
    let long = CheckReport { message: "x".repeat(10_000), ..check(Check::Logs, Outcome::Failed) };
    collector.on(&Event::Checked(&long));
    let report = collector.finish(false);
    let first = report.summary.first_failure.expect("a failure");
    assert!(first.starts_with("LOGS ") && first.len() < 2_200, "{} bytes", first.len());
    assert_eq!(report.checks[0].message.len(), 10_000);
}

#[test]
fn the_verdict_tells_a_violation_an_interruption_and_a_run_of_nothing_apart() {
    assert_eq!(collector().finish(false).summary.verdict, Some(Outcome::NotDecided));
    assert_eq!(collector().finish(true).summary.verdict, Some(Outcome::Interrupted));
    let mut broken = collector();
    broken.on(&Event::Broken("etcd is not there"));
    assert_eq!(broken.finish(true).summary.verdict, Some(Outcome::SetupFailed));
    let mut unhealthy = collector();
    unhealthy.on(&Event::Unhealthy("m1 does not answer"));
    let summary = unhealthy.finish(true).summary;
    assert_eq!((summary.verdict, summary.failed), (Some(Outcome::Failed), 1));
    let mut passed = collector();
    passed.on(&Event::CaseEnded(&case(1)));
    assert_eq!(passed.finish(false).summary.verdict, Some(Outcome::Passed));
    assert_eq!(passed.finish(true).summary.verdict, Some(Outcome::Interrupted));
    passed.on(&Event::Checked(&check(Check::Order, Outcome::NotDecided)));
    assert_eq!(passed.finish(false).summary.verdict, Some(Outcome::NotDecided));
    passed.on(&Event::Checked(&check(Check::Watch, Outcome::Failed)));
    assert_eq!(passed.finish(true).summary.verdict, Some(Outcome::Failed));
}

#[test]
fn a_run_of_days_has_a_bounded_report_that_counts_all() {
    let mut collector = collector();
    for number in 1..=250_000 {
        collector.on(&Event::Fault(&span(number, None)));
        collector.on(&Event::Fault(&span(number, Some(number * 1000 + 500))));
        collector.on(&Event::Sample(&sample(number)));
        let mut case = case(number);
        if number % 50_000 == 0 {
            case.outcome = Outcome::Failed;
        }
        collector.on(&Event::CaseEnded(&case));
    }
    let report = collector.finish(false);
    assert_eq!((report.summary.cases, report.summary.failed), (250_000, 5));
    assert_eq!(report.summary.operations, 250_000 * 101);
    assert!(report.samples.len() <= 2000 && report.samples.len() > 500, "{}", report.samples.len());
    assert!(report.faults.len() <= 2000 && report.faults.len() > 500, "{}", report.faults.len());
    let failed = report.cases.iter().filter(|case| case.outcome == Outcome::Failed);
    assert_eq!(
        failed.map(|case| case.number).collect::<Vec<_>>(),
        [50_000, 100_000, 150_000, 200_000, 250_000]
    );
    assert_eq!(report.cases.last().map(|case| case.number), Some(250_000), "the newest is kept");
    // Merging loses no request and no time.
    let total = report.samples.iter().fold((0, 0), |(answered, took), sample| {
        (answered + sample.succeeded + sample.failed, took + sample.milliseconds)
    });
    assert_eq!(total, (250_000 * 101, 250_000 * 1000));
    let bytes = serde_json::to_vec(&report).expect("a report is JSON").len();
    assert!(bytes < 8 << 20, "{bytes}");
}

#[test]
fn a_run_in_which_all_fails_has_a_bounded_report_with_the_first_and_the_last() {
    let mut collector = collector();
    for round in 1..=5_000 {
        let mut check = check(Check::Order, Outcome::Failed);
        check.round = round;
        check.message = "x".repeat(100_000);
        collector.on(&Event::Checked(&check));
        let mut case = case(round);
        case.outcome = Outcome::Failed;
        case.reason = Some("y".repeat(100_000));
        collector.on(&Event::CaseEnded(&case));
    }
    let report = collector.finish(false);
    assert_eq!(report.summary.failed, 10_000);
    let rounds: Vec<_> = report.checks.iter().map(|check| check.round).collect();
    assert_eq!((rounds.first(), rounds.last()), (Some(&1), Some(&5_000)));
    let bytes = serde_json::to_vec(&report).expect("a report is JSON").len();
    assert!(bytes < 16 << 20, "{bytes}");
}

#[test]
fn a_report_is_the_same_after_a_way_through_json() {
    let mut collector = collector();
    failed_run(&mut [&mut collector]);
    let report = collector.finish(false);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(directory.path(), 7, 1).expect("it can be created");
    directory.write(files::JSON, |file| files::write_json(&report, file)).expect("it is written");
    let read = files::read_json(&directory.path().join(files::JSON)).expect("it is read");
    assert_eq!(read, report);
}

#[test]
fn a_second_report_of_the_same_second_has_its_own_directory() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let create = || Directory::create(base.path(), 7, 1).expect("it can be created");
    let (first, second) = (create(), create());
    assert!(first.path().ends_with("reports/7-1"), "{first:?}");
    assert!(second.path().ends_with("reports/7-1-2"), "{second:?}");
}

#[test]
fn the_files_are_written_while_the_run_goes_on_and_at_its_end() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(base.path(), 7, 1).expect("it can be created");
    let json = directory.path().join(files::JSON);
    let mut collector = collector();
    let mut live = Live::start(collector.clone(), directory.clone());
    failed_run(&mut [&mut collector, &mut live]);
    let early = support::until("the report is written", || files::read_json(&json).ok());
    assert_eq!(early.summary.verdict, None);
    let report = collector.finish(false);
    live.on(&Event::Ended(&report));
    assert_eq!(files::read_json(&json).expect("it is written"), report);
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("it is there").collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
}

#[test]
fn a_directory_that_vanishes_does_not_stop_the_run_and_is_told_of() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(base.path(), 7, 1).expect("it can be created");
    std::fs::remove_dir_all(directory.path()).expect("it is removed");
    let mut collector = collector();
    let mut live = Live::start(collector.clone(), directory.clone());
    failed_run(&mut [&mut collector, &mut live]);
    live.on(&Event::Ended(&collector.finish(false)));
    let errors = failpoint_tester::report::live::write(&directory, &collector.report());
    let message = errors[0].to_string();
    assert!(message.contains("cannot write") && message.contains("was removed"), "{message}");
}

/// A writer whose text can be looked at.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().expect("no writer panicked")))
            .expect("it is text")
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shown(run: impl FnOnce(&mut Collector, &mut Terminal)) -> (String, String, Report) {
    let (error, output) = (Text::default(), Text::default());
    let mut terminal = Terminal::plain(None, Box::new(error.clone()), Box::new(output.clone()));
    let mut collector = collector();
    run(&mut collector, &mut terminal);
    let report = collector.finish(false);
    terminal.on(&Event::Ended(&report));
    (error.take(), output.take(), report)
}

#[test]
fn without_a_terminal_a_run_is_plain_lines_and_its_summary_is_one_line_of_json() {
    let (error, output, report) =
        shown(|collector, terminal| failed_run(&mut [collector, terminal]));
    assert!(!error.contains('\x1b'), "{error}");
    assert!(error.contains("passed SIGTERM_ONE_FOLLOWER in 1.0 s, healed after 300 ms"), "{error}");
    assert!(error.contains("m1 was not healthy within 10 s"), "{error}");
    assert!(error.contains("\n  > operation 1 (client 1"), "the operations that disagree: {error}");
    assert!(error.ends_with("replay: failpoint-tester run x.yaml --seed 7\n"), "{error}");
    assert_eq!(output.lines().count(), 1, "{output}");
    let summary: serde_json::Value = serde_json::from_str(&output).expect("it is JSON");
    assert_eq!(summary, serde_json::to_value(&report.summary).expect("it is JSON"));
    for key in ["cases", "failed", "injections", "operations", "lost_writes", "verdict"] {
        assert!(summary.get(key).is_some(), "{key} in {output}");
    }
}

#[test]
fn without_a_terminal_a_long_run_is_not_many_lines() {
    let (error, ..) = shown(|collector, terminal| {
        terminal.on(&Event::Started { subject: "etcd", seed: 7, cases: None, limit: None });
        for number in 1..=10_000 {
            collector.on(&Event::CaseEnded(&case(number)));
            terminal.on(&Event::CaseEnded(&case(number)));
            terminal.on(&Event::Sample(&sample(number)));
        }
    });
    assert!(error.lines().count() < 100, "{error}");
}

#[test]
fn what_steers_a_terminal_is_escaped() {
    let hostile = "a\x1b[2Jb\u{202e}c\u{9b}d\re";
    let (error, output, _) = shown(|collector, terminal| {
        let mut check = check(Check::Logs, Outcome::Failed);
        check.message = hostile.to_owned();
        check.around[0] = hostile.to_owned();
        let mut case = case(1);
        case.case = hostile.to_owned();
        case.outcome = Outcome::Failed;
        case.reason = Some(hostile.to_owned());
        for observer in [collector as &mut dyn Observer, terminal] {
            let started = Event::Started { subject: hostile, seed: 7, cases: None, limit: None };
            observer.on(&started);
            observer.on(&Event::Step(hostile));
            observer.on(&Event::CaseEnded(&case));
            observer.on(&Event::Checked(&check));
        }
    });
    for text in [error, output] {
        let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(hidden), "{text:?}");
    }
}
