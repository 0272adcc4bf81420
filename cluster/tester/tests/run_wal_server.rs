//! The command `run` on `wal_server`: a seeded sample of FAILPOINTS, one point for each command.

mod support {
    pub(crate) mod servers;
}

use std::fs;
use std::path::Path;
use std::process::Command;

use failpoint_tester::report::model::Report;

#[test]
fn each_command_is_felt_and_healed() {
    let seed = std::env::var("RUN_SEED").unwrap_or_else(|_| "7".to_owned());
    println!("RUN_SEED={seed}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/wal_server.yaml");
    let example = fs::read_to_string(example).expect("the example is there");
    let text = example.replace("sample: all", "sample: 3");
    assert_ne!(text, example, "the example takes all combinations");
    let config = directory.path().join("wal_server.yaml");
    fs::write(&config, text).expect("the configuration is written");

    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .current_dir(directory.path())
        .env("WAL_SERVER", support::servers::wal_server())
        .arg("run")
        .arg(config)
        .args(["--seed", &seed, "--cases", "FAILPOINTS,FAILPOINTS_WITH_DISK_IO_LATENCY"])
        .args(["--out", "report"])
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = fs::read(directory.path().join("report/report.json")).expect("there is a report");
    let report: Report = serde_json::from_slice(&report).expect("it is whole");
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
