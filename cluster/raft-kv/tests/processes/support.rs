//! Clusters of real processes for tests: on free ports, and ended by their ids.

#[cfg(feature = "failpoints")]
use failpoint_http::Client as Points;
use failpoint_proxy::{Mesh, MeshSettings};
use raft_kv::client::Client;
use raft_kv::server::free_ports;
#[cfg(feature = "failpoints")]
use reqwest::Method;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Bounds every wait, and only ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster. Dropping it kills its members.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    directory: TempDir,
    name: String,
}

/// One member, whether it runs or not.
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) client: String,
    pub(crate) peer: String,
    pub(crate) failpoints: String,
    arguments: Vec<String>,
    /// Variables of its environment.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    log: Log,
}

/// The lines that a process wrote to stderr.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    has_ended: bool,
}

impl Cluster {
    /// Starts `size` members with further arguments, and waits until they have a leader.
    pub(crate) async fn start(size: usize, arguments: &[&str]) -> Self {
        let mut cluster = Self::prepare_all(size, arguments);
        cluster.start_all().await;
        cluster
    }

    /// Starts `size` members that reach each other through the links of a mesh. Its members are numbered
    /// by their indices.
    pub(crate) async fn start_in_mesh(size: usize) -> (Self, Mesh) {
        let mut cluster = Self::prepare_all(size, &[]);
        let member = |member: &Member| failpoint_proxy::Member {
            name: format!("m{}", member.id),
            address: member.peer.clone(),
        };
        let members: Vec<_> = cluster.members.iter().map(member).collect();
        let mesh = Mesh::start(&members, MeshSettings::new(0)).await.unwrap();
        for (from, to) in mesh.pairs() {
            let via = format!("{}={}", cluster.members[to].id, mesh.address(from, to));
            cluster.members[from].arguments.extend(["--peer-via".to_owned(), via]);
        }
        cluster.start_all().await;
        (cluster, mesh)
    }

    fn prepare_all(size: usize, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("test-{}", directory.path().display());
        let mut cluster = Self { members: Vec::new(), directory, name };
        let ports: Vec<[u16; 3]> = (0..size).map(|_| free_ports().unwrap()).collect();
        let peers = ports.iter().enumerate();
        let peers: Vec<_> =
            peers.map(|(i, [_, peer, _])| format!("{}=127.0.0.1:{peer}", i + 1)).collect();
        for (i, ports) in ports.into_iter().enumerate() {
            cluster.prepare(i as u64 + 1, ports, &peers.join(","), arguments);
        }
        cluster
    }

    async fn start_all(&mut self) {
        for member in &mut self.members {
            member.start();
        }
        self.leader().await;
    }

    /// Adds a process that is not started yet.
    fn prepare(
        &mut self,
        id: u64,
        [client, peer, failpoints]: [u16; 3],
        peers: &str,
        more: &[&str],
    ) {
        let address = |port| format!("127.0.0.1:{port}");
        let (client, peer, failpoints) = (address(client), address(peer), address(failpoints));
        let data = self.data(id).to_string_lossy().into_owned();
        let arguments = [
            "serve",
            "--until-stdin-closes",
            "--cluster-name",
            &self.name,
            "--id",
            &id.to_string(),
            "--data-dir",
            &data,
            "--client",
            &client,
            "--peer",
            &peer,
            "--cluster",
            peers,
        ];
        let arguments = arguments.iter().chain(more).map(|text| (*text).to_owned()).collect();
        let environment = Vec::new();
        let member = Member { id, client, peer, failpoints, arguments, environment, running: None };
        self.members.push(member);
    }

    /// Prepares one more member, which joins; it is not started, and the others do not know it.
    pub(crate) fn prepare_joining(&mut self, more: &[&str]) -> usize {
        let id = self.members.len() as u64 + 1;
        let ports: [u16; 3] = free_ports().unwrap();
        let mut peers: Vec<_> =
            self.members.iter().map(|member| format!("{}={}", member.id, member.peer)).collect();
        peers.push(format!("{id}=127.0.0.1:{}", ports[1]));
        let more = [&["--join"], more].concat();
        self.prepare(id, ports, &peers.join(","), &more);
        self.members.len() - 1
    }

    /// Prepares the only member of another cluster, whose data are in `directory`.
    pub(crate) fn prepare_restored(&mut self, directory: &str) -> usize {
        let id = self.members.len() as u64 + 1;
        let [client, peer, failpoints]: [u16; 3] = free_ports().unwrap();
        self.prepare(id, [client, peer, failpoints], &format!("{id}=127.0.0.1:{peer}"), &[]);
        let index = self.members.len() - 1;
        let data = self.data(id).to_string_lossy().into_owned();
        for argument in &mut self.members[index].arguments {
            if *argument == data {
                directory.clone_into(argument);
            }
        }
        index
    }

    /// Prepares a member of a cluster with another name that believes the first member to be in it.
    pub(crate) fn prepare_stranger(&mut self) -> usize {
        let name = std::mem::replace(&mut self.name, "another".to_owned());
        let index = self.prepare_joining(&[]);
        self.members[index].arguments.retain(|argument| argument != "--join");
        self.name = name;
        index
    }

    fn data(&self, id: u64) -> PathBuf {
        self.directory.path().join(format!("member-{id}"))
    }

    /// Its name, which members say when they call each other.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A path in the directory of the cluster.
    pub(crate) fn file(&self, name: &str) -> String {
        self.directory.path().join(name).to_string_lossy().into_owned()
    }

    /// A client of all members.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.members.iter().map(|member| member.client.clone())).unwrap()
    }

    /// The index of the member that leads, and that a quorum follows; waits for it.
    pub(crate) async fn leader(&self) -> usize {
        eventually("a leader", async || {
            let mut leaders = Vec::new();
            for member in self.members.iter().filter(|member| member.running.is_some()) {
                if let Ok(status) = member.client().status().await {
                    leaders.push(status.leader);
                }
            }
            let leader = *leaders.iter().find(|leader| **leader != 0)?;
            let known = leaders.iter().filter(|other| **other == leader).count();
            let index = self.members.iter().position(|member| member.id == leader)?;
            (known > self.members.len() / 2 && self.members[index].running.is_some())
                .then_some(index)
        })
        .await
    }

    /// The index of a member that does not lead.
    pub(crate) async fn follower(&self) -> usize {
        let leader = self.leader().await;
        (0..self.members.len())
            .find(|&index| index != leader && self.members[index].running.is_some())
            .unwrap()
    }
}

impl Member {
    pub(crate) fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_raft-kv"))
            .args(&self.arguments)
            .env("GOFAIL_HTTP", &self.failpoints)
            .env_remove("GOFAIL_FAILPOINTS")
            .envs(self.environment.iter().copied())
            // Stays open as long as this process lives.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::of(child.stderr.take().unwrap(), &format!("member {}", self.id));
        self.running = Some(Running { child, log });
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// Asks it to end, with SIGTERM.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let running = self.running.as_ref().unwrap();
        let pid = rustix::process::Pid::from_child(&running.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut running = self.running.take().unwrap();
        running.log.wait_end();
        running.child.wait().unwrap()
    }

    /// A client of this member alone.
    pub(crate) fn client(&self) -> Client {
        Client::new([self.client.clone()]).unwrap()
    }

    /// The status and the body that its control plane answers to `curl -X METHOD -d BODY`.
    #[cfg(feature = "failpoints")]
    pub(crate) async fn curl(
        &self,
        method: Method,
        path: &str,
        body: &'static str,
    ) -> (u16, String) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/{path}", self.failpoints);
        let response = http.request(method, url).body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Its failpoints.
    #[cfg(feature = "failpoints")]
    pub(crate) fn points(&self) -> Points {
        Points::new(&self.failpoints).unwrap()
    }

    pub(crate) fn log(&self) -> Log {
        self.running.as_ref().unwrap().log.clone()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

impl Log {
    /// Reads on until the end, so that the process never blocks on its output.
    pub(crate) fn of(output: impl Read + Send + 'static, name: &str) -> Self {
        let (log, name) = (Log::default(), name.to_owned());
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                println!("{name}: {line}");
                lines.push(Some(line));
            }
            lines.push(None);
        });
        log
    }

    fn push(&self, line: Option<String>) {
        let (lines, changed) = &*self.0;
        let mut lines = lines.lock().unwrap();
        match line {
            Some(line) => lines.lines.push(line),
            None => lines.has_ended = true,
        }
        changed.notify_all();
    }

    /// Waits until there is a line with `text`, and returns it.
    pub(crate) fn wait_line(&self, text: &str) -> String {
        let found = self.wait(|lines| lines.lines.iter().find(|line| line.contains(text)).cloned());
        found.unwrap_or_else(|| panic!("the log has no line with {text:?}"))
    }

    fn wait_end(&self) {
        self.wait(|lines| lines.has_ended.then_some(())).expect("the process does not end");
    }

    fn wait<T>(&self, found: impl Fn(&Lines) -> Option<T>) -> Option<T> {
        let (lines, changed) = &*self.0;
        let deadline = Instant::now() + PATIENCE;
        let mut lines = lines.lock().unwrap();
        loop {
            if let Some(found) = found(&lines) {
                return Some(found);
            }
            let rest = deadline.checked_duration_since(Instant::now())?;
            if lines.has_ended {
                return None;
            }
            lines = changed.wait_timeout(lines, rest).unwrap().0;
        }
    }
}

/// Writes a key. The write may happen twice, where its outcome is unknown.
pub(crate) async fn write(client: &Client, key: &str, value: &str) {
    eventually("a write", async || client.put(key, value).await.ok()).await;
}

/// Runs the command `raft-kv`.
pub(crate) fn raft_kv(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_raft-kv"))
        .args(arguments)
        .env_remove("RAFT_KV_ENDPOINTS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Asks again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited {PATIENCE:?} for {what}");
}
