//! Tests that points armed over HTTP act, and stop when they are disarmed.
//!
//! The tests start `wal_server` processes.
#![cfg(feature = "failpoints")]
#![allow(missing_docs)]

mod support;

use failpoint_examples::curl::Curl;
use failpoint_examples::wal_server::client::{Client, ClientError};
use failpoint_examples::wal_server::process::ServerProcess;
use failpoint_test_support::Killed;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use support::{control, expect, server_on, start};
use tempfile::tempdir;

const SLEEP: Duration = Duration::from_millis(20);
const CONNECTIONS: usize = 4;
const SAVES: usize = 5;

/// The durations of saves over several connections.
fn save(address: &str, prefix: &str) -> Vec<Duration> {
    let connection = |number: usize| {
        let mut client = Client::connect(address).unwrap();
        let save = |save: usize| {
            let began = Instant::now();
            client.set(&format!("{prefix}-{number}-{save}"), "x").unwrap();
            began.elapsed()
        };
        (0..SAVES).map(save).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let running: Vec<_> =
            (0..CONNECTIONS).map(|number| scope.spawn(move || connection(number))).collect();
        running.into_iter().flat_map(|connection| connection.join().unwrap()).collect()
    })
}

#[test]
fn every_save_sleeps_while_it_is_armed_and_none_after() {
    let data = tempdir().unwrap();
    let server = start(data.path());
    let curl = control(&server);
    assert!(expect(200, curl.list()).contains("raftAfterSave=\n"));

    expect(204, curl.put("raftAfterSave", "sleep(20)"));
    assert!(expect(200, curl.list()).contains("raftAfterSave=sleep(20)\n"));
    let armed = save(server.address(), "armed");
    assert!(armed.iter().all(|took| *took >= SLEEP), "{armed:?}");
    let count = expect(200, curl.get("raftAfterSave/count"));
    assert_eq!(count, (CONNECTIONS * SAVES).to_string());

    // If they slept, the following saves would not return.
    expect(204, curl.put("raftAfterSave", "sleep(1h)"));
    expect(204, curl.delete("raftAfterSave"));
    save(server.address(), "disarmed");
    assert!(expect(500, curl.get("raftAfterSave/count")).contains("disabled"));
}

#[test]
fn who_sleeps_is_woken_by_delete() {
    let data = tempdir().unwrap();
    let server = start(data.path());
    let curl = control(&server);
    // The save of `b` waits until the save of `a` sleeps.
    let terms = "raftAfterSave=1*sleep(1h);raftBeforeSave=when(key=b):wait(raftAfterSave, 1, 5m)";
    expect(204, curl.put("failpoints", terms));
    let address = server.address().to_owned();
    let sleeper = thread::spawn(move || Client::connect(&address).unwrap().set("a", "1"));
    let mut other = Client::connect(server.address()).unwrap();
    other.set("b", "2").unwrap();
    // Saved and visible, but not acknowledged.
    assert_eq!(other.get("a").unwrap().as_deref(), Some("1"));
    assert!(!sleeper.is_finished());
    expect(204, curl.delete("raftAfterSave"));
    sleeper.join().unwrap().unwrap();
}

#[test]
fn an_error_of_the_disk_reaches_the_client_and_nothing_is_saved() {
    let data = tempdir().unwrap();
    let server = start(data.path());
    let curl = control(&server);
    let mut client = Client::connect(server.address()).unwrap();
    expect(204, curl.put("disk.write", "return(EIO)"));
    let ClientError::Refused(why) = client.set("a", "1").unwrap_err() else { panic!("no ERR") };
    assert!(why.starts_with("not saved: the log could not be written: "), "{why}");
    assert_eq!(client.get("a").unwrap(), None);
    expect(204, curl.delete("disk.write"));
    client.set("a", "1").unwrap();

    // After a failed sync, the server does not use the disk again.
    expect(204, curl.put("walSync", "return(EIO)"));
    client.set("b", "2").unwrap_err();
    expect(204, curl.delete("walSync"));
    let ClientError::Refused(why) = client.set("c", "3").unwrap_err() else { panic!("no ERR") };
    assert!(why.contains("the log is closed, because a sync failed"), "{why}");
    assert_eq!(client.get("a").unwrap().as_deref(), Some("1"));
    drop(server);
    let server = start(data.path());
    let mut client = Client::connect(server.address()).unwrap();
    client.set("c", "3").unwrap();
    let values = ["a", "b", "c"].map(|key| client.get(key).unwrap());
    assert_eq!(values, [Some("1".into()), None, Some("3".into())]);
}

#[test]
fn what_cannot_be_armed_is_refused() {
    let data = tempdir().unwrap();
    let server = start(data.path());
    let curl = control(&server);
    expect(400, curl.put("raftAfterSave", "slep(100)"));
    expect(400, curl.put("raftAfterSafe", "sleep(100)"));
    // A point without a closure cannot return; and a write cannot lie.
    expect(400, curl.put("raftAfterSave", "return(EIO)"));
    expect(400, curl.put("disk.write", "return(lie)"));
    let listed = expect(200, curl.list());
    assert!(listed.lines().all(|line| line.ends_with('=')), "{listed}");
}

#[test]
fn the_quickstart_has_one_point() {
    let mut quickstart = Killed::spawn(
        Command::new(env!("CARGO_BIN_EXE_quickstart"))
            .env("GOFAIL_HTTP", "127.0.0.1:0")
            .stdout(Stdio::piped()),
    );
    let mut lines = BufReader::new(quickstart.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address = line.strip_prefix("control on ").unwrap().split(';').next().unwrap();
    assert_eq!(expect(200, Curl::new(address).list()), "beforeSend=\n");
}

#[test]
fn the_quickstart_ends_when_asked() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .args(["--rounds", "1"])
        .env("GOFAIL_HTTP", "127.0.0.1:0")
        .env("GOFAIL_FAILPOINTS", "beforeSend=print(about to send)")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.contains("curl -XPUT -d'sleep(1s)' http://127.0.0.1:"), "{stdout}");
    assert!(stdout.contains("round 1: sent after"), "{stdout}");
    assert!(stderr.contains("about to send"), "{stderr}");
}

#[test]
#[ignore = "takes twelve seconds; run with: cargo test -p failpoint-examples -- --ignored"]
fn the_demo_holds_what_it_promises() {
    let output = Command::new(env!("CARGO_BIN_EXE_wal_server")).arg("demo").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.trim_end().ends_with("acknowledged writes are there."), "{stdout}");
}

#[cfg(unix)]
#[test]
fn in_volatile_mode_a_kill_loses_what_was_not_synced() {
    let data = tempdir().unwrap();
    let mut server =
        ServerProcess::start(server_on(data.path()).env("FAILPOINT_DISK", "volatile")).unwrap();
    let curl = control(&server);
    assert_eq!(expect(200, curl.get("v1/ext/disk/mode")), "volatile\n");
    let mut client = Client::connect(server.address()).unwrap();
    client.set("synced", "1").unwrap();
    expect(204, curl.put("disk.sync", "return(lie)"));
    client.set("not-synced", "1").unwrap();
    let unsynced = expect(200, curl.get("v1/ext/disk/unsynced"));
    assert!(unsynced.contains(r#""kind":"write""#), "{unsynced}");
    server.kill().unwrap();

    let server = start(data.path());
    let mut client = Client::connect(server.address()).unwrap();
    assert_eq!(client.get("synced").unwrap().as_deref(), Some("1"));
    assert_eq!(client.get("not-synced").unwrap(), None);
}
