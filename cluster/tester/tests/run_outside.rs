//! Runs of a redis that is no child of the tester: a daemon with a file of its process id.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use failpoint_tester::report::model::{Outcome, Report};
use rustix::process::{Pid, Signal, kill_process};
use support::{skipped, until};
use tempfile::TempDir;

#[path = "support/servers.rs"]
mod servers;

use servers::free_address;

/// A configuration, and what it runs.
struct Setup {
    directory: TempDir,
    address: String,
}

impl Setup {
    /// `None`: there is no redis here.
    fn new(calls: &str) -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            skipped("redis-server");
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let address = free_address();
        let config = format!(
            r#"
driver:
  commands:
{calls}
    health: {{tcp: "{{client}}", send: PING, success: '^\+PONG'}}
    put: {{tcp: "{{client}}", send: "SET {{key}} {{value}}", success: '^\+OK', failed: ^-LOADING}}
    get: {{tcp: "{{client}}", send: "GET {{key}}", failed: ^-LOADING}}
members: [{{name: m1, client: "{address}"}}]
load: {{clients: 4, keys: 5}}
"#
        );
        fs::write(directory.path().join("c.yaml"), config).expect("it is written");
        Some(Self { directory, address })
    }

    fn member(&self) -> std::path::PathBuf {
        self.directory.path().join("failpoint-tester/m1")
    }

    fn tester(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"));
        command.current_dir(self.directory.path()).args(["run", "c.yaml"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Runs it to its end.
    fn run(&self, arguments: &[&str], out: &str) -> Report {
        let output = self.tester(arguments).args(["--out", out]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let report = self.directory.path().join(out).join("report.json");
        serde_json::from_slice(&fs::read(report).expect("there is a report")).expect("it is whole")
    }

    fn listens(&self) -> bool {
        TcpStream::connect(&self.address).is_ok()
    }

    fn redis(&self) -> Option<Pid> {
        let file = fs::read_to_string(self.member().join("pid")).ok()?;
        Pid::from_raw(file.trim().parse().ok()?)
    }

    /// Starts redis as others would.
    fn start_redis(&self) {
        fs::create_dir_all(self.member()).expect("a directory");
        let (host, port) = self.address.rsplit_once(':').expect("an address");
        let started = Command::new("redis-server")
            .args(["--daemonize", "yes", "--pidfile"])
            .arg(self.member().join("pid"))
            .args(["--save", "", "--bind", host, "--port", port])
            .current_dir(self.member())
            .status();
        assert!(started.expect("redis-server runs").success());
        until("redis listens", || self.listens().then_some(()));
    }
}

impl Drop for Setup {
    /// A test that fails leaves nothing behind, either.
    fn drop(&mut self) {
        if let Some(redis) = self.redis().filter(|pid| is_redis(*pid)) {
            let _ = kill_process(redis, Signal::KILL);
        }
    }
}

/// Whether a process is a redis, and not another one with the id of one that has ended.
fn is_redis(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()))
        .is_ok_and(|name| name.trim() == "redis-server")
}

/// How many processes have this path in their command line.
fn processes_with(path: &Path) -> usize {
    let path = path.to_str().expect("a text");
    let lines = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = lines.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(path)).count()
}

/// A redis that goes into the background. It removes its file at a SIGTERM.
const DAEMON: &str = r#"
    launch: >-
      redis-server --daemonize yes --pidfile {directory}/pid --logfile {directory}/redis.log
      --bind {host} --port {port} --dir {data} --save "" --appendonly yes --appendfsync always
    stop: &signal sh -c "kill -{signal} $(cat {directory}/pid)"
    kill: *signal
    pause: *signal
    unpause: *signal
    logs: tail -n 0 -F {directory}/redis.log"#;

const CASES: &str = "SIGTERM_ALL,SIGKILL_ALL,PAUSE_ALL";

#[test]
fn a_daemon_is_ended_and_frozen_by_calls_and_nothing_is_left() {
    let Some(setup) = Setup::new(DAEMON) else { return };
    let report = setup.run(&["--cases", CASES, "--rounds", "2"], "report");
    assert_eq!(report.cases.len(), 6);
    for case in &report.cases {
        assert_eq!(case.outcome, Outcome::Passed, "{case:?}");
        assert!(case.injections.iter().all(|injection| injection.felt.is_some()), "{case:?}");
        assert_eq!(case.injections.len(), 1, "{case:?}");
    }
    let checks: Vec<&str> = report.checks.iter().map(|check| check.check.name()).collect();
    assert!(checks.contains(&"LINEARIZABLE") && checks.contains(&"LOGS"), "{checks:?}");
    assert!(!setup.listens(), "redis is gone");
    assert_eq!(processes_with(setup.directory.path()), 0, "nothing follows the log");
}

/// Starts the tester, waits until redis runs, and ends the tester.
fn end_by(setup: &Setup, cases: &str, signal: Signal) -> ExitStatus {
    let mut tester =
        Ended(setup.tester(&["--cases", cases]).args(["--rounds", "0"]).spawn().expect("it runs"));
    until("redis listens", || setup.listens().then_some(()));
    until("the log is followed", || (processes_with(&setup.member()) > 0).then_some(()));
    let pid = Pid::from_child(&tester.0);
    kill_process(pid, signal).expect("it runs");
    tester.0.wait().expect("it ends")
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_interrupted_tester_ends_the_daemon() {
    let Some(setup) = Setup::new(DAEMON) else { return };
    assert_eq!(end_by(&setup, CASES, Signal::INT).code(), Some(130));
    assert!(!setup.listens(), "redis is gone");
    assert_eq!(processes_with(setup.directory.path()), 0);
}

/// That is what the documentation says: no process can end it then.
#[test]
fn a_killed_tester_leaves_the_daemon_and_nothing_else() {
    let Some(setup) = Setup::new(DAEMON) else { return };
    end_by(&setup, "NO_FAIL_WITH_STRESS", Signal::KILL);
    until("what follows the log ends", || (processes_with(&setup.member()) == 0).then_some(()));
    let redis = setup.redis().filter(|pid| is_redis(*pid)).expect("it runs on");
    kill_process(redis, Signal::KILL).expect("it is ours");
}

#[test]
fn a_server_that_runs_already_is_left_running_and_has_old_keys() {
    let calls = r#"
    pause: &signal sh -c "kill -{signal} $(cat {directory}/pid)"
    unpause: *signal"#;
    let Some(setup) = Setup::new(calls) else { return };
    setup.start_redis();
    for out in ["first", "second"] {
        let report = setup.run(&["--rounds", "1"], out);
        let passed: Vec<&str> = report.cases.iter().map(|case| case.case.as_str()).collect();
        assert!(passed.contains(&"PAUSE_ALL") && !passed.contains(&"SIGKILL_ALL"), "{passed:?}");
        assert!(report.cases.iter().all(|case| case.outcome == Outcome::Passed), "{report:?}");
        assert!(setup.listens(), "it was there before");
    }
}

#[test]
fn cases_whose_calls_are_missing_say_so() {
    let Some(setup) = Setup::new("    pause: p\n    unpause: u\n    stop: s") else { return };
    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .current_dir(setup.directory.path())
        .args(["cases", "c.yaml"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    for (case, why) in [
        ("SIGTERM_ALL", "neither `start` nor both `launch` and `stop`"),
        ("SIGKILL_ALL", "neither `start` nor both `launch` and `kill`"),
        ("PAUSE_ALL", "available"),
    ] {
        let line = said.lines().find(|line| line.starts_with(case)).unwrap_or_default();
        assert!(line.contains(why), "{said}");
    }
}
