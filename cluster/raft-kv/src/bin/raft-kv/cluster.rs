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
    /// Where the members have their data and their logs. A cluster that ran there before goes on, at the
    /// same addresses. If it is left out: a new directory, which is removed at the end.
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

/// The file in the directory of a cluster with a line for each member: where it listens for clients and
/// for peers, and where its failpoints are armed. The data of the members have these addresses too.
const ADDRESSES: &str = "addresses";

/// The addresses of each member: those of the cluster that ran in this directory before, or new ones.
fn addresses(members: u64, directory: &Path) -> Done<Vec<[String; 3]>> {
    let file = directory.join(ADDRESSES);
    let failed = |error| format!("cannot use {}: {error}", file.display());
    if !fs::exists(&file).map_err(failed)? {
        let mut all = Vec::new();
        for _ in 0..members {
            all.push(free_ports::<3>()?.map(|port| format!("127.0.0.1:{port}")));
        }
        let lines: String = all.iter().map(|member| member.join(" ") + "\n").collect();
        fs::write(&file, lines).map_err(failed)?;
        return Ok(all);
    }
    let text = fs::read_to_string(&file).map_err(failed)?;
    let found = text.lines().map(|line| {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        words.try_into().map_err(|_| format!("{} is damaged: {line}", file.display()))
    });
    let found = found.collect::<Result<Vec<[String; 3]>, _>>()?;
    if found.len() as u64 != members {
        let (directory, found) = (directory.display(), found.len());
        let why = format!(
            "{directory} has a cluster of {found} members; write --members {found}, or choose another directory"
        );
        return Err(why.into());
    }
    Ok(found)
}

/// Says how each member is started.
fn plan(arguments: &Arguments, directory: &Path) -> Done<Vec<Member>> {
    let addresses = addresses(arguments.members, directory)?;
    let peers: Vec<_> =
        addresses.iter().zip(1..).map(|([_, peer, _], id)| format!("{id}={peer}")).collect();
    let peers = peers.join(",");
    let members = addresses.into_iter().zip(1..).map(|([client, peer, failpoints], id)| {
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
        running.push(Some(member.start()?));
    }
    let client = Client::new(members.iter().map(|member| member.client.clone()))?;
    let mut elected = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            (index, status) = first_end(&mut running) => {
                let member = &members[index];
                if last_lines(&member.log).contains("this member was removed from the cluster") {
                    println!("member {} was removed from the cluster", member.id);
                    running[index] = None;
                    continue;
                }
                println!("member {} has ended: {status}; its log is {}", member.id, member.log.display());
                if !elected {
                    return Err(format!("member {} does not run:\n{}", member.id, last_lines(&member.log)).into());
                }
                sleep(REST).await;
                running[index] = Some(member.start()?);
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
async fn first_end(running: &mut [Option<Running>]) -> (usize, String) {
    poll_fn(|context| {
        for (index, member) in running.iter_mut().enumerate() {
            let Some(member) = member else { continue };
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
async fn stop(running: Vec<Option<Running>>) -> Done {
    let (children, pipes): (Vec<_>, Vec<_>) =
        running.into_iter().flatten().map(|member| (member.child, member.stdin)).unzip();
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
