//! A configuration is read whole, and each mistake is told with its place.

mod bounds;
mod commands;
mod examples;
mod fields;
mod machine;

use failpoint_tester::config::{Config, KEYS, Mistakes, parse_with};

fn variable(name: &str) -> Option<String> {
    match name {
        "PROGRAM" => Some("/bin/program".into()),
        "EMPTY" => Some(String::new()),
        "FIVE" => Some("5".into()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<Config, Mistakes> {
    parse_with(text, "c.yaml".as_ref(), &variable)
}

fn good(text: &str) -> Config {
    parse(text).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes}"))
}

#[test]
fn the_table_of_keys_is_that_of_the_code() {
    let table: String = KEYS
        .iter()
        .map(|key| format!("//! | `{}` | {} | {} |\n", key.path, key.what, key.default))
        .collect();
    let docs = include_str!("../../src/config/mod.rs");
    let rows = docs.lines().filter(|line| line.starts_with("//! | `"));
    let rows: String = rows.map(|row| format!("{row}\n")).collect();
    assert_eq!(rows, table, "the table should be:\n{table}");
}

#[test]
fn the_smallest_configuration() {
    let config = good("driver: etcd");
    assert_eq!(config.name, "etcd");
    let names: Vec<&str> = config.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["m1", "m2", "m3"]);
    assert!(config.members.iter().all(|member| member.client == "127.0.0.1:0"));
    assert!(config.abilities().leader && !config.abilities().failpoints);
    // What the subject cannot serve is not chosen.
    let names: Vec<&str> = config.cases.iter().map(|case| case.name).collect();
    assert!(names.contains(&"SIGTERM_LEADER") && !names.contains(&"FAILPOINTS"), "{names:?}");
    assert!(!names.contains(&"EXTERNAL"), "{names:?}");
}

#[test]
fn raft_kv_needs_no_settings() {
    let config = good("driver: raft-kv");
    assert_eq!((config.name.as_str(), config.members.len()), ("raft-kv", 3));
    assert!(config.abilities().locks && !config.abilities().failpoints);
    assert_eq!(config.load.snapshot_entries, 300);
}

#[test]
fn variables_are_those_of_the_environment() {
    let config = good(
        "driver: {etcd: {binary: '${PROGRAM}', etcdctl: '${EMPTY:-a}${NONE:-b}', flags: ['--x=$${a}$']}}\n\
         members: ${FIVE}\n\
         load: {clients: '${FIVE}'}",
    );
    let failpoint_tester::config::DriverConfig::Etcd(etcd) = &config.driver else {
        panic!("the driver is etcd")
    };
    assert_eq!(etcd.binary, std::path::Path::new("/bin/program"));
    assert_eq!(etcd.etcdctl, std::path::Path::new("ab"));
    assert_eq!(etcd.flags, ["--x=${a}$"]);
    assert_eq!((config.members.len(), config.load.clients), (5, 5));
}

#[test]
fn aliases_and_merges_work_as_in_docker_compose() {
    let config = good(
        "driver: etcd\n\
         members:\n\
         - &first {client: 'a:1', peer: 'a:2', agent: {address: 'a:3'}}\n\
         - <<: *first\n  client: b:1\n  peer: b:2",
    );
    assert_eq!(config.members[1].client, "b:1");
    assert_eq!(config.members[1].agent, config.members[0].agent);
}

#[test]
fn a_star_chooses_what_can_be_run() {
    let chosen =
        |text: &str| -> Vec<&str> { good(text).cases.iter().map(|case| case.name).collect() };
    assert_eq!(
        chosen("driver: {commands: {start: s, put: p, get: g}}\ncases: SIGTERM_*"),
        ["SIGTERM_ALL"]
    );
    assert_eq!(
        chosen("driver: etcd\ncases: [PAUSE_ALL, PAUSE_*]\nexcept: '*LEADER'"),
        ["PAUSE_ALL", "PAUSE_ONE_FOLLOWER", "PAUSE_QUORUM"]
    );
}

#[test]
fn the_command_line_chooses_cases_as_the_file_does() {
    let names =
        |config: &Config| -> Vec<&str> { config.cases.iter().map(|case| case.name).collect() };
    for (list, in_the_file) in [
        (&["PAUSE_ALL", "PAUSE_*"][..], "[PAUSE_ALL, PAUSE_*]"),
        (&["*_LEADER"], "['*_LEADER']"),
        (&["all"], "all"),
    ] {
        let mut config = good("driver: etcd\nexcept: 'SIGTERM_*'");
        config.choose_cases(list).expect("they can be run");
        let text = format!("driver: etcd\ncases: {in_the_file}");
        assert_eq!(names(&config), names(&good(&text)), "{list:?}");
        assert!(!config.shuffle);
    }

    let mut redis = good("driver: {commands: {start: s, put: p, get: g}}");
    let before = names(&redis).join(",");
    for entry in ["SIGTERM_LEADER", "*_LEADER", "SIGTREM_ALL", "FROB*", "EXTERNAL", ""] {
        let said = redis.choose_cases(&[entry]).expect_err("it cannot be run");
        let text =
            format!("driver: {{commands: {{start: s, put: p, get: g}}}}\ncases: ['{entry}']");
        let mistakes = parse(&text).expect_err("it cannot be run");
        assert_eq!(format!("c.yaml:2:9: {said}"), mistakes.to_string());
    }
    let twice = redis.choose_cases(&["PAUSE_ALL", "FROB", "PAUSE_ALL"]).expect_err("twice");
    assert_eq!(twice.lines().count(), 2, "{twice}");
    assert_eq!(names(&redis).join(","), before);
}

#[test]
fn terms_are_read_without_a_word_about_points_of_this_process() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("c.yaml");
    let text = "driver: {commands: {start: s, put: p, get: g}}\n\
                members: {count: 1, failpoints: true}\nfailpoints: {commands: [panci]}";
    std::fs::write(&path, text).expect("it is written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_failpoint-tester"))
        .arg("validate")
        .arg(&path)
        // Terms for the members, which this process neither has nor judges.
        .env("FAILPOINTS", "not = (terms")
        .output()
        .expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let mistake = format!("{}:3:25: the terms `panci` cannot be read", path.display());
    assert!(said.starts_with(&mistake) && said.lines().count() == 1, "{said}");
}

#[test]
fn free_ports_are_chosen_once_each() {
    let mut config = good("driver: etcd\nmembers: {count: 5, failpoints: true}");
    config.choose_ports().expect("there are free ports");
    let mut addresses: Vec<String> = config
        .members
        .iter()
        .flat_map(|member| {
            [member.client.clone(), member.peer.clone(), member.failpoints.clone().unwrap()]
        })
        .collect();
    assert!(addresses.iter().all(|address| !address.ends_with(":0")), "{addresses:?}");
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 15);
}
