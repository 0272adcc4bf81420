//! Tests the routes that another crate adds, with failpoints on and off.

mod common;

use failpoint_http::ext::{ExtendError, Refusal, Reply, Request, Route};
use failpoint_http::{extend, respond};

fn refused(routes: Vec<Route>, prefix: &str) -> String {
    extend(prefix, routes).expect_err("a mistake").to_string()
}

fn echo(request: &Request) -> Result<Reply, Refusal> {
    let keep = request.query("keep").map_or("-", |keep| keep);
    let body = String::from_utf8_lossy(request.body());
    Ok(Reply::text(format!("{} {:?} {keep} {body}", request.method(), request.segments())))
}

/// The routes that every test here asks for, each under its own prefix.
fn routes() -> Vec<Route> {
    vec![
        Route::get("echo", echo).about("Returns the request."),
        Route::put("echo", echo),
        Route::post("echo", echo).parameter("keep", "What to keep.").parameter("other", ""),
        Route::delete("files/{file}", echo),
        Route::get("", |_| Ok(Reply::json(r#"{"a":"\u001b"}"#))),
        Route::get("picture", |_| Ok(Reply::new("image/png", [0x89, b'P', b'N', b'G']))),
        Route::post("accepted", |_| Ok(Reply::text("later").with_status(202))),
        Route::post("done", |_| Ok(Reply::done())),
        Route::put("refused", |_| Err(Refusal::new(409, "the disk is gone; mount it"))),
        Route::put("panics", |_| panic!("a test panics")),
        Route::get("panics", |_| panic!("a test panics")),
        Route::get("bad-status", |_| Ok(Reply::done().with_status(404))),
        Route::get("bad-refusal", |_| Err(Refusal::new(200, ""))),
        Route::get("bad-type", |_| Ok(Reply::new("a\r\nb", ""))),
    ]
}

#[test]
fn a_mistake_is_an_error_that_says_what_is_right() {
    if !cfg!(feature = "failpoints") {
        extend("No Prefix", [Route::get("//", echo)]).expect("it does nothing");
        return;
    }
    assert_eq!(
        refused(routes(), "Disk"),
        "`Disk` is not a valid prefix of an extension: use 1 to 32 lower-case ASCII letters, digits \
         and -"
    );
    assert_eq!(
        refused(vec![Route::get("a//b", echo)], "mistakes"),
        "the route `GET a//b` of an extension is not valid: a path has segments of ASCII letters, \
         digits, -, _ and ., separated by /; a segment may be in braces"
    );
    assert_eq!(
        refused(
            vec![Route::get("a", echo), Route::put("a", echo), Route::get("a", echo)],
            "mistakes"
        ),
        "the route `GET a` of an extension is not valid: it is given twice"
    );
    extend("mistakes", [Route::get("a", echo)]).expect("nothing was added before");
    let again = extend("mistakes", [Route::get("b", echo)]).expect_err("taken");
    assert!(matches!(again, ExtendError::Taken { .. }));
    assert_eq!(
        format!("{again:?}"),
        "the control plane has an extension `mistakes` already; extend it once, with all routes"
    );
    assert_eq!(respond("GET", "/v1/ext/mistakes/a", &[], b"").status, 200);
    assert_eq!(respond("GET", "/v1/ext/mistakes/b", &[], b"").status, 404);
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn off_it_does_nothing() {
    extend("off", routes()).expect("it does nothing");
    extend("off", routes()).expect("it does nothing");
    assert_eq!(respond("GET", "/v1/ext/off/echo", &[], b"").status, 501);
}

#[cfg(feature = "failpoints")]
mod on {
    use super::common::{Answer, Client};
    use super::routes;
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use failpoint_http::wire::{Info, Problem};
    use failpoint_http::{extend, respond};
    use serde_json::Value;
    use tower::ServiceExt;

    /// A way to send a request.
    trait Door {
        fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer;
    }

    impl Door for Client {
        fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
            if method == "HEAD" {
                self.send(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
                return self.answer_to_head();
            }
            Client::ask(self, method, path, body)
        }
    }

    struct Respond;

    impl Door for Respond {
        fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
            let reply = respond(method, path, &[], body.as_bytes());
            let headers = reply.headers.into_iter().map(|(name, value)| (name.to_owned(), value));
            let body = String::from_utf8_lossy(&reply.body).into_owned();
            Answer { status: reply.status, headers: headers.collect(), body }
        }
    }

    struct Mounted {
        app: Router,
        runtime: tokio::runtime::Runtime,
    }

    impl Mounted {
        fn new() -> Self {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            Self { app: failpoint_http::mount(Router::new(), "/fail"), runtime }
        }
    }

    impl Door for Mounted {
        fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
            let request = Request::builder().method(method).uri(format!("/fail{path}"));
            let request = request.body(Body::from(body.to_owned())).unwrap();
            let app = self.app.clone();
            self.runtime.block_on(async {
                let answer = app.oneshot(request).await.unwrap();
                let headers = answer
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
                let (status, headers) = (answer.status().as_u16(), headers.collect());
                let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
                let body = String::from_utf8_lossy(&body).into_owned();
                Answer { status, headers, body }
            })
        }
    }

    fn problem(answer: &Answer) -> Problem {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        let problem: Problem = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem.status, answer.status);
        problem
    }

    fn serves_the_routes(prefix: &str, door: &mut dyn Door) {
        extend(prefix, routes()).unwrap();
        let root = format!("/v1/ext/{prefix}");
        let mut ask = |method: &str, below: &str, body: &str| {
            door.ask(method, &format!("{root}{below}"), body)
        };

        let answer = ask("GET", "/echo", "");
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"GET ["echo"] - "#));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(ask("PUT", "/echo", "body").body, r#"PUT ["echo"] - body"#);
        assert_eq!(ask("POST", "/echo?keep=a%20b", "").body, r#"POST ["echo"] a b "#);
        assert_eq!(ask("POST", "/%65cho?keep", "").body, r#"POST ["echo"]  "#);
        let answer = ask("DELETE", "/files/a%2Fb", "");
        assert_eq!(answer.body, r#"DELETE ["files", "a/b"] - "#);

        let answer = ask("GET", "", "");
        assert_eq!(answer.body, "{\"a\":\"\\u001b\"}\n");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(ask("GET", "/picture", "").header("content-type"), Some("image/png"));
        let answer = ask("POST", "/accepted", "");
        assert_eq!((answer.status, answer.body.as_str()), (202, "later"));
        let answer = ask("POST", "/done", "");
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        let answer = ask("HEAD", "/echo", "");
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("content-length"), Some("15"));

        let answer = ask("PUT", "/refused", "");
        let refused = problem(&answer);
        assert_eq!((answer.status, refused.kind.as_str()), (409, "urn:failpoint:refused"));
        assert_eq!(refused.detail, "the disk is gone; mount it");

        for (method, below) in [
            ("PUT", "/panics"),
            ("GET", "/panics"),
            ("GET", "/bad-status"),
            ("GET", "/bad-refusal"),
            ("GET", "/bad-type"),
        ] {
            let answer = ask(method, below, "");
            assert_eq!(answer.status, 500, "{method} {below}");
            let problem = problem(&answer);
            assert_eq!(problem.kind, "urn:failpoint:panicked");
            let handler = format!("the handler of {method} {root}{below} panicked");
            assert!(problem.detail.starts_with(&handler), "{}", problem.detail);
        }

        for (method, below, status, kind, detail) in [
            ("POST", "/echo?kep=all", 400, "bad-request", "this route takes keep, other"),
            ("POST", "/echo?keep=a&keep=b", 400, "bad-request", "keep is given twice"),
            ("GET", "/echo?keep=a", 400, "bad-request", "this route takes none"),
            ("DELETE", "/files/%zz", 400, "bad-request", "percent-encoding"),
            ("GET", "/nothing", 404, "unknown-route", "are: GET "),
            ("GET", "/", 404, "unknown-route", "PUT "),
            ("DELETE", "/files/a/b", 404, "unknown-route", "DELETE "),
            ("DELETE", "/files/", 404, "unknown-route", "/files/{file}"),
            ("POST", "/refused", 405, "method-not-allowed", "takes PUT"),
            ("PATCH", "/echo", 405, "method-not-allowed", "takes GET, HEAD, POST, PUT"),
        ] {
            let answer = ask(method, below, "");
            assert_eq!(answer.status, status, "{method} {below}: {}", answer.body);
            let problem = problem(&answer);
            assert_eq!(problem.kind, format!("urn:failpoint:{kind}"), "{method} {below}");
            assert!(problem.detail.contains(detail), "{}", problem.detail);
        }
        assert_eq!(ask("PATCH", "/echo", "").header("allow"), Some("GET, HEAD, POST, PUT"));

        for path in ["/v1/ext/nobody/echo", "/v1/ext/nobody", "/v1/ext/", "/v1/ext"] {
            let answer = door.ask("PUT", path, "");
            assert_eq!(answer.status, 404, "{path}");
            let problem = problem(&answer);
            let (_, listed) = problem.detail.split_once("are: ").unwrap();
            assert!(listed.split(", ").any(|one| one == prefix), "{listed}");
        }
        assert_eq!(door.ask("GET", "/v1/extra", "").status, 404);

        let info: Info = serde_json::from_str(&door.ask("GET", "/v1/info", "").body).unwrap();
        assert!(info.extensions[prefix].contains(&format!("DELETE {root}/files/{{file}}")));
        let document: Value =
            serde_json::from_str(&door.ask("GET", "/openapi.json", "").body).unwrap();
        let operation = &document["paths"][format!("{root}/echo")]["post"];
        assert_eq!(operation["parameters"][0]["name"], "keep");
        assert_eq!(
            document["paths"][format!("{root}/echo")]["get"]["summary"],
            "Returns the request."
        );
        let operation = &document["paths"][format!("{root}/files/{{file}}")]["delete"];
        assert_eq!(operation["parameters"][0]["in"], "path");
        assert!(document["paths"]["/v1/points"]["get"].is_object(), "and all others");
    }

    #[test]
    fn respond_serves_them() {
        serves_the_routes("respond", &mut Respond);
        let foreign = [("origin", "http://evil.test"), ("host", "localhost")];
        assert_eq!(respond("PUT", "/v1/ext/respond/echo", &foreign, b"").status, 403);
    }

    #[test]
    fn a_mounted_router_serves_them() {
        let mut mounted = Mounted::new();
        serves_the_routes("mounted", &mut mounted);
        let answer = mounted.ask("PUT", "/v1/ext/mounted/echo", &"x".repeat((1 << 20) + 1));
        assert_eq!(problem(&answer).kind, "urn:failpoint:body-too-large");
    }

    #[test]
    fn a_listener_serves_them() {
        let control = failpoint_http::serve("127.0.0.1:0").unwrap();
        let address = control.address().unwrap().to_string();
        let mut client = Client::connect(&address);
        serves_the_routes("listener", &mut client);
        let path = "/v1/ext/listener/echo";
        let body = "x".repeat(1 << 20);
        assert_eq!(client.ask("PUT", path, &body).body.len(), body.len() + 15);
        for foreign in [("Host", "evil.test"), ("Origin", "http://evil.test")] {
            let answer = client.ask_with("PUT", path, &[foreign], "");
            assert_eq!(problem(&answer).status, 403, "{foreign:?}");
        }
        let answer = client.ask("PUT", path, &"x".repeat((1 << 20) + 1));
        assert_eq!(problem(&answer).kind, "urn:failpoint:body-too-large");
    }
}
