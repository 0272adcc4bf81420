//! How does a test run with another environment? In a child process, which runs one ignored test.

use std::process::{Command, Output};

/// Runs the ignored test `name` of this binary where `FAILPOINTS` is `config`.
pub(crate) fn run(name: &str, config: &str) -> Output {
    let this = std::env::current_exe().unwrap();
    let mut child = Command::new(this);
    child.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    child.env_remove("GOFAIL_FAILPOINTS").env("FAILPOINTS", config);
    child.output().unwrap()
}

/// The same, and it has to pass.
pub(crate) fn pass(name: &str, config: &str) {
    let output = run(name, config);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "no such test: {stdout}");
}

/// The same, and it has to fail; gives all that was said.
pub(crate) fn fail(name: &str, config: &str) -> String {
    let output = run(name, config);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!output.status.success() && said.contains("1 failed"), "{said}");
    said
}
