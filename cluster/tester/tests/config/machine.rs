//! What a machine lacks is told before anything is started.

use std::net::TcpListener;

use failpoint_tester::cases::{Availability, Case};

use super::good;

fn missing(text: &str) -> String {
    good(text).check_machine().expect_err("something is missing").to_string()
}

#[test]
fn programs() {
    let said = missing("driver:\n  etcd:\n    binary: no-such-etcd");
    assert_eq!(
        said,
        "c.yaml:3:13: the program `no-such-etcd` is not in PATH; install it, or write its path"
    );
    let said = missing("driver:\n  etcd:\n    binary: no/such/etcd");
    assert!(said.starts_with("c.yaml:3:13: there is no program `no/such/etcd`: "), "{said}");
    let said = missing("driver:\n  etcd:\n    binary: src/lib.rs");
    assert!(said.ends_with("is not executable; run `chmod +x src/lib.rs`"), "{said}");
    let said = missing("driver:\n  etcd:\n    binary: ./src");
    assert!(said.ends_with("`./src` is a directory, not a program"), "{said}");
    let said = missing(
        "driver:\n  commands:\n    start: no-such-server {port}\n    put: no-such-client\n    get: sh -c x\nexternal: no-such-fault",
    );
    let places: Vec<&str> = said.lines().map(|line| &line[..line.find(": ").unwrap()]).collect();
    assert_eq!(places, ["c.yaml:3:12", "c.yaml:4:10", "c.yaml:6:11"], "{said}");
}

#[test]
fn the_restore_case_needs_etcdctl_and_nothing_else_does() {
    let case = Case::named("SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH");
    let case = case.expect("there is such a case");
    let config = good("driver: {etcd: {binary: sh, etcdctl: no/such/etcdctl}}");
    assert!(matches!(
        config.availability(case),
        Availability::NotAvailable(reason) if reason.contains("etcd-client")
            || reason.contains("write its path")
    ));
    // The program `sh` stands for etcd; it is there.
    assert_eq!(config.check_machine(), Ok(()));
    let config = good("driver: {etcd: {binary: sh, etcdctl: sh}}");
    assert_eq!(config.availability(case), Availability::Available);
}

#[test]
fn ports() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let text = format!("driver: {{etcd: {{binary: sh}}}}\nmembers:\n- client: {address}\n");
    let said = missing(&text);
    assert_eq!(
        said,
        format!(
            "c.yaml:3:11: the port of `{address}` is in use; stop what listens there, or write port 0 \
             for a free one"
        )
    );
    // 192.0.2.0/24 is for documentation.
    let said = missing("driver: {etcd: {binary: sh}}\nmembers:\n- client: 192.0.2.1:2379");
    assert!(said.ends_with("a member on another machine needs `agent:`"), "{said}");
}

#[test]
fn directories_and_files_of_tokens() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("it can be written");
    let text = format!(
        "driver: {{etcd: {{binary: sh}}}}\ndirectory: {}/below\nmembers:\n- {{client: 'a:1', peer: 'a:2', agent: {{address: 'a:3', token-file: {0}}}}}",
        file.display()
    );
    let said = missing(&text);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("c.yaml:2:12: ") && lines[0].contains("directory"), "{said}");
    assert!(lines[1].starts_with("c.yaml:4:") && lines[1].ends_with("is empty"), "{said}");

    let good = good(&format!(
        "driver: {{etcd: {{binary: sh}}}}\ndirectory: {}/not/yet/there",
        directory.path().display()
    ));
    assert_eq!(good.check_machine(), Ok(()));
    let left = std::fs::read_dir(directory.path()).expect("it is there").count();
    assert_eq!(left, 1, "the check leaves nothing behind");
}
