//! Toxiproxy's API, without a socket of its own: each request, its status and its JSON.

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use failpoint_proxy::toxiproxy::{API_VERSION, Access, Toxiproxy};
use serde_json::{Value, json};
use support::{ask, echo, rest};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

struct Api {
    toxiproxy: Toxiproxy,
    app: Router,
}

impl Api {
    fn new() -> Self {
        let toxiproxy = Toxiproxy::new(1, None);
        let app = toxiproxy.router(Access::default());
        Self { toxiproxy, app }
    }

    async fn raw(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let reply = self.app.clone().oneshot(request).await.unwrap();
        let status = reply.status();
        (status, to_bytes(reply.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    /// Sends a body of JSON, or of text that is sent as it is; gives `null` for an empty reply.
    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = match body {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let (status, body) = self.raw(request).await;
        let json =
            if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (status.as_u16(), json)
    }

    /// Sends, and checks the reply.
    async fn check(&self, method: &str, path: &str, body: Value, status: u16, expected: Value) {
        let sent = format!("{method} {path} {body}");
        assert_eq!(self.send(method, path, body).await, (status, expected), "{sent}");
    }

    /// Sends, and checks the text and status of a refusal.
    async fn refused(&self, method: &str, path: &str, body: Value, status: u16, error: &str) {
        self.check(method, path, body, status, json!({"error": error, "status": status})).await;
    }

    /// Creates a proxy at a free port; gives its address.
    async fn create(&self, name: &str, upstream: &str) -> String {
        let body = json!({"name": name, "upstream": upstream});
        let (status, proxy) = self.send("POST", "/proxies", body).await;
        assert_eq!(status, 201, "{proxy}");
        proxy["listen"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_proxy_from_its_creation_to_its_end() {
    let api = Api::new();
    api.check("GET", "/proxies", Value::Null, 200, json!({})).await;
    let listen = api.create("redis", "localhost:1").await;
    let shown = json!({
        "name": "redis", "listen": listen, "upstream": "localhost:1", "enabled": true, "toxics": [],
    });
    api.check("GET", "/proxies/redis", Value::Null, 200, shown.clone()).await;
    api.check("GET", "/proxies", Value::Null, 200, json!({"redis": shown})).await;

    let mut changed = shown.clone();
    changed["enabled"] = json!(false);
    for method in ["POST", "PATCH"] {
        let disable = json!({"enabled": false});
        api.check(method, "/proxies/redis", disable, 200, changed.clone()).await;
        assert!(TcpStream::connect(&listen).await.is_err());
        api.check(method, "/proxies/redis", json!({"enabled": true}), 200, shown.clone()).await;
        TcpStream::connect(&listen).await.unwrap();
    }
    let (status, moved) = api
        .send(
            "PATCH",
            "/proxies/redis",
            json!({"listen": "127.0.0.1:0", "upstream": "localhost:2"}),
        )
        .await;
    assert_eq!((status, &moved["upstream"]), (200, &json!("localhost:2")));
    assert!(moved["listen"] != json!(listen) && moved["enabled"] == json!(true), "{moved}");
    TcpStream::connect(moved["listen"].as_str().unwrap()).await.unwrap();

    api.check("DELETE", "/proxies/redis", Value::Null, 204, Value::Null).await;
    api.refused("DELETE", "/proxies/redis", Value::Null, 404, "proxy not found").await;
    assert!(TcpStream::connect(moved["listen"].as_str().unwrap()).await.is_err());
}

#[tokio::test]
async fn a_proxy_can_be_created_disabled_and_keeps_what_it_was_given() {
    let api = Api::new();
    let proxy = json!({"name": "p", "listen": "localhost:0", "upstream": ":6379", "enabled": false, "toxics": []});
    api.check("POST", "/proxies", proxy.clone(), 201, proxy).await;
    let (status, proxy) = api.send("PATCH", "/proxies/p", json!({"enabled": true})).await;
    assert_eq!(status, 200);
    assert_ne!(proxy["listen"], "localhost:0");
}

#[tokio::test]
async fn refusals_of_proxies() {
    let api = Api::new();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    api.create("p", "localhost:1").await;
    for (body, status, error) in [
        (json!({}), 400, "missing required field: name"),
        (json!({"name": "", "upstream": "x:1"}), 400, "missing required field: name"),
        (json!({"name": "a"}), 400, "missing required field: upstream"),
        (json!({"name": "p", "upstream": "localhost:1"}), 409, "proxy already exists"),
        (
            json!({"name": "n".repeat(256), "upstream": "x:1"}),
            400,
            "bad request body: name is longer than 255 bytes",
        ),
        (json!("{"), 400, "bad request body: EOF while parsing an object at line 1 column 1"),
        (Value::Null, 400, "bad request body: EOF while parsing a value at line 1 column 0"),
        (
            json!({"name": 1}),
            400,
            "bad request body: invalid type: integer `1`, expected a string at line 1 column 9",
        ),
    ] {
        api.refused("POST", "/proxies", body, status, error).await;
    }
    let (status, error) = api
        .send("POST", "/proxies", json!({"name": "a", "upstream": "x:1", "listen": address}))
        .await;
    let text = error["error"].as_str().unwrap();
    assert!(
        status == 500 && text.starts_with(&format!("listen tcp {address}: Address already in use"))
    );
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        api.refused(method, "/proxies/none", json!("{"), 404, "proxy not found").await;
    }
    api.refused(
        "PATCH",
        "/proxies/p",
        json!("["),
        400,
        "bad request body: EOF while parsing a list at line 1 column 1",
    )
    .await;
    api.refused("GET", "/", Value::Null, 404, "no such route").await;
    api.refused("PUT", "/proxies", Value::Null, 405, "the route has no such method").await;
    api.refused(
        "POST",
        "/proxies",
        json!(" ".repeat((1 << 20) + 1)),
        413,
        "the body is larger than 1 MiB, or cut off",
    )
    .await;
}

#[tokio::test]
async fn a_toxic_from_its_creation_to_its_end() {
    let api = Api::new();
    api.create("p", "localhost:1").await;
    let latency = json!({
        "attributes": {"latency": 100, "jitter": 10}, "name": "latency_downstream", "type": "latency",
        "stream": "downstream", "toxicity": 1,
    });
    let body = json!({"type": "latency", "attributes": {"latency": 100, "jitter": 10}});
    api.check("POST", "/proxies/p/toxics", body.clone(), 200, latency.clone()).await;
    api.refused("POST", "/proxies/p/toxics", body, 409, "toxic already exists").await;
    let limit = json!({
        "attributes": {"bytes": 5}, "name": "limit", "type": "limit_data", "stream": "upstream",
        "toxicity": 0.5,
    });
    api.check("POST", "/proxies/p/toxics", limit.clone(), 200, limit.clone()).await;
    // Upstream comes first.
    let both = json!([limit, latency]);
    api.check("GET", "/proxies/p/toxics", Value::Null, 200, both.clone()).await;
    assert_eq!(api.send("GET", "/proxies/p", Value::Null).await.1["toxics"], both);
    let path = "/proxies/p/toxics/latency_downstream";
    api.check("GET", path, Value::Null, 200, latency.clone()).await;
    let mut changed = latency;
    for (method, value) in [("POST", 7), ("PATCH", 8)] {
        changed["attributes"]["latency"] = json!(value);
        changed["toxicity"] = json!(0.25);
        let change = json!({"attributes": {"latency": value}, "toxicity": 0.25});
        api.check(method, path, change, 200, changed.clone()).await;
    }
    api.check("DELETE", path, Value::Null, 204, Value::Null).await;
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        api.refused(method, path, json!("{"), 404, "toxic not found").await;
        let path = "/proxies/none/toxics/x";
        api.refused(method, path, json!("{"), 404, "proxy not found").await;
    }
    api.refused("GET", "/proxies/none/toxics", Value::Null, 404, "proxy not found").await;
    api.refused("POST", "/proxies/none/toxics", Value::Null, 404, "proxy not found").await;
}

#[tokio::test]
async fn refusals_of_toxics() {
    let api = Api::new();
    api.create("p", "localhost:1").await;
    api.send("POST", "/proxies/p/toxics", json!({"type": "latency"})).await;
    for (body, status, error) in [
        (json!({"type": "none"}), 400, "invalid toxic type"),
        (
            json!({"type": "none", "stream": "up"}),
            400,
            "stream was invalid, can be either upstream or downstream",
        ),
        // The name is looked at before the attributes.
        (json!({"type": "latency", "attributes": 1}), 409, "toxic already exists"),
        (
            json!({"type": "timeout", "toxicity": 1.5}),
            400,
            "bad request body: the toxicity must be between 0 and 1",
        ),
        (
            json!({"type": "slicer"}),
            400,
            "bad request body: the average size of a slicer must be at least 1 byte",
        ),
        (
            json!({"type": "timeout", "attributes": {"timeout": "1s"}}),
            400,
            "bad request body: attributes: invalid type: string \"1s\", expected i64",
        ),
    ] {
        api.refused("POST", "/proxies/p/toxics", body, status, error).await;
    }
    api.refused(
        "PATCH",
        "/proxies/p/toxics/latency_downstream",
        json!({"attributes": {"jitter": -2}}),
        400,
        "bad request body: attributes: -2 is not between 0 and 1000000000000000",
    )
    .await;
    for n in 1..64 {
        let (status, _) = api
            .send("POST", "/proxies/p/toxics", json!({"type": "timeout", "name": format!("t{n}")}))
            .await;
        assert_eq!(status, 200);
    }
    api.refused(
        "POST",
        "/proxies/p/toxics",
        json!({"type": "timeout"}),
        409,
        "the proxy has too many toxics; remove one",
    )
    .await;
}

#[tokio::test]
async fn populate_creates_keeps_and_replaces() {
    let api = Api::new();
    let listen = api.create("kept", "localhost:1").await;
    let replaced = api.create("replaced", "localhost:1").await;
    api.send("POST", "/proxies/kept/toxics", json!({"type": "latency"})).await;
    api.send("POST", "/proxies/replaced/toxics", json!({"type": "latency"})).await;
    let port = listen.rsplit_once(':').unwrap().1;
    let (status, reply) = api
        .send("POST", "/populate", json!([
            {"name": "kept", "listen": format!("localhost:{port}"), "upstream": "localhost:1"},
            {"name": "replaced", "listen": replaced, "upstream": "localhost:2"},
            {"name": "new", "listen": "127.0.0.1:0", "upstream": "localhost:3", "enabled": false},
        ]))
        .await;
    assert_eq!(status, 201, "{reply}");
    let proxies = reply["proxies"].as_array().unwrap();
    let toxics = |n: usize| proxies[n]["toxics"].as_array().unwrap().len();
    assert_eq!((proxies.len(), toxics(0), toxics(1)), (3, 1, 0));
    assert_eq!(proxies[1]["upstream"], "localhost:2");
    assert_eq!(proxies[2]["enabled"], false);
    api.check("POST", "/populate", json!([]), 201, json!({"proxies": []})).await;
}

#[tokio::test]
async fn populate_changes_nothing_if_it_is_wrong() {
    let api = Api::new();
    for (body, error) in [
        (
            json!([{"name": "a", "upstream": "x:1"}, {"name": "b"}]),
            "missing required field: upstream at proxy 2",
        ),
        (json!([{"upstream": "x:1"}]), "missing required field: name at proxy 1"),
        (
            json!([{"name": "a", "upstream": "x:1"}, {"name": "a", "upstream": "x:2"}]),
            "bad request body: duplicate proxy name \"a\"",
        ),
        (json!({}), "bad request body: invalid type: map, expected a sequence at line 1 column 0"),
    ] {
        let expected = json!({"error": error, "status": 400, "proxies": []});
        api.check("POST", "/populate", body, 400, expected).await;
    }
    api.check("GET", "/proxies", Value::Null, 200, json!({})).await;
    // Those before one that cannot listen are there.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, reply) = api
        .send("POST", "/populate", json!([
            {"name": "a", "upstream": "x:1"}, {"name": "b", "upstream": "x:1", "listen": address},
        ]))
        .await;
    assert_eq!(
        (status, &reply["status"], &reply["proxies"][0]["name"]),
        (500, &json!(500), &json!("a"))
    );
    assert_eq!(
        api.toxiproxy.populate(b"[{}]").await.unwrap_err().to_string(),
        "missing required field: name at proxy 1"
    );
}

#[tokio::test]
async fn reset_enables_all_and_removes_the_toxics() {
    let api = Api::new();
    let listen = api.create("p", "localhost:1").await;
    api.send("POST", "/proxies/p/toxics", json!({"type": "timeout"})).await;
    api.send("PATCH", "/proxies/p", json!({"enabled": false})).await;
    api.check("POST", "/reset", Value::Null, 204, Value::Null).await;
    let shown = json!({
        "name": "p", "listen": listen, "upstream": "localhost:1", "enabled": true, "toxics": [],
    });
    api.check("GET", "/proxies/p", Value::Null, 200, shown).await;
}

#[tokio::test]
async fn toxics_act_on_connections() {
    let api = Api::new();
    let (server, _) = echo().await;
    let listen = api.create("p", &server.to_string()).await;
    let mut stream = TcpStream::connect(&listen).await.unwrap();
    assert_eq!(ask(&mut stream, b"hello").await, b"hello");
    api.send(
        "POST",
        "/proxies/p/toxics",
        json!({"type": "limit_data", "attributes": {"bytes": 2}}),
    )
    .await;
    stream.write_all(b"hello").await.unwrap();
    assert_eq!(rest(&mut stream).await.unwrap(), b"he");
    let get = Request::get("/metrics").body(Body::empty()).unwrap();
    let metrics = String::from_utf8(api.raw(get).await.1).unwrap();
    for (name, direction, value) in [
        ("toxiproxy_proxy_received_bytes_total", "upstream", 10),
        ("toxiproxy_proxy_sent_bytes_total", "downstream", 7),
        ("failpoint_proxy_dropped_bytes_total", "downstream", 3),
        ("failpoint_proxy_lost_chunks_total", "downstream", 0),
    ] {
        let line = format!(
            "{name}{{direction=\"{direction}\",listener=\"{listen}\",proxy=\"p\",upstream=\"{server}\"}} {value}\n"
        );
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn tells_the_version_of_the_api() {
    let api = Api::new();
    let get = Request::get("/version").body(Body::empty()).unwrap();
    let (status, body) = api.raw(get).await;
    assert_eq!(status, 200);
    assert_eq!(body, format!("{{\"version\": \"{API_VERSION}\"}}\n").into_bytes());
}

#[tokio::test]
async fn web_pages_and_strangers_are_refused() {
    let status = async |access: Access, headers: &[(header::HeaderName, &str)]| {
        let mut request = Request::get("/proxies");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let app = Toxiproxy::new(0, None).router(access);
        app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    let open = Access::default;
    for host in ["localhost:8474", "LOCALHOST", "127.0.0.1:1", "[::1]:8474", "10.0.0.1"] {
        assert_eq!(status(open(), &[(header::HOST, host)]).await, 200, "{host}");
    }
    for host in ["evil.example:8474", "localhost.evil.example", "toxiproxy:8474", "::1x"] {
        assert_eq!(status(open(), &[(header::HOST, host)]).await, 403, "{host}");
    }
    let named = Access::to_hosts(["toxiproxy".to_owned()]);
    assert_eq!(status(named, &[(header::HOST, "toxiproxy:8474")]).await, 200);
    assert_eq!(status(open(), &[(header::ORIGIN, "http://127.0.0.1:8474")]).await, 403);
    assert_eq!(status(open(), &[(header::USER_AGENT, "Mozilla/5.0")]).await, 403);

    let token = || Access::with_token("secret");
    assert_eq!(status(token(), &[]).await, 401);
    assert_eq!(status(token(), &[(header::AUTHORIZATION, "Bearer wrong")]).await, 401);
    assert_eq!(status(token(), &[(header::AUTHORIZATION, "secret")]).await, 401);
    let right = (header::AUTHORIZATION, "Bearer secret");
    assert_eq!(status(token(), &[right.clone(), (header::HOST, "anywhere")]).await, 200);
    assert_eq!(status(token(), &[right, (header::ORIGIN, "http://x")]).await, 403);
}
