//! The embedded agent does each operation to members that are small shell programs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use failpoint_tester::agent::embedded::Embedded;
use failpoint_tester::agent::{
    Agent, Ended, MemberFiles, MemberState, Operation, Program, Request,
};
use failpoint_tester::clock::Clock;

/// Ends a test that hangs. No test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

fn agent() -> Embedded {
    Embedded::new(Clock::start()).expect("failpoint-agent is built for tests")
}

fn files(directory: &Path, name: &str) -> MemberFiles {
    let directory = directory.join(name);
    MemberFiles {
        name: name.to_owned(),
        data: directory.join("data"),
        log: directory.join("log"),
        directory,
    }
}

fn sh(script: &str) -> Option<Program> {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    Some(Program { argv, ..Program::default() })
}

fn request(operation: Operation) -> Request {
    let limit_ms = PATIENCE.as_millis() as u64;
    Request { operation, start: None, stop: None, snapshot: None, limit_ms }
}

fn start(operation: Operation, script: &str) -> Request {
    Request { start: sh(script), ..request(operation) }
}

/// One member `m`.
struct One {
    agent: Embedded,
    directory: tempfile::TempDir,
}

impl One {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let agent = agent();
        agent.add(&files(directory.path(), "m")).await.expect("a member");
        Self { agent, directory }
    }

    async fn operate(&self, request: &Request) -> MemberState {
        self.agent.operate("m", request).await.expect("the operation")
    }

    async fn refused(&self, request: &Request) -> String {
        self.agent.operate("m", request).await.expect_err("refused").message
    }

    async fn seen(&self, text: &str, count: usize) {
        let logs = self.agent.logs("m").expect("a member");
        logs.expect(text, count, PATIENCE).await.expect("the line");
    }

    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("m")).expect("its directory");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort_unstable();
        names
    }
}

const SERVER: &str = "echo started; exec sleep 1000";

#[tokio::test]
async fn a_member_starts_and_stops() {
    let one = One::new().await;
    let state = one.operate(&start(Operation::InitialStartEtcd, SERVER)).await;
    assert_eq!((state.starts, state.ended.as_ref()), (1, None));
    one.seen("started", 1).await;
    assert!(Path::new("/proc").join(state.pid.expect("it runs").to_string()).exists());

    let state = one.operate(&request(Operation::SigtermEtcd)).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(15) }));
    assert_eq!((state.pid, state.killed), (None, false));

    let state = one.operate(&start(Operation::RestartEtcd, SERVER)).await;
    assert_eq!((state.starts, state.ended.as_ref()), (2, None));
    one.seen("started", 2).await;
    let state = one.operate(&request(Operation::SigkillEtcd)).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(9) }));
    let why = one.refused(&request(Operation::SigtermEtcd)).await;
    assert_eq!(why, "SIGTERM_ETCD: it does not run; its last process was ended by SIGKILL");
    assert_eq!(one.entries(), ["data", "log"]);
}
