//! What is around the node in a process? A thread that steps it, peers over TCP, and clients over HTTP.
//!
//! ```text
//! clients ─ HTTP ─▶ http ─▶ inputs ─▶ owner ─▶ Node ─▶ its disk
//!                                       │ ▲
//!                                       ▼ │
//!                                      peers ◀─ TCP ─▶ other members
//! ```
//!
//! The owner is one thread, since the disk blocks and so do failpoints. Everything else runs on tokio
//! and never waits for the disk.

mod admission;
mod frames;
mod http;
mod inputs;
mod log;
mod metrics;
mod owner;
mod peers;
mod ports;
mod refusal;
mod settings;

pub use ports::free_ports;
pub use settings::Settings;

use crate::Member;
use cluster_node::StepError;
use inputs::Inputs;
use metrics::Metrics;
use owner::{End, Owner, Parts};
use peers::{Local, Peers};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest time in the settings. Sums of such times, also in ticks, do not overflow.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long answers that are on their way may take when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// A member that runs. Dropping it does not stop the thread that steps its node: call
/// [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    client: SocketAddr,
    peer: SocketAddr,
    inputs: Inputs,
    /// `None` after the owner of the node has ended.
    owner: Option<oneshot::Receiver<End>>,
    stop_http: watch::Sender<bool>,
    http: JoinHandle<io::Result<()>>,
    listener: JoinHandle<()>,
}

/// Why a member cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot listen there.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The settings contradict each other.
    #[error("{0}")]
    Settings(String),
    /// The node cannot start from its disk.
    #[error("{0}")]
    Node(#[source] StepError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

impl Server {
    /// Starts a member, on the tokio runtime of the caller. It serves when this returns.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: &Settings) -> Result<Self, StartError> {
        check(settings)?;
        let peer_listener = listen(&settings.peer).await?;
        let client_listener = listen(&settings.client).await?;
        let address = |listener: &TcpListener, address: &str| {
            let error = |error| StartError::Listen { address: address.to_owned(), error };
            listener.local_addr().map_err(error)
        };
        let peer = address(&peer_listener, &settings.peer)?;
        let client = address(&client_listener, &settings.client)?;

        let metrics = Arc::new(Metrics::default());
        // The node answers within its own limit, unless it is stuck.
        let limit = settings.request_limit + settings.election * 2;
        let (inputs, work) = Inputs::new(limit, Arc::clone(&metrics));
        let cluster = settings.cluster_name.clone();
        let via = Arc::new(settings.peer_via.clone());
        let local = Local { cluster, id: settings.id, via, removed: Arc::default() };
        let sink = {
            let inputs = inputs.clone();
            Arc::new(move |event| inputs.peer(event))
        };
        let mut peers = Peers::new(local.clone(), Handle::current(), sink.clone());
        // Until the node knows its members.
        peers.set_members(&settings.members);
        let parts = Parts {
            settings: settings.node(),
            directory: settings.data.clone(),
            tick: settings.heartbeat,
            level: settings.log_level,
            work,
            peers,
            metrics: Arc::clone(&metrics),
        };
        let (ended, owner) = oneshot::channel();
        let owner_thread = Owner::start(parts).map_err(StartError::Node)?;
        thread::Builder::new()
            .name(format!("node-{}", settings.id))
            .spawn(move || {
                let _ = ended.send(owner_thread.run());
            })
            .map_err(StartError::Thread)?;

        let name = settings.name.clone();
        let app = http::App { inputs: inputs.clone(), metrics, tick: settings.heartbeat, name };
        let (stop_http, mut stopped) = watch::channel(false);
        let serving = axum::serve(client_listener, http::routes(app))
            .with_graceful_shutdown(async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            })
            .into_future();
        let http = tokio::spawn(serving);
        let listener = tokio::spawn(peers::listen(peer_listener, local, sink));
        log::info!("serving id={} clients={client} peers={peer}", settings.id);
        Ok(Self { client, peer, inputs, owner: Some(owner), stop_http, http, listener })
    }

    /// Where it listens for clients.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// Where it listens for peers.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Waits until the member has been removed from its cluster, or its node has ended otherwise.
    pub async fn ended(&mut self) {
        if let Some(owner) = &mut self.owner {
            let end = owner.await;
            self.owner = None;
            if end == Ok(End::Removed) {
                log::info!("this member was removed from the cluster");
            }
        }
    }

    /// Stops it: a leader hands over, requests that wait get their answers, watches end.
    pub async fn stop(self) {
        log::info!("stopping");
        if let Some(owner) = self.owner {
            let inputs = self.inputs;
            // It waits for a place in the queue, but not on a thread of the runtime.
            let asked = tokio::task::spawn_blocking(move || inputs.stop());
            let _ = timeout(STOP_LIMIT, asked).await;
            let _ = timeout(STOP_LIMIT, owner).await;
        }
        let _ = self.stop_http.send(true);
        let _ = timeout(STOP_LIMIT, self.http).await;
        self.listener.abort();
        log::info!("stopped");
    }
}

async fn listen(address: &str) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| StartError::Listen { address: address.to_owned(), error })
}

fn check(settings: &Settings) -> Result<(), StartError> {
    let Settings { id, members, .. } = settings;
    let refuse = |why: String| Err(StartError::Settings(why));
    if *id == 0 {
        return refuse("the number of a member is not 0".into());
    }
    if !members.is_empty() && !members.iter().any(|member| member.id == *id) {
        let ids: Vec<_> = members.iter().map(|Member { id, .. }| id.to_string()).collect();
        return refuse(format!("member {id} is not one of the members {}", ids.join(", ")));
    }
    for (index, member) in members.iter().enumerate() {
        let same = members[..index].iter().find(|other| other.peer == member.peer);
        if let Some(Member { id, peer, .. }) = same.filter(|other| other.id != member.id) {
            return refuse(format!("members {id} and {} have the same address {peer}", member.id));
        }
    }
    let times = [settings.heartbeat, settings.election, settings.request_limit];
    if times.iter().any(|time| *time > LONGEST) {
        return refuse("the times of heartbeats, elections and requests are at most a day".into());
    }
    if settings.heartbeat.is_zero() || settings.election < settings.heartbeat * 2 {
        return refuse("an election time-out is at least two heartbeats, which are not 0".into());
    }
    Ok(())
}

/// A thread that panics leaves its values as they were, and ends the process anyway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
