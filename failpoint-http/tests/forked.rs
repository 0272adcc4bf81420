//! Tests the control plane in a child of `fork`. Each case needs its own process: this executable
//! runs itself again, with only the test `child`.
#![cfg(all(feature = "failpoints", unix))]
// `fork` has no safe form. The child does what a daemon does.
#![allow(unsafe_code)]

mod common;

use common::{Client, child, is_child, line_of};
use failpoint::{fail_point, fail_value};
use std::ffi::c_int;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;

unsafe extern "C" {
    fn fork() -> c_int;
    safe fn alarm(seconds: u32) -> u32;
    safe fn _exit(status: c_int) -> !;
}

/// Serves, and then continues in the background as a daemon.
#[test]
fn child_daemonizes() {
    if !is_child() {
        return;
    }
    let control = failpoint_http::serve_from_env().unwrap();
    println!("\nlistening at {}", control.address().unwrap());
    let armed = failpoint::arm("forked/value", "return(7)").unwrap();
    // Its thread is the parent's.
    let leased = failpoint_http::respond("PUT", "/forked/loop?ttl=1h", &[], b"off");
    assert_eq!(leased.status, 204);
    // SAFETY: the child goes on with this thread alone, and uses nothing that belongs to another.
    if unsafe { fork() } != 0 {
        _exit(0);
    }
    // The daemon always ends.
    alarm(60);
    assert_eq!(fail_value!("forked/value", u8), Some(7));
    assert_eq!(armed.hits(), 1);
    assert!(control.address().is_none());
    // There is no thread to stop or to wait for.
    drop(control);
    let again = failpoint_http::serve("127.0.0.1:0").unwrap();
    println!("listening again at {}", again.address().unwrap());
    loop {
        fail_point!("forked/loop");
        thread::yield_now();
    }
}

#[test]
fn a_daemon_refuses_connections_until_it_serves_itself() {
    let mut parent = child("child_daemonizes", &[("GOFAIL_HTTP", "127.0.0.1:0")]).spawn().unwrap();
    let before = line_of(&mut parent, "listening at ");
    let after = line_of(&mut parent, "listening again at ");
    let mut said = parent.stderr.take().unwrap();
    assert!(parent.wait().unwrap().success());

    // The parent's listener is closed, so clients are refused and do not hang.
    let refused = TcpStream::connect(&before).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let mut client = Client::connect(&after);
    let listed = client.ask("GET", "/", "");
    assert!(listed.body.contains("forked/loop=off\nforked/value=return(7)\n"), "{listed:?}");
    // A ttl also expires in the daemon.
    assert_eq!(client.ask("PUT", "/forked/loop?ttl=1ms", "off").status, 204);
    common::until("the lease ends", || client.ask("GET", "/forked/loop", "").status == 404);
    assert_eq!(client.ask("PUT", "/forked/loop", "sleep(1)&exit(3)").status, 204);

    // Both have ended when no process can write there any more.
    let mut lines = String::new();
    said.read_to_string(&mut lines).unwrap();
    let told = "this process was forked from one that serves the control plane";
    assert_eq!(lines.matches(told).count(), 1, "{lines}");
}
