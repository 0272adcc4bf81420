//! The control planes of failpoints: two of gofail, replayed by a stand-in, and ours, in `wal_server`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use failpoint_tester::driver::points::{Arming, Control, Kind, NoMatch, matching};
use proptest::prelude::*;

#[path = "support/servers.rs"]
mod servers;

use servers::wal_server;

const SAVE: &str = "go.etcd.io/etcd/server/v3/etcdserver/raftAfterSave";
const SEND: &str = "go.etcd.io/etcd/server/v3/etcdserver/raftBeforeLeaderSend";

/// Which gofail is replayed.
#[derive(Clone, Copy, PartialEq)]
enum Version {
    /// `runtime/http.go` of 2022: no counts, one point a request.
    Of2022,
    /// That of 2023 and later.
    Current,
}

#[derive(Default)]
struct State {
    /// The points with their terms.
    points: BTreeMap<String, Option<String>>,
    /// What every point has counted.
    fires: u64,
    /// The requests, in their order: `PUT /NAME`.
    requests: Vec<String>,
    /// A PUT with this body ends the process before the answer is sent.
    fatal: Option<String>,
    ended: bool,
}

/// Answers as `runtime/http.go` of gofail does. It never fires.
struct Gofail {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Gofail {
    fn start(version: Version, points: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let state = Arc::new(Mutex::new(State::default()));
        state.lock().unwrap().points = points.iter().map(|name| ((*name).into(), None)).collect();
        let of_server = state.clone();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let state = of_server.clone();
                thread::spawn(move || talk(version, &stream, &state));
            }
        });
        Self { address, state }
    }

    fn control(&self) -> Control {
        Control::new(&self.address).expect("the address is valid")
    }

    fn terms(&self, name: &str) -> Option<String> {
        self.state.lock().unwrap().points[name].clone()
    }

    fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn talk(version: Version, stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;

        let mut state = state.lock().unwrap();
        state.requests.push(format!("{method} {path}"));
        let (status, text) = answer(version, &mut state, &method, &path[1..], &body);
        if state.fatal.as_ref() == Some(&body) && method == "PUT" {
            state.ended = true;
        }
        if state.ended {
            let _ = stream.shutdown(Shutdown::Both);
            return None;
        }
        drop(state);
        let headers = match status {
            204 => String::new(),
            200 => format!("Content-Length: {}\r\n", text.len()),
            _ => format!(
                "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
                 Content-Length: {}\r\n",
                text.len()
            ),
        };
        let answer = format!("HTTP/1.1 {status} X\r\n{headers}\r\n{text}");
        (&mut &*stream).write_all(answer.as_bytes()).ok()?;
    }
}

/// The status and the body.
fn answer(
    version: Version,
    state: &mut State,
    method: &str,
    key: &str,
    body: &str,
) -> (u16, String) {
    const MISSING: &str = "failpoint: failpoint does not exist";
    const DISABLED: &str = "failpoint: failpoint is disabled";
    let current = version == Version::Current;
    let fires = state.fires;
    let status = |state: &State, name: &str| match state.points.get(name) {
        None => Err(MISSING),
        Some(None) => Err(DISABLED),
        Some(Some(terms)) => Ok(terms.clone()),
    };
    match method {
        "PUT" => {
            let parsed = |terms: &str| {
                let action =
                    terms.trim_start_matches(|c: char| c.is_ascii_digit() || "*%.".contains(c));
                ["off", "return", "sleep", "panic", "break", "print"]
                    .iter()
                    .any(|known| action.starts_with(known))
            };
            let all: Vec<(String, String)> = match key {
                "failpoints" if current => {
                    let parts = body.split(';').filter(|part| !part.is_empty());
                    let pair = |part: &str| match part.split('=').collect::<Vec<_>>()[..] {
                        [name, terms] => Ok((name.to_owned(), terms.to_owned())),
                        _ => Err(format!("fail to parse failpoint: bad failpoint {part:?}\n")),
                    };
                    match parts.map(pair).collect() {
                        Ok(all) => all,
                        Err(message) => return (400, message),
                    }
                }
                _ => vec![(key.to_owned(), body.to_owned())],
            };
            for (name, terms) in all {
                let why = match state.points.get(&name) {
                    None => Some(MISSING),
                    Some(_) if !parsed(&terms) => Some("failpoint: could not parse terms"),
                    Some(_) => None,
                };
                match why {
                    None => drop(state.points.insert(name, Some(terms))),
                    Some(why) if current => {
                        return (400, format!("fail to set failpoint: {why}\n"));
                    }
                    Some(_) => return (400, format!("failed to set failpoint {name}\n")),
                }
            }
            (204, String::new())
        }
        "GET" if key.is_empty() => {
            let line = |(name, terms): (&String, &Option<String>)| {
                format!("{name}={}", terms.as_deref().unwrap_or_default())
            };
            let lines: Vec<String> = state.points.iter().map(line).collect();
            (200, lines.join("\n") + "\n")
        }
        "GET" if current && key.ends_with("/count") => {
            match status(state, key.strip_suffix("/count").unwrap()) {
                Ok(_) => (200, fires.to_string()),
                Err(MISSING) => (404, format!("failed to GET: {MISSING}\n")),
                Err(why) => (500, format!("failed to GET: {why}\n")),
            }
        }
        "GET" => match status(state, key) {
            Ok(terms) => (200, format!("{terms}\n")),
            // The handler goes on after the error, and adds the end of an empty line.
            Err(why) => (404, format!("failed to GET: {why}\n\n")),
        },
        "DELETE" => match status(state, key) {
            Ok(_) => {
                state.points.insert(key.to_owned(), None);
                (204, String::new())
            }
            Err(why) => (400, format!("failed to delete failpoint {why}\n")),
        },
        _ => (405, "Method not allowed\n".to_owned()),
    }
}

fn points(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, terms)| ((*name).to_owned(), (*terms).to_owned())).collect()
}

#[tokio::test]
async fn a_gofail_of_2022_is_armed_one_by_one_and_does_not_count() {
    let gofail = Gofail::start(Version::Of2022, &[SAVE, SEND]);
    let control = gofail.control();
    assert_eq!(control.kind().await, Ok(Kind::OldGofail));

    let listed = control.list().await.unwrap();
    let name = matching(listed.keys().map(String::as_str), "raftAfterSave").unwrap();
    assert_eq!(name, SAVE);
    assert_eq!(control.arm(name, "sleep(1000)").await, Ok(Arming::Armed));
    assert_eq!(gofail.terms(SAVE).as_deref(), Some("sleep(1000)"));
    assert!(gofail.requests().contains(&format!("PUT /{SAVE}")), "slashes stay as they are");
    assert_eq!(control.fires(name).await, Ok(None), "there is no count");
    assert_eq!(control.disarm(name).await, Ok(true));
    assert_eq!(control.disarm(name).await, Ok(false), "it was idle");

    let both = points(&[(SAVE, "off"), (SEND, "return")]);
    assert_eq!(control.arm_all(&both).await, Ok(Arming::Armed));
    assert!(gofail.terms(SAVE).is_some() && gofail.terms(SEND).is_some());
    control.disarm_all().await.unwrap();
    assert!(gofail.terms(SAVE).is_none() && gofail.terms(SEND).is_none());
    assert!(!gofail.requests().contains(&"PUT /failpoints".to_owned()));
}

#[tokio::test]
async fn a_current_gofail_counts_and_arms_several_at_once() {
    let gofail = Gofail::start(Version::Current, &["raftAfterSave", "raftBeforeLeaderSend"]);
    let control = gofail.control();
    assert_eq!(control.kind().await, Ok(Kind::Gofail));

    assert_eq!(control.fires("raftAfterSave").await, Ok(Some(0)), "it is idle");
    let both = points(&[("raftAfterSave", "off"), ("raftBeforeLeaderSend", "return")]);
    assert_eq!(control.arm_all(&both).await, Ok(Arming::Armed));
    assert!(gofail.requests().contains(&"PUT /failpoints".to_owned()));
    gofail.state.lock().unwrap().fires = 3;
    assert_eq!(control.fires("raftAfterSave").await, Ok(Some(3)));
    assert!(control.fires("raftAfterSav").await.unwrap_err().message.contains("does not exist"));
    control.disarm_all().await.unwrap();
    assert_eq!(control.list().await.unwrap().into_values().flatten().count(), 0);

    // gofail splits a config inside of quotes too.
    let quoted = points(&[("raftAfterSave", "return(\"a;b=c\")")]);
    assert_eq!(control.arm_all(&quoted).await, Ok(Arming::Armed));
    assert_eq!(gofail.terms("raftAfterSave").as_deref(), Some("return(\"a;b=c\")"));
}

#[tokio::test]
async fn a_refused_arming_leaves_nothing_armed() {
    for version in [Version::Of2022, Version::Current] {
        let gofail = Gofail::start(version, &["a", "b"]);
        let control = gofail.control();
        // `kill` is no action of gofail.
        for (name, terms) in [("a", "kill"), ("c", "panic")] {
            let refused = control.arm(name, terms).await.unwrap_err();
            assert!(refused.message.contains("to set failpoint"), "{refused}");
        }
        control.arm_all(&points(&[("a", "off"), ("b", "kill")])).await.unwrap_err();
        assert_eq!((gofail.terms("a"), gofail.terms("b")), (None, None));
    }
}

#[tokio::test]
async fn the_panic_of_a_gofail_names_its_point() {
    for version in [Version::Of2022, Version::Current] {
        let gofail = Gofail::start(version, &["x/a"]);
        let control = gofail.control();
        for (terms, armed) in [
            ("panic", "panic(\"x/a\")"),
            ("50%off->1*panic", "50%off->1*panic(\"x/a\")"),
            ("panic(\"b\")", "panic(\"b\")"),
            ("return(\"panic\")", "return(\"panic\")"),
        ] {
            assert_eq!(control.arm("x/a", terms).await, Ok(Arming::Armed));
            assert_eq!(gofail.terms("x/a").as_deref(), Some(armed));
        }
    }
}

#[tokio::test]
async fn an_arming_whose_process_ends_is_unanswered_and_not_refused() {
    for version in [Version::Of2022, Version::Current] {
        let gofail = Gofail::start(version, &["a"]);
        gofail.state.lock().unwrap().fatal = Some("panic(\"a\")".to_owned());
        let control = gofail.control();
        let arming = control.arm("a", "panic").await;
        assert!(matches!(arming, Ok(Arming::Unanswered { .. })), "{arming:?}");
        // A member that does not run at all is another matter: the point is not armed.
        control.arm("a", "panic").await.unwrap_err();
    }
}

#[tokio::test]
async fn a_gofail_that_has_no_points_yet_is_asked_again() {
    let gofail = Gofail::start(Version::Current, &[]);
    let control = gofail.control();
    assert_eq!(control.kind().await, Ok(Kind::OldGofail));
    gofail.state.lock().unwrap().points.insert("a".into(), None);
    assert_eq!(control.kind().await, Ok(Kind::Gofail));
}

#[tokio::test]
async fn a_server_that_is_no_control_plane_is_said_to_be_none() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(Control::new(&closed).unwrap().list().await.unwrap_err().whom, closed);
    Control::new("https://a:1").unwrap_err();
}

/// Ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn ours_is_armed_and_counted_and_may_end_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(wal_server())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(directory.path())
        .env("GOFAIL_HTTP", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut server = Running(child);
    let (mut plane, mut address) = (None, None);
    for line in stdout.lines().map_while(Result::ok) {
        plane = plane.or_else(|| line.strip_prefix("control on ").map(str::to_owned));
        address = line.strip_prefix("listening on ").map(str::to_owned);
        if address.is_some() {
            break;
        }
    }
    let control = Control::new(&plane.expect("it says so")).unwrap();
    assert_eq!(control.kind().await, Ok(Kind::Failpoint));

    let stream = TcpStream::connect(address.unwrap()).unwrap();
    let mut replies = BufReader::new(&stream).lines();
    let mut ask = |line: &str| {
        (&mut &stream).write_all(format!("{line}\n").as_bytes()).unwrap();
        replies.next().and_then(Result::ok)
    };
    assert_eq!(control.arm("raftAfterSave", "sleep(1)").await, Ok(Arming::Armed));
    assert_eq!(control.fires("raftAfterSave").await, Ok(Some(0)));
    assert_eq!(ask("SET a 1").as_deref(), Some("OK"));
    assert_eq!(control.fires("raftAfterSave").await, Ok(Some(1)));
    assert_eq!(control.list().await.unwrap()["raftAfterSave"].as_deref(), Some("sleep(1)"));
    assert_eq!(control.disarm("raftAfterSave").await, Ok(true));
    assert_eq!(control.fires("raftAfterSave").await, Ok(Some(0)), "it is idle");

    let both = points(&[("raftAfterSave", "off"), ("raftBeforeSave", "nonsense")]);
    control.arm_all(&both).await.unwrap_err();
    assert_eq!(control.list().await.unwrap().into_values().flatten().count(), 0);
    let unknown = control.arm("raftAfterSav", "off").await.unwrap_err();
    assert!(unknown.message.contains("raftAfterSave"), "{unknown}");

    assert_eq!(control.arm_all(&points(&[("walSync", "kill")])).await, Ok(Arming::Armed));
    assert_eq!(ask("SET a 2"), None, "it is killed");
    server.0.wait().unwrap();
    control.arm("raftAfterSave", "off").await.unwrap_err();
}

#[test]
fn a_point_is_named_by_the_end_of_its_name() {
    let names = ["a/raftAfterSave", "a/b::walSync", "x.walSync", "a/fooSync", "whole", "a/whole"];
    for (wanted, expected) in [
        ("raftAfterSave", Some("a/raftAfterSave")),
        ("b::walSync", Some("a/b::walSync")),
        ("whole", Some("whole")),
        ("AfterSave", Some("a/raftAfterSave")),
        ("fooSync", Some("a/fooSync")),
        ("", None),
    ] {
        assert_eq!(matching(names, wanted).ok(), expected, "{wanted:?}");
    }
    let several = matching(names, "walSync").unwrap_err();
    assert_eq!(
        several.to_string(),
        "\"walSync\" names several points: a/b::walSync, x.walSync; write more of the name"
    );
    let none = matching(names, "raftAfterSafe").unwrap_err();
    assert!(
        matches!(&none, NoMatch::None { nearest: Some(nearest), .. } if nearest == names[0]),
        "{none}"
    );
    assert!(matching([], "a").unwrap_err().to_string().contains("no points"));
}

proptest! {
    #[test]
    fn a_match_ends_as_was_asked(
        names in prop::collection::vec("[ab/:.]{0,6}", 0..6),
        wanted in "[ab/:.]{0,4}",
    ) {
        match matching(names.iter().map(String::as_str), &wanted) {
            Ok(name) => prop_assert!(name.ends_with(&wanted) && !wanted.is_empty() || name == wanted),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
