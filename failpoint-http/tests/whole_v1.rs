//! Tests routes that concern all points. Needs its own process. Each test disarms everything, so
//! they run one at a time, and one of them runs this executable again.
#![cfg(feature = "failpoints")]

mod common;

use common::{child, is_child, line_of};
use failpoint::fail_point;
use failpoint_http::wire::{Point, Points, Problem, Reset, WasArmed};
use failpoint_http::{Reply, respond};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;

static TURN: Mutex<()> = Mutex::new(());

fn read<T: serde::de::DeserializeOwned>(reply: &Reply) -> T {
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    serde_json::from_slice(&reply.body).expect("what the wire says")
}

fn points() -> Points {
    read(&respond("GET", "/v1/points?armed=true", &[], b""))
}

fn points_of_code() {
    fail_point!("whole/0", |_| ());
    fail_point!("whole/1", |_| ());
    fail_point!("whole/2", |_| ());
    fail_point!("whole/3", |_| ());
    fail_point!("whole/4", |_| ());
    fail_point!("whole/5", |_| ());
    fail_point!("whole/6", key = 1, |_| ());
    fail_point!("whole/7", |_| ());
    fail_point!("whole/8", |_| ());
    fail_point!("whole/9", |_| ());
}

/// What has to be written with care.
const TERMS: [&str; 10] = [
    r#"return("a;b=c->d")"#,
    "return(a;whole/1=b)",
    r#"return("a)b;")"#,
    "return(`x;\"y`)",
    r#"print("é\n\"q\";")"#,
    "1*off->50%sleep(1)&return(x=y;z)->panic(;)",
    r#"when(key="a;b",thread~w*):sleep(10ms..50ms)&return"#,
    "return(\"line\nend;\")",
    "return(nul\0here)",
    "wait(whole/0, 2, 10s)",
];

#[test]
fn what_is_exported_arms_the_same() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let export = || {
        let reply = respond("GET", "/v1/export", &[], b"");
        String::from_utf8(reply.body).expect("UTF-8").trim_end_matches('\n').to_owned()
    };
    if is_child() {
        failpoint::init_from_env().expect("what was exported");
        println!("\nexported {}", export());
        return;
    }
    let _ = points_of_code as fn();
    for (at, terms) in TERMS.iter().enumerate() {
        let body = serde_json::json!({ "terms": terms }).to_string();
        let reply = respond("PUT", &format!("/v1/points/whole/{at}"), &[], body.as_bytes());
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    }
    let first = points();
    let exported = export();
    assert!(!exported.contains(['\n', '\0']), "{exported}");
    assert_eq!(first.points.len(), TERMS.len());

    assert_eq!(respond("DELETE", "/v1/points", &[], b"").status, 200);
    assert_eq!(export(), "");
    assert_eq!(respond("PUT", "/failpoints", &[], exported.as_bytes()).status, 204);
    let terms = |points: Points| -> Vec<(String, Option<String>)> {
        points.points.into_iter().map(|point| (point.name, point.terms)).collect()
    };
    assert_eq!(terms(points()), terms(first));
    assert_eq!(export(), exported);
    respond("DELETE", "/v1/points", &[], b"");

    // From one process to the next, as a shell would hand it on.
    let variables = [("GOFAIL_FAILPOINTS", exported.as_str())];
    let mut next = child("what_is_exported_arms_the_same", &variables).spawn().expect("a child");
    assert_eq!(line_of(&mut next, "exported "), exported);
    assert!(next.wait().expect("it ends").success());
}

#[test]
fn a_callback_is_shown_and_not_exported() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if is_child() {
        return;
    }
    let _armed = failpoint::arm_with("whole/0", |_| failpoint::Action::Off).expect("a point");
    let point: Point = read(&respond("GET", "/v1/points/whole/0", &[], b""));
    assert_eq!(point.terms.as_deref(), Some("callback"));
    assert_eq!(respond("GET", "/v1/export", &[], b"").body, b"\n");
}

#[test]
fn reset_says_what_was_armed_and_lets_everyone_go() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if is_child() {
        return;
    }
    fn pass() {
        fail_point!("whole/paused");
    }
    let armed = failpoint::arm("whole/paused", "1*pause->off").expect("a point");
    let caller = thread::spawn(pass);
    armed.wait_paused(1, common::PATIENCE).expect("it reaches the point");
    armed.keep();
    pass();
    let reset: Reset = read(&respond("DELETE", "/v1/points", &[], b""));
    caller.join().expect("it goes on");
    let was = WasArmed {
        name: "whole/paused".to_owned(),
        terms: "1*pause->off".to_owned(),
        hits: 2,
        fires: 2,
    };
    assert_eq!(reset.disarmed, [was]);
    assert_eq!(reset.revision, points().revision);
    let again: Reset = read(&respond("DELETE", "/v1/points", &[], b""));
    assert_eq!((again.revision, again.disarmed), (reset.revision, vec![]));
}

#[test]
fn the_revision_is_compared_and_changed_at_once() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if is_child() {
        return;
    }
    for round in 0..20 {
        let tag = format!("\"{}\"", points().revision);
        let start = Barrier::new(2);
        let change = |method: &str, body: &str| {
            start.wait();
            respond(method, "/v1/points", &[("if-match", &tag)], body.as_bytes()).status
        };
        let mut statuses = thread::scope(|scope| {
            let one = scope.spawn(|| change("PUT", r#"{"points":{"whole/1":"off"}}"#));
            let other = scope.spawn(|| change("PUT", r#"{"points":{"whole/2":"off"}}"#));
            [one.join().expect("an answer"), other.join().expect("an answer")]
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "round {round}");
    }
    let ask = |method, path, tag: &str, body: &str| {
        respond(method, path, &[("if-match", tag)], body.as_bytes()).status
    };
    let now = || format!("\"{}\"", points().revision);
    assert_eq!(ask("DELETE", "/v1/points", "\"0\"", ""), 412);
    assert_eq!(ask("PUT", "/v1/points?match=whole/1", "\"0\"", r#"{"terms":"off"}"#), 412);
    assert_eq!(ask("PUT", "/v1/points?match=whole/1", &now(), r#"{"terms":"off"}"#), 200);
    let stale = respond("DELETE", "/v1/points", &[("if-match", "\"0\"")], b"");
    let stale: Problem = serde_json::from_slice(&stale.body).expect("a problem");
    let said = format!(
        "it is at {} now, and If-Match names another generation; read the point again",
        points().revision
    );
    assert_eq!(stale.detail, said);
    assert_eq!(ask("DELETE", "/v1/points", &now(), ""), 200);
    assert_eq!(ask("DELETE", "/v1/points", "*", ""), 200);
}
