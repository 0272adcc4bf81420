//! The page of a report: what is on it, that nothing breaks out of it, and what Chromium makes of it.
//!
//! `REPORT_PAGES=DIR` writes the pages of these tests there, to look at them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use failpoint_tester::checks::around::around;
use failpoint_tester::checks::{Check, order};
use failpoint_tester::clock::Clock;
use failpoint_tester::history::{Outcome as Told, Response};
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::event::{Event, Observer};
use failpoint_tester::report::html;
use failpoint_tester::report::model::{CheckReport, Injection, Outcome, Report, Sample, Span};
use failpoint_tester::simulate::Simulation;
use proptest::prelude::*;

mod support;

use support::report::{case, check, sample, span};

fn collector() -> Collector {
    let replay = "failpoint-tester run cluster/tester/examples/etcd.yaml --rounds 1 --seed 7";
    let mut collector = Collector::new(Clock::start(), replay.to_owned());
    collector.on(&Event::Started { subject: "etcd", seed: 7, cases: None, limit: None });
    collector
}

/// Seconds of load with a fault every four of them.
fn load(collector: &mut Collector, seconds: u64) {
    let names = ["SIGTERM_ONE_FOLLOWER", "SIGKILL_LEADER", "PAUSE_QUORUM", "SIGTERM_ALL"];
    collector.on(&Event::Round(1));
    for second in 0..seconds {
        let faulty = second % 4 == 2;
        let noise = second * 7919 % 97;
        collector.on(&Event::Sample(&Sample {
            succeeded: if faulty { 200 + noise } else { 900 + 3 * noise },
            failed: if faulty { 40 + noise / 3 } else { 0 },
            latency: match faulty {
                true => [4000 + 50 * noise, 60_000, 400_000, 1_900_000],
                false => [700 + noise, 1500 + 4 * noise, 6000 + 30 * noise, 30_000],
            },
            ..sample(second)
        }));
        if !faulty {
            continue;
        }
        let number = second / 4 + 1;
        let mut case = case(number);
        case.case = names[(number % 4) as usize].to_owned();
        let members: &[&str] = match number % 4 {
            0 | 1 => &["m2"],
            2 => &["m1", "m3"],
            _ => &["m1", "m2", "m3"],
        };
        case.members = members.iter().map(|&member| member.to_owned()).collect();
        case.injections = case
            .members
            .iter()
            .map(|member| Injection { member: member.clone(), ..case.injections[0].clone() })
            .collect();
        case.start = second * 1000;
        case.end = second * 1000 + 2200;
        let fault = Span {
            case: case.case.clone(),
            members: case.members.clone(),
            start: second * 1000 + 100,
            end: Some(second * 1000 + 1300),
        };
        collector.on(&Event::Fault(&Span { end: None, ..fault.clone() }));
        collector.on(&Event::Fault(&fault));
        collector.on(&Event::CaseEnded(&case));
        for check_of in [Check::KvHash, Check::Order, Check::Watch, Check::Logs] {
            let mut check = check(check_of, Outcome::Passed);
            check.message = "holds".to_owned();
            check.around.clear();
            collector.on(&Event::Checked(&check));
        }
    }
}

/// A real violation: of a simulated history, one read is answered from the past.
fn violation() -> (String, Vec<String>) {
    let mut history = Simulation::default().run();
    let operations = &mut history.epochs[0].operations;
    // The simulation counts steps.
    for operation in &mut *operations {
        (operation.start, operation.end) = (operation.start * 50_000, operation.end * 50_000);
    }
    let wrong = operations.iter_mut().rev().find_map(|operation| match &mut operation.outcome {
        Told::Done { response: Response::Value(Some(value)), .. } => Some(value),
        _ => None,
    });
    "-".clone_into(wrong.expect("a simulated history has reads"));
    let order = order::check(&history);
    let violation = order.verdict.violation().expect("the answer is wrong");
    (violation.to_string(), around(&history, violation, 40))
}

fn long_run() -> Report {
    let mut collector = collector();
    load(&mut collector, 8 * 3600);
    Report { milliseconds: 8 * 3_600_000, ..collector.finish(false) }
}

fn failed_run() -> Report {
    let mut collector = collector();
    load(&mut collector, 180);
    let mut slow = case(46);
    slow.case = "SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH".to_owned();
    slow.outcome = Outcome::Failed;
    slow.reason = Some(
        "m2 was not healthy within 30 s.\nThe last answer was: 503 Service Unavailable".to_owned(),
    );
    slow.injections[0].felt = None;
    slow.healed_after = None;
    (slow.start, slow.end) = (181_000, 192_500);
    slow.left_out.insert(
        "raftBeforeLeaderSend panic one-follower".to_owned(),
        "a follower does not send as a leader".to_owned(),
    );
    collector.on(&Event::CaseEnded(&slow));
    let (message, around) = violation();
    let mut wrong = check(Check::Order, Outcome::Failed);
    (wrong.message, wrong.around) = (message, around);
    collector.on(&Event::Checked(&wrong));
    let mut panicked = check(Check::Logs, Outcome::Failed);
    panicked.message =
        "the log of m1 has \"panic:\" in line 3: panic: index out of range".to_owned();
    panicked.around = [
        "  {\"level\":\"info\",\"msg\":\"applied\"}",
        "> panic: index out of range",
        "  goroutine 1 [running]:",
    ]
    .map(str::to_owned)
    .to_vec();
    collector.on(&Event::Checked(&panicked));
    collector.on(&Event::Checked(&check(Check::Linearizable, Outcome::NotDecided)));
    collector.on(&Event::WritesGone { lost: 1, discarded: 12 });
    Report { milliseconds: 193_000, ..collector.finish(false) }
}

fn empty_run() -> Report {
    Report { milliseconds: 1500, ..collector().finish(false) }
}

fn running() -> Report {
    let mut collector = collector();
    load(&mut collector, 25);
    collector.on(&Event::Fault(&span(24, None)));
    Report { milliseconds: 25_400, ..collector.report() }
}

/// Checks that every element that is opened is closed, in order, and returns the names.
fn elements(page: &str) -> Vec<String> {
    const VOID: [&str; 3] = ["meta", "link", "br"];
    let mut open: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("it is HTML");
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').expect("each tag ends");
        rest = after;
        let name = tag.split([' ', '\n', '/']).next().unwrap_or("");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "in the page, before {:.80}", rest);
            continue;
        }
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{tag}");
        all.push(name.to_owned());
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "open at the end: {open:?}");
    all
}

#[test]
fn a_page_has_the_chart_the_tables_the_violation_and_the_command() {
    let page = html::page(&failed_run());
    let elements = elements(&page);
    let count = |name: &str| elements.iter().filter(|element| *element == name).count();
    assert_eq!(count("h1"), 1);
    assert_eq!((count("script"), count("iframe"), count("img"), count("object")), (0, 0, 0, 0));
    assert_eq!(count("svg"), 6, "the chart and two histories, for wide and narrow windows");
    assert!(count("title") > 3 && count("desc") == 6 && count("caption") == 5);
    for part in [
        "<html lang=\"en\">",
        "--rounds 1 --seed 7</code>",
        "<tr class=\"disagrees\"><td>▶ ",
        "<mark>panic: index out of range</mark>",
        "<span class=\"outcome failed\">not felt</span>",
        "a follower does not send as a leader",
        "class=\"s-p99\"",
        "Content-Security-Policy",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(!page.contains("http-equiv=\"refresh\""), "a run that has ended is not reloaded");
    assert!(!page.contains("href=\"http") && !page.contains("src="), "nothing is fetched");
    assert!(html::page(&running()).contains("http-equiv=\"refresh\""));
}

#[test]
fn the_pages_of_an_empty_and_of_a_long_run_are_whole_and_of_bounded_size() {
    elements(&html::page(&empty_run()));
    let page = html::page(&long_run());
    elements(&page);
    assert!(page.len() < 1 << 20, "{}", page.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_hostile_breaks_out_of_the_page(
        texts in prop::collection::vec(
            prop_oneof![
                "\\PC*",
                "[<>&\"'/=! a-z]{0,40}",
                Just("</style><script>alert(1)</script>".to_owned()),
                Just("\" onload=\"alert(1)".to_owned()),
                Just("]]><svg onload=alert(1)>".to_owned()),
                Just("> operation 1 (client <b>, from 5 to 2: </table>)".to_owned()),
                Just("\u{0}\u{1b}[31m\u{202e}".to_owned()),
            ],
            8,
        ),
    ) {
        let with = |hostile: &[String]| {
            let mut collector = Collector::new(Clock::start(), hostile[0].clone());
            collector.on(&Event::Started { subject: &hostile[1], seed: 7, cases: None, limit: None });
            collector.on(&Event::Sample(&sample(1)));
            let mut case = case(1);
            case.outcome = Outcome::Failed;
            case.case = hostile[2].clone();
            case.reason = Some(hostile[3].clone());
            case.injections[0] = Injection {
                what: hostile[4].clone(), member: hostile[5].clone(), felt: Some(hostile[6].clone()),
            };
            case.left_out.insert(hostile[7].clone(), hostile[0].clone());
            collector.on(&Event::CaseEnded(&case));
            let fault = Span {
                case: hostile[2].clone(), members: vec![hostile[5].clone()], start: 1, end: Some(900),
            };
            collector.on(&Event::Fault(&fault));
            for around in [
                vec![format!("  a line of a log: {}", hostile[3])],
                vec![
                    format!("> operation 1 (client 1, from 1 to 2: {})", hostile[4]),
                    format!("  operation {} (client {}, from 1 to 9: x)", hostile[5], hostile[6]),
                    hostile[7].clone(),
                ],
            ] {
                let mut check = check(Check::Logs, Outcome::Failed);
                check.message = hostile[1].clone();
                check.case = Some(hostile[2].clone());
                check.around = around;
                collector.on(&Event::Checked(&check));
            }
            html::page(&Report { milliseconds: 2000, started: 1, ..collector.finish(false) })
        };
        let harmless: Vec<String> = texts.iter().map(|_| "x".to_owned()).collect();
        let page = with(&texts);
        let tags = |page: &str| {
            let mut tags = elements(page);
            // Whether a line is an operation, and of which client, depends on its text.
            tags.retain(|tag| !matches!(tag.as_str(), "rect" | "text" | "tr" | "td" | "title"));
            tags
        };
        prop_assert_eq!(tags(&page), tags(&with(&harmless)));
        prop_assert_eq!((page.matches("<script").count(), page.matches("<style>").count()), (0, 1));
        let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        prop_assert!(!page.contains(hidden));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_of_any_size_make_a_page(
        numbers in prop::collection::vec(
            prop_oneof![any::<u64>(), 0..10_u64, 0..10_000_u64, Just(u64::MAX)],
            14,
        ),
        milliseconds in prop_oneof![any::<u64>(), 0..10_000_u64],
    ) {
        let mut collector = collector();
        for numbers in numbers.windows(8) {
            collector.on(&Event::Sample(&Sample {
                time: numbers[0],
                milliseconds: numbers[1],
                succeeded: numbers[2],
                failed: numbers[3],
                latency: [numbers[4], numbers[5], numbers[6], numbers[7]],
            }));
            let end = (numbers[2] % 3 > 0).then_some(numbers[1]);
            collector.on(&Event::Fault(&Span { end, ..span(numbers[0] % 1_000_000, None) }));
            let mut case = case(numbers[3] % 1_000_000);
            (case.start, case.end, case.healed_after) = (numbers[4], numbers[5], Some(numbers[6]));
            case.outcome = Outcome::Failed;
            collector.on(&Event::CaseEnded(&case));
            let mut check = check(Check::Order, Outcome::Failed);
            check.around = vec![format!(
                "> operation 1 (client 1, from {} to {}: x)", numbers[0], numbers[1]
            )];
            collector.on(&Event::Checked(&check));
        }
        let report = Report { milliseconds, started: numbers[0], ..collector.finish(false) };
        let page = html::page(&report);
        elements(&page);
        prop_assert!(!page.contains("NaN") && !page.contains("inf\""));
    }
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|directory| ["chromium", "chromium-browser"].map(|name| directory.join(name)))
        .find(|program| program.is_file())
}

/// What Chromium prints: the page as it understood it, and what it says of it.
fn dump(program: &Path, page: &str) -> (String, String) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| home.path().join(name);
    std::fs::write(path("report.html"), page).expect("it is written");
    let file = |name: &str| Stdio::from(File::create(path(name)).expect("it is created"));
    let mut child = Command::new(program)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .args(["--enable-logging=stderr", "--v=0", "--dump-dom"])
        .arg(format!("--user-data-dir={}", path("profile").display()))
        .arg(format!("file://{}", path("report.html").display()))
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("error"))
        .spawn()
        .expect("chromium starts");
    let status = support::awaited(|| child.try_wait().expect("it is ours"));
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
        panic!("chromium did not end");
    }
    let read = |name| std::fs::read(path(name)).expect("it was written");
    let text = |name| String::from_utf8_lossy(&read(name)).into_owned();
    (text("out"), text("error"))
}

#[test]
fn chromium_shows_the_violation_and_asks_for_nothing() {
    let Some(program) = chromium() else { return support::skipped("chromium") };
    let report = failed_run();
    let page = html::page(&report);
    let (dom, said) = dump(&program, &page);
    let failed =
        |check: &&CheckReport| (check.check, check.outcome) == (Check::Order, Outcome::Failed);
    let order = report.checks.iter().find(failed).expect("ORDER failed");
    let marked = order.around.iter().filter_map(|line| line.strip_prefix("> operation "));
    let numbers: Vec<&str> = marked.filter_map(|line| line.split(' ').next()).collect();
    assert!(!numbers.is_empty());
    for number in numbers {
        let row = format!("<tr class=\"disagrees\"><td>▶ {number}</td>");
        assert!(dom.contains(&row), "operation {number} is missing");
    }
    for part in ["<main>", "</footer>", "Run it again", "s-p50"] {
        assert!(dom.contains(part), "{part} is missing");
    }
    assert!(!said.contains("CONSOLE"), "{said}");

    // A page that did ask for something would be told of, and refused.
    let asking = "<main><img src=\"http://127.0.0.1:1/x\"><script>document.title = 'x'</script>";
    let (dom, said) = dump(&program, &page.replace("<main>", asking));
    assert_eq!(said.matches("violates the following Content Security Policy").count(), 2, "{said}");
    assert!(!dom.contains("<title>x</title>"));
}

#[test]
fn text_has_contrast_in_light_and_dark() {
    let page = html::page(&empty_run());
    let schemes: Vec<&str> = page.split(":root {").skip(1).collect();
    assert_eq!(schemes.len(), 2, "light and dark");
    for scheme in schemes {
        // The relative luminance and the contrast of WCAG 2.
        let luminance = |name: &str| {
            let (_, colour) = scheme.split_once(&format!("--{name}: #")).expect("it has a colour");
            let part = |at: usize| {
                let byte = u8::from_str_radix(&colour[at..at + 2], 16).expect("two digits");
                let part = f64::from(byte) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
        };
        let contrast = |one: &str, other: &str| {
            let (one, other) = (luminance(one), luminance(other));
            (one.max(other) + 0.05) / (one.min(other) + 0.05)
        };
        for ground in ["page", "panel", "bad-panel"] {
            for text in ["text", "muted", "good", "bad", "warn", "idle", "accent"] {
                let contrast = contrast(text, ground);
                assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
            }
        }
        for line in ["answered", "p50", "p90", "p99", "max", "bad"] {
            let contrast = contrast(line, "page");
            assert!(contrast >= 3.0, "{line}: {contrast:.2}");
        }
    }
}

/// Writes the pages to look at them.
#[test]
fn pages_are_kept_where_they_are_asked_for() {
    let Some(directory) = std::env::var_os("REPORT_PAGES") else { return };
    for (name, report) in [
        ("long", long_run()),
        ("failed", failed_run()),
        ("empty", empty_run()),
        ("running", running()),
    ] {
        let path = Path::new(&directory).join(format!("{name}.html"));
        std::fs::write(path, html::page(&report)).expect("REPORT_PAGES is a directory");
    }
}
