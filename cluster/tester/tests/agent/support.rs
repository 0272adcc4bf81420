//! A member to try things on.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use failpoint_tester::agent::embedded::Embedded;
use failpoint_tester::agent::{Agent, MemberFiles, MemberState, Operation, Program, Request};
use failpoint_tester::clock::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Ends a test that hangs. No test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with SIGTERM.
pub(crate) const SERVER: &str = "echo started; exec sleep 1000";

pub(crate) fn embedded() -> Embedded {
    Embedded::new(Clock::start()).expect("failpoint-agent is built for tests")
}

pub(crate) fn files(directory: &Path, name: &str) -> MemberFiles {
    let directory = directory.join(name);
    MemberFiles {
        name: name.to_owned(),
        data: directory.join("data"),
        log: directory.join("log"),
        directory,
    }
}

pub(crate) fn sh(script: &str) -> Option<Program> {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    Some(Program { argv, ..Program::default() })
}

pub(crate) fn request(operation: Operation) -> Request {
    let limit_ms = u64::try_from(PATIENCE.as_millis()).expect("a small number");
    Request { operation, start: None, stop: None, snapshot: None, limit_ms }
}

pub(crate) fn start(operation: Operation, script: &str) -> Request {
    Request { start: sh(script), ..request(operation) }
}

pub(crate) fn first_start(script: &str) -> Request {
    start(Operation::InitialStartEtcd, script)
}

/// An agent with one member, `m`.
pub(crate) struct One<A> {
    pub(crate) agent: A,
    pub(crate) directory: tempfile::TempDir,
}

impl One<Embedded> {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::with(embedded(), directory).await
    }
}

impl<A: Agent> One<A> {
    pub(crate) async fn with(agent: A, directory: tempfile::TempDir) -> Self {
        agent.add(&files(directory.path(), "m")).await.expect("a member");
        Self { agent, directory }
    }

    pub(crate) async fn operate(&self, request: &Request) -> MemberState {
        self.agent.operate("m", request).await.expect("the operation")
    }

    pub(crate) async fn refused(&self, request: &Request) -> String {
        self.agent.operate("m", request).await.expect_err("refused").message
    }

    pub(crate) async fn state(&self) -> MemberState {
        self.agent.state("m").await.expect("a member")
    }

    /// Waits for a line that contains `text`, and returns what is behind it.
    pub(crate) async fn seen(&self, text: &str, count: usize) -> String {
        let logs = self.agent.logs("m").expect("a member");
        let line = logs.expect(text, count, PATIENCE).await.expect("the line").text;
        line.split_once(text).expect("it contains it").1.trim().to_owned()
    }

    pub(crate) fn path(&self, below: &str) -> std::path::PathBuf {
        self.directory.path().join("m").join(below)
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).expect("its directory");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort_unstable();
        names
    }
}

/// A process that is not this one's child, to wait for its end.
pub(crate) struct Other {
    /// `None`: it has ended already.
    process: Option<Arc<OwnedFd>>,
}

impl Other {
    pub(crate) fn of(pid: &str) -> Self {
        let pid = Pid::from_raw(pid.parse().expect("a number")).expect("an id");
        Self { process: pidfd_open(pid, PidfdFlags::empty()).ok().map(Arc::new) }
    }

    /// Waits until it has ended.
    pub(crate) async fn gone(&self) {
        let Some(process) = self.process.clone() else { return };
        let wait = move || {
            let limit = Timespec::try_from(PATIENCE).expect("a minute");
            poll(&mut [PollFd::new(&*process, PollFlags::IN)], Some(&limit))
        };
        let ended = tokio::task::spawn_blocking(wait).await.expect("no panic");
        assert_eq!(ended, Ok(1), "it ends");
    }
}
