//! Toxiproxy's HTTP API over links, so that its clients in ten languages can use them.
//!
//! It answers as toxiproxy 2 does: the routes, the statuses, the JSON, and the texts of errors. Proxies are
//! [`Link`](crate::Link)s, and toxics are their [`Toxic`](crate::Toxic)s. Two types are added, `loss`
//! (`probability`) and `blackhole`.
//!
//! # Where it differs
//! - A proxy without `listen` listens at a free port of 127.0.0.1, and not for all machines.
//! - Numbers that mean nothing are refused with 400: negative ones, a toxicity above 1, a slicer of
//!   pieces of 0 bytes.
//! - The end of a stream is passed on in its direction alone. Toxiproxy closes the connection.
//! - `POST /populate` refuses a name that is given twice with 400, and its `proxies` is never `null`.
//! - When a toxic is added, changed or removed, what waits in others of that direction leaves at once.
//! - `/metrics` is always there, and has counters of dropped bytes.
//! - Requests of web pages are refused by their `Origin` and `Host`, too, and a token can be required.
//!
//! ```
//! use failpoint_proxy::toxiproxy::{Access, Toxiproxy};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let toxiproxy = Toxiproxy::new(42, None);
//! toxiproxy.populate(br#"[{"name": "redis", "upstream": "127.0.0.1:6379"}]"#).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let app = toxiproxy.router(Access::default());
//! let server = tokio::spawn(async { axum::serve(listener, app).await });
//! # server.abort();
//! toxiproxy.stop().await;
//! # Ok::<_, Box<dyn std::error::Error>>(()) })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod access;
mod error;
mod metrics;
mod registry;
mod routes;
mod wire;

pub use access::Access;
pub use error::ApiError;

use crate::event::Sink;
use axum::Router;
use registry::Registry;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The version of toxiproxy's API that is spoken.
pub const API_VERSION: &str = "2.12.0";

/// The proxies, and the routes that change them.
#[derive(Clone)]
pub struct Toxiproxy {
    registry: Arc<Mutex<Registry>>,
}

impl Toxiproxy {
    /// No proxy yet. All random choices come from `seed`; `sink` takes the events of all links.
    #[must_use]
    pub fn new(seed: u64, sink: Option<Sink>) -> Self {
        Self { registry: Arc::new(Mutex::new(Registry::new(seed, sink))) }
    }

    /// Creates or replaces proxies, as `POST /populate` and toxiproxy's configuration file do.
    ///
    /// # Errors
    /// The JSON is wrong, and nothing has changed; or a proxy cannot listen, and those before it are there.
    pub async fn populate(&self, json: &[u8]) -> Result<(), ApiError> {
        let inputs = wire::parse(json)?;
        self.registry.lock().await.populate(inputs).await.1
    }

    /// The routes.
    pub fn router(&self, access: Access) -> Router {
        routes::router(self.registry.clone(), access)
    }

    /// Closes all proxies.
    pub async fn stop(&self) {
        self.registry.lock().await.stop().await;
    }
}
