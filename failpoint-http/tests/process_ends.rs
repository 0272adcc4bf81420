//! A reply arrives although what it armed ends the process at once. Each case needs its own process:
//! this executable runs itself once more, its test `child` alone.
#![cfg(all(feature = "failpoints", unix))]

mod common;

use common::{Client, child, child_as_pid_1, is_child, line_of};
use failpoint::fail_point;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::thread;

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

fn strike_at(mut child: Command, path: &str, body: &str) -> (u16, ExitStatus) {
    let mut child = child.spawn().unwrap();
    let address = line_of(&mut child, "listening at ");
    let answer = match address.strip_prefix("unix:") {
        Some(file) => {
            let stream = UnixStream::connect(file).unwrap();
            Client::over(stream, "localhost".to_owned()).ask("PUT", path, body)
        }
        None => Client::connect(&address).ask("PUT", path, body),
    };
    (answer.status, child.wait().unwrap())
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
        let Some(child) = child_as_pid_1("child_passes_by", &variables) else { return };
        let (reply, end) = strike_at(child, "/doomed", terms);
        assert_eq!((reply, end.code()), (204, Some(status)), "{terms}");
    }
}
