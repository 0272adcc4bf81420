//! Tests that `failpoint report` merges lines into one report. Each test runs the command.

use std::process::{Command, Output};

fn run(lines: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report");
    std::fs::write(&file, lines).unwrap();
    Command::new(env!("CARGO_BIN_EXE_failpoint")).arg("report").arg(&file).output().unwrap()
}

fn line(name: &str, package: &str, tried: [bool; 3]) -> String {
    let [reached, armed, fired] = tried;
    format!(
        "{{\"pid\":1,\"points\":[{{\"name\":\"{name}\",\"packages\":[\"{package}\"],\
         \"reached\":{reached},\"armed\":{armed},\"fired\":{fired}}}]}}\n"
    )
}

#[test]
fn what_any_process_tried_is_tried() {
    let lines = [
        line("a", "one", [true, false, false]),
        line("a", "one", [false, true, false]),
        line("b", "one", [false, false, false]),
        line("b", "two", [false, false, false]),
        line("c", "one", [true, true, true]),
    ];
    let output = run(&lines.concat());
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "3 points in 5 processes\nnever reached: 1\n  b\narmed and never fired: 1\n  a\n\
         names that packages share: 1\n  b (one, two)\n"
    );
}

#[test]
fn a_line_that_is_none_is_named() {
    let output = run(&(line("a", "one", [true; 3]) + "{half a li\n"));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("report:2 is not a line"), "{said}");
}
