//! How do bytes get to a control plane and back?
//!
//! Connections are kept alive and pooled by hyper-util's client. They belong to the runtime that
//! opened them: whoever works on another one makes a transport of its own.

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

/// Before the server gives an idle connection up, which it does after 120 s.
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

    /// Sends a request; comes back with the head of the answer, or with why there is none.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        self.http.request(request).await.map_err(|error| root(&error))
    }
}

/// The innermost reason: what lies around it says only that something failed.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Connects to its target, whatever it is asked for.
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
