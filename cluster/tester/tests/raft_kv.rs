//! The command `run` on three members of raft-kv: a seeded sample of cases and of FAILPOINTS, and members
//! that are killed.

mod support {
    pub(crate) mod servers;
}

use std::fs;
use std::path::Path;
use std::process::Command;

use failpoint_tester::checks::Check;
use failpoint_tester::report::model::{CheckReport, Outcome, Report};

const CASES: [&str; 5] = [
    "SIGTERM_LEADER",
    "SIGKILL_ONE_FOLLOWER",
    "SIGQUIT_AND_REMOVE_ONE_FOLLOWER_UNTIL_TRIGGER_SNAPSHOT",
    "SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH",
    "FAILPOINTS",
];

/// Runs an example in which this text is another one. Every case passes.
fn run(example: &str, from: &str, to: &str, cases: &[&str]) -> Report {
    let seed = std::env::var("RUN_SEED").unwrap_or_else(|_| "7".to_owned());
    println!("RUN_SEED={seed}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    let example = fs::read_to_string(path).expect("the example is there");
    let text = example.replace(from, to);
    assert_ne!(text, example, "the example has {from:?}");
    // Other tests are running: no election comes without a reason.
    let calm =
        text.replace("--heartbeat=50ms, --election=500ms", "--heartbeat=100ms, --election=1s");
    assert_ne!(calm, text, "the example says its times");
    let text = calm;
    let config = directory.path().join("raft-kv.yaml");
    fs::write(&config, text).expect("the configuration is written");
    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .current_dir(directory.path())
        .env("RAFT_KV", support::servers::raft_kv())
        .arg("run")
        .arg(config)
        .args(["--seed", &seed, "--cases", &cases.join(","), "--out", "report"])
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = fs::read(directory.path().join("report/report.json")).expect("there is a report");
    let report: Report = serde_json::from_slice(&report).expect("it is whole");
    assert_eq!(report.cases.len(), cases.len(), "{said}");
    for case in &report.cases {
        assert_eq!(case.outcome, Outcome::Passed, "{}: {said}", case.case);
    }
    report
}

#[test]
fn faults_are_felt_and_healed_and_the_store_keeps_its_promises() {
    // A point of each trigger but a snapshot.
    let points = "[raftBeforeSave, walAfterSync, afterCommit, raftBeforeLeaderSend, leaseBeforeExpire, \
                  beforeSyncWatchers, compactBeforeCommitBatch]";
    let sample = format!("sample: 6\n  points: {points}");
    for case in run("raft-kv.yaml", "sample: 12", &sample, &CASES).cases {
        assert!(case.injections.iter().all(|one| one.felt.is_some()) || case.case == "FAILPOINTS");
    }
}

#[test]
fn a_member_that_was_away_gets_a_snapshot_and_fires_there() {
    let points = "points: [raftBeforeApplySnap]\n  commands: [kill]";
    let from = "commands: [panic, kill]";
    let report = run("raft-kv-kills.yaml", from, points, &["FAILPOINTS"]);
    let [case] = &report.cases[..] else { panic!("{} cases", report.cases.len()) };
    // A leader gets none.
    assert_eq!((case.combinations, case.left_out.len()), (1, 1), "{case:?}");
    let [killed] = &case.injections[..] else { panic!("{:?}", case.injections) };
    let felt = killed.felt.as_deref().unwrap_or_default();
    assert!(felt.starts_with("the process ended by signal 9"), "{killed:?}");
}

#[test]
fn members_that_are_killed_at_points_come_back_and_no_acknowledged_write_is_lost() {
    let report = run("raft-kv-kills.yaml", "sample: 20", "sample: 10", &["FAILPOINTS"]);
    let [case] = &report.cases[..] else { panic!("{} cases", report.cases.len()) };
    assert_eq!(case.combinations, 10, "{case:?}");
    let felt = case.injections.iter().filter(|one| one.felt.is_some()).count();
    assert_eq!(felt, 10, "{:?}", case.injections);
    // A combination whose point moved to another member is healed once more.
    assert!(report.summary.healed.faults >= 10, "{:?}", report.summary);
    assert!(report.summary.healed.elections.is_some(), "{:?}", report.summary);
    let passed = |check: Check| {
        let passed = |one: &&CheckReport| one.outcome == Outcome::Passed && one.check == check;
        report.checks.iter().filter(passed).count()
    };
    // The hashes are compared after each kill, and at the end of the case.
    assert_eq!((passed(Check::KvHash), passed(Check::Order)), (11, 1), "{:?}", report.checks);
    assert_eq!(report.summary.lost_writes, 0);
}
