//! The command `raft-kv`.

use crate::support::{Cluster, Log, raft_kv};
use std::process::{Child, Command, Stdio};

#[tokio::test]
async fn each_request_has_a_subcommand() {
    let cluster = Cluster::start(1, &[]).await;
    let endpoints = cluster.members[0].client.as_str();
    let run = |arguments: &[&str]| {
        let output = raft_kv(&[arguments, &["--endpoints", endpoints]].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    };
    let ok = |arguments: &[&str]| run(arguments).unwrap();

    assert_eq!(ok(&["put", "a", "1"]), "revision 2");
    assert_eq!(ok(&["put", "b", "2"]), "revision 3");
    assert_eq!(ok(&["get", "a"]), "1");
    assert_eq!(run(&["get", "nothing"]).unwrap_err(), "raft-kv: there is no key `nothing`");
    // A read has no effect that could be unknown.
    let late = run(&["get", "a", "--timeout", "0s"]).unwrap_err();
    assert!(
        late.starts_with("raft-kv: not done: ") && late.ends_with("no answer within 0 ms"),
        "{late}"
    );
    assert_eq!(ok(&["range", "a"]), "a\t1\nb\t2");
    assert_eq!(ok(&["range", "--prefix", "b"]), "b\t2");
    assert!(ok(&["get", "a", "--json"]).contains(r#""mod_revision":2"#));
    let txn = r#"{"compare":[{"key":"a","is":"equal","target":{"value":"1"}}],
        "then":[{"put":{"key":"a","value":"3"}},{"range":{"keys":{"from":"a"}}}]}"#;
    assert_eq!(ok(&["txn", txn]), "then revision 4\nput\na\t3\nb\t2");
    let wrong = run(&["txn", r#"{"thn":[]}"#]).unwrap_err();
    assert!(wrong.contains("thn"), "{wrong}");
    assert_eq!(ok(&["delete", "b"]), "1 deleted");
    let lease = ok(&["lease", "grant", "60s"]);
    let id = lease.split(' ').nth(1).unwrap();
    assert!(ok(&["lease", "show", id]).starts_with(&format!("lease {id} has ")));
    assert_eq!(ok(&["lease", "keep-alive", id]), lease);
    assert_eq!(ok(&["put", "leased", "x", "--lease", id]), "revision 6");
    assert_eq!(ok(&["lease", "revoke", id]), "1 keys deleted");
    assert!(run(&["lease", "show", id]).unwrap_err().contains(&format!("there is no lease {id}")));
    assert!(ok(&["status"]).contains("Leader term "));
    assert!(ok(&["hash"]).contains(" revision 7 "));
    assert!(ok(&["member", "list"]).starts_with("1 "));
    assert_eq!(ok(&["compact", "4"]), "revisions before 4 are forgotten");
    assert!(run(&["get", "a", "--revision", "2"]).unwrap_err().contains("compacted"));
}

#[tokio::test]
async fn one_member_needs_no_list_of_members() {
    let directory = tempfile::tempdir().unwrap();
    let [client, peer]: [u16; 2] = raft_kv::server::free_ports().unwrap();
    let (client, peer) = (format!("127.0.0.1:{client}"), format!("127.0.0.1:{peer}"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_raft-kv"))
        .args(["serve", "--until-stdin-closes", "--id", "7", "--name", "seven"])
        .args(["--client", &client, "--peer", &peer, "--data-dir"])
        .arg(directory.path())
        .env_remove("GOFAIL_HTTP")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Log::of(child.stderr.take().unwrap(), "member 7");
    log.wait_line("became leader");
    let client = raft_kv::client::Client::new([client]).unwrap();
    client.put("k", "v").await.unwrap();
    let status = client.status().await.unwrap();
    assert_eq!((status.name.as_str(), status.members[0].peer == peer), ("seven", true));
    // It stops with its parent, as after SIGTERM.
    drop(child.stdin.take());
    log.wait_line("stopped");
    assert!(child.wait().unwrap().success());
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    let told = |arguments: &[&str]| {
        let output = raft_kv(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    for (arguments, expected) in [
        (&["put", "a", "b", "--endpoints", "nowhere"][..], "write HOST:PORT"),
        (&["serve", "--id", "1", "--data-dir", data, "--heartbeat", "20"], "20sec or 20ms"),
        (&["serve", "--id", "1", "--data-dir", data, "--cluster", "1"], "write 1=HOST:PORT"),
        (&["serve", "--id", "0", "--data-dir", data], "the number of a member is not 0"),
        (
            &["serve", "--id", "4", "--data-dir", data, "--cluster", "1=127.0.0.1:1"],
            "member 4 is not one of the members 1",
        ),
        (
            &["serve", "--id", "1", "--data-dir", data, "--heartbeat", "1s"],
            "an election time-out is at least two heartbeats",
        ),
        (
            &["serve", "--id", "1", "--data-dir", data, "--election", "18446744073709551615s"],
            "at most a day",
        ),
        (
            &["serve", "--id", "1", "--data-dir", data, "--request-limit", "18446744073709551615s"],
            "at most a day",
        ),
        (
            &[
                "serve",
                "--id",
                "1",
                "--data-dir",
                data,
                "--heartbeat",
                "2m",
                "--election",
                "25000m",
            ],
            "at most a day",
        ),
        (&["serve", "--id", "1", "--data-dir", data, "--snapshot-count", "0"], "0 is not in 1.."),
        (
            &["serve", "--id", "1", "--data-dir", data, "--cluster", "1=127.0.0.1:0"],
            "write 1=HOST:PORT",
        ),
        (
            &["serve", "--id", "1", "--data-dir", data, "--cluster", "1=127.0.0.1:1,2=127.0.0.1:1"],
            "members 1 and 2 have the same address 127.0.0.1:1",
        ),
        (&["restore", "/no/such/file", "--data-dir", data], "cannot read /no/such/file"),
        (&["restore", "/no/such/file", "--data-dir", data, "--id", "0"], "0 is not in 1.."),
        (&["restore", "/no/such/file", "--data-dir", data, "--peer", "nowhere"], "write HOST:PORT"),
        (&["get", "..", "--timeout", "1s"], "use a transaction"),
    ] {
        let error = told(arguments);
        assert!(error.contains(expected), "{arguments:?} says {error}");
    }
}

/// The command that runs three members, and what it prints.
fn cluster_of_three() -> (Child, Log) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_raft-kv"))
        .args(["cluster", "--members", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Log::of(child.stdout.take().unwrap(), "cluster");
    (child, log)
}

#[tokio::test]
async fn a_cluster_ends_with_its_command() {
    let (mut child, log) = cluster_of_three();
    log.wait_line("A member that ends");
    let put = log.wait_line("curl -X PUT -d hello");
    let address = put.split_whitespace().last().unwrap().split('/').next().unwrap().to_owned();
    let client = raft_kv::client::Client::new([address.clone()]).unwrap();
    client.put("k", "v").await.unwrap();
    assert!(log.wait_line("/raftAfterSave").contains("sleep(100)"));

    // Even if it cannot say good-bye.
    child.kill().unwrap();
    child.wait().unwrap();
    crate::support::eventually("the end of the members", async || {
        tokio::net::TcpStream::connect(&address).await.err()
    })
    .await;
}

/// The members know each other by the addresses of the first start.
#[tokio::test]
async fn a_cluster_starts_again_in_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let start = |members: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_raft-kv"))
            .args(["cluster", "--members", members, "--data-dir"])
            .arg(directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Log::of(child.stdout.take().unwrap(), "cluster");
        let errors = Log::of(child.stderr.take().unwrap(), "errors of the cluster");
        (child, out, errors)
    };
    let mut addresses = Vec::new();
    for expected in ["1", "2"] {
        let (mut child, out, _errors) = start("3");
        let put = out.wait_line("curl -X PUT -d hello");
        let address = put.split_whitespace().last().unwrap().split('/').next().unwrap().to_owned();
        let client = raft_kv::client::Client::new([address.clone()]).unwrap();
        client.put("k", expected).await.unwrap();
        let kv = client.get("k").await.unwrap().unwrap();
        assert_eq!(kv.version.to_string(), expected, "the data are still there");
        child.kill().unwrap();
        child.wait().unwrap();
        // The members end after their parent.
        let ports = std::fs::read_to_string(directory.path().join("addresses")).unwrap();
        for port in ports.split_whitespace() {
            crate::support::eventually("the end of the members", async || {
                tokio::net::TcpStream::connect(port).await.err()
            })
            .await;
        }
        addresses.push(address);
    }
    assert_eq!(addresses[0], addresses[1]);
    let (mut child, _out, errors) = start("5");
    errors.wait_line("has a cluster of 3 members");
    assert!(!child.wait().unwrap().success());
}

#[tokio::test]
async fn a_cluster_does_not_start_a_member_again_that_was_removed() {
    let (mut child, log) = cluster_of_three();
    let endpoints = log.wait_line("RAFT_KV_ENDPOINTS=");
    let endpoints = endpoints.split('=').nth(1).unwrap().split(',').map(str::to_owned);
    let client = raft_kv::client::Client::new(endpoints).unwrap();
    log.wait_line("A member that ends");
    client.remove_member(3).await.unwrap();
    log.wait_line("member 3 was removed from the cluster");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn output_that_is_not_read_is_no_error() {
    let cluster = Cluster::start(1, &[]).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_raft-kv"))
        .args(["status", "--endpoints", &cluster.members[0].client])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_transaction_that_cannot_be_read_says_what_was_expected() {
    for text in ["[]", "{", r#"{"thn":[]}"#] {
        let output = raft_kv(&["txn", text, "--endpoints", "127.0.0.1:1"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && errors.contains("expected a transaction {"),
            "{errors}"
        );
    }
}
