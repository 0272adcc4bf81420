//! Tests the page at `/ui`: its content security policy and its contents. `tests/suites/page/run`
//! tests its behaviour in a browser.
#![cfg(feature = "failpoints")]

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use failpoint_http::Reply;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

/// The largest page that still is one that a person reads through.
const SIZE_LIMIT: usize = 48 << 10;

fn page() -> (Reply, String) {
    let reply = failpoint_http::respond("GET", "/ui", &[], b"");
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body.clone()).unwrap();
    (reply, text)
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let mut values = reply.headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| value);
    let value = values.next().unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(values.next(), None, "{name} twice");
    value
}

/// What the policy says for `directive`.
fn sources<'a>(policy: &'a str, directive: &str) -> &'a str {
    let mut all = policy.split(';').map(str::trim);
    all.find_map(|one| one.strip_prefix(directive)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {directive} in {policy}"))
}

/// What stands in the one element `tag`, which has no attributes.
fn inside<'a>(page: &'a str, tag: &str) -> &'a str {
    assert_eq!(page.matches(&format!("<{tag}")).count(), 1, "one <{tag}>, and no attributes");
    let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap();
    rest.split_once(&format!("</{tag}>")).unwrap().0
}

#[test]
fn its_policy_lets_it_run_what_is_in_it_and_reach_its_own_origin() {
    let (reply, page) = page();
    let policy = header(&reply, "content-security-policy");
    for (directive, tag) in [("style-src", "style"), ("script-src", "script")] {
        // A browser hashes after it made every line end a line feed.
        let content = inside(&page, tag).replace("\r\n", "\n");
        let hash = BASE64_STANDARD.encode(Sha256::digest(content));
        let right = format!("'sha256-{hash}'");
        assert_eq!(sources(policy, directive), right, "{directive} in src/http/page/mod.rs");
    }
    assert_eq!(sources(policy, "default-src"), "'none'");
    assert_eq!(sources(policy, "connect-src"), "'self'");
    assert_eq!(sources(policy, "base-uri"), "'none'");
    assert_eq!(sources(policy, "form-action"), "'none'");
    assert_eq!(sources(policy, "frame-ancestors"), "'none'");
    assert_eq!(sources(policy, "trusted-types"), "'none'");
    assert_eq!(policy.split(';').count(), 10, "nothing else is let in: {policy}");
}

#[test]
fn it_is_neither_cached_nor_sniffed() {
    let (reply, _) = page();
    assert_eq!(header(&reply, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&reply, "x-content-type-options"), "nosniff");
    assert_eq!(header(&reply, "referrer-policy"), "no-referrer");
    assert_eq!(header(&reply, "cache-control"), "no-store");
    assert_eq!(header(&reply, "cross-origin-opener-policy"), "same-origin");
    assert_eq!(header(&reply, "cross-origin-resource-policy"), "same-origin");
}

#[test]
fn it_needs_nothing_but_itself() {
    let (_, page) = page();
    assert!(page.len() <= SIZE_LIMIT, "{} bytes", page.len());
    let page = page.to_ascii_lowercase();
    for foreign in
        ["://", "=\"//", "='//", "url(", "@import", " src=", "<iframe", "<object", "<base"]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let links: Vec<&str> = page.split("href=\"").skip(1).collect();
    assert!(!links.is_empty());
    for link in links {
        assert!(link.starts_with('#') || link.starts_with("data:image/svg+xml,"), "{link:.60}");
    }
}

/// The policy would stop these in a browser; here it is said in which line.
#[test]
fn it_never_makes_markup_of_text() {
    let (_, page) = page();
    for (number, line) in page.lines().enumerate() {
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "setHTML",
            " style=\"",
            " onclick=",
            "localStorage",
            "sessionStorage",
        ] {
            assert!(!line.contains(sink), "{sink} in line {}", number + 1);
        }
    }
}

#[test]
fn every_id_that_the_script_asks_for_is_there() {
    let (_, page) = page();
    let script = inside(&page, "script");
    let mut asked = 0;
    for (before, after) in [("$('", "')"), ("inEditor('", "')")] {
        for rest in script.split(before).skip(1) {
            let id = rest.split_once(after).unwrap().0;
            assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} found");
}

#[test]
fn head_is_get_without_the_body() {
    let (get, page) = page();
    let head = failpoint_http::respond("HEAD", "/ui", &[], b"");
    assert_eq!(head.status, 200);
    assert_eq!(head.body, b"");
    assert_eq!(header(&head, "content-length"), page.len().to_string());
    let same = "content-security-policy";
    assert_eq!(header(&head, same), header(&get, same));
    for method in ["PUT", "POST", "DELETE"] {
        let refused = failpoint_http::respond(method, "/ui", &[], b"");
        assert_eq!((refused.status, header(&refused, "allow")), (405, "GET, HEAD"), "{method}");
    }
}

#[tokio::test]
async fn it_stands_under_a_prefix_too() {
    let app = failpoint_http::mount(Router::new(), "/fail");
    for (method, path, status) in
        [("GET", "/fail/ui", 200), ("HEAD", "/fail/ui", 200), ("GET", "/ui", 404)]
    {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
    }
}
