//! Which routes does a member serve to clients?
//!
//! ```text
//! PUT    /v1/kv/{key}?lease=ID             body: the value
//! GET    /v1/kv/{key}?stale=true&revision=N
//! DELETE /v1/kv/{key}
//! GET    /v1/range?from=a&to=b&stale=true&revision=N&limit=N
//! DELETE /v1/range?from=a&to=b
//! POST   /v1/txn                           {"compare":[…],"then":[…],"otherwise":[…]}
//! GET    /v1/watch?from=a&to=b&revision=N  one JSON value a line
//! POST   /v1/leases                        {"ttl":SECONDS}
//! POST   /v1/leases/{id}/keepalive
//! GET    /v1/leases/{id}
//! DELETE /v1/leases/{id}
//! POST   /v1/compact                       {"revision":N}
//! GET    /v1/hash?revision=N
//! GET    /v1/status
//! GET    /v1/members
//! POST   /v1/members                       {"id":4,"peer":"HOST:PORT"}
//! DELETE /v1/members/{id}
//! POST   /v1/leader/{id}
//! GET    /v1/snapshot                      bytes
//! GET    /metrics                          for Prometheus
//! GET    /health                           200 if a linearizable read succeeds
//! ```
//!
//! Without `to`, a range or a watch has all keys from `from` on. Answers and errors are JSON.

mod extract;
mod watch;

use super::inputs::Inputs;
use super::metrics::Metrics;
use super::refusal::Refusal;
use crate::wire::{At, Compact, Deleted, Got, Grant, Granted, Hash, Lease, Members, is_address};
use crate::{
    KeyRange, LeaseId, Member, Put, Range, RangeResponse, Read, Request, Response, Revision,
    Status, Txn, TxnResponse, Write,
};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use extract::{Body, Query, Segment, Text};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The longest body of a request, in bytes.
pub(super) const MAX_BODY: usize = 1 << 20;

type Answer<T> = Result<Json<T>, Refusal>;

/// What the routes need.
#[derive(Clone)]
pub(super) struct App {
    pub(super) inputs: Inputs,
    pub(super) metrics: Arc<Metrics>,
    /// The time of a tick.
    pub(super) tick: Duration,
    /// The name that this member was started with, if it has one.
    pub(super) name: String,
}

/// All routes.
pub(super) fn routes(app: App) -> Router {
    Router::new()
        .route("/v1/kv/{*key}", put(put_key).get(get_key).delete(delete_key))
        .route("/v1/range", get(range).delete(delete_range))
        .route("/v1/txn", post(txn))
        .route("/v1/watch", get(watch::open))
        .route("/v1/leases", post(grant))
        .route("/v1/leases/{id}", get(lease).delete(revoke))
        .route("/v1/leases/{id}/keepalive", post(keep_alive))
        .route("/v1/compact", post(compact))
        .route("/v1/hash", get(hash))
        .route("/v1/status", get(status))
        .route("/v1/members", get(members).post(add_member))
        .route("/v1/members/{id}", delete(remove_member))
        .route("/v1/leader/{id}", post(move_leader))
        .route("/v1/snapshot", get(snapshot))
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .fallback(async || Refusal::NoRoute)
        .method_not_allowed_fallback(async || Refusal::NoMethod)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// Which state of the store a read sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadQuery {
    #[serde(default)]
    stale: bool,
    revision: Option<Revision>,
    #[serde(default)]
    limit: u64,
}

impl ReadQuery {
    async fn read(self, app: &App, keys: KeyRange) -> Result<RangeResponse, Refusal> {
        let Self { stale, revision, limit } = self;
        let read = Read::Range(Range { keys, revision, limit });
        match app.inputs.request(Request::Read { read, stale }).await? {
            Response::Range(found) => Ok(found),
            other => Err(unexpected(&other)),
        }
    }
}

/// The keys of a range, and how they are read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeQuery {
    from: String,
    to: Option<String>,
    #[serde(default)]
    stale: bool,
    revision: Option<Revision>,
    #[serde(default)]
    limit: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysQuery {
    from: String,
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutQuery {
    #[serde(default)]
    lease: LeaseId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashQuery {
    revision: Option<Revision>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoQuery {}

async fn put_key(
    State(app): State<App>,
    Segment(key): Segment<String>,
    Query(PutQuery { lease }): Query<PutQuery>,
    Text(value): Text,
) -> Answer<At> {
    match write(&app, Write::Put(Put { key, value, lease })).await? {
        Response::Put { revision } => Ok(Json(At { revision })),
        other => Err(unexpected(&other)),
    }
}

async fn get_key(
    State(app): State<App>,
    Segment(key): Segment<String>,
    Query(query): Query<ReadQuery>,
) -> Answer<Got> {
    let found = query.read(&app, KeyRange::key(&key)).await?;
    Ok(Json(Got { revision: found.revision, kv: found.kvs.into_iter().next() }))
}

async fn delete_key(
    State(app): State<App>,
    Segment(key): Segment<String>,
    Query(NoQuery {}): Query<NoQuery>,
) -> Answer<Deleted> {
    remove(&app, KeyRange::key(&key)).await
}

async fn range(State(app): State<App>, Query(query): Query<RangeQuery>) -> Answer<RangeResponse> {
    let RangeQuery { from, to, stale, revision, limit } = query;
    let query = ReadQuery { stale, revision, limit };
    query.read(&app, KeyRange { from, to }).await.map(Json)
}

async fn delete_range(
    State(app): State<App>,
    Query(KeysQuery { from, to }): Query<KeysQuery>,
) -> Answer<Deleted> {
    remove(&app, KeyRange { from, to }).await
}

async fn remove(app: &App, keys: KeyRange) -> Answer<Deleted> {
    match write(app, Write::Delete(keys)).await? {
        Response::Delete { revision, deleted } => Ok(Json(Deleted { revision, deleted })),
        other => Err(unexpected(&other)),
    }
}

async fn txn(State(app): State<App>, Body(txn): Body<Txn>) -> Answer<TxnResponse> {
    match write(&app, Write::Txn(txn)).await? {
        Response::Txn(done) => Ok(Json(done)),
        other => Err(unexpected(&other)),
    }
}

async fn grant(State(app): State<App>, Body(Grant { ttl }): Body<Grant>) -> Answer<Granted> {
    let nanoseconds = u128::from(ttl) * Duration::from_secs(1).as_nanos();
    let ticks = nanoseconds.div_ceil(app.tick.as_nanos().max(1));
    let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
    granted(&app, Write::Grant { ttl: ticks }).await
}

async fn keep_alive(State(app): State<App>, Segment(id): Segment<LeaseId>) -> Answer<Granted> {
    granted(&app, Write::KeepAlive(id)).await
}

async fn granted(app: &App, request: Write) -> Answer<Granted> {
    match write(app, request).await? {
        Response::Lease { lease, ttl } => Ok(Json(Granted { id: lease, ttl: app.seconds(ttl) })),
        other => Err(unexpected(&other)),
    }
}

async fn lease(State(app): State<App>, Segment(id): Segment<LeaseId>) -> Answer<Lease> {
    let request = Request::Read { read: Read::TimeToLive(id), stale: false };
    match app.inputs.request(request).await? {
        Response::TimeToLive { lease, ttl, remaining, keys } => {
            let (ttl, remaining) = (app.seconds(ttl), app.seconds(remaining));
            Ok(Json(Lease { id: lease, ttl, remaining, keys }))
        }
        other => Err(unexpected(&other)),
    }
}

async fn revoke(State(app): State<App>, Segment(id): Segment<LeaseId>) -> Answer<Deleted> {
    match write(&app, Write::Revoke(id)).await? {
        Response::Revoke { revision, deleted } => Ok(Json(Deleted { revision, deleted })),
        other => Err(unexpected(&other)),
    }
}

async fn compact(State(app): State<App>, Body(Compact { revision }): Body<Compact>) -> Answer<At> {
    match write(&app, Write::Compact(revision)).await? {
        Response::Compact { revision } => Ok(Json(At { revision })),
        other => Err(unexpected(&other)),
    }
}

async fn hash(
    State(app): State<App>,
    Query(HashQuery { revision }): Query<HashQuery>,
) -> Answer<Hash> {
    match app.inputs.request(Request::Hash { revision }).await? {
        Response::Hash { revision, hash, compacted } => {
            Ok(Json(Hash { revision, hash, compacted }))
        }
        other => Err(unexpected(&other)),
    }
}

async fn status(State(app): State<App>) -> Answer<Status> {
    match app.inputs.request(Request::Status).await? {
        Response::Status(mut status) => {
            if !app.name.is_empty() {
                status.name = app.name;
            }
            Ok(Json(status))
        }
        other => Err(unexpected(&other)),
    }
}

async fn members(State(app): State<App>) -> Answer<Members> {
    let Json(Status { members, .. }) = status(State(app)).await?;
    Ok(Json(Members { members }))
}

async fn add_member(State(app): State<App>, Body(member): Body<Member>) -> Answer<Members> {
    // A member that cannot be reached may cost the cluster its quorum.
    if !is_address(&member.peer) {
        let why = format!("`{}` is not where peers connect: write HOST:PORT", member.peer);
        return Err(Refusal::BadRequest(why));
    }
    changed_members(&app, Request::AddMember(member)).await
}

async fn remove_member(State(app): State<App>, Segment(id): Segment<u64>) -> Answer<Members> {
    changed_members(&app, Request::RemoveMember(id)).await
}

async fn changed_members(app: &App, request: Request) -> Answer<Members> {
    match app.inputs.request(request).await? {
        Response::Members(members) => Ok(Json(Members { members })),
        other => Err(unexpected(&other)),
    }
}

async fn move_leader(State(app): State<App>, Segment(id): Segment<u64>) -> Answer<impl Serialize> {
    #[derive(Serialize)]
    struct Asked {}
    match app.inputs.request(Request::MoveLeader(id)).await? {
        Response::LeaderAsked => Ok(Json(Asked {})),
        other => Err(unexpected(&other)),
    }
}

async fn snapshot(State(app): State<App>) -> Result<impl IntoResponse, Refusal> {
    match app.inputs.request(Request::Snapshot).await? {
        Response::Snapshot { bytes, .. } => {
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
        }
        other => Err(unexpected(&other)),
    }
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.text())
}

async fn health(State(app): State<App>) -> Answer<At> {
    let request = Request::Read { read: Read::Nothing, stale: false };
    match app.inputs.request(request).await? {
        Response::Nothing { revision } => Ok(Json(At { revision })),
        other => Err(unexpected(&other)),
    }
}

async fn write(app: &App, write: Write) -> Result<Response, Refusal> {
    app.inputs.request(Request::Write(write)).await
}

impl App {
    /// Ticks as seconds; a part of a second counts as one.
    fn seconds(&self, ticks: u64) -> u64 {
        let nanoseconds = u128::from(ticks) * self.tick.as_nanos();
        u64::try_from(nanoseconds.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

/// The node answers each request with the response of its kind, so a client never sees this.
fn unexpected(response: &Response) -> Refusal {
    unreachable!("the node gave the answer to another kind of request: {response:?}")
}
