//! Tests that every acknowledged write is there after a crash.
//!
//! The tests start `wal_server` processes and crash them at their points, under load: five crashes in the
//! normal suite, and fifty in the slow one, at every point and of every kind:
//!
//! ```text
//! cargo test -p failpoint-examples --test kill -- --ignored
//! KILL_SEED=7 cargo test -p failpoint-examples --test kill     reproduces the same crashes
//! ```
#![cfg(all(feature = "failpoints", unix))]
#![allow(missing_docs)]

mod support;

use failpoint_examples::wal_server::client::Client;
use failpoint_examples::wal_server::load::{Load, Write};
use failpoint_examples::wal_server::process::ServerProcess;
use failpoint_test_support::{PATIENCE, until};
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use support::{control, expect, server_on, start};
use tempfile::tempdir;

const CONNECTIONS: usize = 4;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// Checks how a process ended.
type Way = fn(ExitStatus) -> bool;

/// How a process can end at a point. `panic` aborts: the servers run with FAILPOINT_PANIC=abort.
const WAYS: [(&str, Way); 4] = [
    ("kill", |status| status.signal() == Some(SIGKILL)),
    ("abort", |status| status.signal() == Some(SIGABRT)),
    ("exit(9)", |status| status.code() == Some(9)),
    ("panic", |status| status.signal() == Some(SIGABRT)),
];

#[test]
fn five_deaths_lose_no_acknowledged_write() {
    die(5);
}

#[test]
#[ignore = "takes ten seconds and more; run with: cargo test -p failpoint-examples --test kill -- --ignored"]
fn fifty_deaths_lose_no_acknowledged_write() {
    die(50);
}

/// Each round crashes one server under load and checks the next one, on the same data.
fn die(rounds: usize) {
    let seed = seed();
    println!("KILL_SEED={seed}");
    let mut random = Random(seed);
    let data = tempdir().unwrap();
    let mut server = start_quietly(data.path());
    let mut points = shuffled(points(&server), &mut random);
    // Of the points of the disk, those that a save passes.
    points.retain(|name| !name.starts_with("disk.") || name == "disk.write" || name == "disk.sync");
    assert_eq!(points.len(), 8, "{points:?}");
    let mut acknowledged: Vec<Write> = Vec::new();

    for round in 0..rounds {
        let death = Death::choose(round, &points, &mut random);
        let load = Load::start(server.address(), CONNECTIONS, &format!("{seed}-{round}")).unwrap();
        expect(204, control(&server).put("failpoints", &death.terms));
        let when = format!("KILL_SEED={seed} round {round}, {death}");
        let status = server.wait(PATIENCE).unwrap().unwrap_or_else(|| {
            panic!("{when}: the server still lives after {PATIENCE:?}");
        });
        acknowledged.extend(load.finish());
        println!("round {round}: {death}; {} acknowledged so far", acknowledged.len());
        assert!((death.way)(status), "{when}: ended with {status}");

        server = start_quietly(data.path());
        // Writes in flight may be there, but no others.
        let in_flight = (round + 1) * CONNECTIONS;
        check(&server, &acknowledged, in_flight, &when);
    }
}

/// Where and how a server crashes.
struct Death {
    terms: String,
    way: Way,
}

impl Death {
    /// Uses one point after the other, with another kind of crash in each turn.
    fn choose(round: usize, points: &[String], random: &mut Random) -> Self {
        let point = &points[round % points.len()];
        let (action, way) = WAYS[(round + round / points.len()) % WAYS.len()];
        let nth = random.up_to(150);
        let terms = if point == "walBeforeTruncate" {
            // Reached only if a write has failed, after this many bytes of the record.
            let bytes = random.up_to(40) - 1;
            format!(
                "disk.write=nth({nth}):return(short({bytes}))->nth({nth}):return(ENOSPC);{point}={action}"
            )
        } else {
            format!("{point}=nth({nth}):{action}")
        };
        Death { terms, way }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.terms)
    }
}

#[test]
fn a_server_that_dies_while_it_recovers_recovers_later() {
    let data = tempdir().unwrap();
    let mut server = start_quietly(data.path());
    Client::connect(server.address()).unwrap().set("a", "1").unwrap();
    expect(
        204,
        control(&server).put(
            "failpoints",
            "disk.write=1*return(short(15))->return(ENOSPC);walBeforeTruncate=kill",
        ),
    );
    Client::connect(server.address()).unwrap().set("b", "2").unwrap_err();
    server.wait(PATIENCE).unwrap().expect("the server does not die");
    for _ in 0..2 {
        let mut command = server_on(data.path());
        command.env("GOFAIL_FAILPOINTS", "walBeforeTruncate=kill").stderr(Stdio::null());
        let error = ServerProcess::start(&mut command).unwrap_err().to_string();
        assert!(error.contains("ended before it listened"), "{error}");
    }
    let server = start_quietly(data.path());
    assert!(server.greeting().iter().any(|line| line.contains("cut off 15 bytes")));
    let mut client = Client::connect(server.address()).unwrap();
    assert_eq!(client.request("LEN").unwrap(), "LEN 1");
    assert_eq!(client.get("a").unwrap().as_deref(), Some("1"));
}

#[test]
fn a_kill_from_outside_loses_no_acknowledged_write() {
    let data = tempdir().unwrap();
    let mut server = start(data.path());
    let load = Load::start(server.address(), CONNECTIONS, "outside").unwrap();
    until("the load is under way", || !load.look().acknowledged.is_empty());
    let mut client = Client::connect(server.address()).unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..100 {
        let write = Write { key: format!("own-{number}"), value: number.to_string() };
        client.set(&write.key, &write.value).unwrap();
        acknowledged.push(write);
    }
    assert_eq!(server.kill().unwrap().signal(), Some(SIGKILL));
    acknowledged.extend(load.finish());
    check(&start(data.path()), &acknowledged, CONNECTIONS, "killed from outside");
}

fn start_quietly(data: &Path) -> ServerProcess {
    ServerProcess::start(server_on(data).stderr(Stdio::null())).unwrap()
}

fn points(server: &ServerProcess) -> Vec<String> {
    let listed = expect(200, control(server).list());
    listed.lines().map(|line| line.split('=').next().unwrap().to_owned()).collect()
}

#[track_caller]
fn check(server: &ServerProcess, acknowledged: &[Write], in_flight: usize, when: &str) {
    let mut client = Client::connect(server.address()).unwrap();
    for Write { key, value } in acknowledged {
        let found = client.get(key).unwrap();
        assert_eq!(found.as_ref(), Some(value), "{when}: the acknowledged write of {key} is lost");
    }
    let keys: usize = client.request("LEN").unwrap().strip_prefix("LEN ").unwrap().parse().unwrap();
    assert!(keys <= acknowledged.len() + in_flight, "{when}: {keys} keys, too many");
}

fn seed() -> u64 {
    match std::env::var("KILL_SEED") {
        Ok(seed) => seed.parse().expect("KILL_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(),
    }
}

fn shuffled(mut items: Vec<String>, random: &mut Random) -> Vec<String> {
    for last in (1..items.len()).rev() {
        items.swap(last, random.up_to(last + 1) - 1);
    }
    items
}

/// SplitMix64.
struct Random(u64);

impl Random {
    /// A number from 1 to `limit`.
    fn up_to(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap() + 1
    }
}
