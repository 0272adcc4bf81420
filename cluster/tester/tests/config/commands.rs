//! The commands `validate` and `cases`.

use std::process::{Command, Output};

fn tester(arguments: &[&str], path: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_failpoint-tester"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("WAL_SERVER", "/bin/sh");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn validate_says_what_a_run_would_do() {
    let output = tester(&["validate", "examples/wal_server.yaml"], None);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    assert!(said.starts_with("examples/wal_server.yaml: no mistakes\n"), "{said}");
    for part in
        ["`commands`", "failpoints at a free port", "FAILPOINTS", "LINEARIZABLE", "requests"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn validate_says_all_mistakes_and_how_to_install_what_is_missing() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("c.yaml");
    std::fs::write(&file, "driver: etcd\nlaod: {}\nlimits: {stop: 5}\n").expect("it is written");
    let file = file.to_str().expect("a path");
    let output = tester(&["validate", file], None);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.starts_with(&format!("{file}:2:1: unknown key `laod`")), "{said}");
    assert!(said.contains(&format!("\n{file}:3:16: ")), "{said}");
    assert_eq!(text(&output.stdout), "");

    let output = tester(&["validate", "examples/etcd.yaml"], Some("/no/such/directory"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "examples/etcd.yaml:17:13: the program `etcd` is not in PATH; install it with \
         `apt-get install etcd-server`, or write its path\n"
    );

    for (path, why) in
        [("no-such-file", "No such file"), ("/dev/zero", "longer than"), (".", "directory")]
    {
        let output = tester(&["validate", path], None);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with(&format!("{path}:1:1: the file cannot be read: ")), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn cases_says_what_can_be_run() {
    let output = tester(&["cases"], None);
    let names = text(&output.stdout);
    assert!(names.lines().any(|line| line == "SIGTERM_LEADER"), "{names}");

    let output = tester(&["cases", "examples/redis.yaml"], None);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let of = |name: &str| -> String {
        let line = said.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.map(|line| line[name.len()..].trim().to_owned()).unwrap_or_default()
    };
    assert_eq!(of("SIGTERM_ALL"), "available");
    assert_eq!(of("SIGTERM_LEADER"), "not applicable: the subject has no leader and quorum");
    assert!(of("EXTERNAL").starts_with("not available"), "{said}");

    // Without etcdctl, the restore case is not available.
    let output = tester(&["cases", "examples/etcd.yaml"], Some("/no/such/directory"));
    let said = text(&output.stdout);
    let restore = said.lines().find(|line| line.contains("RESTORE")).unwrap_or_default();
    assert!(restore.contains("not available") && restore.contains("etcd-client"), "{said}");
}

#[test]
fn cases_gives_the_same_schedule_for_the_same_seed() {
    let schedule = |seed: &str| {
        let output =
            tester(&["cases", "examples/etcd.yaml", "--seed", seed, "--rounds", "2"], None);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let seven = schedule("7");
    assert_eq!(seven.lines().filter(|line| line.starts_with("round ")).count(), 2, "{seven}");
    assert_eq!(seven, schedule("7"));
    assert_ne!(seven, schedule("8"));
}
