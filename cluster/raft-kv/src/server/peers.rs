//! How do messages of raft reach the other members?
//!
//! A member calls every other one, and sends on the connections that it made. Each peer has a bounded
//! queue: what does not fit is dropped, because raft sends again what matters. Raft is told which peers
//! cannot be reached, and whether a snapshot left.

use super::admission;
use super::frames::{self, FrameError, Handshake, MAX_HANDSHAKE, MAX_MESSAGE};
use super::locked;
use super::log::{info, warn_line};
use crate::Member;
use protobuf::Message as _;
use raft::SnapshotStatus;
use raft::eraftpb::{Message, MessageType};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How many messages wait for a peer at most.
const QUEUE: usize = 1_024;
/// How many bytes wait for a peer at most. One message may be larger.
const QUEUE_BYTES: usize = 64 << 20;
/// How many connections of peers are open at most.
const CONNECTIONS: usize = 256;
/// How long a connection and its handshake may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long a peer may take no bytes.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait after a failure.
const REST: Duration = Duration::from_millis(20);

/// What happens on the connections to and from peers.
#[derive(Debug)]
pub(super) enum Event {
    /// A message arrived.
    Message(Message),
    /// Messages to this member do not arrive.
    Unreachable(u64),
    /// A snapshot for this member left, or did not.
    Snapshot(u64, SnapshotStatus),
    /// A peer says that this member was removed from the cluster.
    Removed,
}

/// Takes events. It must not block.
pub(super) type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// Who this member is, and whom it does not listen to.
#[derive(Clone, Debug)]
pub(super) struct Local {
    /// The name of its cluster.
    pub(super) cluster: String,
    /// Its number.
    pub(super) id: u64,
    /// Where it calls others, if not at their addresses.
    pub(super) via: Arc<BTreeMap<u64, String>>,
    /// The members that were removed while it runs. No leader tells them, so its peers do. It is not kept on
    /// the disk, so a removed member that calls after the others were started again is not told. That does no
    /// harm: with `check_quorum`, raft ignores its calls for votes while there is a leader.
    pub(super) removed: Arc<Mutex<BTreeSet<u64>>>,
}

impl Local {
    fn is_removed(&self, id: u64) -> bool {
        locked(&self.removed).contains(&id)
    }
}

/// The answer to the handshake of a member that was removed.
const REMOVED: &str = "the caller was removed from the cluster";

/// The other members. Dropping it ends the connections to them.
pub(super) struct Peers {
    local: Local,
    runtime: Handle,
    sink: Sink,
    peers: HashMap<u64, Peer>,
}

struct Peer {
    address: String,
    queue: mpsc::Sender<Message>,
    bytes: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peers {
    pub(super) fn new(local: Local, runtime: Handle, sink: Sink) -> Self {
        Self { local, runtime, sink, peers: HashMap::new() }
    }

    /// From now on, the members are these.
    pub(super) fn set_members(&mut self, members: &[Member]) {
        let address = |id| members.iter().find(|member| member.id == id).map(|member| &member.peer);
        self.peers.retain(|&id, peer| address(id) == Some(&peer.address));
        for Member { id, peer, .. } in members {
            if *id != self.local.id && !self.peers.contains_key(id) {
                let started = self.start(*id, peer.clone());
                self.peers.insert(*id, started);
            }
        }
    }

    /// Does not listen to a member any more that was removed; to one that was added, again.
    pub(super) fn set_removed(&mut self, id: u64, is_removed: bool) {
        let mut removed = locked(&self.local.removed);
        if is_removed {
            removed.insert(id);
        } else {
            removed.remove(&id);
        }
    }

    /// Sends a message, or drops it if the peer is not known or takes too little. Returns whether it
    /// found a place in the queue.
    pub(super) fn send(&mut self, to: u64, message: Message) -> bool {
        let size = message.compute_size() as usize;
        let is_sent = self.peers.get(&to).is_some_and(|peer| {
            let before = peer.bytes.fetch_add(size, Ordering::Relaxed);
            let fits = before == 0 || before + size <= QUEUE_BYTES;
            let is_sent = fits && peer.queue.try_send(message.clone()).is_ok();
            if !is_sent {
                peer.bytes.fetch_sub(size, Ordering::Relaxed);
            }
            is_sent
        });
        if !is_sent {
            lost(&self.sink, to, &message);
        }
        is_sent
    }

    fn start(&self, id: u64, address: String) -> Peer {
        let (sender, queue) = mpsc::channel(QUEUE);
        let bytes = Arc::new(AtomicUsize::new(0));
        let caller = Caller {
            hello: Handshake { cluster: self.local.cluster.clone(), from: self.local.id, to: id },
            address: self.local.via.get(&id).unwrap_or(&address).clone(),
            bytes: Arc::clone(&bytes),
            sink: Arc::clone(&self.sink),
            is_down: false,
        };
        let task = self.runtime.spawn(caller.run(queue));
        Peer { address, queue: sender, bytes, task }
    }
}

fn lost(sink: &Sink, to: u64, message: &Message) {
    sink(Event::Unreachable(to));
    if message.get_msg_type() == MessageType::MsgSnapshot {
        sink(Event::Snapshot(to, SnapshotStatus::Failure));
    }
}

/// The task that sends to one peer.
struct Caller {
    hello: Handshake,
    address: String,
    bytes: Arc<AtomicUsize>,
    sink: Sink,
    /// Whether the last attempt failed, so that the log has a line for each change, and no more.
    is_down: bool,
}

/// A connection to a peer, which never sends anything after the handshake.
struct Connection {
    from: OwnedReadHalf,
    to: BufWriter<OwnedWriteHalf>,
}

impl Caller {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut connection = None;
        while let Some(message) = self.next(&mut queue, &mut connection).await {
            let mut batch = vec![message];
            while let Ok(message) = queue.try_recv() {
                batch.push(message);
            }
            let size = batch.iter().map(|message| message.compute_size() as usize).sum();
            let sent = self.send(&batch, &mut connection).await;
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            match sent {
                Ok(()) => {
                    let snapshots = batch
                        .iter()
                        .filter(|message| message.get_msg_type() == MessageType::MsgSnapshot);
                    for _ in snapshots {
                        (self.sink)(Event::Snapshot(self.hello.to, SnapshotStatus::Finish));
                    }
                }
                Err(error) => {
                    connection = None;
                    if !self.is_down {
                        warn_line!(
                            "peer unreachable to={} address={} error={error:?}",
                            self.hello.to,
                            self.address
                        );
                    }
                    self.is_down = true;
                    batch.iter().for_each(|message| lost(&self.sink, self.hello.to, message));
                    sleep(REST).await;
                }
            }
        }
    }

    /// The next message. Meanwhile, a connection that the peer closes is dropped.
    async fn next(
        &self,
        queue: &mut mpsc::Receiver<Message>,
        connection: &mut Option<Connection>,
    ) -> Option<Message> {
        if let Some(open) = connection {
            let mut byte = [0];
            tokio::select! {
                message = queue.recv() => return message,
                _ = open.from.read(&mut byte) => {}
            }
            *connection = None;
        }
        queue.recv().await
    }

    async fn send(
        &mut self,
        batch: &[Message],
        connection: &mut Option<Connection>,
    ) -> Result<(), String> {
        let open = match connection {
            Some(open) => open,
            None => {
                let called = timeout(CONNECT_LIMIT, self.call()).await;
                let opened =
                    called.map_err(|_| format!("no answer within {CONNECT_LIMIT:?}"))??;
                info!("peer connected to={} address={}", self.hello.to, self.address);
                self.is_down = false;
                connection.insert(opened)
            }
        };
        for message in batch {
            let payload = message.write_to_bytes().map_err(|error| error.to_string())?;
            within(frames::write(&mut open.to, &payload)).await?;
        }
        within(open.to.flush()).await
    }

    async fn call(&self) -> Result<Connection, String> {
        let text = |error: io::Error| error.to_string();
        let stream = TcpStream::connect(&self.address).await.map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let (mut from, to) = stream.into_split();
        let mut to = BufWriter::new(to);
        frames::write(&mut to, self.hello.to_string().as_bytes()).await.map_err(text)?;
        to.flush().await.map_err(text)?;
        match frames::read(&mut from, MAX_HANDSHAKE).await.map_err(|error| error.to_string())? {
            Some(answer) if answer.is_empty() => Ok(Connection { from, to }),
            Some(refusal) => {
                if refusal == REMOVED.as_bytes() {
                    (self.sink)(Event::Removed);
                }
                Err(String::from_utf8_lossy(&refusal).into_owned())
            }
            None => Err("it closed the connection".into()),
        }
    }
}

async fn within(writing: impl Future<Output = io::Result<()>>) -> Result<(), String> {
    match timeout(WRITE_LIMIT, writing).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it takes no bytes for {WRITE_LIMIT:?}")),
    }
}

/// The connection of each member that calls. Dropping the sender ends it.
type Callers = Arc<Mutex<HashMap<u64, oneshot::Sender<Infallible>>>>;

/// Accepts connections of peers until the process ends.
pub(super) async fn listen(listener: TcpListener, local: Local, sink: Sink) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let callers = Callers::default();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (local, sink) = (local.clone(), Arc::clone(&sink));
                let callers = Arc::clone(&callers);
                tokio::spawn(async move {
                    let _permit = permit;
                    if let Err(error) = take(stream, &local, &callers, &sink).await {
                        warn_line!("peer connection ended error={:?}", error.to_string());
                    }
                });
            }
            // For example without free descriptors.
            Err(error) => {
                warn_line!("no peer connection accepted error={:?}", error.to_string());
                sleep(REST).await;
            }
        }
    }
}

/// Takes the messages of one connection.
async fn take(
    stream: TcpStream,
    local: &Local,
    callers: &Callers,
    sink: &Sink,
) -> Result<(), FrameError> {
    stream.set_nodelay(true)?;
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let greeting = frames::read(&mut from, MAX_HANDSHAKE);
    let greeting = timeout(CONNECT_LIMIT, greeting).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "no handshake arrives").into())
    })?;
    let Some(greeting) = greeting else { return Ok(()) };
    let admitted = admit(&greeting, local);
    let answer = admitted.as_ref().err().map_or("", String::as_str);
    frames::write(&mut to, answer.as_bytes()).await?;
    let peer = admitted.map_err(|why| io::Error::other(format!("refused a peer: {why}")))?;
    let replaced = replace(callers, peer);
    tokio::select! {
        ended = take_messages(&mut from, peer, local, sink) => ended,
        _ = replaced => Ok(()),
    }
}

/// A member calls once at a time. One that calls again has lost its connection, of which this side may never
/// hear. Returns what ends when the member calls again.
fn replace(callers: &Callers, peer: u64) -> oneshot::Receiver<Infallible> {
    let (caller, replaced) = oneshot::channel();
    let mut callers = locked(callers);
    callers.retain(|_, caller| !caller.is_closed());
    callers.insert(peer, caller);
    replaced
}

async fn take_messages(
    from: &mut BufReader<OwnedReadHalf>,
    peer: u64,
    local: &Local,
    sink: &Sink,
) -> Result<(), FrameError> {
    while let Some(payload) = frames::read(from, MAX_MESSAGE).await? {
        // It calls again, and is told.
        if local.is_removed(peer) {
            return Ok(());
        }
        let message = Message::parse_from_bytes(&payload).map_err(io::Error::other)?;
        if let Some(fault) = admission::fault(&message, peer, local.id) {
            return Err(io::Error::other(fault).into());
        }
        sink(Event::Message(message));
    }
    Ok(())
}

/// The member that calls, or why it is refused.
fn admit(greeting: &[u8], local: &Local) -> Result<u64, String> {
    let Some(hello) = Handshake::parse(greeting) else {
        return Err("this is the port for peers of a raft-kv, and they greet in another way".into());
    };
    if local.is_removed(hello.from) {
        return Err(REMOVED.to_owned());
    }
    hello.refusal(&local.cluster, local.id).map_or(Ok(hello.from), Err)
}
