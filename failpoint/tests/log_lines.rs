//! Is a line of ours written to stderr at once? Others write there too, and what is written in
//! pieces is torn. Needs a process of its own, whose stderr keeps every write apart.
#![cfg(all(feature = "failpoints", unix))]

use failpoint::{arm, fail_point};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

#[test]
#[ignore = "run by the test below"]
fn child() {
    let _armed = arm("log/printed", "print(one two)").unwrap();
    fail_point!("log/printed");
}

#[test]
fn a_line_is_one_write() {
    let (ours, stderr) = UnixDatagram::pair().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env_remove("GOFAIL_FAILPOINTS")
        .env("FAILPOINTS", "log/nobody=off")
        .stdout(Stdio::null())
        .stderr(Stdio::from(OwnedFd::from(stderr)))
        .status()
        .unwrap();
    assert!(child.success(), "{child}");
    ours.set_nonblocking(true).unwrap();
    let mut bytes = [0; 4096];
    let next = || ours.recv(&mut bytes).ok().map(|length| bytes[..length].to_vec());
    let writes: Vec<String> =
        std::iter::from_fn(next).map(|write| String::from_utf8(write).unwrap()).collect();
    assert!(
        writes.iter().all(|write| write.lines().count() == 1 && write.ends_with('\n')),
        "{writes:?}"
    );
    let is_there = |part: &str| writes.iter().any(|write| write.contains(part));
    assert!(is_there("WARN") && is_there("log/nobody"), "{writes:?}");
    assert!(writes.contains(&"failpoint log/printed: one two\n".to_owned()), "{writes:?}");
}
