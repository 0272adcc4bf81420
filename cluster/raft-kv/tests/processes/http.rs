//! The routes, as a client without our library sees them.

use crate::support::{Cluster, eventually};
use reqwest::{Client, Method};
use serde_json::{Value, json};

struct Http {
    client: Client,
    base: String,
}

impl Http {
    fn of(cluster: &Cluster) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { client, base: format!("http://{}", cluster.members[0].client) }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.base)).body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    async fn text(&self, path: &str) -> String {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        response.text().await.unwrap()
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.text("/metrics").await;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }
}

#[tokio::test]
async fn answers_are_json() {
    let cluster = Cluster::start(1, &[]).await;
    let http = Http::of(&cluster);
    let (put, get) = (Method::PUT, Method::GET);
    let written = http.ask(put.clone(), "/v1/kv/a/b%20c", "1").await;
    assert_eq!(written, (200, json!({"revision": 2})));
    let kv = json!({"key": "a/b c", "value": "1", "create_revision": 2, "mod_revision": 2, "version": 1, "lease": 0});
    let (_, found) = http.ask(get.clone(), "/v1/kv/a/b%20c?stale=true", "").await;
    assert_eq!(found, json!({"revision": 2, "kv": kv}));
    let (_, found) = http.ask(get.clone(), "/v1/kv/nothing", "").await;
    assert_eq!(found, json!({"revision": 2, "kv": null}));
    let (_, found) = http.ask(get.clone(), "/v1/range?from=a&to=b&limit=1", "").await;
    assert_eq!(found, json!({"revision": 2, "kvs": [kv], "more": false}));
    let (_, healthy) = http.ask(get.clone(), "/health", "").await;
    assert_eq!(healthy, json!({"revision": 2}));
    let (_, lease) = http.ask(Method::POST, "/v1/leases", r#"{"ttl":7}"#).await;
    assert_eq!(lease["ttl"], 7);
    let (_, status) = http.ask(get.clone(), "/v1/status", "").await;
    assert_eq!((&status["role"], &status["leader"]), (&json!("Leader"), &json!(1)));
    let (_, hash) = http.ask(get.clone(), "/v1/hash?revision=2", "").await;
    assert!(hash["hash"].is_u64() && hash["compacted"].is_u64(), "{hash}");
    let (_, deleted) = http.ask(Method::DELETE, "/v1/range?from=a", "").await;
    assert_eq!(deleted, json!({"revision": 3, "deleted": 1}));
    // It is told after the answers of a round.
    eventually("the revision", async || (http.metric("raft_kv_revision").await == 3).then_some(()))
        .await;
    assert_eq!(http.metric(r#"raft_kv_requests_total{kind="put",result="ok"}"#).await, 1);
}

#[tokio::test]
async fn every_mistake_has_a_status_and_a_code() {
    let cluster = Cluster::start(1, &[]).await;
    let http = Http::of(&cluster);
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let long = "x".repeat((1 << 20) + 1);
    for (method, path, body, status, code) in [
        (&get, "/v1/nothing", &b""[..], 404, "no-route"),
        (&post, "/v1/range?from=a", b"", 405, "no-method"),
        (&get, "/v1/range", b"", 400, "bad-request"),
        (&get, "/v1/range?from=a&form=b", b"", 400, "bad-request"),
        (&get, "/v1/range?from=%FF", b"", 400, "bad-request"),
        (&get, "/v1/range?from=%", b"", 200, ""),
        (&get, "/v1/range?from=%C3%A9", b"", 200, ""),
        (&get, "/v1/kv/%FF", b"", 400, "bad-request"),
        (&get, "/v1/kv/a?revision=two", b"", 400, "bad-request"),
        (&put, "/v1/kv/a", b"\xff", 400, "bad-request"),
        (&put, "/v1/kv/a", long.as_bytes(), 413, "too-large"),
        (&put, "/v1/kv/a", &long.as_bytes()[1..], 413, "too-large"),
        (&put, "/v1/kv/a?lease=9", b"x", 404, "lease-not-found"),
        (&post, "/v1/txn", b"{", 400, "bad-request"),
        (&post, "/v1/txn", br#"{"thn":[]}"#, 400, "bad-request"),
        (&post, "/v1/txn", b"[]", 400, "bad-request"),
        (&post, "/v1/leases", b"[7]", 400, "bad-request"),
        (&post, "/v1/leases", br#"{"ttl":-1}"#, 400, "bad-request"),
        (&post, "/v1/leases", br#"{"ttl":0}"#, 400, "bad-request"),
        (&post, "/v1/leases/9/keepalive", b"", 404, "lease-not-found"),
        (&get, "/v1/leases/nine", b"", 400, "bad-request"),
        (&delete, "/v1/leases/9", b"", 404, "lease-not-found"),
        (&delete, "/v1/members/9", b"", 404, "member-not-found"),
        (&delete, "/v1/members/1", b"", 400, "bad-request"),
        (&post, "/v1/members", br#"{"id":1,"peer":"127.0.0.1:1"}"#, 409, "member-exists"),
        (&post, "/v1/members", br#"{"id":2,"peer":"nowhere"}"#, 400, "bad-request"),
        (&post, "/v1/leader/9", b"", 404, "member-not-found"),
        (&post, "/v1/compact", br#"{"revision":9}"#, 409, "future-revision"),
        (&get, "/v1/hash?revision=9", b"", 409, "future-revision"),
    ] {
        let (got, answer) = http.ask(method.clone(), path, body.to_vec()).await;
        assert_eq!(got, status, "{method} {path}: {answer}");
        assert_eq!(answer["code"].as_str().unwrap_or_default(), code, "{method} {path}: {answer}");
        assert!(status == 200 || answer["error"].as_str().is_some_and(|text| text.len() > 10));
    }
}

#[tokio::test]
async fn a_member_that_is_added_without_a_name_has_one() {
    let cluster = Cluster::start(1, &[]).await;
    let http = Http::of(&cluster);
    let (status, added) =
        http.ask(Method::POST, "/v1/members", r#"{"id":2,"peer":"127.0.0.1:1"}"#).await;
    assert_eq!((status, &added["members"][1]["name"]), (200, &json!("m2")));
}

#[tokio::test]
async fn a_watch_ends_with_its_client() {
    let cluster = Cluster::start(1, &[]).await;
    let http = Http::of(&cluster);
    let mut watch = http.client.get(format!("{}/v1/watch?from=a", http.base)).send().await.unwrap();
    assert_eq!(watch.chunk().await.unwrap().unwrap(), "{\"revision\":1,\"events\":[]}\n");
    http.ask(Method::PUT, "/v1/kv/a", "1").await;
    let line: Value = serde_json::from_slice(&watch.chunk().await.unwrap().unwrap()).unwrap();
    assert_eq!((&line["revision"], &line["events"][0]["type"]), (&json!(2), &json!("put")));
    assert_eq!(http.metric("raft_kv_watches").await, 1);
    drop(watch);
    eventually("the end of the watch", async || {
        (http.metric("raft_kv_watches").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_watch_whose_client_does_not_read_ends() {
    let cluster = Cluster::start(1, &[]).await;
    let http = Http::of(&cluster);
    let watch = http.client.get(format!("{}/v1/watch?from=a", http.base)).send().await.unwrap();
    let value = "x".repeat(1 << 19);
    // Each event has the value before it too, so these are fewer messages than may wait, but more bytes.
    let mut is_slow = false;
    for _ in 0..60 {
        http.ask(Method::PUT, "/v1/kv/a", value.clone()).await;
        is_slow = http.metric("raft_kv_slow_watches_total").await == 1;
        if is_slow {
            break;
        }
    }
    assert!(is_slow, "60 MiB wait for a client that does not read");
    drop(watch);
}
