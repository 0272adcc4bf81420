//! Three members as processes, which end when the cluster is dropped.

use crate::servers::Servers;
use crate::subject::{POINT, Subject};
use failpoint_http::Client as Points;
use raft_kv::client::Client;
use raft_kv::server::free_ports;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const MEMBERS: u64 = 3;
/// How long an election may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Cluster {
    pub(crate) subject: Subject,
    members: Vec<Member>,
}

struct Member {
    client: String,
    failpoints: String,
    process: Child,
}

/// Who leads, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reign {
    leader: u64,
    term: u64,
}

impl Cluster {
    /// Starts the members, and arms nothing.
    pub(crate) fn start(subject: Subject, servers: &Servers, directory: &Path) -> Self {
        fs::create_dir(directory).expect("the directory of the run can be written");
        let server =
            if subject.is_compiled_in() { &servers.compiled_in } else { &servers.compiled_out };
        let address = |port| format!("127.0.0.1:{port}");
        let addresses: Vec<_> =
            (0..MEMBERS).map(|_| free_ports::<3>().expect("a free port").map(address)).collect();
        let peers: Vec<_> =
            addresses.iter().zip(1..).map(|([_, peer, _], id)| format!("{id}={peer}")).collect();
        let peers = peers.join(",");
        let members = addresses.into_iter().zip(1..).map(|([client, peer, failpoints], id)| {
            let log = File::create(directory.join(format!("{id}.log"))).expect("a log");
            let process = Command::new(server)
                .args(["serve", "--until-stdin-closes", "--id", &id.to_string()])
                .args(["--client", &client, "--peer", &peer, "--cluster", &peers])
                .arg("--cluster-name")
                .arg(directory)
                .arg("--data-dir")
                .arg(directory.join(id.to_string()))
                // Those of etcd, so that a busy machine makes no election.
                .args(["--heartbeat", "100ms", "--election", "1s"])
                // Of a server in use. The default is for tests, which want many snapshots.
                .args(["--snapshot-count", "10000", "--catch-up-entries", "5000"])
                .env("GOFAIL_HTTP", &failpoints)
                .env_remove("GOFAIL_FAILPOINTS")
                .env_remove("FAILPOINTS")
                // Stays open as long as this process lives, and ends the member with it.
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn();
            Member { client, failpoints, process: process.expect("the server runs") }
        });
        Self { subject, members: members.collect() }
    }

    /// A client of each member alone, which sends each request once.
    pub(crate) fn clients(&self) -> Vec<Client> {
        let of = |member: &Member| {
            let client = Client::new([member.client.clone()]).expect("it is an address");
            client.without_retries()
        };
        self.members.iter().map(of).collect()
    }

    /// Waits until all members follow one leader.
    pub(crate) async fn reign(&self) -> Reign {
        let clients = self.clients();
        let agreed = async {
            loop {
                let mut reigns = Vec::new();
                for client in &clients {
                    if let Ok(status) = client.status().await {
                        reigns.push(Reign { leader: status.leader, term: status.term });
                    }
                }
                let first = reigns.first().copied();
                if let Some(reign) = first.filter(|first| {
                    first.leader != 0
                        && reigns.len() == clients.len()
                        && reigns.iter().all(|reign| reign == first)
                }) {
                    return reign;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, agreed).await.expect("the members elect a leader")
    }

    /// Arms the point at each member.
    pub(crate) async fn arm(&self, terms: &str) {
        for points in self.points() {
            points.arm(POINT, terms).await.expect("the point is there").keep();
        }
    }

    /// How often the point was hit and has fired since it was armed, at all members.
    pub(crate) async fn counts(&self) -> (u64, u64) {
        let (mut hits, mut fires) = (0, 0);
        for points in self.points() {
            let point = points.get(POINT).await.expect("the point is there");
            hits += point.hits;
            fires += point.fires;
        }
        (hits, fires)
    }

    fn points(&self) -> impl Iterator<Item = Points> {
        self.members.iter().map(|member| Points::new(&member.failpoints).expect("an address"))
    }

    /// The time that cores spent on the members; `None` where the system does not say so in nanoseconds.
    pub(crate) fn core(&self) -> Option<Duration> {
        self.members.iter().map(|member| core(member.process.id())).sum()
    }
}

/// Of all threads of a process. Those of a member live as long as it does.
fn core(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let nanoseconds = threads.map(|thread| {
        let times = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<Option<u64>>().map(Duration::from_nanos)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Both can fail only if the member has ended.
        for member in &mut self.members {
            let _ = member.process.kill();
        }
        for member in &mut self.members {
            let _ = member.process.wait();
        }
    }
}
