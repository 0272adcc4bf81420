//! Tests the stream of server-sent events. Each test uses its own names of points.
#![cfg(feature = "failpoints")]

mod common;

use common::Reader;
use failpoint::fail_point;
use failpoint_http::respond;
use serde_json::{Value, json};
use std::thread;

fn save(term: u64) {
    fail_point!("events/saved", term = term);
}

fn put(name: &str, terms: &str) -> u64 {
    let body = json!({ "terms": terms }).to_string();
    let reply = respond("PUT", &format!("/v1/points/{name}"), &[], body.as_bytes());
    assert_eq!(reply.status, 200);
    let armed: Value = serde_json::from_slice(&reply.body).unwrap();
    armed["generation"].as_u64().unwrap()
}

#[test]
fn a_reader_is_told_of_everything_in_its_order() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    let mut all = Reader::begin(&address, "match=events/sa*");
    let mut some = Reader::begin(&address, "match=events/saved&kinds=disarmed,fired");

    let generation = put("events/saved", "1*off->pause");
    save(7);
    let paused = thread::Builder::new().name("saver".to_owned()).spawn(|| save(8)).unwrap();
    let mut told = Vec::new();
    while told.len() < 4 {
        told.push(all.next().unwrap());
    }
    assert_eq!(respond("POST", "/v1/points/events/saved/resume", &[], b"").status, 200);
    paused.join().unwrap();
    assert_eq!(respond("DELETE", "/v1/points/events/saved", &[], b"").status, 200);
    told.extend([all.next().unwrap(), all.next().unwrap()]);

    let kinds: Vec<&str> = told.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["armed", "fired", "fired", "paused", "resumed", "disarmed"]);
    let ids: Vec<Option<u64>> = told.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=6).map(Some).collect::<Vec<_>>());
    for event in &told {
        assert_eq!(event.data["kind"], event.kind.as_str());
        assert_eq!(event.data["name"], "events/saved");
        assert_eq!(event.data["terms"], "1*off->pause");
        assert_eq!(event.data["generation"], generation);
        let time = event.data["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    }
    assert_eq!(told[1].data["context"], json!({ "term": "7" }));
    assert_eq!(told[2].data["context"], json!({ "term": "8" }));
    assert_eq!(told[2].data["thread"], "saver");

    let kinds: Vec<String> = (0..3).map(|_| some.next().unwrap().kind).collect();
    assert_eq!(kinds, ["fired", "fired", "disarmed"]);

    // Nothing more comes, and the end of the listener is theirs.
    drop(control);
    assert!(all.next().is_none() && some.next().is_none());
}

#[test]
fn what_is_asked_for_wrongly_is_refused() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let mut client = common::Client::connect(&control.address().unwrap().to_string());
    for (query, said) in
        [("kinds=fired,hit", "`hit`"), ("kinds=", "``"), ("since=1", "match, kinds")]
    {
        let answer = client.ask("GET", &format!("/v1/events?{query}"), "");
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(said), "{}", answer.body);
    }
    // A `HEAD` ends at once and needs no permit.
    let answer = client.ask("HEAD", "/v1/events", "");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(client.ask("GET", "/healthz", "").status, 204);
    assert_eq!(respond("GET", "/v1/events", &[], b"").status, 501, "nobody could stream there");
}
