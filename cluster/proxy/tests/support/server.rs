//! The command `failpoint-proxy` as a server.
#![allow(dead_code, reason = "each test uses a part")]

use super::LIMIT;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_failpoint-proxy");

/// A running server. It ends with its standard input, whatever becomes of the test.
pub(crate) struct Server {
    child: Child,
    stdin: ChildStdin,
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        timeout(LIMIT, stdout.read_line(&mut line)).await.expect("it does not listen").unwrap();
        let address = line.trim().rsplit_once(' ').expect("an address").1.to_owned();
        Self { child, stdin, _stdout: stdout, address }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it as the end of its parent does.
    pub(crate) async fn stop(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        let status = timeout(LIMIT, child.wait()).await.expect("it does not end").unwrap();
        assert!(status.success(), "{status}");
    }
}
