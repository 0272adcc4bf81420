//! A test that runs itself anew, in a process of its own.
// Each test uses some of this.
#![allow(dead_code)]

use failpoint_test_support::PATIENCE;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

/// Runs `child` in a process with `variables`, and nothing of ours from outside.
pub(crate) fn run(scenario: &str, variables: &[(&str, &str)]) -> Output {
    finish(command(scenario, variables))
}

/// Runs `command` to its end, which must come.
pub(crate) fn finish(mut command: Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let id = child.id();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let Ok(output) = end.recv_timeout(PATIENCE) else {
        let _ = Command::new("sh").args(["-c", &format!("kill -KILL {id}")]).status();
        panic!("{command:?} does not end");
    };
    output.unwrap()
}

/// What [`run`] runs.
pub(crate) fn command(scenario: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().contains("FAILPOINT") {
            command.env_remove(name);
        }
    }
    command.env("CHILD_SCENARIO", scenario).env("RUST_BACKTRACE", "0");
    command.envs(variables.iter().copied());
    command
}

/// What it wrote to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it wrote to stdout.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
