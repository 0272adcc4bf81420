//! Tests long polls on a runtime without a timer, as a server may have. Each test uses its own
//! names of points.
#![cfg(feature = "failpoints")]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use failpoint::fail_point;
use serde_json::{Value, json};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use tower::ServiceExt;

type Asked = Pin<Box<dyn Future<Output = (u16, Value)>>>;

fn ask(method: &str, path: &str, body: &str) -> Asked {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned()));
    Box::pin(async {
        let answer = failpoint_http::router().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    })
}

fn wait(name: &str, query: &str) -> Asked {
    ask("GET", &format!("/v1/points/{name}/wait?{query}"), "")
}

/// Polls once: it waits from now on.
async fn is_waiting(asked: &mut Asked) -> bool {
    poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_pending())).await
}

/// Arms, and gives the generation.
async fn put(name: &str, terms: &str) -> u64 {
    let body = json!({ "terms": terms }).to_string();
    let (status, armed) = ask("PUT", &format!("/v1/points/{name}"), &body).await;
    assert_eq!(status, 200, "{armed}");
    armed["generation"].as_u64().unwrap()
}

async fn delete(name: &str) {
    assert_eq!(ask("DELETE", &format!("/v1/points/{name}"), "").await.0, 200);
}

fn waited(outcome: &str, name: &str, generation: u64, hits: u64, fires: u64) -> (u16, Value) {
    let body = json!({
        "outcome": outcome, "name": name, "generation": generation,
        "hits": hits, "fires": fires, "paused": 0,
    });
    (200, body)
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test);
}

#[test]
fn an_idle_point_is_waited_for_until_it_is_armed_and_hit() {
    run(async {
        let name = "waits/next";
        let (mut hit, mut fired) = (wait(name, ""), wait("waits%2Fnext", "fires=2&timeout=1m"));
        assert!(is_waiting(&mut hit).await && is_waiting(&mut fired).await);
        fail_point!("waits/next");
        assert!(is_waiting(&mut hit).await, "an idle point counts nothing");
        let generation = put(name, "every(2):off").await;
        assert!(is_waiting(&mut hit).await, "it was armed, and not hit");
        fail_point!("waits/next");
        assert_eq!(hit.await, waited("reached", name, generation, 1, 0));
        for _ in 0..3 {
            assert!(is_waiting(&mut fired).await);
            fail_point!("waits/next");
        }
        assert_eq!(fired.await, waited("reached", name, generation, 4, 2));
    });
}

#[test]
fn since_names_the_arming_that_is_meant() {
    run(async {
        let name = "waits/since";
        let first = put(name, "off").await;
        fail_point!("waits/since");
        // What came between arming and waiting is not lost, with since and without.
        let reached = waited("reached", name, first, 1, 1);
        assert_eq!(wait(name, &format!("hits=1&since={first}")).await, reached);
        assert_eq!(wait(name, "hits=1").await, reached);

        let second = put(name, "off").await;
        let over = waited("disarmed", name, first, 1, 1);
        assert_eq!(wait(name, &format!("hits=9&since={first}")).await, over);
        let mut now = wait(name, &format!("since={second}"));
        assert!(is_waiting(&mut now).await, "hits of the first do not count");
        delete(name).await;
        assert_eq!(now.await, waited("disarmed", name, second, 0, 0));
        // Nothing is known of the first any more.
        let forgotten = waited("disarmed", name, first, 0, 0);
        assert_eq!(wait(name, &format!("since={first}")).await, forgotten);

        let (_, idle) = ask("GET", "/v1/points/waits/since", "").await;
        let disarmed = idle["generation"].as_u64().unwrap();
        let mut next = wait(name, &format!("since={disarmed}"));
        assert!(is_waiting(&mut next).await, "it waits for what comes after the disarming");
        let (status, problem) = wait(name, &format!("since={}", u64::MAX)).await;
        assert_eq!((status, &problem["type"]), (400, &json!("urn:failpoint:bad-request")));
        assert!(problem["detail"].as_str().unwrap().contains(&disarmed.to_string()), "{problem}");
        let third = put(name, "off").await;
        fail_point!("waits/since");
        assert_eq!(next.await, waited("reached", name, third, 1, 1));
    });
}

#[test]
fn an_arming_that_ended_before_the_first_poll_is_not_missed() {
    run(async {
        let name = "waits/short";
        let (mut hit, mut more) = (wait(name, "hits=1"), wait(name, "hits=2"));
        assert!(is_waiting(&mut hit).await && is_waiting(&mut more).await);
        let generation = put(name, "off").await;
        fail_point!("waits/short");
        delete(name).await;
        assert_eq!(hit.await, waited("reached", name, generation, 1, 1));
        assert_eq!(more.await, waited("disarmed", name, generation, 1, 1));
    });
}

#[test]
fn disarming_arming_again_and_resetting_end_a_wait() {
    run(async {
        let name = "waits/over";
        for end in ["DELETE", "PUT"] {
            let generation = put(name, "off").await;
            let mut asked = wait(name, "fires=2");
            assert!(is_waiting(&mut asked).await);
            fail_point!("waits/over");
            let body = if end == "PUT" { r#"{"terms":"off"}"# } else { "" };
            assert_eq!(ask(end, "/v1/points/waits/over", body).await.0, 200);
            assert_eq!(asked.await, waited("disarmed", name, generation, 1, 1), "{end}");
        }
    });
}

#[test]
fn time_runs_out_with_the_counts() {
    run(async {
        let name = "waits/late";
        let (status, problem) = wait(name, "timeout=10ms").await;
        assert_eq!((status, &problem["type"]), (408, &json!("urn:failpoint:timed-out")));
        assert!(problem["detail"].as_str().unwrap().contains("nothing was armed"), "{problem}");
        let zeros = json!({ "name": name, "generation": 0, "hits": 0, "fires": 0, "paused": 0 });
        assert_eq!(problem["counts"], zeros);

        let generation = put(name, "every(2):off").await;
        fail_point!("waits/late");
        let (status, problem) = wait(name, "fires=1&timeout=10ms").await;
        assert_eq!((status, &problem["name"]), (408, &json!(name)));
        let counts =
            json!({ "name": name, "generation": generation, "hits": 1, "fires": 0, "paused": 0 });
        assert_eq!(problem["counts"], counts);
    });
}

#[test]
fn callers_that_are_paused_are_waited_for_and_let_go() {
    run(async {
        let name = "waits/paused";
        put(name, "pause").await;
        let callers: Vec<_> =
            (0..2).map(|_| thread::spawn(|| fail_point!("waits/paused"))).collect();
        let (status, body) = wait(name, "paused=2").await;
        assert_eq!((status, &body["paused"]), (200, &json!(2)));
        let (status, body) = ask("POST", "/v1/points/waits/paused/resume?n=1", "").await;
        assert_eq!((status, body), (200, json!({ "resumed": 1, "paused": 1 })));
        delete(name).await;
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
}

#[test]
fn what_is_asked_for_wrongly_is_refused_at_once() {
    fn never() {
        fail_point!("waits/refused");
    }
    let _ = never as fn();
    run(async {
        for (query, said) in [
            ("hits=1&fires=1", "one of hits, fires and paused"),
            ("hits=1&paused=1", "one of hits, fires and paused"),
            ("hits=0", "at least 1"),
            ("hits=x", "at least 1"),
            ("hits=1&hits=1", "twice"),
            ("timeout=601s", "10m"),
            ("timeout=0", "greater than zero"),
            ("timeout=soon", "duration"),
            ("since=-1", "integer"),
            ("until=2", "hits, fires, paused, since, timeout"),
            ("hits=%zz", "percent-encoding"),
        ] {
            let (status, problem) = wait("waits/refused", query).await;
            assert_eq!((status, &problem["type"]), (400, &json!("urn:failpoint:bad-request")));
            assert!(problem["detail"].as_str().unwrap().contains(said), "{query}: {problem}");
        }
        let (status, problem) = wait("waits/refusd", "").await;
        assert_eq!((status, &problem["type"]), (404, &json!("urn:failpoint:unknown-point")));
        assert_eq!(problem["nearest"][0], "waits/refused");
        let (status, problem) = ask("POST", "/v1/points/waits/refused/wait", "").await;
        assert_eq!((status, &problem["type"]), (405, &json!("urn:failpoint:method-not-allowed")));
        let without = failpoint_http::respond("GET", "/v1/points/waits/refused/wait", &[], b"");
        assert_eq!(without.status, 501, "nobody could wait there");
    });
}
