//! The command `run` on `wal_server`: a seeded sample of FAILPOINTS, one point for each command; and points
//! that do not fire.

mod support {
    pub(crate) mod servers;
}

use std::fs;
use std::path::Path;
use std::process::Command;

use failpoint_tester::report::model::{Outcome, Report};

/// Runs cases of the example, with other texts in place of some. Returns the status, the report, and what
/// was said.
fn run(changes: &[(&str, &str)], cases: &str, seed: &str) -> (Option<i32>, Report, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/wal_server.yaml");
    let example = fs::read_to_string(example).expect("the example is there");
    let text = changes.iter().fold(example, |text, (from, to)| {
        assert!(text.contains(from), "the example has {from:?}");
        text.replace(from, to)
    });
    let config = directory.path().join("wal_server.yaml");
    fs::write(&config, text).expect("the configuration is written");

    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .current_dir(directory.path())
        .env("WAL_SERVER", support::servers::wal_server())
        .arg("run")
        .arg(config)
        .args(["--seed", seed, "--cases", cases, "--out", "report"])
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = fs::read(directory.path().join("report/report.json"));
    let report = report.unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), serde_json::from_slice(&report).expect("it is whole"), said)
}

#[test]
fn each_command_is_felt_and_healed() {
    let seed = std::env::var("RUN_SEED").unwrap_or_else(|_| "7".to_owned());
    println!("RUN_SEED={seed}");
    let cases = "FAILPOINTS,FAILPOINTS_WITH_DISK_IO_LATENCY";
    let (status, report, said) = run(&[("sample: all", "sample: 3")], cases, &seed);
    assert_eq!(status, Some(0), "{said}");
    let [failpoints, latency] = &report.cases[..] else { panic!("{} cases", report.cases.len()) };
    assert_eq!((failpoints.injections.len(), latency.injections.len()), (3, 1), "{said}");
    for command in ["=panic", "=kill", "=sleep(1000)"] {
        let armed: Vec<_> =
            failpoints.injections.iter().filter(|one| one.what.ends_with(command)).collect();
        assert_eq!(armed.len(), 1, "{command}: {:?}", failpoints.injections);
        assert!(armed[0].felt.is_some(), "{:?}", armed[0]);
    }
    // The draws are those of the seed.
    assert_eq!(report.seed.to_string(), seed);
}

#[test]
fn combinations_that_fail_are_all_told_and_the_others_are_run() {
    // `disk.read_dir` is reached at a start only.
    let sample = "sample: all\nlimits: {felt: 500ms}";
    let example =
        "points: [raftBeforeSave, disk.write, walBeforeSync, walSync, walAfterSync, raftAfterSave]";
    let two = "points: [disk.read_dir, walBeforeSync]";
    let (status, report, said) = run(&[(example, two), ("sample: all", sample)], "FAILPOINTS", "7");
    assert_eq!(status, Some(3), "{said}");
    let [case] = &report.cases[..] else { panic!("{} cases", report.cases.len()) };
    assert_eq!((case.outcome, case.combinations), (Outcome::Failed, 6), "{said}");
    let failed = ["panic", "kill", "sleep(1000)"].map(|command| {
        format!("disk.read_dir={command} on all: the point was armed and did not fire")
    });
    assert_eq!(case.failures, failed);
    let reason = format!("3 of 6 combinations failed; the first: {}", failed[0]);
    assert_eq!(case.reason.as_deref(), Some(reason.as_str()));
    // The other point fired each time, and each failure is on the terminal.
    let felt = case.injections.iter().filter(|one| one.felt.is_some()).count();
    assert_eq!((felt, report.summary.healed.faults), (3, 3), "{:?}", case.injections);
    for failure in &failed {
        assert!(said.contains(failure), "{said}");
    }
}
