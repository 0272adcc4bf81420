//! What a run leaves for other programs: metrics, JUnit's XML, an archive, and what can be checked again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use async_trait::async_trait;
use failpoint_tester::agent::{Agent, AgentError, MemberFiles, MemberState, Request};
use failpoint_tester::checks::Check;
use failpoint_tester::clock::Clock;
use failpoint_tester::history::History;
use failpoint_tester::process::logs::Logs;
use failpoint_tester::report::archive::{Archive, HISTORIES};
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::event::{Event, Observer};
use failpoint_tester::report::files::Directory;
use failpoint_tester::report::metrics::Metrics;
use failpoint_tester::report::model::{Outcome, Report};
use failpoint_tester::report::{junit, live};
use failpoint_tester::simulate::Simulation;

mod support;

use support::report::{case, check, sample};

/// A run with a case of a hostile name.
fn run(observer: &mut dyn Observer, name: &str) {
    observer.on(&Event::Started { subject: name, seed: 7, cases: None, limit: None });
    observer.on(&Event::Round(2));
    let mut failed = case(1);
    failed.case = name.to_owned();
    failed.outcome = Outcome::Failed;
    failed.reason = Some(name.to_owned());
    failed.injections[0].felt = None;
    let mut left_out = case(2);
    left_out.outcome = Outcome::NotApplicable;
    left_out.injections.clear();
    for case in [failed, left_out, case(3), case(4)] {
        observer.on(&Event::CaseEnded(&case));
    }
    for (of, outcome) in [
        (Check::Order, Outcome::Failed),
        (Check::Watch, Outcome::NotDecided),
        (Check::KvHash, Outcome::Passed),
    ] {
        observer.on(&Event::Checked(&check(of, outcome)));
    }
    observer.on(&Event::Sample(&sample(1)));
    observer.on(&Event::WritesGone { lost: 1, discarded: 2 });
    observer.on(&Event::Case { name, number: 5 });
}

/// Checks Prometheus' text format by the rules of `promtool check metrics`, and returns the values.
fn lint(text: &str) -> BTreeMap<String, f64> {
    let is_name = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut values = BTreeMap::new();
    let mut done = BTreeSet::new();
    let mut family: Option<(String, String)> = None;
    let mut helped = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help has a text");
            assert!(is_name(name) && !help.is_empty() && help.ends_with('.'), "{line}");
            assert!(done.insert(name.to_owned()), "{name} comes once");
            name.clone_into(&mut helped);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type has a name");
            assert_eq!(name, helped, "the type follows the help");
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            family = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (name, kind) = family.as_ref().expect("a sample follows its type");
            let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
            let (sample, labels) = series.split_once('{').unwrap_or((series, ""));
            let of_summary = kind == "summary" && sample == format!("{name}_count");
            assert!(sample == name || of_summary, "{line} is below {name}");
            let mut rest = labels.trim_end_matches('}');
            let mut names = BTreeSet::new();
            while !rest.is_empty() {
                let (label, value) = rest.split_once("=\"").expect("a label has a value in quotes");
                assert!(is_name(label) && names.insert(label.to_owned()), "{line}");
                assert!(label != "quantile" || kind == "summary", "{line}");
                let mut escaped = false;
                let end = value.find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                let (_, after) = value.split_at(end.expect("the value ends"));
                rest = after[1..].trim_start_matches(',');
            }
            let value = value.parse().expect("a value is a number");
            assert!(values.insert(series.to_owned(), value).is_none(), "{series} comes once");
        }
    }
    values
}

#[tokio::test]
async fn metrics_are_served_in_the_format_of_prometheus() {
    let mut metrics = Metrics::new();
    lint(&metrics.text());
    run(&mut metrics, "a\"b\\c\nd} 1");
    let server = metrics.serve("127.0.0.1:0").await.expect("a free port");
    let answer =
        reqwest::get(format!("http://{}/metrics", server.address())).await.expect("it answers");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let values = lint(&answer.text().await.expect("it is text"));
    for (series, value) in [
        (r#"cases_total{case="a\"b\\c\nd} 1",outcome="failed"}"#, 1.0),
        (r#"cases_total{case="SIGTERM_ONE_FOLLOWER",outcome="passed"}"#, 2.0),
        (r#"cases_total{case="SIGTERM_ONE_FOLLOWER",outcome="not-applicable"}"#, 1.0),
        (r#"injections_total{what="SIGTERM_ETCD"}"#, 3.0),
        ("injections_not_felt_total", 1.0),
        (r#"operations_total{outcome="succeeded"}"#, 100.0),
        (r#"operations_total{outcome="failed"}"#, 1.0),
        (r#"checks_total{check="ORDER",outcome="failed"}"#, 1.0),
        (r#"latency_seconds{quantile="0.99"}"#, 0.004),
        ("latency_seconds_count", 100.0),
        (r#"running_case{case="a\"b\\c\nd} 1"}"#, 1.0),
        ("lost_writes_total", 1.0),
        ("failures_total", 2.0),
        ("round", 2.0),
        ("run_ended", 0.0),
    ] {
        assert_eq!(values.get(&format!("failpoint_tester_{series}")), Some(&value), "{series}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let metrics = Metrics::new();
    let server = metrics.serve("127.0.0.1:0").await.expect("a free port");
    let address = server.address().to_string();
    let error = metrics.serve(&address).await.expect_err("it is taken").to_string();
    assert!(error.starts_with(&format!("cannot serve metrics at {address}: ")), "{error}");
}

#[test]
fn metrics_of_many_names_are_bounded() {
    let mut metrics = Metrics::new();
    for number in 0..10_000 {
        let mut case = case(number);
        case.case = format!("case {number}");
        case.injections[0].what = format!("point{number}=panic");
        metrics.on(&Event::CaseEnded(&case));
    }
    let values = lint(&metrics.text());
    assert!(values.len() < 1100, "{}", values.len());
    let cases = values.iter().filter(|(series, _)| series.contains("_cases_total"));
    assert_eq!(cases.map(|(_, count)| count).sum::<f64>(), 10_000.0, "all are counted");
}

fn report(name: &str) -> Report {
    let mut collector = Collector::new(Clock::start(), "failpoint-tester run x.yaml".to_owned());
    run(&mut collector, name);
    collector.finish(false)
}

#[test]
fn junit_has_a_test_for_each_case_and_check() {
    let xml = junit::xml(&report("etcd"));
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"etcd\" tests=\"7\" failures=\"2\" errors=\"1\" skipped=\"1\""), "{xml}");
    assert_eq!(xml.matches("<testcase ").count(), 7);
    assert!(
        xml.contains(
            "<testcase classname=\"etcd.round1\" name=\"SIGTERM_ONE_FOLLOWER #3\" time=\"1.000\"/>"
        ),
        "{xml}"
    );
    assert!(xml.contains("\n&gt; operation 1 (client 1"), "{xml}");
}

#[test]
fn junit_of_hostile_names_is_still_xml() {
    let hostile = "</testcase>]]>&\"'\u{0}\u{1b}\u{ffff}\u{202e}\n<x>";
    let xml = junit::xml(&report(hostile));
    let hidden = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{ffff}' | '\u{202e}');
    assert!(!xml.contains(hidden), "{xml:?}");
    assert_eq!(xml.matches("<testcase ").count(), 7, "{xml}");
    assert!(!xml.contains("<x>") && !xml.contains("]]>"), "{xml}");
}

#[test]
fn a_full_disk_is_named_and_the_old_file_stays() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(base.path(), 7, 1).expect("it can be created");
    assert!(live::write(&directory, &report("old")).is_empty());
    // What is written to the temporary file goes where no space is left.
    std::os::unix::fs::symlink("/dev/full", directory.path().join("report.json.tmp"))
        .expect("it is linked");
    let errors = live::write(&directory, &report("new"));
    assert_eq!(errors.len(), 1, "the page is written all the same: {errors:?}");
    let message = errors[0].to_string();
    assert!(
        message.starts_with("cannot write ")
            && message.ends_with("; free some space, or give another directory"),
        "{message}"
    );
    let kept = failpoint_tester::report::files::read_json(&directory.path().join("report.json"));
    assert_eq!(kept.expect("it is whole").subject, "old");
}

/// An agent whose members have a file of some bytes.
struct Files(usize);

#[async_trait]
impl Agent for Files {
    async fn add(&self, _: &MemberFiles) -> Result<(), AgentError> {
        Ok(())
    }
    async fn operate(&self, _: &str, _: &Request) -> Result<MemberState, AgentError> {
        Ok(MemberState::default())
    }
    async fn state(&self, _: &str) -> Result<MemberState, AgentError> {
        Ok(MemberState::default())
    }
    async fn ended(&self, _: &str, _: u64, _: Duration) -> Result<MemberState, AgentError> {
        Ok(MemberState::default())
    }
    fn logs(&self, _: &str) -> Result<Logs, AgentError> {
        Err(AgentError { member: String::new(), message: "there is no log".to_owned() })
    }
    async fn archive(&self, member: &str, directory: &Path) -> Result<(), AgentError> {
        let failed = |error: std::io::Error| AgentError {
            member: member.to_owned(),
            message: error.to_string(),
        };
        fs::create_dir_all(directory.join("data")).map_err(failed)?;
        fs::write(directory.join("data/log"), vec![b'x'; self.0]).map_err(failed)
    }
    async fn stop_all(&self) -> Result<(), AgentError> {
        Ok(())
    }
}

#[tokio::test]
async fn an_archive_keeps_members_up_to_its_limit_and_says_what_it_left_out() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(base.path(), 7, 1).expect("it can be created");
    let mut archive = Archive::with_limit(directory.clone(), 3 << 20);
    let (small, large) = (Files(1 << 20), Files(5 << 20));
    let members: [(&str, &dyn Agent); 3] = [("m1", &small), ("m2", &large), ("../m3", &small)];
    let problems = archive.members("r1 SIGTERM_LEADER", &members).await;
    assert_eq!(
        problems,
        ["m2 is not archived: it has 5 MiB, and the archive of a report has at most 3"]
    );
    let kept = directory.path().join("archive/r1_SIGTERM_LEADER");
    assert!(kept.join("m1/data/log").is_file());
    assert!(!kept.join("m2").exists());
    assert!(kept.join("_m3/data/log").is_file(), "a name leads nowhere else");
}

#[tokio::test]
async fn an_archive_without_its_directory_says_so_and_goes_on() {
    let base = tempfile::tempdir().expect("a temporary directory");
    // A file where a directory should be: nothing can be created there, not even by root.
    let path = base.path().join("report");
    fs::write(&path, "").expect("it is written");
    let directory = Directory::at(path);
    let mut archive = Archive::new(directory.clone());
    let small = Files(1);
    let problems = archive.members("r1", &[("m1", &small as &dyn Agent)]).await;
    assert!(problems[0].starts_with("m1 is not archived: cannot create "), "{problems:?}");
    let error = archive.history(1, &History::new(1), true).expect_err("it is no directory");
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

#[test]
fn the_histories_of_failed_rounds_are_kept_and_the_last() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(base.path(), 7, 1).expect("it can be created");
    let mut archive = Archive::new(directory.clone());
    let mut expected = BTreeSet::new();
    for round in 1..=60 {
        archive.history(round, &History::new(1), round % 2 == 0).expect("it is written");
    }
    expected.extend((1..=HISTORIES as u64).map(|failed| format!("history-r{}.jsonl", failed * 2)));
    expected.insert("history-r60.jsonl".to_owned());
    let entries = fs::read_dir(directory.path()).expect("it is there");
    let found: BTreeSet<String> = entries
        .map(|entry| entry.expect("it is there").file_name().into_string().expect("it is text"))
        .collect();
    assert_eq!(found, expected);
}

fn recheck(path: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .arg("check")
        .arg(path)
        .args(arguments)
        .output()
        .expect("the command runs")
}

#[test]
fn an_old_report_is_checked_again() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let directory = Directory::create(base.path(), 7, 1).expect("it can be created");
    assert!(live::write(&directory, &report("etcd")).is_empty());
    let none = recheck(directory.path(), &[]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no history-rN.jsonl"), "{none:?}");

    let mut archive = Archive::new(directory.clone());
    let history = Simulation { joined: false, ..Simulation::default() }.run();
    archive.history(2, &history, true).expect("it is written");
    let mut wrong = history.clone();
    let changes = &mut wrong.epochs[0].changes;
    let last = changes.pop().expect("something was written");
    changes.push(failpoint_tester::history::Change {
        events: vec![failpoint_tester::history::Event::Delete { key: "other".to_owned() }],
        ..last
    });
    archive.history(10, &wrong, true).expect("it is written");

    let json = directory.path().join("report.json");
    for path in [directory.path(), &json] {
        let output = recheck(path, &[]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let printed = String::from_utf8(output.stdout).expect("it is text");
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[0], "history-r2.jsonl: ORDER holds");
        assert_eq!(lines[1], "history-r2.jsonl: WATCH holds");
        assert!(lines[2].starts_with("history-r10.jsonl: ORDER violated: "), "{printed}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(error, "not made again, because a history is not enough: KV_HASH\n");
    }
    let alone = recheck(
        &directory.path().join("history-r2.jsonl"),
        &["--checks", "order,linearizable,some-succeeded"],
    );
    assert_eq!(alone.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&alone.stdout),
        "ORDER holds\nLINEARIZABLE holds\nSOME_SUCCEEDED holds\n"
    );
}

#[test]
fn what_is_no_report_is_refused_with_its_name() {
    let base = tempfile::tempdir().expect("a temporary directory");
    let json = base.path().join("report.json");
    fs::write(&json, "{\"subject\":7}").expect("it is written");
    for path in [base.path(), &json] {
        let output = recheck(path, &[]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("report.json: ") && error.contains("invalid type"), "{error}");
    }
}

/// What the command says of a file with these contents, and its exit status is 1.
fn refused(name: &str, contents: &[u8]) -> String {
    let base = tempfile::tempdir().expect("a temporary directory");
    let path = base.path().join(name);
    fs::write(&path, contents).expect("it is written");
    let output = recheck(&path, &[]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{name}: {error}");
    assert!(output.stdout.is_empty() && error.lines().count() == 1, "{output:?}");
    assert!(error.contains(&path.display().to_string()), "{error}");
    error
}

#[test]
fn a_file_that_cannot_be_checked_is_refused_with_what_is_wrong() {
    let operation = br#"{"operation":{"client":1,"start":1,"end":2,"request""#;
    for (name, contents, says) in [
        ("h.jsonl", &b""[..], "it is empty"),
        ("h.jsonl", b"\n \n", "it is empty"),
        ("h.jsonl", b"\xff\xfe\x00", "line 1, column 1: this is no UTF-8"),
        ("h.jsonl", b"{\"epoch\":{\"revision\":1}}\nabc\xff", "line 2, column 4: this is no UTF-8"),
        ("h.jsonl", b"<html>", "line 1, column 1: this is no JSON"),
        ("h.jsonl", operation, "the line is cut off"),
        (
            "h.jsonl",
            b"{\"mood\":{}}",
            "no line of a history of this version: unknown variant `mood`",
        ),
        ("report.json", b"", "it is empty"),
        ("report.json", b"\xff", "it is no report"),
        ("report.json", b"{\"version\":\"9.1.0\"}", "it is a report of failpoint-tester 9.1.0"),
    ] {
        let error = refused(name, contents);
        assert!(error.contains(says), "{error}");
    }
    let base = tempfile::tempdir().expect("a temporary directory");
    for (path, says) in [
        (base.path().join("none.jsonl"), "No such file"),
        (base.path().to_owned(), "it has no report.json; name the directory of one report"),
    ] {
        let output = recheck(&path, &[]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.starts_with("cannot read ") && error.contains(says), "{error}");
    }
}

#[test]
fn no_line_is_read_that_is_too_long() {
    use failpoint_tester::history::History;

    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    let error = History::read(endless).expect_err("no history").to_string();
    assert_eq!(error, "line 1: it is longer than 128 MiB");
}
