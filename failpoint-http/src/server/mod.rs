//! The listener: starts it, accepts connections, and stops it.
//!
//! It has its own thread and runtime, so it answers even if all workers of the server are paused or
//! blocked.

pub(crate) mod listener;
pub(crate) mod port_file;
pub(crate) mod runtime;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

use self::listener::{ClosedInChildren, Listening, Socket};
use self::port_file::PortFile;
use self::runtime::OwnRuntime;
use self::settings::Settings;
use crate::address::Address;
use crate::change::first;
use crate::conn::crowd::Crowd;
use crate::conn::io::TrackedIo;
use crate::conn::reserve_fd::ReserveFd;
use crate::conn::{Connection, Limits};
use crate::env;
use crate::error::ServeError;
use crate::http::access::Access;
use crate::http::axum;
use failpoint::__bridge::control;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::mem;
use std::process;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running listener; dropping it stops it.
pub(crate) struct Running {
    /// The process that runs it. A child of `fork` has a copy of this value but not the thread.
    process: u32,
    address: Address,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    port_file: Option<PortFile>,
}

pub(crate) fn serve_from_env() -> Result<Option<Running>, ServeError> {
    control::read_environment().map_err(ServeError::Environment)?;
    let Some(address) = env::address()? else {
        control::announce(None);
        return Ok(None);
    };
    let wait = settings::wait()?;
    let running = serve(&address)?;
    if let Some(limit) = wait {
        first::hold(limit);
    }
    Ok(running)
}

pub(crate) fn serve(address: &str) -> Result<Option<Running>, ServeError> {
    control::read_environment().map_err(ServeError::Environment)?;
    start(address, Settings::from_env()?, Limits::default()).map(Some)
}

pub(crate) fn start(
    address: &str,
    settings: Settings,
    limits: Limits,
) -> Result<Running, ServeError> {
    let open = settings.token.is_some() || settings.insecure;
    let listening = listener::bind(address, open)?;
    let address = listening.address.clone();
    if settings.token.is_none() && !is_local(&address) {
        control::warn(format_args!(
            "FAILPOINT_HTTP_INSECURE: any client that reaches {address} can end this process"
        ));
    }
    let access = Arc::new(access(&address, &settings));
    let port_file = settings.port_file.map(|path| PortFile::write(path, &address)).transpose()?;

    // Opened now, because the program may have no free descriptor later.
    let reserve = ReserveFd::new();
    let runtime = OwnRuntime::new().map_err(ServeError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    let thread = thread::Builder::new()
        .name("failpoint-http".to_owned())
        .spawn(move || run(&runtime, (listening, reserve), access, limits, stopped))
        .map_err(ServeError::Thread)?;
    // This is logged once per process, and the line below for every listener.
    control::announce(Some(&address.to_string()));
    control::inform(format_args!("failpoint-http: listening at {address}"));
    let process = process::id();
    Ok(Running { process, address, stop: Some(stop), thread: Some(thread), port_file })
}

impl Running {
    pub(crate) fn address(&self) -> Option<&Address> {
        self.is_here().then_some(&self.address)
    }

    fn is_here(&self) -> bool {
        self.process == process::id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_here() {
            // Only the process that has the thread may stop it and remove the files.
            mem::forget((self.stop.take(), self.thread.take(), self.port_file.take()));
            return;
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The program's own code may drop this on the listener's thread, which cannot join itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

fn is_local(address: &Address) -> bool {
    match address {
        Address::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Address::Unix(_) => true,
    }
}

/// `Host` is checked only on TCP without a token: a browser cannot reach a Unix socket and has no token.
fn access(address: &Address, settings: &Settings) -> Access {
    let asks_for_host = matches!(address, Address::Tcp(_)) && settings.token.is_none();
    Access { hosts: asks_for_host.then(|| settings.hosts.clone()), token: settings.token.clone() }
}

/// What the listener's thread runs.
fn run(
    runtime: &OwnRuntime,
    (listening, reserve): (Listening, ReserveFd),
    access: Arc<Access>,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    // Points are not evaluated on this thread: a paused control plane could not be resumed.
    let _quiet = control::quiet();
    let Listening { address, socket, closed_in_children, _file } = listening;
    runtime.block_on(async move {
        tokio::select! {
            // Resolves to an error, because the sender is only dropped.
            _ = stopped => {}
            Err(error) = accept(socket, closed_in_children, reserve, access, limits) => control::warn(
                format_args!("failpoint-http: stopped listening at {address}: {error}")
            ),
        }
    });
}

/// Accepts connections until it is cancelled; returns only if the socket cannot be set up. `closed` is
/// dropped before the socket.
async fn accept(
    socket: Socket,
    closed: ClosedInChildren,
    reserve: ReserveFd,
    access: Arc<Access>,
    limits: Limits,
) -> io::Result<()> {
    match socket {
        Socket::Tcp(listener) => {
            let listener = TcpListener::from_std(listener)?;
            let _closed = closed;
            let next = async || {
                let (stream, peer) = listener.accept().await?;
                // Replies are small, and a client waits for each.
                let _ = stream.set_nodelay(true);
                Ok((stream, peer.to_string()))
            };
            accept_from(next, reserve, access, limits).await
        }
        #[cfg(unix)]
        Socket::Unix(listener) => {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            let _closed = closed;
            let next = async || {
                let (stream, _) = listener.accept().await?;
                let pid = stream.peer_cred().ok().and_then(|cred| cred.pid());
                let peer = pid.map_or("a unix socket".to_owned(), |pid| format!("process {pid}"));
                Ok((stream, peer))
            };
            accept_from(next, reserve, access, limits).await
        }
    }
}

async fn accept_from<S>(
    next: impl AsyncFn() -> io::Result<(S, String)>,
    mut reserve: ReserveFd,
    access: Arc<Access>,
    limits: Limits,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let crowd = Crowd::new(&limits);
    let mut warned = false;
    loop {
        match next().await {
            Ok((stream, peer)) => {
                warned &= !reserve.take_back();
                let connection = crowd.admit(peer, limits).await?;
                tokio::spawn(serve_connection(stream, access.clone(), connection));
            }
            // The client went away.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionRefused
                        | ErrorKind::ConnectionReset
                        | ErrorKind::Interrupted
                ) => {}
            // For example, no free descriptor: wait until others close some.
            Err(error) => {
                if !warned {
                    control::warn(format_args!(
                        "failpoint-http: cannot accept a connection: {error}"
                    ));
                    warned = true;
                }
                if !reserve.give_up() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    reserve.take_back();
                }
            }
        }
    }
}

/// Serves one connection until the peer closes it or exceeds a time limit.
async fn serve_connection<S>(stream: S, access: Arc<Access>, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (access, connection) = (&*access, &connection);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        connection.begin();
        let carried = axum::carry(access, request, Some(connection));
        Box::pin(async { Ok::<_, Infallible>(carried.await) })
    });
    let mut served = http1::Builder::new()
        // `Connection` has this limit: hyper's would also close connections that are idle.
        .header_read_timeout(None)
        .half_close(true)
        .serve_connection(TokioIo::new(TrackedIo::new(stream, connection.clone())), service);
    tokio::select! {
        // In this order, because polling the connection moves the deadline.
        biased;
        _ = poll_fn(|cx| served.poll_without_shutdown(cx)) => {}
        () = connection.overdue() => return,
        () = connection.gives_way() => connection.close_promptly(),
    }
    linger(served.into_parts().io.into_inner(), connection.linger()).await;
}

/// Closes the connection so that the last reply arrives: if bytes of the peer stay unread, the system
/// may discard the reply. With a limit of zero, it reads only what has arrived.
async fn linger<S>(mut stream: S, limit: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let to_end = async {
        stream.shutdown().await?;
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = within(limit, to_end).await;
}

async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, what).await.ok()
}
