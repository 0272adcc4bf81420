//! Tests the environment variables. Each case needs its own process: this executable runs itself
//! again, with only the test `child`.
#![cfg(feature = "failpoints")]

mod common;

use common::{Client, child, is_child, line_of};
use failpoint::fail_point;
use failpoint_http::wire::Problem;
use failpoint_test_support::Killed;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Output;

#[test]
fn child_serves() {
    if !is_child() {
        return;
    }
    // Not evaluated before: the first evaluation would read the environment.
    let _declared = || fail_point!("env/declared");
    extend();
    match failpoint_http::serve_from_env() {
        Ok(control) => {
            let address = control.address().map_or("nowhere".to_owned(), |at| at.to_string());
            println!("\nlistening at {address}");
            if control.address().is_some() {
                // Ends when the parent kills it.
                loop {
                    std::thread::park();
                }
            }
        }
        Err(error) => println!("\nrefused: {error:?}"),
    }
}

/// An extension of the child.
fn extend() {
    use failpoint_http::ext::{Refusal, Reply, Route};

    let routes = [
        Route::get("mode", |_| Ok(Reply::text("durable"))),
        Route::put("mode", |request| {
            let mode = String::from_utf8_lossy(request.body());
            if mode.is_empty() {
                return Err(Refusal::new(422, "which mode?"));
            }
            Ok(Reply::done().logged(format!("was durable, now {mode}")))
        }),
        Route::post("crash", |_| Ok(Reply::done())).parameter("keep", "What survives."),
        Route::delete("panics", |_| panic!("a test panics")),
        Route::get("panics", |_| panic!("a test panics")),
    ];
    failpoint_http::extend("env", routes).unwrap();
}

/// A child that is to refuse, and what it says.
fn refusal(variables: &[(&str, &str)]) -> String {
    let Output { stdout, stderr, .. } = child("child_serves", variables).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let Some((_, refusal)) = text.split_once("\nrefused: ") else {
        panic!("{variables:?}: {text}{}", String::from_utf8_lossy(&stderr))
    };
    refusal.to_owned()
}

/// A child that serves; killed when dropped.
struct Server {
    child: Killed,
    address: String,
}

impl Server {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = Killed::spawn(&mut child("child_serves", variables));
        let address = line_of(&mut child, "listening at ");
        Self { child, address }
    }

    /// Kills it once it has said `line`; gives what it wrote to stderr.
    fn end_after(mut self, line: &str) -> String {
        let mut log = String::new();
        for said in BufReader::new(self.child.stderr.as_mut().unwrap()).lines() {
            log += &(said.unwrap() + "\n");
            if log.contains(line) {
                return log;
            }
        }
        panic!("it does not say `{line}`: {log}");
    }

    /// Kills it; gives what it wrote to stderr.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut().unwrap(), &mut log).unwrap();
        log
    }
}

#[test]
fn without_the_variable_nothing_listens() {
    assert_eq!(Server::start(&[]).address, "nowhere");
    assert_eq!(Server::start(&[("GOFAIL_HTTP", "")]).address, "nowhere");
}

#[test]
fn either_name_is_taken_and_gofails_goes_first() {
    for variables in [
        &[("GOFAIL_HTTP", "127.0.0.1:0")] as &[_],
        &[("FAILPOINT_HTTP", "127.0.0.1:0")],
        &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP", "nonsense")],
    ] {
        let server = Server::start(variables);
        assert_eq!(Client::connect(&server.address).ask("GET", "/", "").body, "env/declared=\n");
        let log = format!("control plane: {}", server.address);
        let said = server.end();
        assert!(said.contains(&log), "{said}");
    }
}

#[test]
fn what_is_wrong_is_returned_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (variables, reasons) in [
        (
            &[("GOFAIL_HTTP", "nonsense")] as &[(&str, &str)],
            &["`nonsense`", "HOST:PORT"] as &[&str],
        ),
        (&[("FAILPOINT_HTTP", "127.0.0.1:99999")], &["65535", "127.0.0.1:22381"]),
        (&[("GOFAIL_HTTP", &taken)], &[&taken, "in use", "port 0"]),
        (&[("GOFAIL_HTTP", ":22381")], &["127.0.0.1:22381", "FAILPOINT_HTTP_TOKEN", "INSECURE=1"]),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("GOFAIL_FAILPOINTS", "env/declared=slep(1)")],
            &["in the environment: ", "did you mean \"sleep\"", "^ at byte 13"],
        ),
        (&[("GOFAIL_FAILPOINTS", "env/declared=return(1)")], &["cannot return", "environment.rs"]),
        (&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_SEED", "x")], &["FAILPOINT_SEED"]),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_INSECURE", "yes")],
            &["FAILPOINT_HTTP_INSECURE", "1"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_ALLOW", " , ")],
            &["FAILPOINT_HTTP_ALLOW", "commas"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_ACTIONS", "off,slep")],
            &["FAILPOINT_HTTP_ACTIONS", "off, return, sleep"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_MAX_TTL", "soon")],
            &["FAILPOINT_HTTP_MAX_TTL", "15m"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_WAIT", "0")],
            &["FAILPOINT_HTTP_WAIT", "30s"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_TOKEN", "a b")],
            &["FAILPOINT_HTTP_TOKEN ", "visible"],
        ),
        (
            &[("GOFAIL_HTTP", ":0"), ("FAILPOINT_HTTP_TOKEN_FILE", "/dev/null")],
            &["FAILPOINT_HTTP_TOKEN_FILE "],
        ),
        (
            &[("GOFAIL_HTTP", ":0"), ("FAILPOINT_HTTP_TOKEN_FILE", "/no/such/file")],
            &["/no/such/file", "cannot be read"],
        ),
        (
            &[
                ("GOFAIL_HTTP", ":0"),
                ("FAILPOINT_HTTP_TOKEN_FILE", "/dev/null"),
                ("FAILPOINT_HTTP_TOKEN", "x"),
            ],
            &["unset one"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_PORT_FILE", "/no/such/directory/x")],
            &["/no/such/directory/x", "cannot be written"],
        ),
    ] {
        let refusal = refusal(variables);
        for reason in reasons {
            assert!(refusal.contains(reason), "{variables:?}: {refusal}");
        }
    }
}

#[test]
fn the_port_file_holds_the_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("port");
    std::fs::write(&path, "of an earlier run").unwrap();
    let variables =
        [("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_PORT_FILE", path.to_str().unwrap())];
    let server = Server::start(&variables);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", server.address));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_token_opens_other_addresses_and_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    for (variable, value) in
        [("FAILPOINT_HTTP_TOKEN", "s3cret"), ("FAILPOINT_HTTP_TOKEN_FILE", file.to_str().unwrap())]
    {
        let server = Server::start(&[("GOFAIL_HTTP", "0.0.0.0:0"), (variable, value)]);
        let address = server.address.replace("0.0.0.0", "127.0.0.1");
        for (headers, status) in [
            (&[] as &[(&str, &str)], 401),
            (&[("Authorization", "Bearer wrong1")], 401),
            (&[("Authorization", "Bearer s3cret")], 204),
            (&[("Authorization", "Bearer s3cret"), ("Host", "evil.test")], 204),
            (&[("Authorization", "Bearer s3cret"), ("Origin", "http://evil.test")], 403),
            (&[("Origin", "http://evil.test")], 403),
        ] {
            // What is refused may end the connection: its body was not read.
            let mut client = Client::connect(&address);
            let answer = client.ask_with("PUT", "/env/declared", headers, "off");
            assert_eq!(answer.status, status, "{headers:?}");
            let asks = answer.header("www-authenticate");
            assert_eq!(asks.is_some(), status == 401, "{asks:?}");
        }
        for (path, status) in
            [("/v1/points", 401), ("/v1/nothing", 401), ("/openapi.json", 401), ("/healthz", 204)]
        {
            let answer = Client::connect(&address).ask("GET", path, "");
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.body.contains("urn:failpoint:no-token"), status == 401, "{path}");
        }
        let log = server.end();
        assert!(!log.contains("s3cret"), "{log}");
    }
}

#[test]
fn insecure_is_a_way_out_with_a_warning() {
    let server = Server::start(&[("GOFAIL_HTTP", ":0"), ("FAILPOINT_HTTP_INSECURE", "1")]);
    let (_, port) = server.address.rsplit_once(':').unwrap();
    let answer = Client::connect(&format!("127.0.0.1:{port}")).ask("GET", "/", "");
    assert_eq!(answer.status, 200);
    assert!(server.end().contains("WARN FAILPOINT_HTTP_INSECURE"));
}

#[test]
fn a_host_that_is_not_ours_is_refused() {
    let variables =
        [("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_HOSTS", "pod-1.test, other.test")];
    let server = Server::start(&variables);
    for (host, status) in [
        ("localhost:22381", 204),
        ("10.0.0.1", 204),
        ("pod-1.test:80", 204),
        ("OTHER.test", 204),
        ("evil.test", 403),
        ("127.0.0.1.evil.test", 403),
    ] {
        let mut client = Client::connect(&server.address);
        let answer = client.ask_with("PUT", "/env/declared", &[("Host", host)], "off");
        assert_eq!(answer.status, status, "{host}");
    }
}

#[test]
fn every_change_is_a_line_of_the_log() {
    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0")]);
    let mut client = Client::connect(&server.address);
    for (method, path, body) in [
        ("PUT", "/env/declared", "sleep(1)"),
        ("PUT", "/env/declared", "bad"),
        ("PUT", "/failpoints?ttl=5m", "env/declared=off"),
        ("DELETE", "/env/declared", ""),
        ("DELETE", "/env/declared", ""),
        ("GET", "/", ""),
        ("PUT", "/v1/points/env%2Fdeclared", r#"{"terms":"print(x)","ttl":"1h"}"#),
        ("PUT", "/v1/points/env/declared", r#"{"terms":"bad"}"#),
        ("PUT", "/v1/points", r#"{"points":{"env/declared":"yield"}}"#),
        ("PUT", "/v1/points?match=env/*", r#"{"terms":"delay(1)"}"#),
        ("DELETE", "/v1/points/env/declared", ""),
        ("DELETE", "/v1/points/env/declared", ""),
        ("PUT", "/env/declared", "off"),
        ("DELETE", "/v1/points", ""),
        ("POST", "/v1/points/env/declared/resume", ""),
        ("GET", "/v1/points", ""),
    ] {
        client.ask(method, path, body);
    }
    let log = server.end();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("env/declared")).collect();
    let said = |line: &str| {
        let said = line.strip_prefix("failpoint-http: 127.0.0.1:")?.split_once(' ')?.1;
        Some(said.to_owned())
    };
    let said: Vec<String> = lines.iter().filter_map(|line| said(line)).collect();
    assert_eq!(
        said,
        [
            "armed env/declared: was idle, now sleep(1)",
            "armed env/declared: was sleep(1), now off, for 300s",
            "disarmed env/declared: was off",
            "armed env/declared: was idle, now print(x), for 3600s",
            "armed env/declared: was print(x), now yield",
            "armed env/declared: was yield, now delay(1)",
            "disarmed env/declared: was delay(1)",
            "armed env/declared: was idle, now off",
            "reset env/declared: was off",
        ]
    );
    assert_eq!(said.len(), lines.len(), "{log}");
}

#[test]
fn the_policy_limits_what_is_armed_and_nothing_else() {
    let server = Server::start(&[
        ("GOFAIL_HTTP", "127.0.0.1:0"),
        ("FAILPOINT_HTTP_ALLOW", "env/*, other"),
        ("FAILPOINT_HTTP_DENY", "env/*denied"),
        ("FAILPOINT_HTTP_ACTIONS", "off,sleep"),
    ]);
    let mut client = Client::connect(&server.address);
    let denied = "`env/denied` cannot be armed over HTTP: FAILPOINT_HTTP_DENY lists it";
    let outside = "`raft` cannot be armed over HTTP: FAILPOINT_HTTP_ALLOW does not list it";
    let action = "`kill` cannot be armed over HTTP: FAILPOINT_HTTP_ACTIONS allows only off, sleep";
    for (path, body, why) in [
        ("/env/denied?unlisted=1", "off", vec![denied]),
        ("/raft?unlisted=1", "off", vec![outside]),
        ("/env/declared", "sleep(1)&kill", vec![action]),
        (
            "/failpoints?unlisted=1",
            "env/declared=off;raft=off;env/denied=off",
            vec![outside, denied],
        ),
        ("/v1/points/env/denied?unlisted=1", r#"{"terms":"off"}"#, vec![denied]),
        ("/v1/points/env/declared", r#"{"terms":"off->kill"}"#, vec![action]),
        (
            "/v1/points?unlisted=1",
            r#"{"points":{"env/declared":"off","env/denied":"off","raft":"off"}}"#,
            vec![denied, outside],
        ),
        ("/v1/points?match=env/*", r#"{"terms":"kill"}"#, vec![action]),
    ] {
        let answer = client.ask("PUT", path, body);
        assert_eq!(answer.status, 403, "{path} {body}: {}", answer.body);
        if path.starts_with("/v1") {
            let problem: Problem = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(problem.kind, "urn:failpoint:not-allowed");
            let told: Vec<&str> = if problem.errors.is_empty() {
                vec![&problem.detail]
            } else {
                problem.errors.iter().map(|one| one.detail.as_str()).collect()
            };
            assert_eq!(told, why, "{path} {body}");
        } else {
            assert_eq!(answer.body, format!("fail to set failpoint: {}\n", why.join("\n")));
        }
    }
    assert_eq!(client.ask("GET", "/", "").body, "env/declared=\n", "nothing was changed");
    assert_eq!(client.ask("PUT", "/env/declared", "2*off->sleep(1)").status, 204);
    assert_eq!(client.ask("DELETE", "/v1/points", "").status, 200);
}

#[test]
fn a_change_of_an_extension_is_a_line_of_the_log() {
    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0")]);
    let mut client = Client::connect(&server.address);
    let long = "x".repeat(1000);
    for (method, path, body, status) in [
        ("GET", "/v1/ext/env/mode", "", 200),
        ("PUT", "/v1/ext/env/mode", "", 422),
        ("PUT", "/v1/ext/env/mode?keep=1", "volatile", 400),
        ("PUT", "/v1/ext/env/mode", "a\nfailpoint-http: 127.0.0.1:1 called b", 204),
        ("PUT", "/v1/ext/env/mode", &long, 204),
        ("POST", "/v1/ext/env/crash?keep=%0Aa", "", 204),
        ("GET", "/v1/ext/env/panics", "", 500),
        ("DELETE", "/v1/ext/env/panics", "", 500),
        ("DELETE", "/v1/ext/env/nothing", "", 404),
        ("DELETE", "/v1/ext/nobody/panics", "", 404),
        ("GET", "/v1/points", "", 200),
    ] {
        assert_eq!(client.ask(method, path, body).status, status, "{method} {path}");
    }
    let log = server.end();
    let lines = log.lines().filter_map(|line| line.strip_prefix("failpoint-http: 127.0.0.1:"));
    let said: Vec<&str> = lines.filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    let cut = format!("{}… (617 bytes more)", "x".repeat(383));
    assert_eq!(
        said,
        [
            "called PUT /v1/ext/env/mode: was durable, now a\\nfailpoint-http: 127.0.0.1:1 called b",
            &format!("called PUT /v1/ext/env/mode: was durable, now {cut}"),
            "called POST /v1/ext/env/crash?keep=%0Aa",
            "called DELETE /v1/ext/env/panics: the handler panicked",
        ],
        "{log}"
    );
}

#[test]
fn an_extension_asks_for_the_token() {
    let server =
        Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_TOKEN", "secret")]);
    let mut client = Client::connect(&server.address);
    for path in ["/v1/ext/env/mode", "/v1/ext/nobody", "/v1/ext/env/panics"] {
        let answer = client.ask("GET", path, "");
        let problem: Problem = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, problem.kind.as_str()), (401, "urn:failpoint:no-token"));
    }
    let token = [("Authorization", "Bearer secret")];
    assert_eq!(client.ask_with("GET", "/v1/ext/env/mode", &token, "").body, "durable");
}

#[test]
fn the_policy_limits_the_changes_of_extensions() {
    let ask = |variables: &[(&str, &str)]| {
        let server = Server::start(&[&[("GOFAIL_HTTP", "127.0.0.1:0")], variables].concat());
        let mut client = Client::connect(&server.address);
        assert_eq!(client.ask("GET", "/v1/ext/env/mode", "").status, 200, "{variables:?}");
        let answer = client.ask("POST", "/v1/ext/env/crash", "");
        if answer.status == 204 {
            return "allowed".to_owned();
        }
        let problem: Problem = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, problem.kind.as_str()), (403, "urn:failpoint:not-allowed"));
        problem.detail
    };
    let refused = |why: &str| format!("`v1/ext/env/crash` is not allowed over HTTP: {why}");
    for (variable, value, why) in [
        ("FAILPOINT_HTTP_DENY", "v1/ext/*", Some("FAILPOINT_HTTP_DENY lists it")),
        ("FAILPOINT_HTTP_DENY", "v1/ext/env/mode", None),
        ("FAILPOINT_HTTP_ALLOW", "env/*", Some("FAILPOINT_HTTP_ALLOW does not list it")),
        ("FAILPOINT_HTTP_ALLOW", "env/*,v1/ext/env/*", None),
        ("FAILPOINT_HTTP_ACTIONS", "off,sleep", Some("FAILPOINT_HTTP_ACTIONS does not list ext")),
        ("FAILPOINT_HTTP_ACTIONS", "off,ext", None),
        ("FAILPOINT_HTTP_MAX_TTL", "1m", None),
    ] {
        let expected = why.map_or("allowed".to_owned(), refused);
        assert_eq!(ask(&[(variable, value)]), expected, "{variable}={value}");
    }
}

#[test]
fn an_error_begins_with_its_cause() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let listens = ("GOFAIL_HTTP", "127.0.0.1:0");
    for (variables, beginning) in [
        (&[("GOFAIL_HTTP", &*taken)] as &[_], "the failpoint control plane did not start: `"),
        (
            &[listens, ("GOFAIL_FAILPOINTS", "env/declared=slep(1)")],
            "in the environment: 1 error, so nothing was applied:\nGOFAIL_FAILPOINTS: expected",
        ),
        (&[listens, ("FAILPOINT_HTTP_WAIT", "0")], "FAILPOINT_HTTP_WAIT takes "),
        (
            &[listens, ("FAILPOINT_HTTP_TOKEN_FILE", "/no/such/file")],
            "FAILPOINT_HTTP_TOKEN_FILE names `/no/such/file`",
        ),
    ] {
        let refusal = refusal(variables);
        assert!(refusal.starts_with(beginning), "{refusal}");
    }
}

#[test]
fn with_an_invalid_policy_nothing_is_armed() {
    let without = "nothing can be armed over HTTP until this is fixed: \
                   FAILPOINT_HTTP_MAX_TTL takes a duration";
    if is_child() {
        let _declared = || fail_point!("env/declared");
        let reply = failpoint_http::respond("PUT", "/env/declared", &[], b"off");
        let text = String::from_utf8(reply.body).unwrap();
        assert!(reply.status == 403 && text.contains(without), "{text}");
        assert_eq!(failpoint_http::respond("GET", "/", &[], b"").body, b"env/declared=\n");
        extend();
        let reply = failpoint_http::respond("POST", "/v1/ext/env/crash", &[], b"");
        let text = String::from_utf8(reply.body).unwrap();
        assert!(reply.status == 403 && text.contains(without), "{text}");
        return;
    }
    let variables = [("FAILPOINT_HTTP_MAX_TTL", "for ever")];
    let output = child("with_an_invalid_policy_nothing_is_armed", &variables).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_router_warns_at_once_of_an_invalid_policy() {
    if is_child() {
        let _: axum::Router = failpoint_http::router();
        return;
    }
    let variables = [("FAILPOINT_HTTP_MAX_TTL", "abc")];
    let this = "a_router_warns_at_once_of_an_invalid_policy";
    let output = child(this, &variables).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let warning = "WARN nothing can be armed over HTTP: FAILPOINT_HTTP_MAX_TTL takes a duration";
    assert!(output.status.success() && log.contains(warning), "{log}");
}

#[test]
fn an_empty_token_is_a_warning() {
    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_TOKEN", "")]);
    let log = server.end();
    let warning = "WARN FAILPOINT_HTTP_TOKEN is empty, so no request needs a token";
    assert!(log.contains(warning), "{log}");
}

#[test]
fn what_is_armed_ends_after_the_longest_time_allowed() {
    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_MAX_TTL", "9m")]);
    let mut client = Client::connect(&server.address);
    let note = "it is disarmed after 540000ms because of FAILPOINT_HTTP_MAX_TTL";
    for (path, body) in [
        ("/env/declared", "off"),
        ("/env/declared?ttl=1h", "off"),
        ("/failpoints", "env/declared=off"),
        ("/v1/points/env/declared", r#"{"terms":"off"}"#),
        ("/v1/points", r#"{"points":{"env/declared":"off"},"ttl":"1h"}"#),
        ("/v1/points?match=*", r#"{"terms":"off"}"#),
    ] {
        assert_eq!(client.ask("PUT", path, body).header("failpoint-note"), Some(note), "{path}");
    }
    assert_eq!(client.ask("PUT", "/env/declared?ttl=50ms", "off").header("failpoint-note"), None);
    let log = server.end_after("a ttl ended, disarmed env/declared");
    assert_eq!(log.matches(", for 540s").count(), 6, "{log}");
    assert_eq!(log.matches(", for 50ms").count(), 1, "{log}");
    assert_eq!(log.matches("a ttl ended").count(), 1, "{log}");
}

#[test]
fn the_program_is_held_until_something_is_armed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("port");
    let variables = [
        ("GOFAIL_HTTP", "127.0.0.1:0"),
        ("FAILPOINT_HTTP_PORT_FILE", path.to_str().unwrap()),
        ("FAILPOINT_HTTP_WAIT", "1h"),
    ];
    let mut child = Killed::spawn(&mut child("child_serves", &variables));
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let held = log.by_ref().find(|line| line.contains("waiting for a failpoint to be armed"));
    assert!(held.is_some_and(|line| line.contains("3600s")));
    let address = std::fs::read_to_string(&path).unwrap();
    let mut client = Client::connect(address.trim());
    assert_eq!(client.ask("GET", "/v1/points", "").status, 200);
    assert_eq!(client.ask("PUT", "/env/declared", "bad").status, 400, "which arms nothing");
    assert_eq!(client.ask("PUT", "/v1/points/env/declared", r#"{"terms":"off"}"#).status, 200);
    assert_eq!(line_of(&mut child, "listening at "), address.trim());
    assert!(log.any(|line| line == "failpoint-http: a failpoint is armed; continuing"));
    drop(child);

    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_WAIT", "10ms")]);
    let log = server.end();
    assert!(log.contains("WARN failpoint-http: nothing was armed within 10ms"), "{log}");
}

#[test]
fn an_unknown_variable_is_a_warning_with_the_nearest() {
    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_ALOW", "env/*")]);
    let log = server.end();
    assert!(
        log.contains(
            "WARN the environment variable FAILPOINT_HTTP_ALOW is not known; did you mean \
             FAILPOINT_HTTP_ALLOW?"
        ),
        "{log}"
    );
}
