//! Etcd's members on a network that fails.
#![cfg(target_os = "linux")]

mod support;

use failpoint_proxy::{Member, Mesh, MeshSettings, owner};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use support::{skipped, until};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const MEMBERS: usize = 3;

/// Members whose peers reach them through a mesh. Dropping it kills them.
struct Etcd {
    members: Vec<Child>,
    clients: Vec<SocketAddr>,
    mesh: Mesh,
    _directory: TempDir,
}

/// Addresses that were free a moment ago, on a loopback address of this process: no other one takes them.
async fn addresses() -> Vec<SocketAddr> {
    let [.., high, low] = std::process::id().to_be_bytes();
    let mut listeners = Vec::new();
    for _ in 0..MEMBERS {
        listeners.push(TcpListener::bind((Ipv4Addr::new(127, 77, high, low), 0)).await.unwrap());
    }
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

impl Etcd {
    async fn start() -> Self {
        let (peers, clients) = (addresses().await, addresses().await);
        let name = |n: usize| format!("m{n}");
        let member = |n: usize| Member { name: name(n), address: peers[n].to_string() };
        let members: Vec<_> = (0..MEMBERS).map(member).collect();
        let mut mesh = Mesh::start(&members, MeshSettings::new(0)).await.unwrap();
        let pids = Arc::new(Mutex::new(Vec::new()));
        let mut advertised = Vec::new();
        for n in 0..MEMBERS {
            let pids = Arc::clone(&pids);
            let who = Arc::new(move |caller, callee| {
                let pids: Vec<u32> = pids.lock().unwrap().clone();
                let pid = owner(caller, callee, &pids).unwrap()?;
                pids.iter().position(|other| *other == pid)
            });
            advertised.push(mesh.share(n, who).await.unwrap());
        }
        let cluster: Vec<_> =
            (0..MEMBERS).map(|n| format!("{}=http://{}", name(n), advertised[n])).collect();
        let directory = tempfile::tempdir().unwrap();
        // Held until all have started, so that no member calls before its process is known.
        let mut known = pids.lock().unwrap();
        let members = (0..MEMBERS).map(|n| {
            let child = Command::new("etcd")
                .args(["--name", &name(n), "--initial-cluster", &cluster.join(",")])
                .arg(format!("--listen-peer-urls=http://{}", peers[n]))
                .arg(format!("--initial-advertise-peer-urls=http://{}", advertised[n]))
                .arg(format!("--listen-client-urls=http://{}", clients[n]))
                .arg(format!("--advertise-client-urls=http://{}", clients[n]))
                .arg("--data-dir")
                .arg(directory.path().join(name(n)))
                .args(["--heartbeat-interval=50", "--election-timeout=500"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            known.push(child.id().unwrap());
            child
        });
        let members = members.collect();
        drop(known);
        Self { members, clients, mesh, _directory: directory }
    }

    /// What `etcdctl` says to these members, if it succeeds.
    async fn ask(&self, members: &[usize], arguments: &[&str]) -> Option<String> {
        let endpoints: Vec<_> = members.iter().map(|n| self.clients[*n].to_string()).collect();
        let asked = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .args([
                "--endpoints",
                &endpoints.join(","),
                "--command-timeout=2s",
                "--dial-timeout=1s",
            ])
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).into_owned())
    }

    /// Asks until it succeeds.
    async fn eventually(&self, members: &[usize], arguments: &[&str]) -> String {
        for _ in 0..60 {
            if let Some(answer) = self.ask(members, arguments).await {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("members {members:?} do not answer {arguments:?}");
    }

    /// The member that leads, as its own status says.
    async fn leader(&self, among: &[usize]) -> usize {
        for _ in 0..60 {
            for member in among {
                let status = self.eventually(&[*member], &["endpoint", "status"]).await;
                // Address, number, version, size, leads.
                if status.split(", ").nth(4) == Some("true") {
                    return *member;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("no leader among {among:?}");
    }
}

#[tokio::test]
async fn an_isolated_leader_is_replaced_and_no_byte_passes_it() {
    for program in ["etcd", "etcdctl"] {
        let mut try_it = Command::new(program);
        try_it.arg("--help").stdout(Stdio::null()).stderr(Stdio::null());
        if !try_it.status().await.is_ok_and(|status| status.success()) {
            return skipped("etcd-server and etcd-client");
        }
    }
    let etcd = Etcd::start().await;
    let all: Vec<_> = (0..MEMBERS).collect();
    etcd.eventually(&all, &["put", "k", "before"]).await;
    let leader = etcd.leader(&all).await;
    let sent = |from: usize, to: usize| etcd.mesh.sent(from, to).passed;
    until("all members speak to each other", || {
        etcd.mesh.pairs().all(|(from, to)| sent(from, to) > 0)
    })
    .await;
    let outside = |member: usize| etcd.mesh.sent(member, member).passed;
    assert!(all.iter().all(|member| outside(*member) == 0), "a member was not recognised");

    etcd.mesh.isolate(leader);
    let before = etcd.mesh.traffic(leader);
    let others: Vec<_> = all.iter().copied().filter(|member| *member != leader).collect();
    etcd.eventually(&others, &["put", "k", "after"]).await;
    assert!(etcd.leader(&others).await != leader);
    let traffic = etcd.mesh.traffic(leader).since(before);
    assert_eq!(traffic.passed, 0);
    assert!(traffic.dropped > 0);
    assert_eq!(etcd.ask(&[leader], &["get", "k"]).await, None, "a read without a quorum");

    etcd.mesh.heal();
    let read = etcd.eventually(&[leader], &["get", "k", "--print-value-only"]).await;
    assert_eq!(read.trim(), "after");
    let Etcd { members, mesh, .. } = etcd;
    for mut member in members {
        member.kill().await.unwrap();
    }
    mesh.stop().await;
}
