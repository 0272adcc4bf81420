//! The command `run` on three members of raft-kv: a seeded sample of cases and of FAILPOINTS.

mod support {
    pub(crate) mod servers;
}

use std::fs;
use std::path::Path;
use std::process::Command;

use failpoint_tester::report::model::{Outcome, Report};

const CASES: [&str; 5] = [
    "SIGTERM_LEADER",
    "SIGKILL_ONE_FOLLOWER",
    "SIGQUIT_AND_REMOVE_ONE_FOLLOWER_UNTIL_TRIGGER_SNAPSHOT",
    "SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH",
    "FAILPOINTS",
];

#[test]
fn faults_are_felt_and_healed_and_the_store_keeps_its_promises() {
    let seed = std::env::var("RUN_SEED").unwrap_or_else(|_| "7".to_owned());
    println!("RUN_SEED={seed}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/raft-kv.yaml");
    let example = fs::read_to_string(example).expect("the example is there");
    // Points of each trigger but a snapshot, for which a member would have to fall far behind.
    let points = "[raftBeforeSave, walAfterSync, afterCommit, raftBeforeLeaderSend, leaseBeforeExpire, \
                  beforeSyncWatchers, compactBeforeCommitBatch]";
    let text = example.replace("sample: 12", &format!("sample: 6\n  points: {points}"));
    assert_ne!(text, example, "the example takes one point for each command on each target");
    let config = directory.path().join("raft-kv.yaml");
    fs::write(&config, text).expect("the configuration is written");

    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .current_dir(directory.path())
        .env("RAFT_KV", support::servers::raft_kv())
        .arg("run")
        .arg(config)
        .args(["--seed", &seed, "--cases", &CASES.join(","), "--out", "report"])
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = fs::read(directory.path().join("report/report.json")).expect("there is a report");
    let report: Report = serde_json::from_slice(&report).expect("it is whole");
    assert_eq!(report.cases.len(), CASES.len(), "{said}");
    for case in &report.cases {
        assert_eq!(case.outcome, Outcome::Passed, "{}: {said}", case.case);
        assert!(case.injections.iter().all(|one| one.felt.is_some()) || case.case == "FAILPOINTS");
    }
}
