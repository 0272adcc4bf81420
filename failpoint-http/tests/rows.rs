//! Tests every row of gofail's table, without a socket. Each test uses its own names of points.
#![cfg(feature = "failpoints")]

use failpoint::{fail_point, fail_value};
use failpoint_http::{Reply, respond};

const TEXT: &[(&str, &str)] = &[
    ("content-type", "text/plain; charset=utf-8"),
    ("cross-origin-resource-policy", "same-origin"),
];
const REFUSED: &[(&str, &str)] = &[
    ("content-type", "text/plain; charset=utf-8"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];

fn ask(method: &str, path: &str, body: &str) -> Reply {
    respond(method, path, &[], body.as_bytes())
}

/// Asks, and compares status, headers and body.
#[track_caller]
fn row(method: &str, path: &str, body: &str, status: u16, headers: &[(&str, &str)], answer: &str) {
    let reply = ask(method, path, body);
    let found: Vec<(&str, &str)> =
        reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let text = String::from_utf8(reply.body).expect("UTF-8");
    assert_eq!((reply.status, found.as_slice(), text.as_str()), (status, headers, answer));
}

#[test]
fn a_point_from_idle_to_armed_to_idle() {
    fn pass() {
        fail_point!("rows/one");
    }
    row("GET", "/rows/one", "", 404, REFUSED, "failed to GET: failpoint: failpoint is disabled\n");
    row(
        "GET",
        "/rows/one/count",
        "",
        500,
        REFUSED,
        "failed to GET: failpoint: failpoint is disabled\n",
    );
    row(
        "DELETE",
        "/rows/one",
        "",
        400,
        REFUSED,
        "failed to delete failpoint failpoint: failpoint is disabled\n",
    );

    row("PUT", "/rows/one", "2*off->1*sleep(1)\n", 204, &[], "");
    row("GET", "/rows/one", "", 200, TEXT, "2*off->1*sleep(1)\n");
    row("GET", "/rows/one/count", "", 200, TEXT, "0");
    (0..5).for_each(|_| pass());
    row("GET", "/rows/one/count", "", 200, TEXT, "3");

    row("PUT", "/rows/one", "off\r\n", 204, &[], "");
    row("GET", "/rows/one", "", 200, TEXT, "off\n");
    row("GET", "/rows/one/count", "", 200, TEXT, "0");
    row("DELETE", "/rows/one", "", 204, &[], "");
    row("GET", "/rows/one", "", 404, REFUSED, "failed to GET: failpoint: failpoint is disabled\n");
}

#[test]
fn an_unknown_name() {
    for path in [
        "/rows/nobody",
        "/",
        "//rows/nobody",
        "/v1%2Fpoints",
        "/failpoints",
        "/a%20b",
        "/%ff",
        "/%",
    ] {
        if path != "/" {
            let unknown = "failed to GET: failpoint: failpoint does not exist\n";
            row("GET", path, "", 404, REFUSED, unknown);
            row("GET", &format!("{path}/count"), "", 404, REFUSED, unknown);
        }
        let reply = ask("DELETE", path, "");
        let text = String::from_utf8(reply.body).expect("UTF-8");
        let unknown =
            "failed to delete failpoint failpoint: failpoint does not exist: no failpoint";
        assert!(reply.status == 400 && text.starts_with(unknown), "{text}");
    }
    let near = String::from_utf8(ask("DELETE", "/rows/onee", "").body).expect("UTF-8");
    assert!(near.contains("the nearest are `rows/one`"), "{near}");
    row(
        "PUT",
        "/QQQQ",
        "off",
        400,
        REFUSED,
        "fail to set failpoint: failpoint: failpoint does not exist: no failpoint is named `QQQQ` \
         in this program; GET / lists all points\n",
    );
    let near = String::from_utf8(ask("PUT", "/rows/onee", "off").body).expect("UTF-8");
    assert!(near.contains("the nearest are `rows/one`"), "{near}");
}

#[test]
fn the_list_has_every_point_sorted() {
    fn pass() {
        fail_point!("rows/list-b");
        fail_point!("rows/list-a");
        fail_point!("rows/LIST");
    }
    pass();
    row("PUT", "/rows/list-b", "print(\"a=b\")", 204, &[], "");
    let reply = ask("GET", "/", "");
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body).expect("UTF-8");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("list")).collect();
    assert_eq!(lines, ["rows/list-a=", "rows/list-b=print(\"a=b\")"]);
    assert!(text.ends_with('\n') && text.contains("rows/LIST=\n"));
    assert!(text.lines().is_sorted_by_key(|line| line.split('=').next()));
}

#[test]
fn several_at_once_are_all_armed_or_none() {
    fn pass() {
        fail_point!("rows/several-a");
        fail_point!("rows/several-b");
    }
    pass();
    for path in ["/failpoints", "/FailPoints"] {
        row("PUT", path, "rows/several-a=off; rows/several-b=sleep(1)\n", 204, &[], "");
        row("GET", "/rows/several-a", "", 200, TEXT, "off\n");
        row("GET", "/rows/several-b", "", 200, TEXT, "sleep(1)\n");
        row("DELETE", "/rows/several-a", "", 204, &[], "");
    }
    row("PUT", "/failpoints", "", 204, &[], "");
    row(
        "PUT",
        "/failpoints",
        "rows/several-a=panic;QQQQ=off",
        400,
        REFUSED,
        "fail to set failpoint: failpoint: failpoint does not exist: no failpoint is named `QQQQ` \
         in this program; GET / lists all points\nnothing was changed\n",
    );
    let two = ask("PUT", "/failpoints", "rows/several-a=panic;rows/several-b=slep(1);x");
    let text = String::from_utf8(two.body).expect("UTF-8");
    assert_eq!(text.matches(" at byte ").count(), 2, "every fault is told: {text}");
    row("GET", "/rows/several-b", "", 200, TEXT, "sleep(1)\n");
}

#[test]
fn other_methods_are_told_which_there_are() {
    let allow = [REFUSED, &[("allow", "DELETE, GET, PUT")]].concat();
    for method in ["POST", "PATCH", "OPTIONS", "TRACE", "put", "BREW"] {
        for path in ["/", "/rows/one", "/failpoints", "*"] {
            row(method, path, "off", 405, &allow, "Method not allowed\n");
        }
    }
    let without_body = [&*allow, &[("content-length", "19")]].concat();
    row("HEAD", "/rows/one", "", 405, &without_body, "");
    row("GET", "*", "", 400, REFUSED, "malformed request URI\n");
    row("PUT", "rows/one", "off", 400, REFUSED, "malformed request URI\n");
}

#[test]
fn a_path_is_a_name_raw_or_decoded() {
    fn pass() {
        fail_point!("rows/escaped::a-b.c");
    }
    pass();
    for path in [
        "/rows/escaped::a-b.c",
        "/rows%2Fescaped%3A%3Aa-b.c",
        "/rows%2fescaped::a%2Db%2Ec",
        "/rows/escaped::a-b.c?",
        "/rows/escaped::a-b.c?x=/count",
        "/%72ows/escaped::a-b.c?ttl",
    ] {
        let path_of_put = path.replace("?ttl", "").replace("?x=/count", "");
        row("PUT", &path_of_put, "off", 204, &[], "");
        row("GET", path, "", 200, TEXT, "off\n");
        row("DELETE", path, "", 204, &[], "");
    }
    row("PUT", "/rows%2Fescaped::a-b.c", "off", 204, &[], "");
    row("GET", "/rows%2Fescaped::a-b.c/count", "", 200, TEXT, "0");
    row("GET", "/rows%2Fescaped::a-b.c/count?x", "", 200, TEXT, "0");
}

#[test]
fn a_name_that_no_code_declares_is_taken_on_purpose() {
    row("PUT", "/rows/unlisted?unlisted=1", "off", 204, &[], "");
    row("GET", "/rows/unlisted", "", 200, TEXT, "off\n");
    row("DELETE", "/rows/unlisted", "", 204, &[], "");
    row("PUT", "/failpoints?unlisted=1", "rows/unlisted-2=off", 204, &[], "");
    row("DELETE", "/rows/unlisted-2", "", 204, &[], "");
    assert_eq!(ask("PUT", "/rows/unlisted?unlisted=0", "off").status, 400);
    let bad = ask("PUT", "/a%20b?unlisted=1", "off");
    let text = String::from_utf8(bad.body).expect("UTF-8");
    let prefix = "fail to set failpoint: failpoint: failpoint does not exist: `a b` is not a valid failpoint name";
    assert!(bad.status == 400 && text.starts_with(prefix), "{text}");
}

#[test]
fn notes_stand_on_the_side() {
    fn pass() {
        fail_point!("rows/noted");
    }
    // Not called: it may panic.
    let _ = pass as fn();
    let note = |path: &str, terms: &str| {
        let reply = ask("PUT", path, terms);
        assert_eq!(reply.status, 204, "{path} {terms}");
        reply.headers.into_iter().find(|(name, _)| *name == "failpoint-note").map(|(_, note)| note)
    };
    assert_eq!(note("/rows/noted", "sleep(1)"), None);
    let panics = note("/rows/noted", "1*off->panic(\"é\")").expect("a note");
    assert!(panics.contains("FAILPOINT_PANIC=abort"), "{panics}");
    let panics = note("/failpoints", "rows/noted=panic").expect("a note");
    assert!(panics.contains("FAILPOINT_PANIC=abort"), "{panics}");
    let unknown = note("/rows/noted?tll=3s", "off").expect("a note");
    assert!(unknown.contains("tll") && unknown.contains("ttl"), "{unknown}");
    let unknown = note("/rows/noted?%0d%0aX:=%c3%a9", "off").expect("a note");
    assert!(unknown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{unknown}");
}

#[test]
fn json_for_those_who_ask_for_it() {
    fn pass() {
        let _ = fail_value!("rows/json", String);
    }
    pass();
    let json = |method: &str, path: &str, body: &str| {
        let reply = respond(method, path, &[("Accept", "application/json")], body.as_bytes());
        let kind = reply.headers.first().map(|(_, value)| value.clone()).unwrap_or_default();
        (reply.status, kind, String::from_utf8(reply.body).expect("UTF-8"))
    };
    let (status, kind, body) = json("GET", "/rows/json", "");
    assert_eq!((status, kind.as_str()), (404, "application/problem+json"));
    assert_eq!(
        body,
        "{\"type\":\"urn:failpoint:idle-point\",\"title\":\"idle point\",\"status\":404,\
         \"detail\":\"failed to GET: failpoint: failpoint is disabled\"}\n"
    );
    assert!(json("GET", "/", "").2.contains("\"rows/json\":null"));
    let (status, _, body) = json("PUT", "/rows/json", "1*slep");
    let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &problem["status"]), (400, &400.into()));
    assert_eq!(problem["type"], "urn:failpoint:bad-terms");
    assert_eq!((&problem["name"], &problem["offset"]), (&"rows/json".into(), &2.into()), "{body}");
    assert_eq!(problem["caret"], "  1*slep\n    ^ at byte 2");
    let (status, _, body) = json("PUT", "/failpoints", "rows/jsn=off;rows/json=slep");
    let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status, 400);
    assert_eq!(problem["errors"][1]["nearest"][0], "rows/json", "{body}");
    assert_eq!(problem["errors"][0]["type"], "urn:failpoint:bad-terms", "{body}");
    assert_eq!(
        json("PUT", "/rows/json", "return(\"a\\\\b\")"),
        (204, String::new(), String::new())
    );
    assert!(json("GET", "/", "").2.starts_with("{\"failpoints\":{\""));
    let is = |body: &str| (200, "application/json".to_owned(), body.to_owned());
    assert_eq!(
        json("GET", "/rows/json", ""),
        is("{\"name\":\"rows/json\",\"terms\":\"return(\\\"a\\\\\\\\b\\\")\"}\n")
    );
    assert_eq!(json("GET", "/rows/json/count", ""), is("{\"name\":\"rows/json\",\"count\":0}\n"));
    let any = respond("GET", "/rows/json", &[("Accept", "*/*")], b"");
    assert_eq!(any.headers[0].1, "text/plain; charset=utf-8");
}

#[test]
fn a_page_of_a_foreign_origin_is_refused() {
    let headers = [("host", "127.0.0.1:1"), ("origin", "http://evil.test")];
    let reply = respond("GET", "/", &headers, b"");
    assert_eq!(reply.status, 403);
    assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
}
