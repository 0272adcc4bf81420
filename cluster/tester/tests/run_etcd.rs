//! The command `run` on a real etcd: a seeded sample of cases, and Ctrl-C in the middle of one.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use failpoint_tester::report::model::{Outcome, Report, Summary};
use rustix::process::{Pid, Signal, kill_process};

/// Whether etcd is installed; a test that needs it is skipped otherwise.
fn etcd_is_there() -> bool {
    let found = Command::new("etcd").arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "etcd-server is not installed");
        println!("skipped: needs etcd-server");
    }
    found
}

/// The command, with a configuration of these cases in this directory.
fn tester(directory: &Path, seed: &str, cases: &str) -> Command {
    let config = directory.join("etcd.yaml");
    let text = format!(
        "driver: etcd\ndirectory: {}\nchecks: [KV_HASH, ORDER, WATCH, LOGS, SOME_SUCCEEDED]\n",
        directory.join("data").display()
    );
    fs::write(&config, text).expect("the configuration is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"));
    command.arg("run").arg(config).args(["--seed", seed, "--cases", cases]);
    command.arg("--out").arg(directory.join("report"));
    command
}

/// How many processes have this text among their arguments.
fn processes_with(text: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let arguments = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    arguments.filter(|words| String::from_utf8_lossy(words).contains(text)).count()
}

#[test]
fn a_sample_of_cases_passes() {
    if !etcd_is_there() {
        return;
    }
    let seed = std::env::var("RUN_SEED").unwrap_or_else(|_| "7".to_owned());
    println!("RUN_SEED={seed}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let cases = "SIGTERM_ONE_FOLLOWER,SIGKILL_LEADER,PAUSE_ONE_FOLLOWER,\
                 SIGQUIT_AND_REMOVE_ONE_FOLLOWER";
    let output = tester(directory.path(), &seed, cases).output().expect("the command runs");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let last = stdout.lines().last().expect("the last line is the summary");
    let summary: Summary = serde_json::from_str(last).expect("it is JSON");
    assert_eq!((summary.cases, summary.failed, summary.injections), (4, 0, 4), "{stderr}");
    assert_eq!(summary.lost_writes, 0);
    assert!(summary.operations > 0);
    for file in ["report.json", "report.html", "history-r1.jsonl"] {
        assert!(directory.path().join("report").join(file).is_file(), "there is no {file}");
    }
    let data = directory.path().join("data").display().to_string();
    assert_eq!(processes_with(&data), 0, "a process is left behind");
}

/// Reads lines until one contains the text.
fn wait_for_line(child: &mut Child, text: &str) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(child.stderr.take().expect("the standard error is piped"));
    let mut line = String::new();
    loop {
        line.clear();
        let read = lines.read_line(&mut line).expect("the standard error is read");
        assert!(read > 0, "the run ended before it said {text:?}");
        if line.contains(text) {
            return lines;
        }
    }
}

#[test]
fn ctrl_c_ends_all_members_and_leaves_a_report() {
    if !etcd_is_there() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut child = tester(directory.path(), "7", "SIGKILL_LEADER,PAUSE_QUORUM")
        .args(["--rounds", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut stderr = wait_for_line(&mut child, "passed SIGKILL_LEADER");
    // A second run must not start members on the data of the first.
    let second = tester(directory.path(), "8", "SIGKILL_LEADER").output().expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    let refused = String::from_utf8_lossy(&second.stderr);
    assert!(refused.contains("another run works in this directory"), "{refused}");
    // It is on its way to the case with paused members.
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).expect("the run has not ended");
    let mut said = String::new();
    stderr.read_to_string(&mut said).expect("the standard error is read");
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted; "), "{said}");
    let data = directory.path().join("data").display().to_string();
    assert_eq!(processes_with(&data), 0, "a process is left behind");

    let report = fs::read(directory.path().join("report/report.json")).expect("there is a report");
    let report: Report = serde_json::from_slice(&report).expect("it is whole");
    assert_eq!(report.summary.verdict, Some(Outcome::Interrupted));
    assert_eq!(report.cases[0].outcome, Outcome::Passed);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = stdout.lines().last().expect("the last line is the summary");
    let summary: Summary = serde_json::from_str(last).expect("it is JSON");
    assert_eq!(summary, report.summary);
}

/// The part of the page about the tester that is the script `pause.sh`.
fn script_of_the_page() -> &'static str {
    let page = include_str!("../../../docs/tester.md");
    let (_, behind) = page.split_once("```sh\n").expect("the page has a script");
    behind.split_once("```").expect("it ends").0
}

#[test]
fn an_external_program_freezes_a_member() {
    use std::os::unix::fs::PermissionsExt;

    if !etcd_is_there() {
        return;
    }
    if Command::new("pgrep").arg("--version").output().is_err() {
        assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "procps is not installed");
        println!("skipped: needs procps");
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    // What the kernel says of the member after each call. It stops the threads one after the other.
    let state = "state() { awk '{print $3}' \"/proc/$pid/stat\"; }
        for try in $(seq 100); do [ \"$1\" = enable ] && [ \"$(state)\" != T ] && sleep 0.1 || break; done
        state >> states\n";
    fs::write(at("pause.sh"), script_of_the_page().to_owned() + state).expect("it is written");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(at("pause.sh"), executable).expect("it is there");
    // With all checks, also for so short a run.
    fs::write(at("external.yaml"), "driver: etcd\nexternal: ./pause.sh\n").expect("it is written");
    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .current_dir(directory.path())
        .args(["run", "external.yaml", "--seed", "7", "--cases", "EXT*", "--out", "report"])
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("run external.yaml --seed 7 --cases 'EXT*'"), "{said}");
    let states = fs::read_to_string(at("states")).expect("the script was called");
    let [enabled, disabled] = states.lines().collect::<Vec<_>>()[..] else { panic!("{states}") };
    assert!(enabled == "T" && disabled != "T", "{states}");
    let report = fs::read(at("report/report.json")).expect("there is a report");
    let report: Report = serde_json::from_slice(&report).expect("it is whole");
    let felt: Vec<_> = report.cases[0].injections.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(felt, ["enable 1"]);
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Passed), "{said}");
}
