//! Tests that a web page gets nothing on any documented route: neither from another origin, nor
//! under a host name of its own. Needs its own process: it checks all points.
#![cfg(feature = "failpoints")]

mod common;

use common::{Answer, Client};
use failpoint::fail_point;
use serde_json::Value;

fn pass() {
    fail_point!("pages/secret");
}

/// Every method of every path that is served.
fn routes(client: &mut Client) -> Vec<(String, String)> {
    let answer = client.ask("GET", "/openapi.json", "");
    let document: Value = serde_json::from_str(&answer.body).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{name}", "pages/secret");
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    for path in ["/", "/pages/secret", "/pages/secret/count"] {
        routes.push(("GET".to_owned(), path.to_owned()));
    }
    for method in ["PUT", "DELETE"] {
        routes.push((method.to_owned(), "/pages/secret".to_owned()));
    }
    routes
}

fn refused(answer: &Answer, kind: &str, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.body);
    assert!(!answer.body.contains("secret"), "{what}: {}", answer.body);
    let cors = answer.headers.iter().any(|(name, _)| name.starts_with("access-control"));
    assert!(!cors, "{what}: {:?}", answer.headers);
    if answer.body.starts_with('{') {
        assert!(answer.body.contains(&format!("urn:failpoint:{kind}")), "{what}: {}", answer.body);
    }
}

#[test]
fn a_page_gets_nothing() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let address = control.address().unwrap().to_string();
    let mut client = Client::connect(&address);
    assert_eq!(client.ask("PUT", "/pages/secret", "off").status, 204);
    pass();
    let before = client.ask("GET", "/v1/points", "").body;

    let routes = routes(&mut client);
    for route in ["/v1/points/pages/secret/wait", "/v1/events", "/metrics"] {
        assert!(routes.iter().any(|(_, path)| path == route), "{route} is not in the document");
    }
    let own = format!("http://{address}");
    for (method, path) in &routes {
        let body = match (method.as_str(), path.as_str()) {
            ("PUT", "/v1/points") => r#"{"points":{"pages/secret":"panic"}}"#,
            ("PUT", path) if path.starts_with("/v1") => r#"{"terms":"panic"}"#,
            ("PUT", _) => "panic",
            _ => "",
        };
        let mut ask = |headers: &[(&str, &str)]| {
            let answer = client.ask_with(method, path, headers, body);
            // A body that was not let in was not read either.
            if answer.header("connection") == Some("close") {
                client = Client::connect(&address);
            }
            answer
        };
        for origin in ["http://evil.test", "null", "http://127.0.0.1:1"] {
            let what = format!("{method} {path} from {origin}");
            refused(&ask(&[("Origin", origin)]), "foreign-origin", &what);
        }
        for host in ["evil.test", "evil.test:80"] {
            let what = format!("{method} {path} at {host}");
            refused(&ask(&[("Host", host)]), "foreign-host", &what);
            // The page is at home there, as a browser sees it.
            let origin = format!("http://{host}");
            refused(&ask(&[("Host", host), ("Origin", &origin)]), "foreign-host", &what);
        }
    }
    assert_eq!(client.ask("GET", "/v1/points", "").body, before, "and changed nothing");
    let at_home = client.ask_with("GET", "/metrics", &[("Origin", &own)], "");
    assert_eq!(at_home.status, 200, "our own page does");
}
