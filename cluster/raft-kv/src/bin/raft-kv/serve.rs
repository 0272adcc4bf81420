//! `raft-kv serve` and `raft-kv restore`: one member, and its data.

use crate::Done;
use clap::value_parser;
use cluster_node::Level;
use raft_kv::Member;
use raft_kv::server::{Server, Settings};
use raft_kv::wire::is_address;
use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The failpoints of the member are armed at the address in the environment variable GOFAIL_HTTP.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The number of the member; not 0. Do not use that of a removed member again: nothing refuses it.
    #[arg(long)]
    id: u64,
    /// The name that the member gives itself; else it has the one under which it was added.
    #[arg(long)]
    name: Option<String>,
    /// Where its log and its state are.
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// Where it listens for clients.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2379")]
    client: String,
    /// Where it listens for peers.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2380")]
    peer: String,
    /// The members, with the address of this one as the others see it. Not needed for a cluster of one,
    /// nor by a member that has data.
    #[arg(long, value_name = "1=HOST:PORT,2=…", value_delimiter = ',', value_parser = member)]
    cluster: Vec<Member>,
    /// Where this member reaches others, if not at their addresses: proxies, in a test of the network. The
    /// others are not told.
    #[arg(long, value_name = "2=HOST:PORT,3=…", value_delimiter = ',', value_parser = member)]
    peer_via: Vec<Member>,
    /// The name of the cluster. Members of two clusters refuse each other.
    #[arg(long, value_name = "NAME", default_value = "raft-kv")]
    cluster_name: String,
    /// The member joins a cluster that runs, to which it was added with `raft-kv member add`.
    #[arg(long)]
    join: bool,
    /// The time between two heartbeats.
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = humantime::parse_duration)]
    heartbeat: Duration,
    /// Without a leader for this long, up to twice as long, the member campaigns.
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = humantime::parse_duration)]
    election: Duration,
    /// How long a request may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    request_limit: Duration,
    /// Ask for votes before the term is raised. Then a member that hears no heartbeats, but is heard,
    /// makes no election.
    #[arg(long)]
    pre_vote: bool,
    /// After so many applied entries, the member makes a snapshot.
    #[arg(long, value_name = "ENTRIES", default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    snapshot_count: u64,
    /// So many entries stay in the log before a snapshot.
    #[arg(long, value_name = "ENTRIES", default_value_t = 50)]
    catch_up_entries: u64,
    /// The least important lines of the log: debug, info, warn or error.
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = level)]
    log_level: Level,
    /// Stop when standard input ends: a parent that ends in any way takes its members with it.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

#[derive(clap::Args)]
pub(crate) struct RestoreArguments {
    /// The file that `raft-kv snapshot` wrote.
    snapshot: PathBuf,
    /// The directory to make. It must be empty, or not exist.
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// The number of the only member.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u64).range(1..))]
    id: u64,
    /// The name of the member; `m` and its number if it is left out.
    #[arg(long)]
    name: Option<String>,
    /// Where its peers will connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2380", value_parser = address)]
    peer: String,
    /// Where its clients will connect.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2379", value_parser = address)]
    client: String,
}

pub(crate) fn main(arguments: &Arguments) -> Done {
    end_at_a_panic();
    // Before the control plane starts: /v1/ext/disk, which cuts the power.
    failpoint_disk::extend_control()?;
    // Before the node starts, so that points of a restart can be armed.
    let _control = failpoint_http::serve_from_env()?;
    let settings = arguments.settings();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(serve(&settings, arguments.until_stdin_closes));
    // The reader of standard input may block forever.
    runtime.shutdown_background();
    served
}

async fn serve(settings: &Settings, until_stdin_closes: bool) -> Done {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut server = Server::start(settings).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_closes(), if until_stdin_closes => {}
        () = server.ended() => {}
    }
    server.stop().await;
    Ok(())
}

/// A panic on any thread, such as that of a failpoint, ends the process as a crash does. Otherwise the
/// thread that steps the node would end alone, and leave a server that answers nothing.
fn end_at_a_panic() {
    /// The status of a program whose main thread panicked.
    const PANICKED: i32 = 101;
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        process::exit(PANICKED);
    }));
}

async fn stdin_closes() {
    let (tell, closed) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = tell.send(());
    });
    let _ = closed.await;
}

pub(crate) fn restore(arguments: &RestoreArguments) -> Done {
    let RestoreArguments { snapshot, data_dir, id, name, peer, client } = arguments;
    let bytes = fs::read(snapshot)
        .map_err(|error| format!("cannot read {}: {error}", snapshot.display()))?;
    let name = name.clone().unwrap_or_else(|| format!("m{id}"));
    let member = Member { id: *id, name, peer: peer.clone(), client: client.clone() };
    raft_kv::restore(data_dir, &bytes, member)
        .map_err(|error| format!("cannot restore into {}: {error}", data_dir.display()))?;
    println!("restored; start it with: raft-kv serve --id {id} --data-dir {}", data_dir.display());
    Ok(())
}

impl Arguments {
    fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.id, &self.data_dir);
        if let Some(name) = &self.name {
            settings.name.clone_from(name);
        }
        settings.cluster_name.clone_from(&self.cluster_name);
        settings.client.clone_from(&self.client);
        settings.peer.clone_from(&self.peer);
        settings.members.clone_from(&self.cluster);
        let via = self.peer_via.iter().map(|member| (member.id, member.peer.clone()));
        settings.peer_via = via.collect();
        settings.join = self.join;
        settings.heartbeat = self.heartbeat;
        settings.election = self.election;
        settings.request_limit = self.request_limit;
        settings.pre_vote = self.pre_vote;
        settings.snapshot_count = self.snapshot_count;
        settings.catch_up_entries = self.catch_up_entries;
        settings.log_level = self.log_level;
        settings
    }
}

fn member(text: &str) -> Result<Member, String> {
    let wrong = || format!("`{text}` is not a member: write 1=HOST:PORT");
    let (id, peer) = text.split_once('=').ok_or_else(wrong)?;
    let id: u64 = id.parse().map_err(|_| wrong())?;
    if id == 0 || !is_address(peer) {
        return Err(wrong());
    }
    Ok(Member { id, name: format!("m{id}"), peer: peer.to_owned(), client: String::new() })
}

fn address(text: &str) -> Result<String, String> {
    if is_address(text) { Ok(text.to_owned()) } else { Err("write HOST:PORT".to_owned()) }
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "debug" => Ok(Level::Debug),
        "info" => Ok(Level::Info),
        "warn" => Ok(Level::Warn),
        "error" => Ok(Level::Error),
        _ => Err("write debug, info, warn or error".to_owned()),
    }
}
