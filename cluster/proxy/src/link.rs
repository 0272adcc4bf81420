//! A link: it listens for connections, and passes each one on to its upstream, through its toxics.

use crate::connection;
use crate::counters::{Both, Counters};
use crate::effect::{Direction, Toxic, ToxicError};
use crate::event::{End, Event, Reason, Sink};
use crate::toxics::{Toxics, cut_name};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// How long a connection to the upstream may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted.
const REST: Duration = Duration::from_millis(50);

/// How a link is made.
#[derive(Clone)]
pub struct Settings {
    /// Its name, for events and random choices.
    pub name: String,
    /// Where it listens: `HOST:PORT`. With port 0 the system chooses one, which the link then keeps.
    pub listen: String,
    /// Where it connects to: `HOST:PORT`, resolved for each connection.
    pub upstream: String,
    /// What all its random choices come from, besides its name.
    pub seed: u64,
    /// How many connections it has at most. Each takes memory for two buffers of 1 MiB when its receivers
    /// do not read, or its bytes are delayed.
    pub max_connections: usize,
    /// Takes its events.
    pub sink: Option<Sink>,
}

impl Settings {
    /// A link to `upstream` at a free port of 127.0.0.1, with at most 512 connections.
    pub fn new(name: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: "127.0.0.1:0".into(),
            upstream: upstream.into(),
            seed: 0,
            max_connections: 512,
            sink: None,
        }
    }
}

/// What a link shares with its connections.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) toxics: Toxics,
    pub(crate) counts: Both,
    max_connections: usize,
    sink: Option<Sink>,
    upstream: Mutex<String>,
    resets: watch::Sender<()>,
    accepted: AtomicU64,
    open: AtomicUsize,
}

impl Shared {
    fn tell(&self, event: &Event) {
        if let Some(sink) = &self.sink {
            sink(&self.name, event);
        }
    }
}

/// A TCP proxy from one address to another, with [`Toxic`]s.
///
/// Its toxics and counters stay when it [stops](Self::stop) and [starts](Self::start) again. Dropping it
/// closes its listener and its connections.
///
/// ```
/// use failpoint_proxy::{Direction, Effect, Link, Settings, Toxic};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let server_address = server.local_addr()?;
/// let mut link = Link::new(Settings::new("redis", server_address.to_string()));
/// let address = link.start().await?;
/// let latency = Duration::from_millis(100);
/// let slow = Effect::Delay { latency, jitter: Duration::from_millis(20) };
/// link.add(Toxic::new("slow", Direction::Downstream, slow))?;
/// // Connect your client to `address`.
/// # let _ = address;
/// link.heal();
/// link.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Link {
    shared: Arc<Shared>,
    listen: String,
    running: Option<Running>,
}

/// Gives a link connections that another listener has accepted.
pub(crate) type Handover = mpsc::Sender<(TcpStream, SocketAddr)>;

/// How many connections wait to be taken over, at most.
const HANDED_OVER: usize = 64;

struct Running {
    address: SocketAddr,
    handover: Handover,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            // Its connections end with it.
            running.task.abort();
        }
    }
}

impl Link {
    /// A link that does not listen yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { name, listen, upstream, seed, max_connections, sink } = settings;
        let shared = Shared {
            name,
            seed,
            toxics: Toxics::new(),
            counts: Both::default(),
            max_connections,
            sink,
            upstream: Mutex::new(upstream),
            resets: watch::Sender::new(()),
            accepted: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared), listen, running: None }
    }

    /// Listens, if it does not already, and gives the address.
    ///
    /// # Errors
    /// The address cannot be resolved, or cannot be listened at.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub async fn start(&mut self) -> io::Result<SocketAddr> {
        if let Some(running) = &self.running {
            return Ok(running.address);
        }
        let listener = TcpListener::bind(&self.listen).await?;
        let address = listener.local_addr()?;
        self.listen = address.to_string();
        let (stop, stopped) = oneshot::channel();
        self.shared.tell(&Event::Listening(address));
        let (handover, handed) = mpsc::channel(HANDED_OVER);
        let task = tokio::spawn(serve(listener, handed, Arc::clone(&self.shared), stopped));
        self.running = Some(Running { address, handover, stop, task });
        Ok(address)
    }

    /// Closes its listener and its connections, and returns when all are closed. Does nothing if it does
    /// not listen.
    pub async fn stop(&mut self) {
        let Some(Running { stop, task, .. }) = self.running.take() else { return };
        let _ = stop.send(());
        // It does not panic, and nothing else aborts it.
        let _ = task.await;
        self.shared.tell(&Event::Stopped);
    }

    /// Where it takes over connections until it stops, if it runs.
    pub(crate) fn handover(&self) -> Option<Handover> {
        self.running.as_ref().map(|running| running.handover.clone())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where it listens, or will listen: as it was given until it was started.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// Where it listens, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.running.as_ref().map(|running| running.address)
    }

    /// Where it connects to.
    pub fn upstream(&self) -> String {
        self.upstream_lock().clone()
    }

    /// Makes it connect to another address, from the next connection on.
    pub fn set_upstream(&self, upstream: impl Into<String>) {
        *self.upstream_lock() = upstream.into();
    }

    /// Makes it listen elsewhere, from the next start on.
    pub fn set_listen(&mut self, listen: impl Into<String>) {
        self.listen = listen.into();
    }

    fn upstream_lock(&self) -> MutexGuard<'_, String> {
        self.shared.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a toxic. It acts on every byte that is passed after this returned, also on connections that
    /// are there. What waited for earlier toxics leaves at once, unless the new one drops it.
    ///
    /// # Errors
    /// [`Exists`](ToxicError::Exists), [`Invalid`](ToxicError::Invalid), or
    /// [`TooMany`](ToxicError::TooMany).
    pub fn add(&self, toxic: Toxic) -> Result<(), ToxicError> {
        self.shared.toxics.add(toxic)
    }

    /// Changes the toxicity and the values of the toxic of that name.
    ///
    /// # Errors
    /// [`NotFound`](ToxicError::NotFound), [`Kind`](ToxicError::Kind), or
    /// [`Invalid`](ToxicError::Invalid).
    pub fn update(&self, toxic: Toxic) -> Result<(), ToxicError> {
        self.shared.toxics.update(toxic)
    }

    /// Removes the toxic of that name, and gives it.
    ///
    /// # Errors
    /// [`NotFound`](ToxicError::NotFound).
    pub fn remove(&self, name: &str) -> Result<Toxic, ToxicError> {
        self.shared.toxics.remove(name)
    }

    /// Removes all toxics: what waits leaves at once, and connections that a
    /// [`Blackhole`](crate::Effect::Blackhole) acted on are reset.
    pub fn heal(&self) {
        self.shared.toxics.remove_all(|_| true);
    }

    /// Cuts one direction: a [`Blackhole`](crate::Effect::Blackhole) named `cut_upstream` or
    /// `cut_downstream`. While both are cut, no byte passes, and connections that are made are not passed
    /// on. Does nothing if it is cut.
    pub fn cut(&self, direction: Direction) {
        self.shared.toxics.cut(direction);
    }

    /// Ends [`cut`](Self::cut), and resets the connections that were cut. Does nothing if it is not cut.
    pub fn mend(&self, direction: Direction) {
        // Without that toxic, nothing is to be done.
        let _ = self.remove(cut_name(direction));
    }

    /// Its toxics: those upstream first, each direction in the order of their additions.
    pub fn toxics(&self) -> Vec<Toxic> {
        self.shared.toxics.list()
    }

    /// The toxic of that name.
    pub fn toxic(&self, name: &str) -> Option<Toxic> {
        self.shared.toxics.get(name)
    }

    /// Resets all its connections.
    pub fn reset_connections(&self) {
        self.shared.resets.send_replace(());
    }

    /// What passed in one direction since it was made.
    pub fn counters(&self, direction: Direction) -> Counters {
        self.shared.counts.of(direction).read()
    }

    /// How many connections it has now.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Relaxed)
    }
}

/// Accepts connections, and takes those of other listeners, until it is stopped. Dropping it ends all.
async fn serve(
    listener: TcpListener,
    mut handed: mpsc::Receiver<(TcpStream, SocketAddr)>,
    link: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            Some((client, address)) = handed.recv() => take(client, address, &link, &mut connections),
            accepted = listener.accept() => match accepted {
                Ok((client, address)) => take(client, address, &link, &mut connections),
                Err(error) => {
                    // Such as: too many open files.
                    link.tell(&Event::AcceptFailed(error));
                    sleep(REST).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

fn take(client: TcpStream, address: SocketAddr, link: &Arc<Shared>, connections: &mut JoinSet<()>) {
    if link.open.load(Relaxed) >= link.max_connections {
        link.tell(&Event::TooMany(address));
        return connection::reset(client);
    }
    let number = link.accepted.fetch_add(1, Relaxed);
    link.tell(&Event::Accepted { connection: number, client: address });
    let open = Open::new(Arc::clone(link));
    // Subscribed here: a reset that comes before the task runs is for it, too.
    let resets = link.resets.subscribe();
    connections.spawn(async move { connect(client, number, &open.0, resets).await });
}

/// Counts a connection as long as it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(link: Arc<Shared>) -> Self {
        link.open.fetch_add(1, Relaxed);
        Self(link)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

async fn connect(client: TcpStream, number: u64, link: &Shared, mut resets: watch::Receiver<()>) {
    if link.toxics.is_cut() {
        let end = connection::hold(client, link, resets).await;
        return link.tell(&Event::Ended { connection: number, end });
    }
    let upstream = link.upstream.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let connected = tokio::select! {
        connected = reach(&upstream) => connected,
        _ = resets.changed() => {
            connection::reset(client);
            return link.tell(&Event::Ended { connection: number, end: End::Reset(Reason::Asked) });
        }
    };
    match connected {
        Ok(server) => {
            let end = connection::run(client, server, number, link, resets).await;
            link.tell(&Event::Ended { connection: number, end });
        }
        Err(error) => {
            connection::reset(client);
            link.tell(&Event::ConnectFailed { connection: number, upstream, error });
        }
    }
}

async fn reach(upstream: &str) -> io::Result<TcpStream> {
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    timeout(CONNECT_LIMIT, TcpStream::connect(upstream)).await.map_err(|_| late())?
}
