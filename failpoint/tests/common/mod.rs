//! A test that runs itself anew, in a process of its own.

use std::process::{Command, Output};

/// Runs `child` in a process with `variables`, and nothing of ours from outside.
pub(crate) fn run(scenario: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().contains("FAILPOINT") {
            command.env_remove(name);
        }
    }
    command.env("CHILD_SCENARIO", scenario).env("RUST_BACKTRACE", "0");
    command.envs(variables.iter().copied()).output().unwrap()
}

/// What it wrote to stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it wrote to stdout.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
