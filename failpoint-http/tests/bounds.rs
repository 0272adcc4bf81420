//! Tests the limits of requests and replies. Needs its own process: it counts the names that no
//! code declares.
#![cfg(feature = "failpoints")]

use failpoint::fail_point;
use failpoint_http::{Reply, respond};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

fn pass() {
    fail_point!("bounds/one");
    fail_point!("bounds/other");
}

/// One test at a time: they share the names that no code declares.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(respond("DELETE", "/v1/points", &[], b"").status, 200);
    alone
}

fn put(path: &str, body: &str) -> Reply {
    respond("PUT", path, &[], body.as_bytes())
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

fn problem(reply: &Reply) -> (u16, String, Value) {
    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, problem["type"].as_str().unwrap().to_owned(), problem)
}

/// As JSON, and as gofail's config.
fn several(names: impl Iterator<Item = String>, terms: &str) -> (String, String) {
    let names: Vec<String> = names.collect();
    let points: serde_json::Map<_, _> =
        names.iter().map(|name| (name.clone(), terms.into())).collect();
    let mut config = String::new();
    names.iter().for_each(|name| write!(config, "{name}={terms};").unwrap());
    (json!({ "points": points }).to_string(), config)
}

fn names(prefix: &str, n: usize) -> impl Iterator<Item = String> {
    (0..n).map(move |n| format!("{prefix}{n}"))
}

#[test]
fn terms_hold_a_thousand_steps_and_conditions() {
    let _alone = alone();
    pass();
    let steps = |n| vec!["yield"; n].join("&");
    let terms = |n| vec!["yield"; n].join("->");
    let conditions = |n| format!("when({}):off", vec!["thread=a"; n - 1].join(","));
    for many in [&steps as &dyn Fn(usize) -> String, &terms, &conditions] {
        assert_eq!(put("/bounds/one", &many(1_000)).status, 204);
        let refused = put("/bounds/one", &many(1_001));
        assert_eq!(refused.status, 400);
        let says = "at most 1000 steps and conditions in the terms of a point";
        assert!(text(&refused).contains(says), "{}", text(&refused));
        let refused = put("/v1/points/bounds/one", &json!({ "terms": many(1_001) }).to_string());
        let (status, kind, problem) = problem(&refused);
        assert_eq!((status, &*kind), (422, "urn:failpoint:bad-terms"));
        assert!(problem["offset"].is_u64() && problem["caret"].is_string());
    }
    assert_eq!(
        put("/bounds/one", &format!("wait({})", "bounds/other,".repeat(50_000))).status,
        400
    );
}

#[test]
fn a_change_holds_ten_thousand_of_them() {
    let _alone = alone();
    pass();
    // Whatever else is wrong with them: nothing is looked at.
    let (json, config) = several(names("bounds/unknown/", 10_001), "off");
    let refused = put("/failpoints", &config);
    assert_eq!(refused.status, 413, "{}", text(&refused));
    assert!(text(&refused).contains("at most 10000 points, steps and conditions"));
    let (status, kind, _) = problem(&put("/v1/points", &json));
    assert_eq!((status, &*kind), (413, "urn:failpoint:too-large"));
    let refused =
        respond("PUT", "/failpoints", &[("Accept", "application/json")], config.as_bytes());
    let (status, kind, _) = problem(&refused);
    assert_eq!((status, &*kind), (413, "urn:failpoint:too-large"));

    let (json, config) = several(names("bounds/unlisted/", 11), &vec!["yield"; 1_000].join("&"));
    assert_eq!(put("/v1/points?unlisted=1", &json).status, 413);
    assert_eq!(put("/failpoints?unlisted=1", &config).status, 413);
    let (json, config) = several(names("bounds/unlisted/", 10), &vec!["yield"; 1_000].join("&"));
    assert_eq!(put("/v1/points?unlisted=1", &json).status, 200);
    assert_eq!(put("/failpoints?unlisted=1", &config).status, 204);
}

#[test]
fn what_matches_counts_as_if_it_were_written_out() {
    let _alone = alone();
    let (json, _) = several(names("bounds/match/", 20), "off");
    assert_eq!(put("/v1/points?unlisted=1", &json).status, 200);
    let matching = |terms: &str| {
        put("/v1/points?match=bounds/match/*", &json!({ "terms": terms }).to_string())
    };
    assert_eq!(matching(&vec!["yield"; 500].join("&")).status, 200);
    assert_eq!(matching(&vec!["yield"; 501].join("&")).status, 413);
    assert_eq!(matching(&format!("print({})", "x".repeat(50_000))).status, 200);
    let (status, kind, problem) = problem(&matching(&format!("print({})", "x".repeat(60_000))));
    assert_eq!((status, &*kind), (413, "urn:failpoint:too-large"));
    assert!(problem["detail"].as_str().unwrap().contains("1 MiB of text"), "{problem}");
}

#[test]
fn a_hundred_faults_are_told() {
    let _alone = alone();
    let (json, config) = several(names("bounds/unknown/", 1_000), "off");
    let refused = text(&put("/failpoints", &config));
    assert!(refused.lines().count() < 110 && refused.contains("\nand 900 more problems\n"));
    let (status, kind, problem) = problem(&put("/v1/points", &json));
    assert_eq!((status, &*kind), (422, "urn:failpoint:several"));
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100);
    let says = "1000 problems, so nothing was changed; errors lists the first 100 of them";
    assert_eq!(problem["detail"], says);
}

#[test]
fn so_many_names_that_no_code_declares_and_no_more() {
    let _alone = alone();
    let (json, _) = several(names("bounds/more/", 1_024), "off");
    assert_eq!(put("/v1/points?unlisted=1", &json).status, 200);
    assert_eq!(put("/v1/points?unlisted=1", &json).status, 200, "they are there already");
    let refused = put("/bounds/one-more?unlisted=1", "off");
    assert_eq!(refused.status, 409, "{}", text(&refused));
    assert!(text(&refused).contains("at most 1024 points that no code declares"));
    let (status, kind, _) =
        problem(&put("/v1/points/bounds/one-more?unlisted=1", r#"{"terms":"off"}"#));
    assert_eq!((status, &*kind), (409, "urn:failpoint:too-many-unlisted"));
    assert_eq!(put("/bounds/one", "off").status, 204, "what code declares is armed");

    // Forgotten, with its series, and there is room for another.
    let series = |name: &str| {
        text(&respond("GET", "/metrics", &[], b"")).contains(&format!("point=\"{name}\""))
    };
    assert!(series("bounds/more/7"));
    assert_eq!(respond("DELETE", "/bounds/more/7", &[], b"").status, 204);
    assert!(!series("bounds/more/7"));
    assert_eq!(put("/bounds/one-more?unlisted=1", "off").status, 204);
    assert_eq!(put("/bounds/more/7?unlisted=1", "off").status, 409);
    assert_eq!(respond("DELETE", "/v1/points", &[], b"").status, 200);
    for n in 0..5_000 {
        assert_eq!(put(&format!("/bounds/passing/{n}?unlisted=1"), "off").status, 204);
        assert_eq!(respond("DELETE", &format!("/bounds/passing/{n}"), &[], b"").status, 204);
    }
    assert!(!series("bounds/passing/4999") && !series("bounds/one-more"));
}

#[test]
fn a_name_that_no_code_declares_is_not_long() {
    let _alone = alone();
    let long = "x".repeat(256);
    let refused = put(&format!("/{long}?unlisted=1"), "off");
    assert_eq!(refused.status, 400);
    assert!(text(&refused).contains("at most 255 bytes"), "{}", text(&refused));
    let (status, kind, _) =
        problem(&put(&format!("/v1/points/{long}?unlisted=1"), r#"{"terms":"off"}"#));
    assert_eq!((status, &*kind), (422, "urn:failpoint:bad-name"));
    assert_eq!(put(&format!("/{}?unlisted=1", &long[1..]), "off").status, 204);
}
