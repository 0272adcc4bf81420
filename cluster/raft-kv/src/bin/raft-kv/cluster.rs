//! `raft-kv cluster`: members as child processes, on free ports, which end with this command.

use crate::Done;
use raft_kv::client::Client;
use raft_kv::server::free_ports;
use std::env;
use std::fs;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::task::Poll;
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

/// How long the members have until one leads.
const ELECTION_LIMIT: Duration = Duration::from_secs(30);
/// How long members may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long after its end a member is started again.
const REST: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many members.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=9))]
    members: u64,
    /// Where the members have their data and their logs. A directory of this command's, removed at
    /// its end, if it is left out.
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Further arguments for each member, such as `--snapshot-count 10`.
    #[arg(last = true, value_name = "ARGUMENTS OF `raft-kv serve`")]
    serve: Vec<String>,
}

/// One member, and how it is started.
struct Member {
    id: u64,
    client: String,
    failpoints: String,
    arguments: Vec<String>,
    log: PathBuf,
}

pub(crate) fn main(arguments: &Arguments) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Removed at the end of this function; empty with `--data-dir`.
    let temporary = tempfile::Builder::new().prefix("raft-kv-").tempdir()?;
    let directory = arguments.data_dir.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(directory)
        .map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let directory = directory.canonicalize()?;
    let members = plan(arguments, &directory)?;
    runtime.block_on(run(&members, &directory))
}

/// Chooses ports, and says how each member is started.
fn plan(arguments: &Arguments, directory: &Path) -> Done<Vec<Member>> {
    let address = |port| format!("127.0.0.1:{port}");
    let mut ports = Vec::new();
    for _ in 0..arguments.members {
        ports.push(free_ports::<3>()?.map(address));
    }
    let peers: Vec<_> =
        ports.iter().zip(1..).map(|([_, peer, _], id)| format!("{id}={peer}")).collect();
    let peers = peers.join(",");
    let members = ports.into_iter().zip(1..).map(|([client, peer, failpoints], id)| {
        let data = directory.join(format!("member-{id}")).display().to_string();
        // Two clusters of one machine may come to use the same ports.
        let cluster = directory.display().to_string();
        let flags = [
            ("--id", id.to_string()),
            ("--data-dir", data),
            ("--client", client.clone()),
            ("--peer", peer),
            ("--cluster", peers.clone()),
            ("--cluster-name", cluster),
        ];
        let mut all = vec!["serve".to_owned()];
        for (name, value) in flags {
            all.extend([name.to_owned(), value]);
        }
        all.extend(arguments.serve.iter().cloned());
        let log = directory.join(format!("member-{id}.log"));
        Member { id, client, failpoints, arguments: all, log }
    });
    Ok(members.collect())
}

/// Runs the members until this command is told to end.
async fn run(members: &[Member], directory: &Path) -> Done {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut running = Vec::new();
    for member in members {
        running.push(member.start()?);
    }
    let client = Client::new(members.iter().map(|member| member.client.clone()))?;
    let mut elected = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            (index, status) = first_end(&mut running) => {
                let member = &members[index];
                println!("member {} has ended: {status}; its log is {}", member.id, member.log.display());
                if !elected {
                    return Err(format!("member {} does not run:\n{}", member.id, last_lines(&member.log)).into());
                }
                sleep(REST).await;
                running[index] = member.start()?;
                println!("member {} runs again", member.id);
            }
            found = lead(&client), if !elected => {
                let leader = found?;
                elected = true;
                introduce(members, directory, leader)?;
            }
        }
    }
    stop(running).await
}

/// Waits until the members have a leader.
async fn lead(client: &Client) -> Done<u64> {
    let found = timeout(ELECTION_LIMIT, async {
        loop {
            match client.status().await {
                Ok(status) if status.leader != 0 => return status.leader,
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    });
    Ok(found.await.map_err(|_| format!("the members have no leader after {ELECTION_LIMIT:?}"))?)
}

/// The first member that ends, and how.
async fn first_end(running: &mut [Running]) -> (usize, String) {
    poll_fn(|context| {
        for (index, member) in running.iter_mut().enumerate() {
            if let Poll::Ready(status) = pin!(member.child.wait()).poll(context) {
                let status = status.map(|status| status.to_string());
                return Poll::Ready((index, status.unwrap_or_else(|error| error.to_string())));
            }
        }
        Poll::Pending
    })
    .await
}

/// Lets the members stop, by the end of their standard input.
async fn stop(running: Vec<Running>) -> Done {
    let (children, pipes): (Vec<_>, Vec<_>) =
        running.into_iter().map(|member| (member.child, member.stdin)).unzip();
    drop(pipes);
    for mut child in children {
        if timeout(STOP_LIMIT, child.wait()).await.is_err() {
            child.kill().await?;
        }
    }
    Ok(())
}

/// A member that runs.
struct Running {
    child: Child,
    /// Stays open as long as this process lives, however that ends. Its end stops the member.
    stdin: Option<ChildStdin>,
}

impl Member {
    fn start(&self) -> Done<Running> {
        let log = fs::OpenOptions::new().append(true).create(true).open(&self.log);
        let log = log.map_err(|error| format!("cannot open {}: {error}", self.log.display()))?;
        let mut child = Command::new(env::current_exe()?)
            .args(&self.arguments)
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("GOFAIL_HTTP", &self.failpoints)
            .kill_on_drop(true)
            .spawn()?;
        // Waiting for a child would close its standard input.
        let stdin = child.stdin.take();
        Ok(Running { child, stdin })
    }
}

/// Says how to talk to the members, in lines to copy.
fn introduce(members: &[Member], directory: &Path, leader: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} members run; Ctrl-C ends them. Data and logs: {}\n",
        members.len(),
        directory.display()
    )?;
    writeln!(out, "  member    clients            failpoints")?;
    for Member { id, client, failpoints, .. } in members {
        let leads = if *id == leader { "  leads" } else { "" };
        writeln!(out, "  {id:<8}  {client:<17}  {failpoints:<17}{leads}")?;
    }
    let endpoints: Vec<_> = members.iter().map(|member| member.client.as_str()).collect();
    let Some(first) = members.first() else { return Ok(()) };
    let leads = members.iter().find(|member| member.id == leader).unwrap_or(first);
    let (client, failpoints) = (&first.client, &leads.failpoints);
    writeln!(
        out,
        "
Write and read, through any member:
  curl -X PUT -d hello {client}/v1/kv/greeting
  curl {client}/v1/kv/greeting
  curl -N '{client}/v1/watch?from=a&to=z'
  export RAFT_KV_ENDPOINTS={}
  raft-kv status

Arm failpoints of member {leader}, which leads:
  curl {failpoints}
  curl -X PUT -d 'sleep(100)' {failpoints}/raftAfterSave
  curl {failpoints}/raftAfterSave/count
  curl -X DELETE {failpoints}/raftAfterSave

A member that ends, such as by `panic`, is started again after a second.",
        endpoints.join(",")
    )?;
    out.flush()
}

/// What a log ends with.
fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
