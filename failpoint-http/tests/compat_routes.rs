//! Tests the control routes of TiKV and of Neon, on the hyper versions that they use. Needs its own
//! process: it lists and disarms everything.
#![cfg(feature = "failpoints")]

mod common;

use common::{Answer, Client};
use failpoint::fail_point;
use failpoint_http::{Reply, compat};
use hyper014::service::{make_service_fn, service_fn};
use hyper014::{Body, Request, Response, Server};
use std::convert::Infallible;
use std::sync::mpsc;
use std::thread;

type Respond = fn(&str, &str, &[(&str, &str)], &[u8]) -> Reply;

/// A server of the program's own; ends with the process.
fn serve(respond: Respond) -> String {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let service = make_service_fn(move |_| async move {
                Ok::<_, Infallible>(service_fn(move |request| carry(request, respond)))
            });
            let server = Server::bind(&([127, 0, 0, 1], 0).into()).serve(service);
            tell.send(server.local_addr().to_string()).expect("the receiver waits");
            server.await.expect("it serves");
        });
    });
    told.recv().expect("it listens")
}

/// All that a server has to do.
async fn carry(request: Request<Body>, respond: Respond) -> hyper014::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = hyper014::body::to_bytes(body).await?;
    let headers: Vec<(&str, &str)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")))
        .collect();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let reply = respond(head.method.as_str(), path, &headers, &body);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(reply.body.into()).expect("a status and headers that are such"))
}

fn is(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
}

#[test]
fn each_server_answers_as_it_did() {
    fn pass() {
        fail_point!("raft_before_save", |_| ());
        fail_point!("before-upload");
    }
    pass();
    tikv();
    neon();
}

fn tikv() {
    let mut client = Client::connect(&serve(compat::tikv::respond));
    is(&client.ask("GET", "/fail", ""), 200, "");
    let added = client.ask("PUT", "/fail/raft_before_save", "3*off->return(x)");
    is(&added, 200, "Added fail point with name: raft_before_save, actions: 3*off->return(x)");
    let added = client.ask("PUT", "/fail/nowhere/declared", "panic");
    is(&added, 200, "Added fail point with name: nowhere/declared, actions: panic");
    for path in ["/fail", "/fail/"] {
        let armed = "nowhere/declared=panic\nraft_before_save=3*off->return(x)";
        is(&client.ask("GET", path, ""), 200, armed);
    }
    is(&client.ask("GET", "/fail/raft_before_save", ""), 404, "");
    is(&client.ask("GET", "/failing", ""), 404, "");
    is(&client.ask("PUT", "/fail/", "off"), 422, "Missing param name");
    is(&client.ask("DELETE", "/fail/", ""), 422, "Missing param name");
    is(&client.ask("PUT", "/fail/raft_before_save", ""), 422, "Missing param actions");
    is(&client.ask("PUT", "/fail", "off"), 405, "");
    is(&client.ask("POST", "/fail/raft_before_save", "off"), 405, "");
    let bad = client.ask("PUT", "/fail/raft_before_save", "slep(1)");
    assert!(bad.status == 400 && bad.body.contains("did you mean \"sleep\""), "{bad:?}");
    let foreign = [("Host", "127.0.0.1"), ("Origin", "http://evil.test")];
    assert_eq!(client.ask_with("PUT", "/fail/raft_before_save", &foreign, "off").status, 403);
    for name in ["raft_before_save", "raft_before_save", "nowhere/declared", "nowhere"] {
        let deleted = client.ask("DELETE", &format!("/fail/{name}"), "");
        is(&deleted, 200, &format!("Deleted fail point with name: {name}"));
    }
    is(&client.ask("GET", "/fail", ""), 200, "");
}

fn neon() {
    let mut client = Client::connect(&serve(compat::neon::respond));
    let two =
        r#"[{"name":"before-upload","actions":"sleep(1)"},{"name":"nowhere","actions":"off"}]"#;
    for path in ["/v1/failpoints", "/debug/v1/failpoints"] {
        let done = client.ask("PUT", path, two);
        is(&done, 200, "null");
        assert_eq!(done.header("content-type"), Some("application/json"));
        let terms = |name| failpoint::point(name).ok().and_then(|point| point.terms);
        assert_eq!(terms("before-upload").as_deref(), Some("sleep(1)"));
        assert_eq!(terms("nowhere").as_deref(), Some("off"));
        failpoint::reset();
    }
    let msg = |answer: &Answer| -> String {
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        body["msg"].as_str().expect("a message").to_owned()
    };
    for (body, why) in [
        ("", "missing request body"),
        ("{}", "Failed to parse json request: "),
        (r#"[{"name":"before-upload"}]"#, "Failed to parse json request: missing field `actions`"),
        (
            r#"[{"name":"nowhere","actions":"off"},{"name":"before-upload","actions":"return(1)"}]"#,
            "Failed to configure failpoints: the failpoint `before-upload` cannot return",
        ),
    ] {
        let refused = client.ask("PUT", "/v1/failpoints", body);
        assert_eq!(refused.status, 400);
        assert!(msg(&refused).starts_with(why), "{refused:?}");
    }
    assert!(failpoint::points().iter().all(|point| point.terms.is_none()), "all or nothing");
    assert_eq!(client.ask("GET", "/v1/failpoints", "").status, 405);
    assert_eq!(client.ask("PUT", "/v1/tenants", "[]").status, 404);
}
