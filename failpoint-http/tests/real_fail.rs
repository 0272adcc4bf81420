//! Tests that the points of the original crate `fail` are listed, armed and disarmed over HTTP, as
//! `fail/NAME`. Needs its own process: it lists and resets all points. Tests of the environment run
//! in a child process.
#![cfg(feature = "fail")]

mod common;

use common::{Client, child, is_child, line_of, until};
use failpoint_http::{Reply, respond};
use failpoint_test_support::Killed;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

/// A reset disarms all points, so it runs alone.
static RESET: RwLock<()> = RwLock::new(());

fn beside_others() -> RwLockReadGuard<'static, ()> {
    RESET.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    RESET.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn ask(method: &str, path: &str, body: &str) -> Reply {
    respond(method, path, &[], body.as_bytes())
}

#[track_caller]
fn row(method: &str, path: &str, body: &str, status: u16, answer: &str) {
    let reply = ask(method, path, body);
    let text = String::from_utf8(reply.body).unwrap();
    assert_eq!((reply.status, text.as_str()), (status, answer), "{method} {path}");
}

fn json(method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
    let reply = ask(method, path, body);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

fn configured(name: &str) -> Option<String> {
    real_fail::list().into_iter().find(|(other, _)| other == name).map(|(_, terms)| terms)
}

/// Waits until `name` is not configured any more.
fn wait_until_removed(name: &str) {
    until("it is removed", || configured(name).is_none());
}

const UNKNOWN: &str = "failed to GET: failpoint: failpoint does not exist\n";

#[test]
fn gofails_rows() {
    fn site() -> Option<String> {
        real_fail::fail_point!("rows/site", |value| value);
        None
    }
    let _others = beside_others();
    row("GET", "/fail/rows/site", "", 404, UNKNOWN);
    real_fail::cfg("rows/site", "off").unwrap();
    row("GET", "/fail/rows/site", "", 200, "off\n");

    // What `fail` takes, in its own language: the quotes are part of the value.
    row("PUT", "/fail/rows/site", "1*return(7)->125%return(\"8\")\n", 204, "");
    assert_eq!((site().as_deref(), site().as_deref()), (Some("7"), Some("\"8\"")));
    row("GET", "/fail/rows/site", "", 200, "1*return(7)->125%return(\"8\")\n");
    let uncounted = "failed to GET: the crate fail does not count hits\n";
    row("GET", "/fail/rows/site/count", "", 404, uncounted);
    row(
        "PUT",
        "/fail/rows/site",
        "nth(1):off",
        400,
        "fail to set failpoint: failpoint: could not parse terms: parentheses do not match\n",
    );
    assert_eq!(site().as_deref(), Some("\"8\""), "a refusal changes nothing");

    row("DELETE", "/fail/rows/site", "", 204, "");
    assert_eq!((configured("rows/site"), site()), (None, None));
    let unknown = "failed to delete failpoint failpoint: failpoint does not exist: ";
    let reply = ask("DELETE", "/fail/rows/site", "");
    assert_eq!(reply.status, 400);
    assert!(String::from_utf8_lossy(&reply.body).starts_with(unknown));
    assert!(String::from_utf8_lossy(&reply.body).contains("has nothing configured at `rows/site`"));
    let nameless = ask("PUT", "/fail/", "off");
    assert_eq!(nameless.status, 400);
    assert!(String::from_utf8_lossy(&nameless.body).contains("is not a valid failpoint name"));
}

#[test]
fn the_list_is_one_sorted() {
    fn _ours() {
        failpoint::fail_point!("fail/list/own");
        failpoint::fail_point!("list/ours");
    }
    let _others = beside_others();
    real_fail::cfg("list/site", "print(a=b)").unwrap();
    real_fail::cfg("list/odd name=1", " off\n").unwrap();
    // Of two of one name, ours is listed, and is the one that is armed.
    real_fail::cfg("list/own", "off").unwrap();
    row("PUT", "/fail/list/own", "sleep(1ms)", 204, "");
    let text = String::from_utf8(ask("GET", "/", "").body).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("list/")).collect();
    assert_eq!(
        lines,
        [
            "fail/list/odd%20name%3D1=off",
            "fail/list/own=sleep(1ms)",
            "fail/list/site=print(a=b)",
            "list/ours="
        ]
    );
    row("GET", "/fail/list/odd%20name%3D1", "", 200, "off\n");
    row("DELETE", "/fail/list/odd%20name%3D1", "", 204, "");
    assert_eq!(configured("list/odd name=1"), None);
    assert_eq!(configured("list/own").as_deref(), Some("off"));
}

#[test]
fn version_1() {
    let _others = beside_others();
    let put = r#"{"terms": "panic(x)"}"#;
    let (status, changed) = json("PUT", "/v1/points/fail/v1/never%20declared", put);
    assert_eq!((status, &changed["was"]), (200, &serde_json::Value::Null));
    assert_eq!(changed["terms"], "panic(x)");
    assert!(changed["note"].as_str().unwrap().contains("whatever FAILPOINT_PANIC says"));
    let (status, points) = json("GET", "/v1/points?match=fail/v1/*&armed=true", "");
    assert_eq!((status, points["points"].as_array().unwrap().len()), (200, 1));
    let point = &points["points"][0];
    assert_eq!((&point["name"], &point["hits"]), (&"fail/v1/never declared".into(), &0.into()));
    assert_eq!((&point["generation"], &point["sites"]), (&0.into(), &serde_json::json!([])));

    let (status, problem) =
        json("PUT", "/v1/points/fail/v1/never%20declared", r#"{"terms":"slep"}"#);
    assert_eq!((status, &problem["type"]), (422, &"urn:failpoint:bad-terms".into()));
    assert_eq!(problem["detail"], "unrecognized command \"slep\"");
    let stale = |method, body: &str| {
        let path = "/v1/points/fail/v1/never%20declared";
        respond(method, path, &[("if-match", "\"7\"")], body.as_bytes()).status
    };
    assert_eq!((stale("PUT", put), stale("DELETE", "")), (412, 412));
    assert_eq!(configured("v1/never declared").as_deref(), Some("panic(x)"));

    let (status, changed) = json("DELETE", "/v1/points/fail/v1/never%20declared", "");
    assert_eq!((status, &changed["was"]), (200, &"panic(x)".into()));
    assert_eq!(changed["armed"], false);
    assert_eq!(json("DELETE", "/v1/points/fail/v1/never%20declared", "").0, 404);
    assert_eq!(json("GET", "/v1/points/fail/v1/never%20declared", "").0, 404);
}

#[test]
fn several_at_once_are_ours_alone() {
    fn _ours() {
        failpoint::fail_point!("several/ours");
    }
    let _others = beside_others();
    let reply = ask("PUT", "/failpoints", "several/ours=off;fail/several/site=off");
    let text = String::from_utf8(reply.body).unwrap();
    assert_eq!(reply.status, 400);
    assert!(text.contains("one at a time, with PUT /fail/several/site"), "{text}");
    assert_eq!(configured("several/site"), None);
    assert_eq!(failpoint::point("several/ours").unwrap().terms, None);
}

#[test]
fn a_ttl_ends_its_own_arming_and_no_other() {
    let _others = beside_others();
    row("PUT", "/fail/ttl/kept?ttl=1ms", "off", 204, "");
    wait_until_removed("ttl/kept");
    row("PUT", "/fail/ttl/kept?ttl=20ms", "off", 204, "");
    row("PUT", "/fail/ttl/again?ttl=20ms", "off", 204, "");
    row("PUT", "/fail/ttl/again", "off", 204, "");
    real_fail::cfg("ttl/kept", "print").unwrap();
    // Ttls expire in order: when this one has expired, the earlier ones were handled.
    row("PUT", "/fail/ttl/last?ttl=40ms", "off", 204, "");
    wait_until_removed("ttl/last");
    assert_eq!(configured("ttl/kept").as_deref(), Some("print"));
    assert_eq!(configured("ttl/again").as_deref(), Some("off"));
}

#[test]
fn a_reset_is_of_all() {
    fn _ours() {
        failpoint::fail_point!("reset/ours");
    }
    let _alone = alone();
    row("PUT", "/reset/ours", "off", 204, "");
    row("PUT", "/fail/reset/site", "sleep(1)", 204, "");
    let (status, reset) = json("DELETE", "/v1/points", "");
    let disarmed = reset["disarmed"].as_array().unwrap();
    let names: Vec<_> = disarmed.iter().filter_map(|point| point["name"].as_str()).collect();
    assert_eq!(status, 200);
    assert!(names.contains(&"reset/ours") && names.contains(&"fail/reset/site"), "{names:?}");
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(real_fail::list(), []);
}

#[test]
fn child_serves() {
    if !is_child() {
        return;
    }
    let control = failpoint_http::serve_from_env().unwrap();
    println!("\nlistening at {}", control.address().unwrap());
    // Ends when the parent kills it.
    loop {
        thread::park();
    }
}

#[test]
fn the_policy_applies_to_them_too() {
    let mut child = child(
        "child_serves",
        &[
            ("GOFAIL_HTTP", "127.0.0.1:0"),
            ("FAILPOINT_HTTP_ACTIONS", "sleep,off"),
            ("FAILPOINT_HTTP_DENY", "fail/secret*"),
            ("FAILPOINT_HTTP_MAX_TTL", "50ms"),
        ],
    );
    let mut child = Killed::spawn(&mut child);
    let mut client = Client::connect(&line_of(&mut child, "listening at "));
    for (path, terms, status) in [
        ("/fail/x", "1*off->panic", 403),
        ("/fail/x", "125%sleep(1)->off", 204),
        ("/fail/secret/x", "off", 403),
    ] {
        let answer = client.ask("PUT", path, terms);
        assert_eq!(answer.status, status, "{path} {terms}: {}", answer.body);
    }
    until("FAILPOINT_HTTP_MAX_TTL ends it", || client.ask("GET", "/fail/x", "").status != 200);
}
