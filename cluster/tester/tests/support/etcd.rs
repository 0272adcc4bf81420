//! Members of etcd for tests, run without an agent. They end with the value that holds them.

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use failpoint_tester::agent::Program;
use failpoint_tester::driver::etcd::{Etcd, Settings};
use failpoint_tester::driver::{Driver, Health, Member, Start};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Ends a test that hangs. Nothing is shown to be quick by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Cluster {
    pub(crate) driver: Arc<Etcd>,
    children: Vec<Option<Child>>,
    _directory: TempDir,
}

/// Whether etcd is installed. If it is not, says so.
pub(crate) fn has_etcd() -> bool {
    let missing: Vec<&str> = [("etcd", "etcd-server"), ("etcdctl", "etcd-client")]
        .into_iter()
        .filter(|(program, _)| {
            let version = if *program == "etcd" { "--version" } else { "version" };
            Command::new(program).arg(version).stdout(Stdio::null()).status().is_err()
        })
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(" and ");
    assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "needs {missing}");
    println!("skipped: needs {missing}");
    false
}

pub(crate) fn settings() -> Settings {
    Settings {
        binary: "etcd".into(),
        etcdctl: "etcdctl".into(),
        flags: Vec::new(),
        env: Default::default(),
    }
}

/// Members on ports that are free now, and below those that the system hands out.
pub(crate) fn members(count: usize) -> Vec<Member> {
    let mut listeners = Vec::new();
    while listeners.len() < 2 * count {
        let draw = RandomState::new().hash_one(listeners.len());
        let port = 10_000 + u16::try_from(draw % 20_000).expect("below 20,000");
        listeners.extend(TcpListener::bind(("127.0.0.1", port)));
    }
    let address = |at: usize| listeners[at].local_addr().expect("it is bound").to_string();
    (0..count)
        .map(|at| Member {
            name: format!("etcd{}", at + 1),
            client: address(2 * at),
            peer: address(2 * at + 1),
            failpoints: None,
            agent: None,
        })
        .collect()
}

impl Cluster {
    /// Starts a cluster, and waits until it is healthy.
    pub(crate) async fn start(count: usize) -> Self {
        for _ in 0..5 {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let driver = Etcd::new(settings(), members(count), directory.path());
            let driver = Arc::new(driver.expect("a driver"));
            let children = (0..count).map(|_| None).collect();
            let mut cluster = Self { driver, children, _directory: directory };
            for member in 0..count {
                cluster.run(member, &Start::New);
            }
            if cluster.wait_healthy().await {
                return cluster;
            }
            // A port can be taken before the member listens there.
            let log: String = (0..count).map(|member| cluster.log(member)).collect();
            assert!(log.contains("address already in use"), "{log}");
        }
        panic!("ports were taken each time")
    }

    /// Starts a member.
    pub(crate) fn run(&mut self, member: usize, start: &Start) {
        let program = self.driver.start(member, start).expect("etcd is started by a program");
        let files = self.driver.files(member);
        fs::create_dir_all(&files.directory).expect("the directory of the member");
        let log = OpenOptions::new().create(true).append(true).open(&files.log).expect("its log");
        let child = command(&program)
            .current_dir(&files.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("its log"))
            .stderr(log)
            .spawn();
        self.children[member] = Some(child.expect("etcd starts"));
    }

    /// Ends a member with SIGKILL.
    pub(crate) fn kill(&mut self, member: usize) {
        if let Some(mut child) = self.children[member].take() {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
        }
    }

    /// Waits until the members that run are healthy and agree on a leader; `false`: a process has
    /// ended.
    pub(crate) async fn wait_healthy(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut healths = Vec::new();
            for member in 0..self.children.len() {
                let Some(child) = &mut self.children[member] else { continue };
                if child.try_wait().expect("it is our child").is_some() {
                    return false;
                }
                healths.push(self.driver.health(member).await);
            }
            let first = healths[0].as_ref().map_or(None, |health| health.leader);
            let agrees = |health: &Health| health.healthy && health.leader == first;
            if healths.iter().all(|health| health.as_ref().is_ok_and(agrees)) {
                return true;
            }
            assert!(Instant::now() < end, "not healthy in time: {healths:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What a member has logged.
    pub(crate) fn log(&self, member: usize) -> String {
        fs::read_to_string(self.driver.files(member).log).expect("its log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in 0..self.children.len() {
            self.kill(member);
        }
    }
}

/// A program of an agent, as a command.
pub(crate) fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.argv[0]);
    command.args(&program.argv[1..]).envs(&program.env);
    command
}
