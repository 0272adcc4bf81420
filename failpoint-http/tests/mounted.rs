//! Tests the control plane in another server's router, with failpoints on and off.
#![cfg(feature = "axum")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use failpoint::fail_point;
use tower::ServiceExt;

fn pass() {
    fail_point!("mounted/point");
}

async fn ask(app: &Router, method: &str, path: &str, body: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned()));
    let answer = app.clone().oneshot(request.unwrap()).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn app() -> Router {
    Router::new().route("/", get(async || "the app")).route("/user/{id}", get(async || "a user"))
}

#[tokio::test]
async fn it_answers_under_its_prefix_and_nowhere_else() {
    pass();
    for prefix in ["/fail", "/fail/", "fail"] {
        let app = failpoint_http::mount(app(), prefix);
        assert_eq!(ask(&app, "GET", "/", "").await.1, "the app");
        assert_eq!(ask(&app, "GET", "/user/1", "").await.1, "a user");
        assert_eq!(ask(&app, "GET", "/failure", "").await.0, 404);
        assert_eq!(ask(&app, "GET", "/mounted/point", "").await.0, 404);
        if !cfg!(feature = "failpoints") {
            for (method, path) in [
                ("GET", "/fail"),
                ("PUT", "/fail/mounted/point"),
                ("POST", "/fail/any"),
                ("GET", "/fail/v1/points"),
                ("PUT", "/fail/v1/points/mounted/point"),
                ("GET", "/fail/v1/events"),
                ("GET", "/fail/v1/points/mounted/point/wait"),
                ("GET", "/fail/healthz"),
                ("GET", "/fail/metrics"),
                ("GET", "/fail/openapi.json"),
                ("GET", "/fail/ui"),
            ] {
                let (status, text) = ask(&app, method, path, "off").await;
                assert_eq!(status, 501);
                assert_eq!(
                    text,
                    "failpoints were compiled out; build with --features failpoints (in Cargo.toml: \
                     failpoints = [\"failpoint-http/failpoints\"])\n"
                );
            }
            continue;
        }
        for list in ["/fail", "/fail/"] {
            let answer = ask(&app, "GET", list, "").await;
            assert_eq!(answer, (StatusCode::OK, "mounted/point=\n".to_owned()), "{prefix} {list}");
        }
        assert_eq!(ask(&app, "PUT", "/fail/mounted%2Fpoint?x", "off").await.0, 204);
        assert_eq!(ask(&app, "GET", "/fail/mounted/point/count", "").await.1, "0");
        assert_eq!(ask(&app, "PUT", "/fail/failpoints", "mounted/point=off").await.0, 204);
        assert_eq!(ask(&app, "DELETE", "/fail/mounted/point", "").await.0, 204);
        assert_eq!(ask(&app, "POST", "/fail/mounted/point", "").await.0, 405);
    }
}

#[tokio::test]
async fn at_the_root_it_is_the_fallback() {
    let app = failpoint_http::mount(app(), "/");
    assert_eq!(ask(&app, "GET", "/", "").await.1, "the app");
    let nobody = if cfg!(feature = "failpoints") { 404 } else { 501 };
    assert_eq!(ask(&app, "GET", "/nobody", "").await.0, nobody);
    assert_eq!(ask(&failpoint_http::router(), "GET", "/nobody", "").await.0, nobody);
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_body_has_a_limit() {
    let app = failpoint_http::router();
    let (status, text) = ask(&app, "PUT", "/nobody", &" ".repeat((1 << 20) + 1)).await;
    assert_eq!((status.as_u16(), text.as_str()), (413, "the body is larger than 1 MiB\n"));
    let just = "off".to_owned() + &" ".repeat((1 << 20) - 3);
    assert_eq!(ask(&app, "PUT", "/nobody", &just).await.0, 400);
}
