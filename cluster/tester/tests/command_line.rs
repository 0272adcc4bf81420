//! What do the commands do where something around them does not work?

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use failpoint_tester::process::is_ignored;
use failpoint_tester::report::model::{Outcome, Summary};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A server that runs, and never answers.
const SILENT: &str = "driver: {commands: {start: sleep 100, put: 'false', get: 'false'}}\n";

fn directory(config: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("c.yaml"), config).expect("it is written");
    directory
}

fn tester(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command
}

fn output(directory: &Path, arguments: &[&str]) -> Output {
    tester(directory, arguments).output().expect("the command runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("Linux has it")
}

/// A pipe that no one reads.
fn unread() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

#[test]
fn an_output_that_cannot_be_written_is_an_error_and_a_reader_that_has_gone_is_none() {
    let directory = directory("driver: etcd");
    for arguments in [
        &["cases"][..],
        &["cases", "c.yaml"],
        &["cases", "c.yaml", "--seed", "7", "--rounds", "18446744073709551615"],
        &["bench", "ORDER", "10"],
    ] {
        let closed = tester(directory.path(), arguments).stdout(unread()).output();
        let closed = closed.expect("the command runs");
        assert_eq!(
            (closed.status.code(), said(&closed)),
            (Some(0), String::new()),
            "{arguments:?}"
        );
        if arguments.contains(&"--rounds") {
            continue;
        }
        let full = tester(directory.path(), arguments).stdout(full()).output();
        let full = full.expect("the command runs");
        assert_eq!(full.status.code(), Some(1), "{arguments:?}: {}", said(&full));
        assert!(said(&full).starts_with("cannot write the standard output: "), "{}", said(&full));
    }
    // The standard error may be full, too.
    let mistake = tester(directory.path(), &["validate", "none.yaml"]).stderr(full()).status();
    assert_eq!(mistake.expect("the command runs").code(), Some(1));
}

#[test]
fn a_time_is_a_number_with_a_unit() {
    let directory = directory(SILENT);
    for time in ["é", "", "9é", "s", "1", "99999999999999999999d"] {
        let refused = output(directory.path(), &["run", "c.yaml", "--for", time]);
        assert_eq!(refused.status.code(), Some(2), "{time:?}: {}", said(&refused));
    }
}

#[test]
fn a_file_of_junit_that_cannot_be_written_is_refused_before_the_start() {
    let directory = directory(SILENT);
    for file in ["none/x.xml", "."] {
        let refused = output(directory.path(), &["run", "c.yaml", "--junit", file]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains(": cannot be written: "), "{}", said(&refused));
    }
    assert!(!directory.path().join("failpoint-tester").exists(), "nothing was started");
}

#[test]
fn checks_have_the_names_that_they_have_in_a_configuration() {
    let directory = directory("");
    fs::write(directory.path().join("h.jsonl"), "").expect("it is written");
    for name in ["ORDER", "order", "SOME_SUCCEEDED", "some-succeeded"] {
        let checked = output(directory.path(), &["check", "h.jsonl", "--checks", name]);
        assert_ne!(checked.status.code(), Some(2), "{name}: {}", said(&checked));
    }
}

#[test]
fn a_subject_that_is_not_healthy_fails_and_its_summary_is_not_lost() {
    let directory = directory(&format!("{SILENT}limits: {{heal: 100ms}}\n"));
    let run = ["run", "c.yaml", "--seed", "7", "--out", "report", "--junit", "j.xml"];
    let ended = output(directory.path(), &run);
    assert_eq!(ended.status.code(), Some(3), "{}", said(&ended));
    let summary: Summary = serde_json::from_slice(&ended.stdout).expect("a line of JSON");
    assert_eq!((summary.verdict, summary.failed), (Some(Outcome::Failed), 1));
    let junit = fs::read_to_string(directory.path().join("j.xml")).expect("it is written");
    assert!(junit.contains("failures=\"1\""), "{junit}");

    let full = tester(directory.path(), &run).stdout(full()).output().expect("it runs");
    assert_eq!(full.status.code(), Some(3), "a subject that is not healthy weighs more");
    assert!(said(&full).contains("cannot write the standard output"), "{}", said(&full));
}

#[test]
fn a_hang_up_ends_a_run_with_a_report() {
    if is_ignored(Signal::HUP.as_raw()).expect("Linux says it") {
        println!("skipped: needs a SIGHUP that is not ignored");
        return;
    }
    let directory = directory(SILENT);
    let mut child = tester(directory.path(), &["run", "c.yaml", "--seed", "7", "--out", "report"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut line = String::new();
    let stderr = child.stderr.take().expect("it is piped");
    let mut stderr = BufReader::new(stderr);
    stderr.read_line(&mut line).expect("it is read");
    assert!(line.contains("seed 7"), "{line}");
    kill_process(Pid::from_child(&child), Signal::HUP).expect("it runs");
    let rest: Vec<String> = stderr.lines().map_while(Result::ok).collect();
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(130), "{rest:?}");
    let summary: Summary = serde_json::from_slice(&ended.stdout).expect("a line of JSON");
    assert_eq!(summary.verdict, Some(Outcome::Interrupted));
    assert!(directory.path().join("report/report.json").is_file());
}
