//! The examples are right, and say how they are run.

use std::path::{Path, PathBuf};

use failpoint_tester::cases::CASES;
use failpoint_tester::config::{Config, parse_with};

fn example(name: &str) -> (String, Config) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let text = std::fs::read_to_string(&path).expect("the example");
    let config =
        parse_with(&text, &path, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    (text, config)
}

#[test]
fn all_examples_are_right() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("the examples")
        .map(|entry| entry.expect("a file").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let all = [
        "etcd-fast.yaml",
        "etcd.yaml",
        "raft-kv-failpoints.yaml",
        "raft-kv-kills.yaml",
        "raft-kv.yaml",
        "redis.yaml",
        "wal_server.yaml",
    ];
    assert_eq!(names, all);
    for name in names {
        let (text, _) = example(&name);
        let command = format!("failpoint-tester run cluster/tester/examples/{name}");
        assert!(text.contains(&command), "{name} says `{command}`");
    }
}

#[test]
fn the_example_of_etcd_shows_the_defaults() {
    let (_, mut config) = example("etcd.yaml");
    let smallest = parse_with("driver: etcd", "".as_ref(), &|_| None).expect("it is right");
    config.places = smallest.places.clone();
    config.path = PathBuf::new();
    // A comment says why these are not the defaults.
    config.limits.stop = smallest.limits.stop;
    config.limits.request = smallest.limits.request;
    assert_eq!(format!("{config:?}"), format!("{smallest:?}"));
}

#[test]
fn the_other_examples_have_the_cases_that_fit_them() {
    let names =
        |config: &Config| -> Vec<&str> { config.cases.iter().map(|case| case.name).collect() };
    let redis = names(&example("redis.yaml").1).join(" ");
    assert_eq!(
        redis,
        "SIGTERM_ALL SIGKILL_ALL PAUSE_ALL NO_FAIL_WITH_STRESS NO_FAIL_WITH_NO_STRESS_FOR_LIVENESS"
    );
    let raft_kv = names(&example("raft-kv.yaml").1);
    let all = CASES.iter().map(|case| case.name).filter(|name| *name != "EXTERNAL");
    assert_eq!(raft_kv, all.collect::<Vec<_>>());
    for only_points in ["raft-kv-failpoints.yaml", "raft-kv-kills.yaml"] {
        assert_eq!(names(&example(only_points).1), ["FAILPOINTS"]);
    }
    let wal_server = names(&example("wal_server.yaml").1).join(" ");
    assert_eq!(wal_server, format!("{redis} FAILPOINTS FAILPOINTS_WITH_DISK_IO_LATENCY"));
}
