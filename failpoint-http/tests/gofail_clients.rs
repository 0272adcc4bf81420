//! Tests that clients written for gofail work: etcd's robustness tests and functional tester, bbolt's
//! power failure tests, and gofail's own integration test. Each test is one of their calls, in the bytes
//! of Go's HTTP client, and checks the answer as they do.
//!
//! Tests that end the server, or set its environment, need their own process: this executable runs
//! itself again, with only the test `child_serves`.
#![cfg(feature = "failpoints")]

mod common;

use common::{Answer, Client, PATIENCE, child, is_child, line_of};
use failpoint::{fail_point, fail_value};
use failpoint_test_support::{Killed, own_loopback};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::thread;

/// All the points of this executable: etcd's, bbolt's, and those of gofail's integration test.
const POINTS: [&str; 10] = [
    "ExampleLabels",
    "ExampleOneLine",
    "ExampleString",
    "beforeApplyOneConfChange",
    "beforeSyncMetaPage",
    "deactivated",
    "go.etcd.io/etcd/server/etcdserver/raftBeforeSaveSnap",
    "lackOfDiskSpace",
    "raftAfterSave",
    "raftBeforeSave",
];

fn serve_a_request() {
    fail_point!("raftBeforeSave");
    fail_point!("raftAfterSave");
    fail_point!("go.etcd.io/etcd/server/etcdserver/raftBeforeSaveSnap");
    fail_point!("beforeApplyOneConfChange");
    fail_point!("deactivated");
    fail_point!("beforeSyncMetaPage");
    if let Some(why) = fail_value!("lackOfDiskSpace", String) {
        println!("{why}");
    }
}

/// A server that is never idle.
#[test]
fn child_serves() {
    if !is_child() {
        return;
    }
    let control = failpoint_http::serve_from_env().unwrap();
    println!("\nlistening at {}", control.address().unwrap());
    loop {
        serve_a_request();
        thread::yield_now();
    }
}

/// Go's client of one server: one connection, kept.
struct Go {
    client: Client,
    host: String,
}

impl Go {
    fn of(address: &str) -> Self {
        let socket: SocketAddr = address.parse().unwrap();
        let stream = TcpStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let client = Client::over(stream, address.to_owned());
        Self { client, host: address.to_owned() }
    }

    /// A body of a known length, or none: Go sends no length for an empty one but with PUT.
    fn asks(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let length = match (method, body.len()) {
            ("GET" | "DELETE", 0) => String::new(),
            (_, length) => format!("Content-Length: {length}\r\n"),
        };
        let host = &self.host;
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n{length}\
             Accept-Encoding: gzip\r\n\r\n{body}"
        ))
    }

    fn exchange(&mut self, bytes: &str) -> Answer {
        self.client.send(bytes);
        let answer = self.client.answer().expect("an answer, not the end of the connection");
        assert_eq!(answer.header("content-encoding"), None, "it offers gzip, and takes plain text");
        answer
    }
}

/// A child that serves; killed when dropped.
struct Member {
    child: Killed,
    address: String,
}

impl Member {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = Killed::spawn(&mut child("child_serves", variables));
        let address = line_of(&mut child, "listening at ");
        Self { child, address }
    }

    /// Waits until it ends by itself, and gives whether that was a failure, as a panic's is.
    fn failed(&mut self) -> bool {
        !self.child.wait().unwrap().success()
    }
}

fn serve_here() -> (failpoint_http::Control, Go) {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let go = Go::of(&control.address().unwrap().to_string());
    (control, go)
}

/// With it, a panic ends the process, as in Go.
const AS_IN_GO: (&str, &str) = ("FAILPOINT_PANIC", "abort");

mod etcd_robustness {
    use super::*;

    /// `Available`, `Enabled`: 200 and no other; lines are split at the first `=`; every point of the
    /// server is a line, armed or not, because what is not listed is never injected.
    #[test]
    fn available_finds_every_point() {
        let (_control, mut go) = serve_here();
        let answer = go.asks("GET", "/", "");
        assert_eq!(answer.status, 200);
        let split = |line: &'_ str| {
            let (name, terms) = line.split_once('=').unwrap_or((line, ""));
            (name.to_owned(), terms.to_owned())
        };
        let found: BTreeMap<String, String> = answer.body.split('\n').map(split).collect();
        let names: Vec<&str> = found.keys().map(String::as_str).filter(|n| !n.is_empty()).collect();
        assert_eq!(names, POINTS);
        assert_eq!(found["raftBeforeSave"], "", "idle");
    }

    /// As it was before: every `=` is cut out, and a whole line is a name.
    #[test]
    fn available_before_3_6_finds_idle_points() {
        let member = Member::start(&[("GOFAIL_HTTP", "127.0.0.1:0")]);
        let text = Go::of(&member.address).asks("GET", "/", "").body.replace('=', "");
        let found: BTreeSet<&str> = text.split('\n').collect();
        assert!(POINTS.iter().all(|point| found.contains(point)), "{found:?}");
    }

    /// `SetupHTTP(ctx, point, "panic")`, on a member that is under load: 204 and no other, although
    /// the panic is met before that is written. Then `Wait`: the member ends, as one that failed.
    #[test]
    fn setup_http_with_panic_is_answered_and_ends_the_member() {
        for _ in 0..20 {
            let mut member = Member::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), AS_IN_GO]);
            let mut go = Go::of(&member.address);
            assert_eq!(go.asks("GET", "/", "").status, 200);
            assert_eq!(go.asks("PUT", "/raftBeforeSave", "panic").status, 204);
            assert!(member.failed());
        }
    }

    /// `Start` after that: on the same address, at once, though a connection lingers there.
    #[test]
    fn a_member_starts_again_on_its_address() {
        // No other test takes the port while it is free.
        let mut member = Member::start(&[("GOFAIL_HTTP", &own_loopback()), AS_IN_GO]);
        assert_eq!(Go::of(&member.address).asks("PUT", "/raftAfterSave", "panic").status, 204);
        assert!(member.failed());
        let again = Member::start(&[("GOFAIL_HTTP", &member.address)]);
        assert_eq!(again.address, member.address);
        // Nothing is left of what was armed.
        assert!(Go::of(&again.address).asks("GET", "/", "").body.contains("raftAfterSave=\n"));
    }

    /// `DeactivateHTTP`: 204 and no other.
    #[test]
    fn deactivate_http_is_answered_with_204() {
        let (_control, mut go) = serve_here();
        assert_eq!(go.asks("PUT", "/deactivated", r#"sleep("1s")"#).status, 204);
        assert_eq!(go.asks("DELETE", "/deactivated", "").status, 204);
        assert_eq!(go.asks("DELETE", "/deactivated", "").status, 400, "an error to them, as in Go");
    }

    /// `SetupEnv(point, sleep("1s"))`, as a member is restarted.
    #[test]
    fn setup_env_arms_from_the_start() {
        let armed = ("GOFAIL_FAILPOINTS", r#"beforeApplyOneConfChange=sleep("1s")"#);
        let member = Member::start(&[("GOFAIL_HTTP", "127.0.0.1:0"), armed]);
        let mut go = Go::of(&member.address);
        let listed = go.asks("GET", "/", "");
        assert!(listed.body.contains("\nbeforeApplyOneConfChange=sleep(\"1s\")\n"));
        // The server's only thread sleeps there, and the deactivation is still answered.
        assert_eq!(go.asks("DELETE", "/beforeApplyOneConfChange", "").status, 204);
    }
}

mod etcd_functional_tester {
    use super::*;

    /// `failpointPaths`: the text before the first `=` of a line is a name; the status is not
    /// looked at.
    #[test]
    fn failpoint_paths_are_names() {
        let (_control, mut go) = serve_here();
        let body = go.asks("GET", "/", "").body;
        let paths: Vec<&str> = body.split('\n').map(|l| l.split('=').next().unwrap()).collect();
        let cases: Vec<&str> = paths.into_iter().filter(|path| !path.is_empty()).collect();
        assert_eq!(cases, POINTS);
    }

    /// `putFailpoint`, then `delFailpoint` (`strings.NewReader("")`, of which Go makes no body at
    /// all): every listed point takes every command of the tester's configuration; any 2xx will do.
    #[test]
    fn every_listed_point_is_put_and_deleted() {
        let member = Member::start(&[("GOFAIL_HTTP", "127.0.0.1:0")]);
        let mut go = Go::of(&member.address);
        // The child passes by, and is not to end: what would end it comes after 10^9 hits.
        for command in
            [r#"1000000000*off->panic("etcd-tester")"#, r#"1000000000*off->1*sleep(1000)"#]
        {
            for point in POINTS {
                let put = go.asks("PUT", &format!("/{point}"), command).status;
                let delete = go.asks("DELETE", &format!("/{point}"), "").status;
                assert_eq!((put / 100, delete / 100), (2, 2), "{point}={command}");
            }
        }
    }

    /// The commands as they are configured: the second sleeps, and only then panics.
    #[test]
    fn the_configured_commands_end_a_member() {
        for command in [r#"panic("etcd-tester")"#, r#"1*sleep(100)->panic("etcd-tester")"#] {
            let mut member = Member::start(&[("GOFAIL_HTTP", &own_loopback()), AS_IN_GO]);
            let path = "/go.etcd.io/etcd/server/etcdserver/raftBeforeSaveSnap";
            assert_eq!(Go::of(&member.address).asks("PUT", path, command).status / 100, 2);
            assert!(member.failed(), "{command}");
            let refused = TcpStream::connect(&member.address);
            assert!(refused.is_err(), "`delFailpoint` fails, so the tester restarts the member");
        }
    }
}

mod bbolt {
    use super::*;

    /// `activeFailpoint`: reads the answer to its end, and takes 204 alone. The process is started
    /// with `GOFAIL_HTTP` and no other variable, works on its main thread, and must end with an error
    /// within 10 s: a panic that unwinds does as well there.
    #[test]
    fn active_failpoint_with_panic_is_answered_and_ends_the_bench() {
        for point in ["/beforeSyncMetaPage", "/lackOfDiskSpace"].repeat(5) {
            let mut member = Member::start(&[("GOFAIL_HTTP", "127.0.0.1:0")]);
            let mut go = Go::of(&member.address);
            let answer = go.asks("PUT", point, "panic");
            assert_eq!((answer.status, answer.body.as_str()), (204, ""));
            assert!(member.failed());
        }
    }
}

mod gofail_integration {
    use super::*;

    fn example() -> String {
        fail_value!("ExampleString", String).unwrap_or_else(|| "example".to_owned())
    }

    fn example_labels() -> String {
        let mut s = String::new();
        'outer: for _ in 0..5 {
            s += "i";
            for _ in 0..5 {
                s += "j";
                if fail_value!("ExampleLabels").is_some() {
                    continue 'outer;
                }
            }
        }
        s
    }

    fn example_one_line() -> &'static str {
        fail_point!("ExampleOneLine");
        "abc"
    }

    /// `TestAll`, the rows in which we say the same, on one connection.
    #[test]
    fn test_all() {
        let (_control, mut go) = serve_here();
        let mut is = |method: &str, path: &str, body: &str, status: u16, expected: &str| {
            let answer = go.asks(method, path, body);
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (status, expected),
                "{method} {path}"
            );
        };
        let disabled = "failed to GET: failpoint: failpoint is disabled\n";
        let unknown = "failed to GET: failpoint: failpoint does not exist\n";
        is("GET", "/ExampleLabels/count", "", 500, disabled);
        is("GET", "/InvalidFailpoint/count", "", 404, unknown);
        is("GET", "/ExampleString", "", 404, disabled);
        is("GET", "/InvalidFailpoint", "", 404, unknown);

        is("PUT", "/ExampleString", "return(\"fail string\")", 204, "");
        is("GET", "/ExampleString/count", "", 200, "0");
        is("GET", "/ExampleString", "", 200, "return(\"fail string\")\n");
        assert_eq!(example(), "fail string");
        is("GET", "/ExampleString/count", "", 200, "1");
        is("PUT", "/ExampleString", "return(\"new fail string\")", 204, "");
        is("GET", "/ExampleString/count", "", 200, "0");
        assert_eq!(example(), "new fail string");
        is("DELETE", "/ExampleString", "", 204, "");
        is("GET", "/ExampleString/count", "", 500, disabled);
        assert_eq!(example(), "example");

        let chain = "1*return(\"fail string1\")->return(\"fail string2\")";
        let several = format!("ExampleString={chain};ExampleOneLine=print;ExampleLabels=return");
        is("PUT", "/failpoints", &several, 204, "");
        is("GET", "/ExampleString", "", 200, &format!("{chain}\n"));
        assert_eq!((example(), example()), ("fail string1".into(), "fail string2".into()));
        assert_eq!((example_one_line(), example_labels().as_str()), ("abc", "ijijijijij"));
        is("GET", "/ExampleString/count", "", 200, "2");
        is("GET", "/ExampleOneLine/count", "", 200, "1");
        is("GET", "/ExampleLabels/count", "", 200, "5");

        // Those that are not named stay as they are, and keep their counts.
        is("PUT", "/failpoints", "ExampleOneLine=off", 204, "");
        is("GET", "/ExampleString/count", "", 200, "2");
        is("GET", "/ExampleOneLine/count", "", 200, "0");

        let off = "ExampleString=off;ExampleOneLine=off;ExampleLabels=off";
        is("PUT", "/failpoints", off, 204, "");
        let plain = "ijjjjjijjjjjijjjjjijjjjjijjjjj";
        assert_eq!((example(), example_labels().as_str()), ("example".into(), plain));
        is("GET", "/ExampleString/count", "", 200, "1");
        is("GET", "/ExampleLabels/count", "", 200, "25");
        assert_eq!(example_one_line(), "abc");
        is("GET", "/ExampleOneLine/count", "", 200, "1");
    }

    /// What is refused is refused with its words at the beginning; ours follow on the same line.
    #[test]
    fn refusals_begin_with_its_words() {
        let (_control, mut go) = serve_here();
        for (body, words) in [
            (
                "InvalidFailpoint=return",
                "fail to set failpoint: failpoint: failpoint does not exist",
            ),
            ("ExampleString=", "fail to set failpoint: failpoint: could not parse terms"),
        ] {
            let answer = go.asks("PUT", "/failpoints", body);
            assert_eq!(answer.status, 400);
            assert!(answer.body.starts_with(words) && answer.body.ends_with('\n'), "{answer:?}");
        }
    }
}

mod net_http {
    use super::*;

    /// `Request.Close`, which a harness sets that opens a connection each time: the answer says so
    /// too, and the connection ends.
    #[test]
    fn connection_close_closes() {
        let (_control, mut go) = serve_here();
        let host = go.host.clone();
        let answer = go.exchange(&format!(
            "GET /ExampleNothing HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n\
             Connection: close\r\nAccept-Encoding: gzip\r\n\r\n"
        ));
        assert_eq!((answer.status, answer.header("connection")), (404, Some("close")));
        assert!(go.client.is_closed());
    }

    /// Two requests on a connection that rested: Go's pool hands it out again.
    #[test]
    fn a_kept_connection_answers_every_call() {
        let (_control, mut go) = serve_here();
        for _ in 0..50 {
            assert_eq!(go.asks("GET", "/", "").status, 200);
            assert_eq!(go.asks("GET", "/InvalidFailpoint", "").status, 404);
        }
    }

    /// `url.URL{Path: …}.String()`: characters that are invalid in a path are percent-encoded, `/` is not.
    #[test]
    fn an_escaped_path_is_the_name() {
        let (_control, mut go) = serve_here();
        let path = "/go.etcd.io%2Fetcd/server/etcdserver%2FraftBeforeSaveSnap";
        let idle = "failed to GET: failpoint: failpoint is disabled\n";
        assert_eq!(go.asks("GET", path, "").body, idle);
    }
}
