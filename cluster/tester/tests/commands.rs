//! The driver `commands`: programs, HTTP calls, lines to a real `wal_server` and a real redis.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use failpoint_tester::agent::embedded::Embedded;
use failpoint_tester::agent::{self, Agent, Operation};
use failpoint_tester::clock::Clock;
use failpoint_tester::driver::commands::{Call, Commands, Expect, Settings, placeholders_of};
use failpoint_tester::driver::points::Control;
use failpoint_tester::driver::{Client, Driver, Member, Start};
use failpoint_tester::history::{Outcome, Request, Response};
use proptest::prelude::*;
use tempfile::TempDir;

#[path = "support/servers.rs"]
mod servers;

use servers::{free_address, wal_server};

/// Ends a test that hangs. Nothing is shown to be quick by it.
const PATIENCE: Duration = Duration::from_secs(60);

fn put(key: &str, value: &str) -> Request {
    Request::Put { key: key.into(), value: value.into() }
}

fn get(key: &str) -> Request {
    Request::Get { key: key.into(), stale: false }
}

fn delete(key: &str) -> Request {
    Request::Delete { key: key.into() }
}

async fn ask(client: &dyn Client, request: &Request) -> Outcome {
    client.execute(request, PATIENCE).await.outcome
}

fn done(response: Response) -> Outcome {
    Outcome::Done { response, revision: None }
}

fn value(value: &str) -> Outcome {
    done(Response::Value(Some(value.to_owned())))
}

fn member(client: &str) -> Member {
    Member {
        name: "m1".into(),
        client: client.into(),
        peer: String::new(),
        failpoints: None,
        agent: None,
    }
}

fn expect(success: &str, missing: &str, failed: &str) -> Expect {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Expect { success: some(success), missing: some(missing), failed: some(failed) }
}

fn line(send: &str, expect: Expect) -> (Call, Expect) {
    (Call::Tcp { address: "{client}".into(), send: send.into() }, expect)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn settings(start: Option<&[&str]>, calls: Vec<(&str, (Call, Expect))>) -> Settings {
    Settings {
        start: start.map(words),
        calls: calls.into_iter().map(|(name, call)| (name.to_owned(), call)).collect(),
        ..Settings::default()
    }
}

/// The calls of `wal_server`. What is undone is failed; what a closed log has may be there after a
/// restart.
fn lines_of_wal_server() -> Settings {
    let failed = "^ERR (not saved: the log could not be written|write |a line|a key|there are)";
    let program = wal_server().display().to_string();
    let start = [&program, "serve", "--listen", "{client}", "--data", "{data}"];
    let mut settings = settings(
        Some(&start),
        vec![
            ("put", line("SET {key} {value}", expect("^OK$", "", failed))),
            ("get", line("GET {key}", expect("^VALUE (.*)$", "^NONE$", ""))),
            ("delete", line("DEL {key}", expect("^OK$", "^NONE$", failed))),
            ("health", line("LEN", expect("^LEN ", "", ""))),
        ],
    );
    settings.env.insert("FAILPOINT_PANIC".into(), "abort".into());
    settings
}

/// A subject that the embedded agent runs.
struct Subject {
    driver: Commands,
    agent: Embedded,
    directory: TempDir,
}

impl Subject {
    async fn start(settings: Settings, member: Member) -> Self {
        let directory = TempDir::new().unwrap();
        let driver = Commands::new(settings, vec![member], directory.path()).unwrap();
        let agent = Embedded::new(Clock::start()).expect("failpoint-agent is built for tests");
        agent.add(&driver.files(0)).await.unwrap();
        std::fs::create_dir_all(driver.files(0).data).unwrap();
        let subject = Self { driver, agent, directory };
        subject.operate(Operation::InitialStartEtcd).await;
        subject.healthy().await;
        subject
    }

    async fn operate(&self, operation: Operation) {
        let request = agent::Request {
            operation,
            start: self.driver.start(0, &Start::New),
            stop: None,
            snapshot: None,
            limit_ms: 30_000,
        };
        self.agent.operate("m1", &request).await.unwrap();
    }

    async fn healthy(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.driver.health(0).await.is_ok_and(|health| health.healthy) {
            assert!(tokio::time::Instant::now() < deadline, "it does not become healthy");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the process has ended, and starts it again.
    async fn restart_after_its_end(&self) {
        let starts = self.agent.state("m1").await.unwrap().starts;
        let state = self.agent.ended("m1", starts, PATIENCE).await.unwrap();
        assert!(state.ended.is_some(), "{state:?}");
        self.operate(Operation::RestartEtcd).await;
        self.healthy().await;
    }
}

#[tokio::test]
async fn wal_server_is_asked_and_its_faults_have_the_right_outcome() {
    let address = free_address();
    let member = Member { failpoints: Some(free_address()), ..member(&address) };
    let subject = Subject::start(lines_of_wal_server(), member).await;
    let control = Control::new(&subject.driver.failpoints(0).unwrap()).unwrap();
    let client = subject.driver.client(0);
    let client = &*client;

    assert_eq!(ask(client, &get("a")).await, done(Response::Value(None)));
    assert_eq!(ask(client, &put("a", "1")).await, done(Response::Put));
    assert_eq!(ask(client, &get("a")).await, value("1"));
    assert_eq!(ask(client, &delete("a")).await, done(Response::Deleted(1)));
    assert_eq!(ask(client, &delete("a")).await, done(Response::Deleted(0)));
    assert_eq!(ask(client, &put("a b", "1")).await, Outcome::Failed, "a blank would shift words");
    assert_eq!(ask(client, &put("a", "1\nDEL a")).await, Outcome::Failed, "one line only");

    // The write failed, and was undone.
    control.arm("disk.write", "return(EIO)").await.unwrap();
    assert_eq!(ask(client, &put("a", "2")).await, Outcome::Failed);
    control.disarm("disk.write").await.unwrap();
    // It is late: saved, but the answer does not come in time.
    control.arm("raftAfterSave", "pause").await.unwrap();
    let late = client.execute(&put("a", "3"), Duration::from_millis(200)).await;
    assert_eq!(late.outcome, Outcome::Unknown, "{late:?}");
    control.disarm("raftAfterSave").await.unwrap();
    // The answer to that is not taken for the answer to this.
    assert_eq!(ask(client, &get("a")).await, value("3"));

    // It is killed after the save: no answer, and the value is there after the restart.
    control.arm("raftAfterSave", "panic").await.unwrap();
    assert_eq!(ask(client, &put("a", "4")).await, Outcome::Unknown);
    subject.restart_after_its_end().await;
    // The old connection is closed, which is noticed before anything is sent.
    assert_eq!(ask(client, &put("b", "1")).await, done(Response::Put));
    assert_eq!(ask(client, &get("a")).await, value("4"));

    // A sync failed: the log is closed, and the record may be there after a restart.
    control.arm("walSync", "1*return(EIO)").await.unwrap();
    assert_eq!(ask(client, &put("a", "5")).await, Outcome::Unknown);
    assert_eq!(ask(client, &put("a", "6")).await, Outcome::Unknown);
    assert_eq!(ask(client, &get("a")).await, value("4"));

    subject.operate(Operation::SigkillEtcd).await;
    let refused = client.execute(&put("a", "7"), PATIENCE).await;
    assert_eq!(refused.outcome, Outcome::Failed, "{refused:?}");
    assert!(!subject.driver.health(0).await.is_ok_and(|health| health.healthy));
    subject.agent.stop_all().await.unwrap();
    drop(subject.directory);
}

/// The kernel accepts connections of a paused process.
#[tokio::test]
async fn a_paused_server_is_not_healthy_also_without_a_call_for_health() {
    let mut settings = lines_of_wal_server();
    settings.calls.remove("health");
    let subject = Subject::start(settings, member(&free_address())).await;
    subject.operate(Operation::Pause).await;
    let health = subject.driver.health(0).await;
    assert!(!health.as_ref().is_ok_and(|health| health.healthy), "{health:?}");
    subject.operate(Operation::Unpause).await;
    subject.healthy().await;
    subject.operate(Operation::SigkillEtcd).await;
    assert!(!subject.driver.health(0).await.is_ok_and(|health| health.healthy));
    subject.agent.stop_all().await.unwrap();
}

#[tokio::test]
async fn redis_is_asked_in_its_own_protocol() {
    if Command::new("redis-server").arg("--version").output().is_err() {
        assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "needs redis-server");
        println!("skipped: needs redis-server");
        return;
    }
    let address = free_address();
    let loading = "^-(LOADING|MISCONF|OOM|READONLY|WRONGTYPE|ERR wrong number)";
    let settings = settings(
        Some(&[
            "redis-server",
            "--bind",
            "{host}",
            "--port",
            "{port}",
            "--dir",
            "{data}",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ]),
        vec![
            ("put", line("SET {key} {value}", expect(r"^\+OK$", "", loading))),
            ("get", line("GET {key}", Expect::default())),
            ("delete", line("DEL {key}", expect(r"^:(\d+)$", "", loading))),
            ("range", line("MGET {from} {to}", Expect::default())),
            ("health", line("PING", expect(r"^\+PONG$", "", ""))),
        ],
    );
    let subject = Subject::start(settings, member(&address)).await;
    let client = subject.driver.client(0);
    let client = &*client;
    assert_eq!(ask(client, &get("r1/a")).await, done(Response::Value(None)));
    assert_eq!(ask(client, &put("r1/a", "1-1")).await, done(Response::Put));
    assert_eq!(ask(client, &get("r1/a")).await, value("1-1"));
    // A value that looks like the nil of a program, or like an error.
    for strange in ["(nil)", "-ERR", "$-1", "*2"] {
        assert_eq!(ask(client, &put("s", strange)).await, done(Response::Put));
        assert_eq!(ask(client, &get("s")).await, value(strange));
    }
    let large = "x".repeat(40_000);
    assert_eq!(ask(client, &put("large", &large)).await, done(Response::Put));
    assert_eq!(ask(client, &get("large")).await, value(&large));
    let pair = Request::Range { from: "r1/a".into(), to: "s".into(), stale: false };
    assert_eq!(
        ask(client, &pair).await,
        done(Response::Values(vec![("1-1".into(), "*2".into())])),
        "an array is pairs"
    );
    assert_eq!(ask(client, &delete("s")).await, done(Response::Deleted(1)));
    assert_eq!(ask(client, &delete("s")).await, done(Response::Deleted(0)));

    subject.operate(Operation::SigkillEtcd).await;
    assert_eq!(ask(client, &put("r1/a", "2")).await, Outcome::Failed);
    subject.operate(Operation::RestartEtcd).await;
    subject.healthy().await;
    assert_eq!(ask(client, &get("r1/a")).await, value("1-1"));
    subject.agent.stop_all().await.unwrap();
}

fn sh(script: &str, arguments: &[&str], expect: Expect) -> (Call, Expect) {
    let mut argv = words(&["sh", "-c", script, "sh"]);
    argv.extend(words(arguments));
    (Call::Program(argv), expect)
}

fn in_directory(calls: Vec<(&str, (Call, Expect))>, directory: &Path) -> Commands {
    Commands::new(settings(None, calls), vec![member("127.0.0.1:1")], directory).unwrap()
}

#[tokio::test]
async fn programs_get_values_as_arguments_and_no_shell_reads_them() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("m1/data");
    std::fs::create_dir_all(&data).unwrap();
    let driver = in_directory(
        vec![
            (
                "put",
                sh(
                    r#"printf %s "$2" > "$3/$1""#,
                    &["{key}", "{value}", "{data}"],
                    Expect::default(),
                ),
            ),
            (
                "get",
                sh(
                    r#"[ -e "$2/$1" ] || { echo 'no such key' >&2; exit 1; }; cat "$2/$1""#,
                    &["{key}", "{data}"],
                    expect("", "^no such key", ""),
                ),
            ),
            ("delete", sh("echo refused >&2; exit 3", &[], expect("", "", "^refused"))),
            ("range", sh("printf 'b 2\\na 1\\n'", &[], Expect::default())),
            ("hash", sh("echo 17", &[], Expect::default())),
        ],
        directory.path(),
    );
    let client = driver.client(0);
    let client = &*client;
    let tricky = "$(touch x) `id`; \"'\\ {value} {key}";
    assert_eq!(ask(client, &get("a")).await, done(Response::Value(None)));
    assert_eq!(ask(client, &put("a", tricky)).await, done(Response::Put));
    assert_eq!(ask(client, &get("a")).await, value(tricky));
    assert_eq!(ask(client, &put("a", "\0")).await, Outcome::Failed);
    assert_eq!(ask(client, &delete("a")).await, Outcome::Failed);
    let range = Request::Range { from: "a".into(), to: "c".into(), stale: false };
    let pairs = [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(ask(client, &range).await, done(Response::Values(pairs.to_vec())));
    assert_eq!(driver.hash(0, None).await.unwrap().hash, 17);
    assert_eq!(
        ask(client, &Request::DeleteRange { from: "a".into(), to: "b".into() }).await,
        Outcome::Failed
    );
}

#[tokio::test]
async fn a_program_that_fails_leaves_a_write_unknown_and_a_read_failed() {
    let directory = TempDir::new().unwrap();
    let endless = (Call::Program(words(&["sleep", "1000"])), Expect::default());
    let absent = (Call::Program(words(&["no-such-program-anywhere"])), Expect::default());
    let driver = in_directory(
        vec![
            ("put", sh("exit 1", &[], Expect::default())),
            ("get", sh("exit 1", &[], Expect::default())),
            ("delete", endless),
            ("range", absent),
        ],
        directory.path(),
    );
    let client = driver.client(0);
    let failed = client.execute(&put("a", "1"), PATIENCE).await;
    assert_eq!(failed.outcome, Outcome::Unknown);
    assert_eq!(failed.error.as_deref(), Some("exit status: 1"));
    assert_eq!(ask(&*client, &get("a")).await, Outcome::Failed);
    let late = client.execute(&delete("a"), Duration::from_millis(100)).await;
    assert_eq!(late.outcome, Outcome::Unknown, "it was killed at the limit");
    let range = Request::Range { from: "a".into(), to: "c".into(), stale: false };
    let absent = client.execute(&range, PATIENCE).await;
    assert!(absent.error.unwrap().contains("no-such-program-anywhere cannot be run"));
}

/// A server on loopback that reads what `bytes` of a request end with `end`, and answers each with this.
fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + 'static, end: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(end.as_bytes()) && stream.read(&mut byte).unwrap_or(0) > 0 {
                request.push(byte[0]);
            }
            let _ = stream.write_all(&answer(&String::from_utf8_lossy(&request)));
        }
    });
    address
}

#[tokio::test]
async fn http_answers_are_judged_by_status_and_body() {
    // The answer is in the key: `STATUS-BODY`; the server closes the connection after each.
    let address = answering(
        |request| {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let Some((status, body)) = path.trim_start_matches("/keys/").split_once('-') else {
                return Vec::new();
            };
            format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        },
        "\r\n\r\n",
    );
    let http = |method: &str, expect| {
        let (url, body) = ("http://{client}/keys/{key}".to_owned(), None);
        (Call::Http { method: method.into(), url, body, headers: Vec::new() }, expect)
    };
    let directory = TempDir::new().unwrap();
    let calls = vec![
        ("put", http("PUT", expect("", "", "^503 "))),
        ("get", http("GET", expect("^v(.+)$", "^none$", ""))),
        ("delete", http("DELETE", Expect::default())),
    ];
    let driver =
        Commands::new(settings(None, calls), vec![member(&address)], directory.path()).unwrap();
    let client = driver.client(0);
    let client = &*client;
    for (key, expected) in [
        ("200-", done(Response::Put)),
        ("500-", Outcome::Unknown),
        ("400-", Outcome::Unknown),
        ("503-", Outcome::Failed),
        ("nothing", Outcome::Unknown),
    ] {
        assert_eq!(ask(client, &put(key, "1")).await, expected, "{key}");
    }
    for (key, expected) in [
        ("200-vab", value("ab")),
        ("200-none", done(Response::Value(None))),
        ("404-gone", done(Response::Value(None))),
        ("200-x", Outcome::Failed),
        ("500-vab", Outcome::Failed),
        // Escaped, so that it neither ends the path nor names another key.
        ("200-va/b?c#d e", value("a%2Fb%3Fc%23d%20e")),
    ] {
        assert_eq!(ask(client, &get(key)).await, expected, "{key}");
    }
    assert_eq!(ask(client, &delete("404-")).await, done(Response::Deleted(0)));
    assert_eq!(ask(client, &delete("200-3")).await, done(Response::Deleted(3)));
}

#[test]
fn abilities_follow_from_the_calls() {
    let call = || line("x", Expect::default());
    let one = [member("a:1")];
    let three = ["a:1", "b:1", "c:1"].map(member);
    let all = settings(None, vec![("leader", call()), ("range", call()), ("hash", call())]);
    assert!(!all.abilities(&one).leader, "one member elects no leader");
    assert!(all.abilities(&three).leader);
    let abilities = all.abilities(&one);
    assert!(abilities.ranges && abilities.hash && !abilities.deletes && !abilities.failpoints);
    assert!(!abilities.leases && !abilities.revisions && !abilities.watches);
    assert!(!abilities.stop && !abilities.kill && !abilities.pause && !abilities.logs);
    let started = settings(Some(&["server"]), vec![("delete", call())]).abilities(&one);
    assert!(started.stop && started.kill && started.pause && started.logs);
    assert!(started.deletes && !started.ranges);
    let of = |calls: &[&'static str]| {
        let calls = calls.iter().map(|name| (*name, call())).collect();
        let abilities = settings(None, calls).abilities(&one);
        [abilities.stop, abilities.kill, abilities.pause, abilities.logs]
    };
    assert_eq!(of(&["stop", "kill", "pause"]), [false; 4]);
    assert_eq!(of(&["launch", "stop", "logs"]), [true, false, false, true]);
    assert_eq!(of(&["launch", "kill", "pause", "unpause"]), [false, true, true, false]);
}

#[test]
fn a_call_with_a_mistake_is_refused() {
    let directory = TempDir::new().unwrap();
    let new = |name: &str, call| {
        Commands::new(settings(None, vec![(name, call)]), vec![member("a:1")], directory.path())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let http = |url: &str, body: Option<&str>| {
        let (method, body) = ("GET".to_owned(), body.map(str::to_owned));
        (Call::Http { method, url: url.into(), body, headers: Vec::new() }, Expect::default())
    };
    for (name, call, says) in [
        ("get", line("GET {kee}", Expect::default()), "{kee}"),
        ("get", line("GET {value}", Expect::default()), "{value}"),
        ("fetch", line("GET {key}", Expect::default()), "no such call"),
        ("get", line("GET {key}\nX", Expect::default()), "one line"),
        ("get", line("GET {key}", expect("(", "", "")), "unclosed group"),
        ("get", http("https://{client}", None), "TLS"),
        ("get", http("http://{client}/{kee}", Some("{kee}")), "{kee}"),
        ("stop", (Call::Program(Vec::new()), Expect::default()), "no program"),
    ] {
        let error = new(name, call).unwrap_err();
        assert!(error.contains(says), "{error:?} says {says:?}");
    }
    new("get", http("http://{client}/{key}", Some(r#"{"q": {word}}"#))).unwrap();
    let call = http("http://{client}/{key}", Some("{name}")).0;
    assert_eq!(placeholders_of(&call), ["client", "key", "name"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A server that answers anything and closes: no panic, and a write is never taken for undone.
    #[test]
    fn no_answer_of_a_server_panics(
        line_reply in prop::collection::vec(any::<u8>(), 0..80),
        http_reply in "(HTTP/1\\.1 [0-9]{1,4} X\r\n)?(Content-Length: [0-9]{1,20}\r\n)?(\r\n)?[a-z\r\n]{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let directory = TempDir::new().unwrap();
        let lines = answering(move |_| line_reply.clone(), "\n");
        let web = answering(move |_| http_reply.clone().into_bytes(), "\r\n\r\n");
        let http = Call::Http {
            method: "POST".into(),
            url: format!("http://{web}/{{key}}"),
            body: None,
            headers: Vec::new(),
        };
        let calls = vec![
            ("put", line("SET {key} {value}", Expect::default())),
            ("delete", (http, Expect::default())),
        ];
        let driver =
            Commands::new(settings(None, calls), vec![member(&lines)], directory.path()).unwrap();
        runtime.block_on(async {
            let client = driver.client(0);
            for request in [put("a", "1"), delete("a")] {
                let answer = client.execute(&request, PATIENCE).await;
                assert_ne!(answer.outcome, Outcome::Failed, "{request}: {answer:?}");
            }
        });
    }
}
