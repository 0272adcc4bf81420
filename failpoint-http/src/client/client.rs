//! [`Client`]: the requests to one server, one method per route.

use super::arming::{Arming, Armings};
use super::caller::{Caller, Request};
use super::error::ClientError;
use super::events::{EventStream, Events};
use super::filter::Filter;
use super::gofail::Gofail;
use super::guard::RemoteArmed;
use super::path;
use super::point;
use super::settings::Settings;
use super::wait::Wait;
use crate::wire::{Changed, Info, Point, Points, Report, Reset, Resumed, Waited};
use hyper::Method;
use std::fmt;
use std::time::Duration;

/// Controls the failpoints of one server from async code. In blocking code, use
/// [`blocking::Client`](crate::blocking::Client).
///
/// It needs a tokio runtime with time and I/O enabled. A client can only be used on the runtime on
/// which it was first used, so create one in each test. Clones share its connections. Nothing is sent
/// before the first request.
///
/// ```no_run
/// use failpoint_http::{Arming, Client};
/// use std::time::Duration;
///
/// # async fn test() -> Result<(), failpoint_http::ClientError> {
/// let server = Client::new("127.0.0.1:22381")?;
/// let save = server.arm("raftAfterSave", Arming::new("pause").ttl(Duration::from_secs(60))).await?;
/// // … a write …
/// save.wait_paused(1, Duration::from_secs(10)).await?;
/// // … the server is paused between saving and sending: check what the others see …
/// save.resume(1).await?;
/// save.disarm().await?;
/// # Ok(()) }
/// ```
///
/// Each method names the route that it requests. All methods can return
/// [`NotReachable`](ClientError::NotReachable), [`Refused`](ClientError::Refused),
/// [`OnlyGofail`](ClientError::OnlyGofail), [`CompiledOut`](ClientError::CompiledOut) and
/// [`BadAnswer`](ClientError::BadAnswer); their docs list the other errors.
#[derive(Clone)]
pub struct Client {
    caller: Caller,
}

/// Builds a [`Client`] with a token or other time limits.
///
/// ```
/// use failpoint_http::Client;
/// use std::time::Duration;
///
/// let client = Client::builder("unix:/run/server.fail")
///     .token("s3cret")
///     .timeout(Duration::from_secs(3))
///     .build()?;
/// assert_eq!(client.address(), "unix:/run/server.fail");
/// # Ok::<(), failpoint_http::ClientError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "call `build()` to get a client"]
pub struct ClientBuilder {
    address: String,
    token: Option<String>,
    token_from_env: bool,
    connect_timeout: Option<Duration>,
    timeout: Option<Duration>,
}

impl Client {
    /// A client for the server at `address`: `HOST:PORT`, `unix:/path`, or
    /// `http://HOST:PORT/prefix` if the control plane is mounted on the server's own router. Every
    /// value that the server accepts in `GOFAIL_HTTP` works here too.
    ///
    /// # Errors
    /// [`ClientError::BadAddress`].
    pub fn new(address: &str) -> Result<Self, ClientError> {
        Ok(Self::with(Settings::new(address)?))
    }

    /// A client for the server at the address in `GOFAIL_HTTP`, or else in `FAILPOINT_HTTP`. The
    /// token is read from `FAILPOINT_HTTP_TOKEN`, or from the file that `FAILPOINT_HTTP_TOKEN_FILE`
    /// names.
    ///
    /// # Errors
    /// [`ClientError::NoAddress`], [`ClientError::BadAddress`], [`ClientError::BadVariable`].
    pub fn from_env() -> Result<Self, ClientError> {
        Settings::from_env().map(Self::with)
    }

    /// A builder for the server at `address`, to set a token or other time limits.
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            address: address.into(),
            token: None,
            token_from_env: false,
            connect_timeout: None,
            timeout: None,
        }
    }

    /// The server's address, in a form that [`Client::new`] accepts.
    pub fn address(&self) -> &str {
        self.caller.address()
    }

    /// All points in their current state (`GET /v1/points`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn list(&self) -> Result<Points, ClientError> {
        self.list_where(&Filter::new()).await
    }

    /// The points that match `filter` (`GET /v1/points?armed=…`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn list_where(&self, filter: &Filter) -> Result<Points, ClientError> {
        self.caller.json(Request::get(filter.path())).await
    }

    /// One point in its current state (`GET /v1/points/NAME`).
    ///
    /// # Errors
    /// Refused as `unknown-point`.
    pub async fn get(&self, name: &str) -> Result<Point, ClientError> {
        self.caller.json(Request::get(path::point(name))).await
    }

    /// Arms a point with terms, or with terms and conditions (`PUT /v1/points/NAME`).
    ///
    /// If no reply arrives, the point may be armed nevertheless. Then only its [`ttl`](Arming::ttl)
    /// disarms it.
    ///
    /// # Errors
    /// Refused as `unknown-point` (with similar names), `bad-terms` (with the position), `bad-value`,
    /// `unknown-key` (of a `when`), `bad-name`, `not-allowed`, `stale`.
    pub async fn arm(
        &self,
        name: &str,
        arming: impl Into<Arming>,
    ) -> Result<RemoteArmed, ClientError> {
        let arming = arming.into();
        let request = Request::new(Method::PUT, arming.path(&path::point(name)));
        let request = request.json(&arming.body()).if_match(arming.generation());
        let changed: Changed = self.caller.json(request).await?;
        Ok(RemoteArmed::changed(&self.caller, changed))
    }

    /// Arms several points, all or none (`PUT /v1/points`). The guards are sorted by name.
    ///
    /// ```no_run
    /// # async fn test(server: failpoint_http::Client) -> Result<(), failpoint_http::ClientError> {
    /// let _armed = server.arm_all([("raftBeforeSave", "panic"), ("raftAfterSave", "off")]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`arm`](Self::arm); `several` with every error if there is more than one.
    pub async fn arm_all(
        &self,
        armings: impl Into<Armings>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        let armings = armings.into();
        let request = Request::new(Method::PUT, armings.path("/v1/points"));
        self.arm_several(request.json(&armings.body()).if_match(armings.revision())).await
    }

    /// Arms every point whose name matches, all or none (`PUT /v1/points?match=GLOB`). The guards are
    /// sorted by name.
    ///
    /// # Errors
    /// As [`arm_all`](Self::arm_all); `no-match` if no name matches.
    pub async fn arm_matching(
        &self,
        glob: &str,
        arming: impl Into<Arming>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        let arming = arming.into();
        let request = Request::new(Method::PUT, arming.path_matching("/v1/points", glob));
        self.arm_several(request.json(&arming.body()).if_match(arming.generation())).await
    }

    /// Disarms a point, whether it is armed or not (`DELETE /v1/points/NAME`).
    ///
    /// # Errors
    /// Refused as `unknown-point`.
    pub async fn disarm(&self, name: &str) -> Result<Changed, ClientError> {
        self.caller.json(Request::new(Method::DELETE, path::point(name))).await
    }

    /// Disarms a point if this is still its generation.
    ///
    /// # Errors
    /// Refused as `unknown-point`, or as `stale`.
    pub async fn disarm_if(&self, name: &str, generation: u64) -> Result<Changed, ClientError> {
        let request = Request::new(Method::DELETE, path::point(name));
        self.caller.json(request.if_match(Some(generation))).await
    }

    /// Disarms all points, resumes all paused callers, and returns what was armed
    /// (`DELETE /v1/points`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn reset(&self) -> Result<Reset, ClientError> {
        self.caller.json(Request::new(Method::DELETE, "/v1/points")).await
    }

    /// Waits for hits, fires or paused callers at a point (`GET /v1/points/NAME/wait`).
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] with the counts. It is not an error if the arming ends during the
    /// wait: [`Waited::outcome`] says so.
    pub async fn wait(&self, name: &str, wait: Wait) -> Result<Waited, ClientError> {
        point::wait(&self.caller, name, wait).await
    }

    /// Resumes at most `count` of the callers that are paused at a point. It stays armed
    /// (`POST /v1/points/NAME/resume?n=COUNT`).
    ///
    /// # Errors
    /// Refused as `unknown-point`, or as `bad-request` if `count` is 0.
    pub async fn resume(&self, name: &str, count: u64) -> Result<Resumed, ClientError> {
        point::resume(&self.caller, name, Some(count)).await
    }

    /// Resumes all callers that are paused at a point. It stays armed.
    ///
    /// # Errors
    /// Refused as `unknown-point`.
    pub async fn resume_all(&self, name: &str) -> Result<Resumed, ClientError> {
        point::resume(&self.caller, name, None).await
    }

    /// A stream of the events from now on (`GET /v1/events`).
    ///
    /// # Errors
    /// Refused as `too-many-readers`.
    pub async fn events(&self, events: &Events) -> Result<EventStream, ClientError> {
        EventStream::open(&self.caller, events).await
    }

    /// The points that were never reached, or armed and never fired (`GET /v1/report`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn report(&self) -> Result<Report, ClientError> {
        self.caller.json(Request::get("/v1/report")).await
    }

    /// What is armed, as a value for `GOFAIL_FAILPOINTS` (`GET /v1/export`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn export(&self) -> Result<String, ClientError> {
        let text = self.caller.text(Request::get("/v1/export")).await?;
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// Version, process id, seed and other facts about the process (`GET /v1/info`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn info(&self) -> Result<Info, ClientError> {
        self.caller.json(Request::get("/v1/info")).await
    }

    /// Checks that the control plane answers. Needs no token (`GET /healthz`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn healthz(&self) -> Result<(), ClientError> {
        self.caller.succeed(Request::get("/healthz")).await.map(drop)
    }

    /// Hits, fires, paused callers and armed points in Prometheus' text format (`GET /metrics`).
    ///
    /// # Errors
    /// The errors that all methods can return.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.caller.text(Request::get("/metrics")).await
    }

    /// gofail's routes, for a server that has no others.
    pub fn gofail(&self) -> Gofail {
        Gofail::new(&self.caller)
    }

    /// A client for the same server with its own connections, for another runtime.
    pub(super) fn with_own_connections(&self) -> Self {
        Self { caller: self.caller.with_own_connections() }
    }

    fn with(settings: Settings) -> Self {
        Self { caller: Caller::new(settings) }
    }

    async fn arm_several(&self, request: Request) -> Result<Vec<RemoteArmed>, ClientError> {
        let armed: Points = self.caller.json(request).await?;
        let points = armed.points.into_iter();
        Ok(points.map(|point| RemoteArmed::new(&self.caller, point)).collect())
    }
}

impl ClientBuilder {
    /// Sends this token. The server has it in `FAILPOINT_HTTP_TOKEN`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sends the token from the environment, if there is one and [`token`](Self::token) sets none.
    pub fn token_from_env(mut self) -> Self {
        self.token_from_env = true;
        self
    }

    /// How long connecting may take; 2 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = Some(limit);
        self
    }

    /// How long a whole reply may take, in addition to the time that the server was asked to wait;
    /// 10 s by default. It does not end event streams.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError::BadAddress`]; [`ClientError::BadVariable`] for an invalid token.
    pub fn build(self) -> Result<Client, ClientError> {
        let mut settings = Settings::new(&self.address)?;
        match &self.token {
            Some(token) => settings.set_token(token)?,
            None if self.token_from_env => settings.take_token_from_env()?,
            None => {}
        }
        settings.connect = self.connect_timeout.unwrap_or(settings.connect);
        settings.total = self.timeout.unwrap_or(settings.total);
        Ok(Client::with(settings))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}
