//! Tests every row of version 1 over a socket. Each test uses its own names of points. Tests that
//! disarm everything are in `whole_v1.rs`, in another process.
#![cfg(feature = "failpoints")]

mod common;

use common::{Answer, Client};
use failpoint::{BadTerm, FromTerm, fail_point, fail_value};
use failpoint_http::wire::{Changed, Export, Info, Point, Points, Problem, Report, Resumed};
use failpoint_http::{Control, respond, serve};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;

struct Server {
    control: Control,
}

impl Server {
    fn start() -> Self {
        Self { control: serve("127.0.0.1:0").expect("it listens") }
    }

    fn client(&self) -> Client {
        Client::connect(&self.address())
    }

    fn address(&self) -> String {
        self.control.address().expect("an address").to_string()
    }
}

/// The body of a success.
#[track_caller]
fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> T {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).expect("what the wire says")
}

/// A value that makes the program's own code panic.
#[derive(Debug)]
struct Picky;

impl FromTerm for Picky {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        assert_ne!(text, Some("boom"), "picky");
        Ok(Picky)
    }
}

/// Method, path, headers, body.
type Asked = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);
/// Status, kind, title, and the rest of the problem; lines of this file are `LINE`.
type Refused = (u16, &'static str, &'static str, &'static str);

fn refusals(cases: &[(Asked, Refused)]) {
    fn pass() {
        fail_point!("refused/plain");
        let _ = fail_value!("refused/number", u8, region = 7);
        let _ = fail_value!("refused/picky", Picky);
    }
    // Not called: they are only refused.
    let _ = pass as fn();
    let server = Server::start();
    for ((method, path, headers, body), (status, kind, title, rest)) in cases {
        let answer = server.client().ask_with(method, path, headers, body);
        let expected = format!(
            "{{\"type\":\"urn:failpoint:{kind}\",\"title\":\"{title}\",\"status\":{status},{rest}}}\n"
        );
        assert_eq!(without_lines(&answer.body), expected, "{method} {path} {body}");
        assert_eq!(answer.status, *status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem: Problem = serde_json::from_str(&answer.body).expect("what the wire says");
        assert_eq!(problem.status, *status);
        let allowed = problem.detail.rsplit_once(" takes ").map(|(_, methods)| methods);
        let allowed = allowed.filter(|_| *kind == "method-not-allowed");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        assert_eq!(failpoint::point("refused/plain").map(|point| point.terms), Ok(None));
    }
}

fn without_lines(text: &str) -> String {
    let mut parts = text.split("rows_v1.rs:");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept += "rows_v1.rs:LINE";
        kept += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    kept
}

#[test]
fn refused_for_routes_and_methods() {
    refusals(&[
        (
            ("GET", "/v1", &[], ""),
            (
                404,
                "unknown-route",
                "unknown route",
                r#""detail":"there is nothing at /v1; GET /openapi.json lists all routes""#,
            ),
        ),
        (
            ("PUT", "/v1/", &[], "{}"),
            (
                404,
                "unknown-route",
                "unknown route",
                r#""detail":"there is nothing at /v1/; GET /openapi.json lists all routes""#,
            ),
        ),
        (
            ("GET", "/v1/pointz", &[], ""),
            (
                404,
                "unknown-route",
                "unknown route",
                r#""detail":"there is nothing at /v1/pointz; GET /openapi.json lists all routes""#,
            ),
        ),
        (
            ("GET", "/v1/points/", &[], ""),
            (
                404,
                "unknown-route",
                "unknown route",
                r#""detail":"there is nothing at /v1/points/; GET /openapi.json lists all routes""#,
            ),
        ),
        (
            ("POST", "/v1/points", &[], ""),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"use PUT to arm: /v1/points takes DELETE, GET, HEAD, PUT""#,
            ),
        ),
        (
            ("PATCH", "/v1/points/refused/plain", &[], ""),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"/v1/points/refused/plain takes DELETE, GET, HEAD, PUT""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain/wait", &[], ""),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"/v1/points/refused/plain/wait takes GET, HEAD""#,
            ),
        ),
        (
            ("GET", "/v1/points/refused/plain/resume", &[], ""),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"/v1/points/refused/plain/resume takes POST""#,
            ),
        ),
        (
            ("DELETE", "/healthz", &[], ""),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"/healthz takes GET, HEAD""#,
            ),
        ),
        (
            ("PUT", "/openapi.json", &[], "{}"),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"/openapi.json takes GET, HEAD""#,
            ),
        ),
        (
            ("put", "/v1/info", &[], ""),
            (
                405,
                "method-not-allowed",
                "method not allowed",
                r#""detail":"/v1/info takes GET, HEAD""#,
            ),
        ),
    ]);
}

#[test]
fn refused_for_the_query() {
    refusals(&[
        (
            ("GET", "/v1/points?armd=true", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the parameter armd is not known; this route takes armed, reached, match""#,
            ),
        ),
        (
            ("GET", "/v1/info?x", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the parameter x is not known; this route takes none""#,
            ),
        ),
        (
            ("GET", "/v1/points?armed=yes", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the parameter armed takes true or false, or 1 or 0""#,
            ),
        ),
        (
            ("GET", "/v1/points?armed=1&armed=0", &[], ""),
            (400, "bad-request", "bad request", r#""detail":"the parameter armed is given twice""#),
        ),
        (
            ("GET", "/v1/points?match=%f", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the percent-encoding of match=%f is broken""#,
            ),
        ),
        (
            ("GET", "/v1/points/%ff", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the percent-encoding of %ff is broken""#,
            ),
        ),
        (
            ("POST", "/v1/points/refused/plain/resume?n=0", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the parameter n takes an integer of at least 1""#,
            ),
        ),
        (
            ("POST", "/v1/points/refused/plain/resume?n=%2B1", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the parameter n takes an integer of at least 1""#,
            ),
        ),
    ]);
}

#[test]
fn refused_for_the_body() {
    refusals(&[
        (
            ("PUT", "/v1/points/refused/plain", &[], ""),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: EOF while parsing a value at line 1 column 0""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], "sleep(1)"),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: expected value at line 1 column 1""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":"off","tll":"1s"}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: unknown field `tll`, expected `terms` or `ttl` at line 1 column 20""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"ttl":"1s"}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: missing field `terms` at line 1 column 12""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":1}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: invalid type: integer `1`, expected a string at line 1 column 10""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":"off","ttl":"0"}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"ttl: expected a duration greater than zero""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":"off","ttl":"soon"}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"ttl: expected a duration such as 10ms\n  soon\n  ^ at byte 0""#,
            ),
        ),
        (
            ("PUT", "/v1/points", &[], r#"{"terms":"off"}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: unknown field `terms`, expected `points` or `ttl` at line 1 column 8""#,
            ),
        ),
        (
            ("PUT", "/v1/points?match=refused/*", &[], r#"{"points":{}}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: unknown field `points`, expected `terms` or `ttl` at line 1 column 9""#,
            ),
        ),
        (
            (
                "PUT",
                "/v1/points",
                &[],
                r#"{"points":{"refused/plain":"off","refused/plain":"panic"}}"#,
            ),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"the body: `refused/plain` is given twice at line 1 column 57""#,
            ),
        ),
    ]);
}

#[test]
fn refused_for_names() {
    refusals(&[
        (
            ("GET", "/v1/points/refused/plian", &[], ""),
            (
                404,
                "unknown-point",
                "unknown point",
                r#""detail":"no failpoint is named `refused/plian` in this program; the nearest are `refused/plain`, `refused/picky`, `refused/number`","name":"refused/plian","nearest":["refused/plain","refused/picky","refused/number"]"#,
            ),
        ),
        (
            ("GET", "/v1/points/QQQQ", &[], ""),
            (
                404,
                "unknown-point",
                "unknown point",
                r#""detail":"no failpoint is named `QQQQ` in this program; GET / lists all points","name":"QQQQ""#,
            ),
        ),
        (
            ("DELETE", "/v1/points/QQQQ", &[], ""),
            (
                404,
                "unknown-point",
                "unknown point",
                r#""detail":"no failpoint is named `QQQQ` in this program; GET / lists all points","name":"QQQQ""#,
            ),
        ),
        (
            ("POST", "/v1/points/QQQQ/resume", &[], ""),
            (
                404,
                "unknown-point",
                "unknown point",
                r#""detail":"no failpoint is named `QQQQ` in this program; GET / lists all points","name":"QQQQ""#,
            ),
        ),
        (
            ("PUT", "/v1/points/QQQQ", &[], r#"{"terms":"slep"}"#),
            (
                404,
                "unknown-point",
                "unknown point",
                r#""detail":"no failpoint is named `QQQQ` in this program; GET / lists all points","name":"QQQQ""#,
            ),
        ),
        (
            ("PUT", "/v1/points/a%20b?unlisted=1", &[], r#"{"terms":"off"}"#),
            (
                422,
                "bad-name",
                "bad name",
                r#""detail":"`a b` is not a valid failpoint name: a name holds only letters, digits and `_` `.` `:` `/` `-`","name":"a b""#,
            ),
        ),
        (
            ("PUT", "/v1/points/a%2Fwait", &[], r#"{"terms":"off"}"#),
            (
                422,
                "bad-name",
                "bad name",
                r#""detail":"`a/wait` is not a valid failpoint name: the last segment of a name must not be `count`, `wait` or `resume`","name":"a/wait""#,
            ),
        ),
        (
            ("PUT", "/v1/points?match=refused/nothing*", &[], r#"{"terms":"off"}"#),
            (
                404,
                "no-match",
                "no point matches",
                r#""detail":"no point matches refused/nothing*; GET /v1/points lists all""#,
            ),
        ),
    ]);
}

#[test]
fn refused_for_terms_and_values() {
    refusals(&[
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":"off->slep(1)"}"#),
            (
                422,
                "bad-terms",
                "bad terms",
                r#""detail":"expected an action such as return, sleep or panic (did you mean \"sleep\"?)","name":"refused/plain","offset":5,"caret":"  off->slep(1)\n       ^ at byte 5""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":""}"#),
            (
                422,
                "bad-terms",
                "bad terms",
                r#""detail":"expected an action such as return, sleep or panic","name":"refused/plain","offset":0,"caret":"  \n  ^ at byte 0""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":"return(1)"}"#),
            (
                422,
                "bad-value",
                "bad value",
                r#""detail":"the failpoint `refused/plain` cannot return: its site at failpoint-http/tests/rows_v1.rs:LINE has no closure; write fail_point!(\"refused/plain\", |v| …) there, or arm something else than `return`","name":"refused/plain""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/number", &[], r#"{"terms":"return(300)"}"#),
            (
                422,
                "bad-value",
                "bad value",
                r#""detail":"the failpoint `refused/number` does not take return(300): its site at failpoint-http/tests/rows_v1.rs:LINE expects an integer from 0 to 255 (u8)","name":"refused/number""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/number", &[], r#"{"terms":"when(regoin=7):off"}"#),
            (
                422,
                "unknown-key",
                "unknown key",
                r#""detail":"no site of the failpoint `refused/number` passes `regoin`, so `when` never holds (did you mean `region`?); its sites pass `region`","name":"refused/number","nearest":["region"]"#,
            ),
        ),
        (
            ("PUT", "/v1/points?match=refused/pl*", &[], r#"{"terms":"when(region=7):off"}"#),
            (
                422,
                "unknown-key",
                "unknown key",
                r#""detail":"no site of the failpoint `refused/plain` passes `region`, so `when` never holds; its sites pass no context: write fail_point!(\"refused/plain\", region = …) there, or filter by `thread` or `scope`","name":"refused/plain""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[], r#"{"terms":"wait(refused/plain)"}"#),
            (
                422,
                "bad-terms",
                "bad terms",
                r#""detail":"wait(refused/plain) at the failpoint `refused/plain` would wait for itself; name another","name":"refused/plain""#,
            ),
        ),
        (
            (
                "PUT",
                "/v1/points",
                &[],
                r#"{"points":{"refused/plain":"off","refused/number":"slep","QQQQ":"off"}}"#,
            ),
            (
                422,
                "several",
                "several problems",
                r#""detail":"2 problems, so nothing was changed; errors lists them","errors":[{"type":"urn:failpoint:bad-terms","title":"bad terms","status":422,"detail":"expected an action such as return, sleep or panic (did you mean \"sleep\"?)","name":"refused/number","offset":0,"caret":"  slep\n  ^ at byte 0"},{"type":"urn:failpoint:unknown-point","title":"unknown point","status":404,"detail":"no failpoint is named `QQQQ` in this program; GET / lists all points","name":"QQQQ"}]"#,
            ),
        ),
        (
            (
                "PUT",
                "/v1/points",
                &[],
                r#"{"points":{"refused/plain":"off","refused/number":"return(x)"}}"#,
            ),
            (
                422,
                "bad-value",
                "bad value",
                r#""detail":"the failpoint `refused/number` does not take return(x): its site at failpoint-http/tests/rows_v1.rs:LINE expects an integer from 0 to 255 (u8)","name":"refused/number""#,
            ),
        ),
        (
            ("PUT", "/v1/points?match=refused/*", &[], r#"{"terms":"return(x)"}"#),
            (
                422,
                "several",
                "several problems",
                r#""detail":"2 problems, so nothing was changed; errors lists them","errors":[{"type":"urn:failpoint:bad-value","title":"bad value","status":422,"detail":"the failpoint `refused/number` does not take return(x): its site at failpoint-http/tests/rows_v1.rs:LINE expects an integer from 0 to 255 (u8)","name":"refused/number"},{"type":"urn:failpoint:bad-value","title":"bad value","status":422,"detail":"the failpoint `refused/plain` cannot return: its site at failpoint-http/tests/rows_v1.rs:LINE has no closure; write fail_point!(\"refused/plain\", |v| …) there, or arm something else than `return`","name":"refused/plain"}]"#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/picky", &[], r#"{"terms":"return(boom)"}"#),
            (
                500,
                "panicked",
                "panicked",
                r#""detail":"the program's own code panicked while it checked a value; see the program's log""#,
            ),
        ),
    ]);
}

#[test]
fn refused_for_preconditions() {
    refusals(&[
        (
            (
                "PUT",
                "/v1/points/refused/plain",
                &[("If-Match", r#""7777777""#)],
                r#"{"terms":"off"}"#,
            ),
            (
                412,
                "stale",
                "changed in the meantime",
                r#""detail":"it is at 0 now, and If-Match names another generation; read the point again""#,
            ),
        ),
        (
            ("DELETE", "/v1/points/refused/plain", &[("If-Match", r#""7777777", "x""#)], ""),
            (
                412,
                "stale",
                "changed in the meantime",
                r#""detail":"it is at 0 now, and If-Match names another generation; read the point again""#,
            ),
        ),
        (
            ("DELETE", "/v1/points/refused/plain", &[("If-Match", r#"W/"0""#)], ""),
            (
                412,
                "stale",
                "changed in the meantime",
                r#""detail":"it is at 0 now, and If-Match names another generation; read the point again""#,
            ),
        ),
        (
            (
                "PUT",
                "/v1/points/refused/never?unlisted=1",
                &[("If-Match", "*")],
                r#"{"terms":"off"}"#,
            ),
            (
                412,
                "stale",
                "changed in the meantime",
                r#""detail":"If-Match asks for a point that does not exist""#,
            ),
        ),
        (
            ("PUT", "/v1/points/refused/plain", &[("If-Match", "7")], r#"{"terms":"off"}"#),
            (
                400,
                "bad-request",
                "bad request",
                r#""detail":"If-Match takes an ETag with its quotes, or several separated by commas""#,
            ),
        ),
    ]);
}

#[test]
fn refused_for_who_may_come_in() {
    refusals(&[
        (
            ("GET", "/v1/points", &[("Origin", "http://evil.test")], ""),
            (
                403,
                "foreign-origin",
                "foreign origin",
                r#""detail":"a web page from another origin cannot control failpoints""#,
            ),
        ),
        (
            ("GET", "/healthz", &[("Origin", "http://evil.test")], ""),
            (
                403,
                "foreign-origin",
                "foreign origin",
                r#""detail":"a web page from another origin cannot control failpoints""#,
            ),
        ),
        (
            ("GET", "/v1/points", &[("Host", "evil.test")], ""),
            (
                403,
                "foreign-host",
                "foreign host",
                r#""detail":"the Host is neither an IP address nor localhost; to allow it, add it to FAILPOINT_HTTP_HOSTS""#,
            ),
        ),
    ]);
}

#[test]
fn a_point_from_idle_to_armed_to_idle() {
    fn pass() {
        fail_point!("one/a::b.c-d", region = 7, r#type = "put");
    }
    pass();
    let server = Server::start();
    let mut client = server.client();
    let path = "/v1/points/one/a::b.c-d";

    let idle = client.ask("GET", path, "");
    assert_eq!(idle.header("etag"), Some("\"0\""));
    let Point { name, sites, terms, armed, generation, .. } = read(&idle);
    assert_eq!((name.as_str(), terms, armed, generation), ("one/a::b.c-d", None, false, 0));
    let [site] = sites.as_slice() else { panic!("{sites:?}") };
    assert_eq!((site.file.as_str(), site.reached), ("failpoint-http/tests/rows_v1.rs", true));
    assert_eq!((site.module.as_str(), site.package.as_str()), ("rows_v1", "failpoint-http"));
    assert_eq!((site.kind.as_str(), &site.accepts), ("statement", &None));
    assert_eq!(site.keys, ["region", "type"]);

    let armed = client.ask("PUT", path, r#"{"terms":" 2*sleep(1) "}"#);
    let first: Changed = read(&armed);
    assert_eq!((first.was, first.note), (None, None));
    assert_eq!(first.point.terms.as_deref(), Some("2*sleep(1)"));
    assert_eq!(armed.header("etag"), Some(&*format!("\"{}\"", first.point.generation)));
    (0..3).for_each(|_| pass());
    let now: Point = read(&client.ask("GET", path, ""));
    assert_eq!((now.hits, now.fires, now.paused, now.armed), (3, 2, 0, true));
    assert_eq!(now.generation, first.point.generation);
    let last_fire = now.last_fire.expect("it fired");
    assert!(last_fire.starts_with("20") && last_fire.ends_with('Z'), "{last_fire}");

    // Encoded, as a client may; idempotent, but for the counts and the generation.
    let again: Changed =
        read(&client.ask("PUT", "/v1/points/one%2Fa%3A%3Ab.c-d", r#"{"terms":"panic"}"#));
    assert_eq!(again.was.as_deref(), Some("2*sleep(1)"));
    assert!(again.note.is_some_and(|note| note.contains("FAILPOINT_PANIC=abort")));
    assert!(again.point.generation > first.point.generation);
    assert_eq!(again.point.hits, 0);

    for was in [Some("panic".to_owned()), None] {
        let gone = client.ask("DELETE", path, "");
        let disarmed: Changed = read(&gone);
        assert_eq!(disarmed.was, was);
        assert!(!disarmed.point.armed && disarmed.point.generation > again.point.generation);
        assert_eq!(gone.header("etag"), Some(&*format!("\"{}\"", disarmed.point.generation)));
    }
}

#[test]
fn lists_are_filtered() {
    fn pass(all: bool) {
        fail_point!("list/b");
        fail_point!("list/a");
        if all {
            fail_point!("list/c");
        }
    }
    pass(false);
    let server = Server::start();
    let mut client = server.client();
    client.ask("PUT", "/v1/points/list/b", r#"{"terms":"off"}"#);
    for (query, names) in [
        ("match=list/*", &["list/a", "list/b", "list/c"] as &[&str]),
        ("match=list/%3F&armed=true", &["list/b"]),
        ("match=list/?&armed=0", &["list/a", "list/c"]),
        ("match=list/*&reached=false", &["list/c"]),
        ("match=list/*&reached=1&armed=false", &["list/a"]),
        ("match=list", &[]),
        ("match=", &[]),
    ] {
        let answer = client.ask("GET", &format!("/v1/points?{query}"), "");
        let points: Points = read(&answer);
        assert_eq!(answer.header("etag"), Some(&*format!("\"{}\"", points.revision)));
        let found: Vec<&str> = points.points.iter().map(|point| point.name.as_str()).collect();
        assert_eq!(found, names, "{query}");
    }
    let all: Points = read(&client.ask("GET", "/v1/points", ""));
    assert!(all.points.iter().map(|point| &point.name).is_sorted());
}

#[test]
fn several_are_armed_or_none() {
    fn pass() {
        fail_point!("many/a");
        let _ = fail_value!("many/b", u8);
    }
    pass();
    let server = Server::start();
    let mut client = server.client();
    let body = r#"{"points":{"many/b":"return(7)","many/a":"sleep(1)"},"ttl":"1h"}"#;
    let armed: Points = read(&client.ask("PUT", "/v1/points", body));
    let shown: Vec<_> =
        armed.points.iter().map(|point| (&*point.name, point.terms.as_deref())).collect();
    assert_eq!(shown, [("many/a", Some("sleep(1)")), ("many/b", Some("return(7)"))]);
    assert!(armed.points.iter().all(|point| point.generation <= armed.revision));

    let refused =
        client.ask("PUT", "/v1/points", r#"{"points":{"many/a":"off","many/b":"panic("}}"#);
    assert_eq!(refused.status, 422);
    let refused = client.ask("PUT", "/v1/points?match=many/*", r#"{"terms":"return(1)"}"#);
    assert_eq!(refused.status, 422);
    assert_eq!(failpoint::point("many/a").unwrap().terms.as_deref(), Some("sleep(1)"));

    let matched: Points =
        read(&client.ask("PUT", "/v1/points?match=many/*", r#"{"terms":"off","ttl":"1h"}"#));
    assert!(matched.points.len() == 2 && matched.points.iter().all(|point| point.armed));
    let none: Points = read(&client.ask("PUT", "/v1/points", r#"{"points":{}}"#));
    assert_eq!(none.points, []);

    let unlisted = r#"{"points":{"many/unlisted":"off"}}"#;
    assert_eq!(client.ask("PUT", "/v1/points", unlisted).status, 404);
    let taken: Points = read(&client.ask("PUT", "/v1/points?unlisted=1", unlisted));
    assert_eq!(taken.points[0].sites, []);
    assert_eq!(client.ask("DELETE", "/v1/points/many/unlisted", "").status, 200);
    assert_eq!(client.ask("GET", "/v1/points/many/unlisted", "").status, 404);
}

#[test]
fn what_a_point_accepts_is_what_every_site_does() {
    fn pass() {
        fail_point!("accepts/text", |_| ());
        let _ = fail_value!("accepts/narrowed", u8);
        fail_point!("accepts/narrowed", |_| ());
        let _ = fail_value!("accepts/nothing", u8);
        fail_point!("accepts/nothing");
    }
    pass();
    let server = Server::start();
    for (name, accepts) in [("text", Some("text")), ("narrowed", Some("u8")), ("nothing", None)] {
        let point: Point =
            read(&server.client().ask("GET", &format!("/v1/points/accepts/{name}"), ""));
        assert_eq!(point.accepts.as_deref(), accepts, "{name}");
    }
}

#[test]
fn a_ttl_disarms_by_itself() {
    fn pass() {
        fail_point!("ttl/one");
    }
    let server = Server::start();
    let mut client = server.client();
    let armed: Changed =
        read(&client.ask("PUT", "/v1/points/ttl/one", r#"{"terms":"pause","ttl":"50ms"}"#));
    // Nothing else frees it: the limit of `pause` is minutes.
    thread::spawn(pass).join().expect("it passes");
    let over: Point = read(&client.ask("GET", "/v1/points/ttl/one", ""));
    assert!(!over.armed && over.generation > armed.point.generation);
}

#[test]
fn resume_lets_go_as_many_as_are_asked_for() {
    fn pass() {
        fail_point!("resume/here");
    }
    let server = Server::start();
    let mut client = server.client();
    let idle: Resumed = read(&client.ask("POST", "/v1/points/resume/here/resume", ""));
    assert_eq!(idle, Resumed { resumed: 0, paused: 0 });
    let armed = failpoint::arm("resume/here", "pause").unwrap();
    let callers: Vec<_> = (0..3).map(|_| thread::spawn(pass)).collect();
    armed.wait_paused(3, common::PATIENCE).unwrap();
    let one: Resumed = read(&client.ask("POST", "/v1/points/resume/here/resume?n=1", ""));
    assert_eq!(one, Resumed { resumed: 1, paused: 2 });
    let all: Resumed = read(&client.ask("POST", "/v1/points/resume%2Fhere/resume", ""));
    assert_eq!(all, Resumed { resumed: 2, paused: 0 });
    callers.into_iter().for_each(|caller| caller.join().expect("it passes"));
    let point: Point = read(&client.ask("GET", "/v1/points/resume/here", ""));
    assert!(point.armed, "it stays armed");
}

#[test]
fn of_two_who_read_the_same_state_one_changes_it() {
    fn pass() {
        fail_point!("match/raced");
    }
    let _ = pass as fn();
    let server = Server::start();
    let path = "/v1/points/match/raced";
    for round in 0..20 {
        let mut client = server.client();
        let etag = client.ask("GET", path, "").header("etag").expect("a state").to_owned();
        let start = Barrier::new(2);
        let change = |terms: &str| {
            let mut client = server.client();
            start.wait();
            client.ask_with("PUT", path, &[("If-Match", &etag)], terms).status
        };
        let mut statuses = thread::scope(|scope| {
            let one = scope.spawn(|| change(r#"{"terms":"sleep(1)"}"#));
            let other = scope.spawn(|| change(r#"{"terms":"off"}"#));
            [one.join().expect("an answer"), other.join().expect("an answer")]
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "round {round}");
    }
}

#[test]
fn a_state_that_is_named_is_asked_for() {
    fn pass() {
        fail_point!("match/named");
    }
    let _ = pass as fn();
    let server = Server::start();
    let mut client = server.client();
    let path = "/v1/points/match/named";
    let body = r#"{"terms":"off"}"#;
    let mut put = |tags: &[&str]| {
        let headers: Vec<(&str, &str)> = tags.iter().map(|&tags| ("If-Match", tags)).collect();
        client.ask_with("PUT", path, &headers, body).status
    };
    assert_eq!(put(&["\"0\""]), 200);
    assert_eq!(put(&["\"0\""]), 412);
    assert_eq!(put(&["*"]), 200);
    let now = || failpoint::point("match/named").unwrap().generation;
    assert_eq!(put(&[&format!("\"0\", \"{}\"", now())]), 200);
    assert_eq!(put(&["\"0\"", &format!("\"{}\"", now())]), 200, "in two headers");
    assert_eq!(put(&[&format!("W/\"{}\"", now())]), 412, "a weak one");
    let stale = client.ask_with("DELETE", path, &[("If-Match", "\"0\"")], "");
    assert_eq!(stale.status, 412);
    let right = format!("\"{}\"", now());
    assert_eq!(client.ask_with("DELETE", path, &[("If-Match", &right)], "").status, 200);
}

#[test]
fn the_process_tells_about_itself() {
    fn pass() {
        fail_point!("about/never");
        fail_point!("about/idle");
    }
    let _ = pass as fn();
    let server = Server::start();
    let mut client = server.client();
    let info: Info = read(&client.ask("GET", "/v1/info", ""));
    assert_eq!((info.pid, info.compiled_in), (std::process::id(), true));
    assert_eq!((info.version.as_str(), info.panic.as_str()), (env!("CARGO_PKG_VERSION"), "unwind"));
    assert!(info.points >= 2 && !info.partial);
    assert_eq!(client.ask("PUT", "/v1/points/about/never", r#"{"terms":"off"}"#).status, 200);
    let report: Report = read(&client.ask("GET", "/v1/report", ""));
    assert!(report.never_reached.contains(&"about/idle".to_owned()));
    assert!(report.never_fired.contains(&"about/never".to_owned()));
    let json = [("Accept", "application/json")];
    let export: Export = read(&client.ask_with("GET", "/v1/export", &json, ""));
    assert!(export.failpoints.split(';').any(|one| one == "about/never=off"));
    let text = client.ask("GET", "/v1/export", "");
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(text.body.ends_with('\n') && text.body.lines().count() == 1);
    let healthy = client.ask("GET", "/healthz", "");
    assert_eq!((healthy.status, healthy.body.as_str()), (204, ""));
}

#[test]
fn head_is_get_without_the_body() {
    fn pass() {
        fail_point!("head/one");
    }
    let _ = pass as fn();
    let server = Server::start();
    for (path, status) in [
        ("/v1/points/head/one", "200"),
        ("/v1/points/head/nobody", "404"),
        ("/v1/points?what", "400"),
        ("/healthz", "204"),
        ("/openapi.json", "200"),
        ("/v1/points/head/one/resume", "405"),
    ] {
        let ask = |method: &str| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            write!(
                stream,
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").expect("a head");
            let head: Vec<String> = head
                .lines()
                .filter(|line| !line.starts_with("date: "))
                .map(str::to_owned)
                .collect();
            (head, body.to_owned())
        };
        let (head, nothing) = ask("HEAD");
        assert!(head[0].starts_with(&format!("HTTP/1.1 {status}")), "{path}: {head:?}");
        assert_eq!(nothing, "", "{path}");
        assert_eq!(head, ask("GET").0, "{path}");
        let length = head.iter().any(|line| line.starts_with("content-length"));
        assert_eq!(length, status != "204", "{path}: {head:?}");
        let reply = respond("HEAD", path, &[], b"");
        assert_eq!((reply.status.to_string().as_str(), reply.body.len()), (status, 0));
    }
}

#[test]
fn respond_serves_all_but_what_is_held_open() {
    fn pass() {
        fail_point!("respond/one");
    }
    let _ = pass as fn();
    let put = respond("PUT", "/v1/points/respond/one", &[], br#"{"terms":"off"}"#);
    assert_eq!(put.status, 200);
    let changed: Changed = serde_json::from_slice(&put.body).expect("what the wire says");
    let etag = format!("\"{}\"", changed.point.generation);
    assert!(put.headers.contains(&("etag", etag)));
    assert_eq!(respond("GET", "/healthz", &[], b"").status, 204);
    for path in ["/v1/points/respond/one/wait", "/v1/events"] {
        let reply = respond("GET", path, &[], b"");
        let problem: Problem = serde_json::from_slice(&reply.body).expect("what the wire says");
        assert_eq!((reply.status, problem.status), (501, 501));
        assert_eq!(problem.kind, "urn:failpoint:needs-listener");
    }
    let foreign = [("host", "127.0.0.1"), ("origin", "http://evil.test")];
    let reply = respond("DELETE", "/v1/points", &foreign, b"");
    assert_eq!((reply.status, reply.headers[0].1.as_str()), (403, "application/problem+json"));
}
