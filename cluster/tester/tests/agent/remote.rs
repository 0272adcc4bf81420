//! An agent over HTTP is as good as the embedded one, and says clearly what fails.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use failpoint_tester::agent::remote::{Remote, Settings};
use failpoint_tester::agent::{Agent, MemberFiles, Operation};
use failpoint_tester::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{One, Other, PATIENCE, SERVER, files, first_start, request, start as starts};

/// A `failpoint-agent` of this test. It is killed when the test ends.
pub(crate) struct Process {
    child: Child,
    directory: tempfile::TempDir,
    settings: Settings,
}

impl Process {
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it, after its members.
    pub(crate) async fn end(mut self) {
        self.kill();
    }

    fn remote(&self) -> Remote {
        Remote::new(&self.settings, Clock::start()).expect("an agent")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn agent(arguments: &[&str]) -> Process {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let token = directory.path().join("token");
    std::fs::write(&token, "s3cret\n").expect("a token");
    let mut child = Command::new(env!("CARGO_BIN_EXE_failpoint-agent"))
        .args(["--listen", "127.0.0.1:0", "--directory"])
        .arg(directory.path())
        .arg("--token-file")
        .arg(&token)
        .args(arguments)
        .env("ETCD_NAME", "of another etcd")
        .env("ETCDCTL_ENDPOINTS", "of another etcd")
        .env("ETCD_UNSUPPORTED_ARCH", "this machine")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("failpoint-agent");
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line);
    read.expect("a line");
    let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
    let settings = Settings { address, token_file: Some(token) };
    Process { child, directory, settings }
}

pub(crate) async fn start() -> (Process, Remote) {
    let agent = agent(&[]);
    let remote = agent.remote();
    (agent, remote)
}

async fn one(agent: &Process) -> One<Remote> {
    let directory = tempfile::tempdir_in(agent.directory()).expect("a directory");
    One::with(agent.remote(), directory).await
}

#[tokio::test]
async fn a_request_needs_the_token() {
    let agent = agent(&[]);
    let other = agent.directory().join("other");
    std::fs::write(&other, "wrong").expect("a token");
    for token_file in [None, Some(other)] {
        let settings = Settings { token_file, ..agent.settings.clone() };
        let remote = Remote::new(&settings, Clock::start()).expect("an agent");
        let why = remote.add(&files(agent.directory(), "m")).await.expect_err("no token").message;
        assert!(why.contains("refuses: ") && why.contains("`token-file`"), "{why}");
    }
    let missing = Settings { token_file: Some("/no/such/token".into()), ..agent.settings.clone() };
    assert!(Remote::new(&missing, Clock::start()).is_err());
}

#[test]
fn an_agent_without_a_token_is_reached_from_this_machine_only() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_failpoint-agent"))
        .args(["--listen", "0.0.0.0:0", "--directory"])
        .arg(directory.path())
        .output()
        .expect("failpoint-agent");
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && why.contains("FAILPOINT_HTTP_TOKEN"), "{why}");
}

#[test]
fn an_agent_does_not_speak_of_points_that_it_does_not_have() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut child = Command::new(env!("CARGO_BIN_EXE_failpoint-agent"))
        .args(["--listen", "127.0.0.1:0", "--directory"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("failpoint-agent");
    let mut first = String::new();
    let read = BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut first);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    read.expect("a line");
    assert!(first.starts_with("failpoint-http: listening at "), "{first}");
}

#[tokio::test]
async fn members_stay_below_the_directory_of_the_agent() {
    let agent = agent(&[]);
    let remote = agent.remote();
    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let link = agent.directory().join("link");
    std::os::unix::fs::symlink(elsewhere.path(), &link).expect("a link");
    for directory in [elsewhere.path(), &link, Path::new("/")] {
        let why = remote.add(&files(directory, "m")).await.expect_err("elsewhere").message;
        assert!(why.contains("is not below the directory of the agent"), "{why}");
    }
    let own = MemberFiles {
        name: "m".into(),
        directory: agent.directory().into(),
        data: agent.directory().join("data"),
        log: agent.directory().join("log"),
    };
    remote.add(&own).await.expect_err("the directory of the agent itself");
    let unknown = remote.state("..%2f..").await.expect_err("unknown").message;
    assert!(unknown.contains("does not know this member"), "{unknown}");
}

#[tokio::test]
async fn lines_arrive_all_and_in_order() {
    let agent = agent(&[]);
    let one = one(&agent).await;
    one.operate(&first_start("seq 1 5000; echo done; exec sleep 99")).await;
    one.seen("done", 1).await;
    let logs = one.agent.logs("m").expect("a member");
    let texts: Vec<String> = logs.lines().into_iter().map(|line| line.text).collect();
    let expected: Vec<String> = (1..=5000).map(|number| number.to_string()).collect();
    assert_eq!(texts[..5000], expected);

    // Another run starts with an empty log.
    one.agent.stop_all().await.expect("it ends");
    let again = agent.remote();
    again.add(&files(one.directory.path(), "m")).await.expect("the same member");
    again.operate("m", &starts(Operation::RestartEtcd, SERVER)).await.expect("it starts");
    let logs = again.logs("m").expect("a member");
    let line = logs.expect("started", 1, PATIENCE).await.expect("the line");
    assert_eq!(line.number, 1);
}

#[tokio::test]
async fn one_tester_at_a_time_changes_something() {
    let agent = agent(&[]);
    let one = one(&agent).await;
    let pid = one.operate(&first_start(SERVER)).await.pid;
    let (second, elsewhere) = (agent.remote(), agent.directory().join("elsewhere"));
    for refused in [
        second.add(&files(one.directory.path(), "m")).await,
        second.add(&files(&elsewhere, "m2")).await,
        second.operate("m", &request(Operation::SigkillEtcd)).await.map(drop),
        second.stop_all().await,
    ] {
        let why = refused.expect_err("the agent is in use").message;
        assert!(why.contains("another tester uses this agent"), "{why}");
    }
    assert_eq!(second.state("m").await.expect("it may look").pid, pid);

    // After its end, the next one may have a member of this name elsewhere.
    one.agent.stop_all().await.expect("it ends");
    second.add(&files(&elsewhere, "m")).await.expect("a new member");
    assert_eq!(second.state("m").await.expect("a member").starts, 0);
    let why = one.refused(&request(Operation::SigkillEtcd)).await;
    assert!(why.contains("another tester uses this agent"), "{why}");
}

#[tokio::test]
async fn members_get_no_variable_of_another_etcd() {
    let agent = agent(&[]);
    let one = one(&agent).await;
    one.operate(&first_start("env; echo complete; exec sleep 99")).await;
    one.seen("complete", 1).await;
    let lines = one.agent.logs("m").expect("a member").last(1000);
    let etcd: Vec<&String> = lines.iter().filter(|line| line.starts_with("ETCD")).collect();
    assert_eq!(etcd, ["ETCD_UNSUPPORTED_ARCH=this machine"]);
}

/// The control plane answers 16 requests of extensions at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_may_have_many_members() {
    let agent = agent(&[]);
    let remote = std::sync::Arc::new(agent.remote());
    let names: Vec<String> = (1..=24).map(|number| format!("m{number}")).collect();
    for name in &names {
        remote.add(&files(agent.directory(), name)).await.expect("a member");
    }
    let mut starts = tokio::task::JoinSet::new();
    for name in names.clone() {
        let remote = remote.clone();
        starts.spawn(async move { remote.operate(&name, &first_start(SERVER)).await });
    }
    while let Some(started) = starts.join_next().await {
        started.expect("no panic").expect("it starts");
    }
    for name in &names {
        let logs = remote.logs(name).expect("a member");
        logs.expect("started", 1, PATIENCE).await.expect("the line");
    }
    remote.stop_all().await.expect("they end");
}

#[tokio::test]
async fn an_archive_comes_in_pieces() {
    let agent = agent(&[]);
    let one = one(&agent).await;
    let script = "mkdir data/wal; head -c 2500000 /dev/urandom > data/wal/'a b?%'; : > data/empty; \
                  ln -s /etc/passwd data/link; echo started; exec sleep 99";
    one.operate(&first_start(script)).await;
    one.seen("started", 1).await;
    let to = tempfile::tempdir().expect("a temporary directory");
    let archive = to.path().join("m");
    one.agent.archive("m", &archive).await.expect("an archive");
    let read = |path: std::path::PathBuf| std::fs::read(path).expect("a file");
    assert!(read(archive.join("data/wal/a b?%")) == read(one.path("data/wal/a b?%")));
    assert_eq!(read(archive.join("data/wal/a b?%")).len(), 2_500_000);
    assert_eq!(read(archive.join("data/empty")), b"");
    assert_eq!(read(archive.join("log")), b"started\n");
    assert!(!archive.join("data/link").exists());

    // The embedded agent makes the same of it.
    let embedded = One::new().await;
    embedded.operate(&first_start(script)).await;
    embedded.seen("started", 1).await;
    embedded.agent.archive("m", &to.path().join("e")).await.expect("an archive");
    assert_eq!(read(to.path().join("e/data/wal/a b?%")).len(), 2_500_000);
    assert!(!to.path().join("e/data/link").exists());
}

#[tokio::test]
async fn members_end_when_no_tester_asks_any_more() {
    let agent = agent(&["--alone", "1"]);
    let one = one(&agent).await;
    let state = one.operate(&first_start(SERVER)).await;
    let server = Other::of(&state.pid.expect("it runs").to_string());
    drop(one.agent);
    server.gone().await;
}

#[tokio::test]
async fn the_agent_ends_with_the_agents_of_its_members() {
    let mut agent = agent(&[]);
    let one = one(&agent).await;
    one.operate(&first_start(SERVER)).await;
    one.operate(&request(Operation::SigquitEtcdAndRemoveDataAndStopAgent)).await;
    let ended =
        tokio::task::spawn_blocking(move || agent.child.wait().map(|status| (agent, status)));
    let (_agent, status) = tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("it ends")
        .expect("no panic")
        .expect("its status");
    assert!(status.success());
}

/// The address of a server that gives this answer to each request.
async fn answering(answer: &'static str) -> Settings {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Settings { address, token_file: None }
}

#[tokio::test]
async fn a_server_that_is_no_agent_is_an_error() {
    for (answer, what) in [
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
            "gives an answer that cannot be read: ",
        ),
        // With a token, nothing is asked elsewhere.
        (
            "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
            "answers with status 302",
        ),
    ] {
        let settings = answering(answer).await;
        let remote = Remote::new(&settings, Clock::start()).expect("an agent");
        let why = remote.state("m").await.expect_err("it is no agent").message;
        let start = format!("the agent at {} {what}", settings.address);
        assert!(why.starts_with(&start), "{why}");
    }
}

#[tokio::test]
async fn an_agent_that_does_not_answer_is_an_error() {
    // It accepts connections, by the backlog of the system, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let settings = Settings { address, token_file: None };
    let remote = Remote::new(&settings, Clock::start()).expect("an agent");
    let why = remote.state("m").await.expect_err("no answer").message;
    assert!(why.contains("does not answer within"), "{why}");
    drop(silent);
    let why = remote.stop_all().await.expect_err("no agent listens").message;
    assert!(why.contains("cannot be reached"), "{why}");
    assert!(remote.logs("m").is_err());
}
