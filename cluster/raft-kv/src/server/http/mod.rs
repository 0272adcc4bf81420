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
use crate::wire::{
    At, Compact, Deleted, Got, Grant, Granted, Hash, HashQuery, Lease, Members, PutQuery,
    RangeQuery, ReadOptions, is_address,
};
use crate::{
    KeyRange, LeaseId, Member, Put, Range, RangeResponse, Read, Request, Response, Status, Txn,
    TxnResponse, Write,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoQuery {}

async fn put_key(
    State(app): State<App>,
    Segment(key): Segment<String>,
    Query(PutQuery { lease }): Query<PutQuery>,
    Text(value): Text,
) -> Answer<At> {
    let put = Write::Put(Put { key, value, lease });
    let Response::Put { revision } = app.write(put).await? else { unexpected() };
    Ok(Json(At { revision }))
}

async fn get_key(
    State(app): State<App>,
    Segment(key): Segment<String>,
    Query(options): Query<ReadOptions>,
) -> Answer<Got> {
    let found = read(&app, KeyRange::key(&key), options).await?;
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
    let options = ReadOptions { stale, revision, limit };
    read(&app, KeyRange { from, to }, options).await.map(Json)
}

async fn read(app: &App, keys: KeyRange, options: ReadOptions) -> Result<RangeResponse, Refusal> {
    let ReadOptions { stale, revision, limit } = options;
    let read = Read::Range(Range { keys, revision, limit });
    let request = Request::Read { read, stale };
    let Response::Range(found) = app.request(request).await? else { unexpected() };
    Ok(found)
}

async fn delete_range(State(app): State<App>, Query(keys): Query<KeyRange>) -> Answer<Deleted> {
    remove(&app, keys).await
}

async fn remove(app: &App, keys: KeyRange) -> Answer<Deleted> {
    let removed = app.write(Write::Delete(keys)).await?;
    let Response::Delete { revision, deleted } = removed else { unexpected() };
    Ok(Json(Deleted { revision, deleted }))
}

async fn txn(State(app): State<App>, Body(txn): Body<Txn>) -> Answer<TxnResponse> {
    let Response::Txn(done) = app.write(Write::Txn(txn)).await? else { unexpected() };
    Ok(Json(done))
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
    let Response::Lease { lease, ttl } = app.write(request).await? else { unexpected() };
    Ok(Json(Granted { id: lease, ttl: app.seconds(ttl) }))
}

async fn lease(State(app): State<App>, Segment(id): Segment<LeaseId>) -> Answer<Lease> {
    let request = Request::Read { read: Read::TimeToLive(id), stale: false };
    let found = app.request(request).await?;
    let Response::TimeToLive { lease, ttl, remaining, keys } = found else { unexpected() };
    let (ttl, remaining) = (app.seconds(ttl), app.seconds(remaining));
    Ok(Json(Lease { id: lease, ttl, remaining, keys }))
}

async fn revoke(State(app): State<App>, Segment(id): Segment<LeaseId>) -> Answer<Deleted> {
    let revoked = app.write(Write::Revoke(id)).await?;
    let Response::Revoke { revision, deleted } = revoked else { unexpected() };
    Ok(Json(Deleted { revision, deleted }))
}

async fn compact(State(app): State<App>, Body(Compact { revision }): Body<Compact>) -> Answer<At> {
    let compacted = app.write(Write::Compact(revision)).await?;
    let Response::Compact { revision } = compacted else { unexpected() };
    Ok(Json(At { revision }))
}

async fn hash(State(app): State<App>, Query(query): Query<HashQuery>) -> Answer<Hash> {
    let hashed = app.request(Request::Hash { revision: query.revision }).await?;
    let Response::Hash { revision, hash, compacted } = hashed else { unexpected() };
    Ok(Json(Hash { revision, hash, compacted }))
}

async fn status(State(app): State<App>) -> Answer<Status> {
    let Response::Status(mut status) = app.request(Request::Status).await? else { unexpected() };
    if !app.name.is_empty() {
        status.name = app.name;
    }
    Ok(Json(status))
}

async fn members(State(app): State<App>) -> Answer<Members> {
    let Json(Status { members, .. }) = status(State(app)).await?;
    Ok(Json(Members { members }))
}

async fn add_member(State(app): State<App>, Body(mut member): Body<Member>) -> Answer<Members> {
    // A member that cannot be reached may cost the cluster its quorum.
    if !is_address(&member.peer) {
        let why = format!("`{}` is not where peers connect: write HOST:PORT", member.peer);
        return Err(Refusal::BadRequest(why));
    }
    if member.name.is_empty() {
        member.name = format!("m{}", member.id);
    }
    changed_members(&app, Request::AddMember(member)).await
}

async fn remove_member(State(app): State<App>, Segment(id): Segment<u64>) -> Answer<Members> {
    changed_members(&app, Request::RemoveMember(id)).await
}

async fn changed_members(app: &App, request: Request) -> Answer<Members> {
    let Response::Members(members) = app.request(request).await? else { unexpected() };
    Ok(Json(Members { members }))
}

async fn move_leader(State(app): State<App>, Segment(id): Segment<u64>) -> Answer<impl Serialize> {
    #[derive(Serialize)]
    struct Asked {}
    let Response::LeaderAsked = app.request(Request::MoveLeader(id)).await? else { unexpected() };
    Ok(Json(Asked {}))
}

async fn snapshot(State(app): State<App>) -> Result<impl IntoResponse, Refusal> {
    let snapshot = app.request(Request::Snapshot).await?;
    let Response::Snapshot { bytes, .. } = snapshot else { unexpected() };
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.text())
}

async fn health(State(app): State<App>) -> Answer<At> {
    let request = Request::Read { read: Read::Nothing, stale: false };
    let Response::Nothing { revision } = app.request(request).await? else { unexpected() };
    Ok(Json(At { revision }))
}

impl App {
    async fn request(&self, request: Request) -> Result<Response, Refusal> {
        self.inputs.request(request).await
    }

    async fn write(&self, write: Write) -> Result<Response, Refusal> {
        self.request(Request::Write(write)).await
    }

    /// Ticks as seconds; a part of a second counts as one.
    fn seconds(&self, ticks: u64) -> u64 {
        let nanoseconds = u128::from(ticks) * self.tick.as_nanos();
        u64::try_from(nanoseconds.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

/// The node answers each request with the response of its kind, so a client never sees this.
fn unexpected() -> ! {
    unreachable!("the node gave the answer to another kind of request")
}
