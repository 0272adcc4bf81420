//! A cluster of etcd for tests. Its members end with it.
#![allow(dead_code, reason = "each test uses a part")]

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use failpoint_tester::agent::embedded::Embedded;
use failpoint_tester::agent::{Agent, Operation, Request};
use failpoint_tester::clock::Clock;
use failpoint_tester::driver::etcd::{Etcd, Settings};
use failpoint_tester::driver::{Driver, Health, Member, Start};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Ends a test that hangs. No test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Cluster {
    pub(crate) driver: Arc<Etcd>,
    pub(crate) agent: Embedded,
    /// Which members should run.
    running: Vec<bool>,
    _directory: TempDir,
}

/// Whether etcd is installed. If it is not, says so.
pub(crate) fn has_etcd() -> bool {
    let missing: Vec<&str> =
        [("etcd", "--version", "etcd-server"), ("etcdctl", "version", "etcd-client")]
            .into_iter()
            .filter(|(program, version, _)| {
                Command::new(program).arg(version).stdout(Stdio::null()).status().is_err()
            })
            .map(|(.., package)| package)
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
            let agent = Embedded::new(Clock::start()).expect("failpoint-agent is built for tests");
            let mut cluster =
                Self { driver, agent, running: vec![false; count], _directory: directory };
            for member in 0..count {
                let files = cluster.driver.files(member);
                cluster.agent.add(&files).await.expect("a member");
                cluster.operate(member, Operation::InitialStartEtcd, Some(Start::New)).await;
            }
            if cluster.is_healthy_in_time().await {
                return cluster;
            }
            // A port can be taken before the member listens there.
            let log: String = (0..count).map(|member| cluster.log(member)).collect();
            assert!(log.contains("address already in use"), "{log}");
        }
        panic!("ports were taken each time")
    }

    /// Does one operation to a member.
    pub(crate) async fn operate(
        &mut self,
        member: usize,
        operation: Operation,
        start: Option<Start>,
    ) {
        let snapshot = match operation {
            Operation::SaveSnapshot => self.driver.save_snapshot(member),
            Operation::RestoreRestartFromSnapshot => self.driver.restore_snapshot(member),
            _ => None,
        };
        let request = Request {
            operation,
            start: start.map(|start| self.driver.start(member, &start).expect("a program")),
            stop: None,
            snapshot,
            limit_ms: u64::try_from(PATIENCE.as_millis()).expect("small"),
        };
        let state = self.agent.operate(&self.driver.files(member).name, &request).await;
        self.running[member] = state.expect("the operation").pid.is_some();
    }

    /// Waits until the members that should run are healthy and agree on a leader, and returns it.
    pub(crate) async fn healthy(&self) -> usize {
        assert!(self.is_healthy_in_time().await, "a member has ended");
        let member = self.running.iter().position(|&runs| runs).expect("one runs");
        let health = self.driver.health(member).await.expect("it was healthy");
        health.leader.expect("it has a leader")
    }

    /// `false`: a member has ended.
    async fn is_healthy_in_time(&self) -> bool {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut healths = Vec::new();
            for member in (0..self.running.len()).filter(|&member| self.running[member]) {
                let state = self.agent.state(&self.driver.files(member).name).await;
                if state.expect("a member").pid.is_none() {
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
        std::fs::read_to_string(self.driver.files(member).log).expect("its log")
    }
}
