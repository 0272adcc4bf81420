//! `failpoint-tester sim`: seeds hold, and print the same each time.

use std::process::Command;

use serde_json::Value;

fn output(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"));
    let output = command.arg("sim").args(arguments).output().expect("the command runs");
    (output.status.code(), String::from_utf8(output.stdout).expect("it is text"))
}

#[test]
fn the_last_line_counts_runs_injections_and_violations() {
    let (status, text) = output(&["--seed", "1", "--runs", "3"]);
    assert_eq!(status, Some(0), "{text}");
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["runs"], &last["violations"]), (&Value::from(3), &Value::from(0)));
    assert!(last["injections"].as_u64() > Some(0), "{last}");
    assert!(last["injections_per_second"].is_u64(), "{last}");
}

#[test]
fn a_seed_prints_the_same_each_time() {
    let arguments = ["--seed", "4", "--runs", "1", "--trace"];
    let [first, second] = [(); 2].map(|()| output(&arguments).1);
    // The last line has how fast it was.
    let events = |text: &str| text.lines().rev().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert!(events(&first).len() > 1_000, "{first}");
    assert!(events(&first) == events(&second), "two runs of one seed differ");
}
