//! The routes.

use super::API_VERSION;
use super::access::Access;
use super::error::{ApiError, ErrorBody, json};
use super::metrics;
use super::registry::Registry;
use super::wire::{ProxyInput, ProxyOutput, parse};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How large the body of a request is at most.
const MAX_BODY: usize = 1 << 20;
/// How long a body may take.
const BODY_LIMIT: Duration = Duration::from_secs(15);

type Proxies = State<Arc<Mutex<Registry>>>;
type Reply = Result<Response, ApiError>;

pub(super) fn router(registry: Arc<Mutex<Registry>>, access: Access) -> Router {
    Router::new()
        .route("/version", get(version))
        .route("/metrics", get(show_metrics))
        .route("/reset", post(reset))
        .route("/populate", post(populate))
        .route("/proxies", get(list).post(create))
        .route("/proxies/{proxy}", get(show).post(update).patch(update).delete(delete))
        .route("/proxies/{proxy}/toxics", get(toxics).post(add_toxic))
        .route(
            "/proxies/{proxy}/toxics/{toxic}",
            get(toxic).post(update_toxic).patch(update_toxic).delete(remove_toxic),
        )
        .fallback(async || ApiError::NoRoute)
        .method_not_allowed_fallback(async || ApiError::NoMethod)
        .layer(from_fn_with_state(Arc::new(access), admit))
        .with_state(registry)
}

async fn admit(State(access): State<Arc<Access>>, request: Request, next: Next) -> Reply {
    access.admit(request.headers())?;
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    // Done to its end, also if the caller does not wait: half a change would lose a proxy.
    let done = tokio::spawn(next.run(Request::from_parts(head, Body::from(body)))).await;
    done.map_err(|_| ApiError::Panicked)
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    match timeout(BODY_LIMIT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(ApiError::Body(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 1 MiB, or cut off",
        )),
        Err(_) => {
            Err(ApiError::Body(StatusCode::REQUEST_TIMEOUT, "the body takes longer than 15 s"))
        }
    }
}

fn ok(body: &impl Serialize) -> Reply {
    Ok(json(StatusCode::OK, body))
}

async fn version() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json;charset=utf-8")];
    (kind, format!("{{\"version\": \"{API_VERSION}\"}}\n")).into_response()
}

async fn show_metrics(State(registry): Proxies) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, metrics::text(&*registry.lock().await)).into_response()
}

async fn reset(State(registry): Proxies) -> Reply {
    registry.lock().await.reset().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The reply of `/populate`: with an error, what was done before it.
#[derive(Serialize)]
struct Populated {
    #[serde(flatten)]
    error: Option<ErrorBody>,
    proxies: Vec<ProxyOutput>,
}

async fn populate(State(registry): Proxies, body: Bytes) -> Response {
    let (proxies, result) = match parse::<Vec<ProxyInput>>(&body) {
        Ok(inputs) => registry.lock().await.populate(inputs).await,
        Err(error) => (Vec::new(), Err(error)),
    };
    let status = result.as_ref().map_or_else(ApiError::status, |()| StatusCode::CREATED);
    json(status, &Populated { error: result.err().map(|error| error.body()), proxies })
}

async fn list(State(registry): Proxies) -> Reply {
    ok(&registry.lock().await.list())
}

async fn create(State(registry): Proxies, body: Bytes) -> Reply {
    let shown = registry.lock().await.create(parse(&body)?).await?;
    Ok(json(StatusCode::CREATED, &shown))
}

async fn show(State(registry): Proxies, Path(proxy): Path<String>) -> Reply {
    ok(&registry.lock().await.show(&proxy)?)
}

async fn update(State(registry): Proxies, Path(proxy): Path<String>, body: Bytes) -> Reply {
    let mut registry = registry.lock().await;
    // As there, an unknown name is reported before a wrong body.
    registry.show(&proxy)?;
    ok(&registry.update(&proxy, parse(&body)?).await?)
}

async fn delete(State(registry): Proxies, Path(proxy): Path<String>) -> Reply {
    registry.lock().await.delete(&proxy).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn toxics(State(registry): Proxies, Path(proxy): Path<String>) -> Reply {
    ok(&registry.lock().await.toxics(&proxy)?)
}

async fn add_toxic(State(registry): Proxies, Path(proxy): Path<String>, body: Bytes) -> Reply {
    let registry = registry.lock().await;
    registry.show(&proxy)?;
    ok(&registry.add_toxic(&proxy, parse(&body)?)?)
}

type OfToxic = Path<(String, String)>;

async fn toxic(State(registry): Proxies, Path((proxy, toxic)): OfToxic) -> Reply {
    ok(&registry.lock().await.toxic(&proxy, &toxic)?)
}

async fn update_toxic(
    State(registry): Proxies,
    Path((proxy, toxic)): OfToxic,
    body: Bytes,
) -> Reply {
    let registry = registry.lock().await;
    registry.toxic(&proxy, &toxic)?;
    ok(&registry.update_toxic(&proxy, &toxic, parse(&body)?)?)
}

async fn remove_toxic(State(registry): Proxies, Path((proxy, toxic)): OfToxic) -> Reply {
    registry.lock().await.remove_toxic(&proxy, &toxic)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
