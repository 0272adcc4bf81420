//! Tests that a reply arrives even if what it arms ends the process at once. Each case needs its
//! own process: this executable runs itself again, with only the test `child`.
#![cfg(all(feature = "failpoints", unix))]

mod common;

use common::{Client, child, is_child, line_of};
use failpoint::fail_point;
use failpoint_test_support::{Killed, container};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The process waits this long for its reply to get out, and no longer.
const REPLY_LIMIT: Duration = Duration::from_secs(1);

const ABORTED: i32 = 6;
const KILLED: i32 = 9;

/// Passes by for ever on two threads: what is armed strikes before the reply is even written.
#[test]
fn child_passes_by() {
    if !is_child() {
        return;
    }
    let control = failpoint_http::serve_from_env().unwrap();
    for _ in 0..2 {
        thread::spawn(|| {
            loop {
                fail_point!("doomed");
            }
        });
    }
    println!("\nlistening at {}", control.address().unwrap());
    loop {
        thread::park();
    }
}

/// Arms `terms` in a child; gives the status of the answer and how the child ended.
fn strike(address: &str, variables: &[(&str, &str)], path: &str, body: &str) -> (u16, ExitStatus) {
    let mut variables = variables.to_vec();
    variables.push(("GOFAIL_HTTP", address));
    strike_at(child("child_passes_by", &variables), path, body)
}

fn strike_at(mut command: Command, path: &str, body: &str) -> (u16, ExitStatus) {
    loop {
        let mut child = Killed::spawn(&mut command);
        let address = line_of(&mut child, "listening at ");
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let start = Instant::now();
        let answer = match address.strip_prefix("unix:") {
            Some(file) => {
                let stream = UnixStream::connect(file).unwrap();
                let mut client = Client::over(stream, "localhost".to_owned());
                client.send(&request);
                client.answer()
            }
            None => {
                let mut client = Client::connect(&address);
                client.send(&request);
                client.answer()
            }
        };
        let end = child.wait().unwrap();
        match answer {
            Some(answer) => return (answer.status, end),
            // On a machine that stands still for that long, a reply may be lost.
            None => assert!(start.elapsed() >= REPLY_LIMIT, "the reply was lost"),
        }
    }
}

fn strike_with_panic(times: usize) {
    for _ in 0..times {
        let abort = [("FAILPOINT_PANIC", "abort")];
        let (status, end) = strike("127.0.0.1:0", &abort, "/doomed", "panic(\"sorry!\")");
        assert_eq!((status, end.signal()), (204, Some(ABORTED)));
    }
}

#[test]
fn two_hundred_panics_two_hundred_replies() {
    strike_with_panic(200);
}

#[test]
fn other_ends() {
    for _ in 0..5 {
        let (status, end) = strike("127.0.0.1:0", &[], "/doomed", "kill");
        assert_eq!((status, end.signal()), (204, Some(KILLED)));
        let (status, end) = strike("127.0.0.1:0", &[], "/failpoints", "doomed=exit(3)");
        assert_eq!((status, end.code()), (204, Some(3)));
        let exit = [("FAILPOINT_PANIC", "exit:2")];
        let (status, end) = strike("127.0.0.1:0", &exit, "/doomed", "panic");
        assert_eq!((status, end.code()), (204, Some(2)));
    }
}

#[test]
fn over_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/fail", directory.path().display());
    // The second finds the socket file of the first, which was killed.
    for _ in 0..5 {
        let (status, end) = strike(&address, &[], "/doomed", "kill");
        assert_eq!((status, end.signal()), (204, Some(KILLED)));
    }
}

/// Linux ignores the signals that the first process of a PID namespace sends itself.
#[test]
fn in_a_container_of_its_own() {
    for (terms, panic, status) in
        [("kill", "unwind", 137), ("abort", "unwind", 134), ("panic", "abort", 134)]
    {
        let variables = [("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_PANIC", panic)];
        let child = child("child_passes_by", &variables);
        let Some(inside) = container::first_process(&child) else { return };
        let (reply, end) = strike_at(inside, "/doomed", terms);
        assert_eq!((reply, end.code()), (204, Some(status)), "{terms}");
    }
}
