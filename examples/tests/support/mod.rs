//! Shared code of the tests that start a `wal_server`.
#![allow(dead_code, unreachable_pub)]

use failpoint_examples::curl::{Curl, Request};
use failpoint_examples::wal_server::process::ServerProcess;
use std::path::Path;
use std::process::Command;

/// The command for a server on `data`, on free ports, with a control plane.
pub fn server_on(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wal_server"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    // The caller's failpoint variables must not affect the test.
    for variable in ["GOFAIL_FAILPOINTS", "FAILPOINTS", "FAILPOINT_HTTP"] {
        command.env_remove(variable);
    }
    command.env("GOFAIL_HTTP", "127.0.0.1:0").env("FAILPOINT_PANIC", "abort");
    command
}

pub fn start(data: &Path) -> ServerProcess {
    ServerProcess::start(&mut server_on(data)).unwrap()
}

pub fn control(server: &ServerProcess) -> Curl {
    server.control().unwrap().clone()
}

/// Sends `request` and checks its status; returns the body.
#[track_caller]
pub fn expect(status: u16, request: Request<'_>) -> String {
    let answer = request.send().unwrap();
    assert_eq!(answer.status, status, "{request}\n{}", answer.body);
    answer.body
}
