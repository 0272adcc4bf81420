//! Servers for the tests: this executable again, running only its test `serves`.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

use failpoint::{fail_point, fail_value};
use failpoint_test_support::{Killed, needs};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// Five points. Only `tick` is reached, about once a millisecond.
fn points() {
    fn never() {
        fail_point!("raftBeforeSave");
        fail_point!("raftAfterSave");
        let _ = fail_value!("walSize", u64, segment = 3, store = 1);
        fail_point!("applySnapshot");
    }
    let _ = never as fn();
    loop {
        tick();
        thread::sleep(Duration::from_millis(1));
    }
}

fn tick() {
    fail_point!("tick");
}

/// The test `serves`: does nothing unless this process is a server.
pub fn serve() {
    if std::env::var_os("THIS_IS_A_SERVER").is_none() {
        return;
    }
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    // Reached before a client can ask whether it was.
    tick();
    println!("\nserver at {}", control.address().unwrap());
    thread::spawn(points);
    // Until the parent process ends.
    let _ = std::io::stdin().read(&mut [0]);
}

pub struct Server {
    _process: Killed,
    pub address: String,
}

impl Server {
    /// `None` in a build without failpoints.
    pub fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let compiled_in = failpoint::enabled();
        if !needs::machine("failpoints compiled in (cargo test --workspace)", compiled_in) {
            return None;
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        without_variables(&mut command);
        command
            .args(["--exact", "serves", "--nocapture"])
            .env("THIS_IS_A_SERVER", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Killed::spawn(&mut command);
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let mut addresses =
            lines.filter_map(|line| line.unwrap().strip_prefix("server at ").map(str::to_owned));
        let address = addresses.next().expect("the server prints its address");
        Some(Self { _process: process, address })
    }

    /// Runs the command against it.
    pub fn ask(&self, arguments: &[&str]) -> Asked {
        failpoint(&[&["--addr", &self.address], arguments].concat())
    }
}

/// What the command printed, and its exit status.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Asked {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub fn failpoint(arguments: &[&str]) -> Asked {
    command(arguments).output().unwrap().into()
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_failpoint"));
    without_variables(&mut command);
    command.args(arguments).stdin(Stdio::null());
    command
}

fn without_variables(command: &mut Command) {
    for (variable, _) in std::env::vars() {
        if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
            command.env_remove(variable);
        }
    }
}
