//! Tests a thousand concurrent long polls. Needs its own process: it counts threads and files.
//!
//! The test harness and the runtime start and end threads, too. So each count has a bound that
//! distinguishes a thousand more from a few more.
#![cfg(all(feature = "failpoints", target_os = "linux"))]

mod common;

use common::Client;
use failpoint::fail_point;
use failpoint_test_support::needs;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs;

const WAITS: usize = 1000;

fn pass() {
    fail_point!("many/waited");
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// Both ends of every connection are files of this process. Whether it may open so many.
fn files_are_allowed() -> bool {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let enough = 4 * WAITS as u64;
    let is_enough = limit.maximum.is_none_or(|files| files >= enough);
    needs::machine(&format!("a hard limit of {enough} open files"), is_enough)
}

fn held_open(client: &mut Client) -> usize {
    let metrics = client.ask("GET", "/metrics", "").body;
    let prefix = "failpoint_held_open{kind=\"wait\"} ";
    metrics.lines().find_map(|line| line.strip_prefix(prefix)).unwrap().parse().unwrap()
}

fn begin(address: &str, query: &str) -> Vec<Client> {
    let wait =
        format!("GET /v1/points/many/waited/wait?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let begin = |_| {
        let mut client = Client::connect(address);
        client.send(&wait);
        client
    };
    (0..WAITS).map(begin).collect()
}

#[test]
fn a_thousand_wait_without_a_thread_and_wake_together() {
    if !files_are_allowed() {
        return;
    }
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    let mut client = Client::connect(&address);
    let before = threads();

    // For the next arming, and for the first hit of it.
    let mut waiting = begin(&address, "hits=1&timeout=1m");
    common::until("all wait", || held_open(&mut client) == WAITS);
    let more = threads().saturating_sub(before);
    assert!(more < WAITS / 10, "{more} threads more for {WAITS} waits");
    assert_eq!(client.ask("PUT", "/many/waited", "off").status, 204, "others get in");
    pass();
    let answers: Vec<_> = waiting.iter_mut().map(|client| client.answer().unwrap()).collect();
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with(r#"{"outcome":"reached","name":"many/waited""#));
        assert!(answer.body.contains(r#""hits":1,"fires":1,"paused":0}"#));
    }

    // The connections go on; then they are cut, and their waits end.
    let again = "GET /v1/points/many/waited/wait?hits=2 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    waiting.iter_mut().for_each(|client| client.send(again));
    common::until("all wait again", || held_open(&mut client) == WAITS);
    let files = fs::read_dir("/proc/self/fd").unwrap().count();
    drop(waiting);
    common::until("all are gone", || held_open(&mut client) == 0);
    common::until("their files are closed", || {
        fs::read_dir("/proc/self/fd").unwrap().count() < files - 2 * WAITS + WAITS / 10
    });

    // The end of the listener is the end of every wait.
    let mut waiting = begin(&address, "paused=1");
    common::until("all wait once more", || held_open(&mut client) == WAITS);
    drop(control);
    assert!(waiting.iter_mut().all(|client| client.answer().is_none()));
}
