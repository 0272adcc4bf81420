//! Trouble in a log counts, unless the tester caused it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use failpoint_tester::checks::logs::{Cause, LogLine, PATTERNS, Patterns, around, check};

fn line(member: &str, time: u64, text: &str) -> LogLine {
    LogLine { member: member.to_owned(), number: 1, time, text: text.to_owned() }
}

fn lines(member: &str, time: u64, text: &str) -> Vec<LogLine> {
    let line = |(number, text)| LogLine { number, ..line(member, time, text) };
    (1..).zip(text.lines()).map(line).collect()
}

fn armed(member: &str, start: u64, end: u64) -> Cause {
    Cause { member: member.to_owned(), start, end, trace: "raftAfterSave".to_owned() }
}

#[test]
fn a_panic_is_excused_only_where_it_was_caused() {
    let patterns = Patterns::default();
    let panic = line("m1", 15, "panic: failpoint panic: go.etcd.io/etcd/etcdserver/raftAfterSave");
    assert_eq!(check([&panic], &patterns, &[armed("m1", 10, 20)]), Ok(()));
    let longer = Cause { trace: "AfterSave".to_owned(), ..armed("m1", 10, 20) };
    for other in [armed("m2", 10, 20), armed("m1", 16, 20), armed("m1", 10, 14), longer] {
        let trouble = check([&panic], &patterns, &[other]).expect_err("not caused by this");
        assert_eq!(trouble.line, panic);
    }
    let second = line("m1", 15, "thread 'main' (123) panicked at src/main.rs:1:1:");
    let trouble =
        check([&panic, &second], &patterns, &[armed("m1", 10, 20)]).expect_err("a second panic");
    assert_eq!((trouble.line, trouble.pattern.as_str()), (second, PATTERNS[3]));
}

#[test]
fn the_line_after_the_place_is_the_message_of_a_panic() {
    let patterns = Patterns::default();
    let place = line("m1", 15, "thread 'main' panicked at src/main.rs:1:1:");
    let (between, message) = (line("m2", 15, "elected"), line("m1", 15, "failpoint raftAfterSave"));
    let causes = [armed("m1", 10, 20)];
    assert_eq!(check([&place, &between, &message], &patterns, &causes), Ok(()));
    // The next line is a panic of its own.
    let ours = line("m1", 15, "panic: raftAfterSave");
    let trouble = check([&place, &ours], &patterns, &causes).expect_err("the first is not ours");
    assert_eq!(trouble.line, place);
}

#[test]
fn a_dump_is_excused_by_our_sigquit() {
    let patterns = Patterns::default();
    let dump = lines(
        "m1",
        15,
        "SIGQUIT: quit\nPC=0x46b8a1 m=0 sigcode=0\n\ngoroutine 0 [idle]:\nruntime.futex()",
    );
    let sent = Cause { trace: "SIGQUIT".to_owned(), ..armed("m1", 10, 20) };
    assert_eq!(check(&dump, &patterns, std::slice::from_ref(&sent)), Ok(()));
    let trouble = check(&dump, &patterns, &[]).expect_err("who sent it?");
    assert_eq!(around(&dump, &trouble, 1), ["> SIGQUIT: quit", "  PC=0x46b8a1 m=0 sigcode=0"]);
    let deadlock = line("m1", 15, "fatal error: all goroutines are asleep - deadlock!");
    assert!(check(dump.iter().chain([&deadlock]), &patterns, &[sent]).is_err());
}

#[test]
fn trouble_is_seen_behind_a_prefix_but_not_in_json() {
    let patterns = Patterns::default();
    let troubles = [
        "panic: runtime error: index out of range [5] with length 3",
        "\tpanic: again",
        "Nov 29 12:00:01 host etcd[123]: panic: assertion failed",
        "etcd-1  | fatal error: concurrent map writes",
        "thread '<unnamed>' (77) panicked at /src/lib.rs:10:5:",
        "thread 'main' panicked at 'old', src/main.rs:1:1",
        "fatal runtime error: stack overflow, aborting",
        "WARNING: DATA RACE",
        "SIGSEGV: segmentation violation",
        "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x1",
        "WARNING: ThreadSanitizer: data race (pid=1)",
        "server: store.c:12: put: Assertion `n > 0' failed.",
    ];
    for text in troubles {
        assert!(patterns.matching(text).is_some(), "{text}");
    }
    let harmless = [
        "elected leader",
        r#"{"level":"warn","msg":"lost the peer","error":"panic: of the other one"}"#,
        r#"2026-11-29 WARN etcdserver/util.go:1 {"request":"key:\"fatal error: x\""}"#,
        "I will not panic",
        "recovered from a panic",
        "0 assertions failed",
    ];
    for text in harmless {
        assert_eq!(patterns.matching(text), None, "{text}");
    }
}

#[test]
fn patterns_are_regular_expressions() {
    let patterns = Patterns::new(&[r"(?i)corrupt", r"error \d+"]).expect("regular expressions");
    assert_eq!(patterns.matching("Data CORRUPTion"), Some(r"(?i)corrupt"));
    assert_eq!(patterns.matching("error 17"), Some(r"error \d+"));
    assert_eq!(patterns.matching("panic: x"), None);
    let error = Patterns::new(&["fine", "(open"]).expect_err("a parenthesis is open");
    assert_eq!(error.to_string(), r#""(open" is no regular expression: unclosed group"#);
}

/// Kills and reaps its process.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PANICS: &str = "FAILPOINT_TESTER_TEST_PANICS";

#[test]
fn what_rust_prints_now_is_understood() {
    if std::env::var_os(PANICS).is_some() {
        let panics = || panic!("failpoint raftAfterSave panic");
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(panics);
        let _ = thread.expect("a thread").join();
        return;
    }
    let this = std::env::current_exe().expect("the program of this test");
    let output = Command::new(this)
        .args(["--exact", "what_rust_prints_now_is_understood", "--nocapture"])
        .env(PANICS, "1")
        .output()
        .expect("this program again");
    let log = lines("m1", 15, &String::from_utf8_lossy(&output.stderr));
    let patterns = Patterns::default();
    assert_eq!(check(&log, &patterns, &[armed("m1", 10, 20)]), Ok(()), "{log:#?}");
    assert!(check(&log, &patterns, &[]).is_err(), "{log:#?}");
}

/// Whether a program is missing. Under `REQUIRE_PROGRAMS=1` that is a failure.
fn missing(program: &str, package: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "{program} is missing");
        println!("skipped: needs {package}");
    }
    !found
}

#[test]
fn the_log_of_etcd_is_no_trouble_but_its_dump_is() {
    if missing("etcd", "etcd-server") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    // The port 0 lets the system choose; nothing connects to it.
    let etcd = Command::new("etcd")
        .args(["--logger=zap", "--log-level=debug", "--data-dir"])
        .arg(directory.path().join("data"))
        .args(["--listen-client-urls=http://127.0.0.1:0", "--listen-peer-urls=http://127.0.0.1:0"])
        .arg("--advertise-client-urls=http://127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("etcd starts");
    let mut etcd = Killed(etcd);
    let log = BufReader::new(etcd.0.stderr.take().expect("a pipe"));
    let mut lines = Vec::new();
    for text in log.lines() {
        let text = String::from_utf8_lossy(text.expect("text").as_bytes()).into_owned();
        if text.contains("ready to serve client requests") || text.contains("serving client") {
            let pid = rustix::process::Pid::from_child(&etcd.0);
            rustix::process::kill_process(pid, rustix::process::Signal::QUIT).expect("it runs");
        }
        lines.push(LogLine { number: lines.len() + 1, ..line("m1", 15, &text) });
    }
    let patterns = Patterns::default();
    let trouble = check(&lines, &patterns, &[]).expect_err("the dump");
    assert_eq!(trouble.line.text, "SIGQUIT: quit", "{lines:#?}");
    let dump = trouble.line.number;
    assert!(dump > 10 && lines.len() > dump + 50, "{} lines, the dump at {dump}", lines.len());
    let sent = Cause { trace: "SIGQUIT".to_owned(), ..armed("m1", 10, 20) };
    assert_eq!(check(&lines, &patterns, &[sent]), Ok(()));
}
