//! Connections to a control plane.
//!
//! hyper-util's client keeps connections alive and pools them. They belong to the runtime that opened
//! them, so code on another runtime needs its own transport.

use super::settings::Settings;
use super::target::{Peer, Target};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Shorter than the 120 s after which the server closes an idle connection.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Transport {
    http: legacy::Client<Connector, Full<Bytes>>,
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Self {
        let connector =
            Connector { target: Arc::new(settings.target.clone()), limit: settings.connect };
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { http }
    }

    /// Sends a request; returns the head of the reply, or why there is none.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        // On a single-threaded runtime, the tasks of pooled connections may not have noticed yet that
        // the server has closed them. Yielding lets them run.
        tokio::task::yield_now().await;
        self.http.request(request).await.map_err(|error| root(&error))
    }
}

/// The innermost cause: the outer errors only say that something failed.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Always connects to its target, whatever the URL says.
#[derive(Clone)]
struct Connector {
    target: Arc<Target>,
    limit: Duration,
}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<Box<dyn Stream>>> {
        let too_late = || {
            let why = format!("not connected within {:?}", self.limit);
            io::Error::new(io::ErrorKind::TimedOut, why)
        };
        let stream = timeout(self.limit, open(&self.target.peer)).await;
        stream.map_err(|_| too_late())?.map(TokioIo::new)
    }
}

async fn open(peer: &Peer) -> io::Result<Box<dyn Stream>> {
    match peer {
        Peer::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        #[cfg(unix)]
        Peer::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Peer::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// A socket of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Connection for Box<dyn Stream> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
