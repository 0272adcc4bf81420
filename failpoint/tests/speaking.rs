//! Does what we say reach somebody, whatever the program's log takes? Each case needs a process of its
//! own, since a subscriber is set once a process.
// Miri starts no process.
#![cfg(all(feature = "failpoints", not(miri)))]

mod common;

use common::{run, stderr, stdout};
use failpoint::__bridge::control;
use failpoint::fail_point;
use std::io;
use std::process::Command;
use std::process::Output;
use std::sync::mpsc;
use std::thread;
use tracing::subscriber::{self, DefaultGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

fn site() {
    fail_point!("speaking/site");
}

/// A log on stdout that takes everything.
fn log() -> fmt::SubscriberBuilder<
    fmt::format::DefaultFields,
    fmt::format::Format,
    LevelFilter,
    fn() -> io::Stdout,
> {
    fmt::fmt().with_ansi(false).with_writer(io::stdout as fn() -> io::Stdout)
}

/// The log that the scenario names; what is given back keeps it in force.
fn install(log_of: &str) -> Option<DefaultGuard> {
    let own_target = Targets::new().with_target("speaking", LevelFilter::TRACE);
    match log_of {
        "none" => {}
        "all" => log().init(),
        "off" => {
            subscriber::set_global_default(log().with_max_level(LevelFilter::OFF).finish()).unwrap()
        }
        "filter" => {
            subscriber::set_global_default(Registry::default().with(own_target).with(layer()))
                .unwrap();
        }
        "layer filter" => {
            let filtered = layer().with_filter(own_target);
            subscriber::set_global_default(Registry::default().with(filtered)).unwrap();
        }
        "unread" => subscriber::set_global_default(Registry::default()).unwrap(),
        "scoped" => return Some(subscriber::set_default(log().finish())),
        "scoped and gone" => {
            let _gone = subscriber::set_default(log().finish());
            // So that `tracing` remembers that this place is taken.
            control::inform(format_args!("to the scoped one"));
            control::warn(format_args!("to the scoped one"));
        }
        "scoped elsewhere" => {
            let (taken, wait) = mpsc::channel();
            thread::spawn(move || {
                let _scoped = subscriber::set_default(log().finish());
                control::inform(format_args!("to the scoped one"));
                control::warn(format_args!("to the scoped one"));
                taken.send(()).unwrap();
                thread::park();
            });
            wait.recv().unwrap();
        }
        other => panic!("no log {other}"),
    }
    None
}

fn layer<S>() -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fmt::layer().with_ansi(false).with_writer(io::stdout)
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    let _log = install(&std::env::var("CHILD_SCENARIO").unwrap());
    site();
    failpoint::seed(7);
    control::inform(format_args!("told: \u{9b}31m"));
    let _armed =
        failpoint::arm("speaking/site", "100%sleep(0us..1us)&print(pri\u{202e}nted)").unwrap();
    site();
}

/// Where the lines of ours go: the start-up line, that of the seed, of `print` and of control.
const LINES: [&str; 4] =
    ["failpoints are compiled in", "FAILPOINT_SEED=7", "pri\\u{202e}nted", "told: \\u{9b}31m"];

fn silent(log: &str) {
    goes_to(log, stderr, stdout);
}

fn taken(log: &str) {
    goes_to(log, stdout, stderr);
}

/// Where the log is installed as `log`, each line is in `here`, and none is in `elsewhere`.
fn goes_to(log: &str, here: fn(&Output) -> String, elsewhere: fn(&Output) -> String) {
    let output = run(log, &[]);
    assert!(output.status.success(), "{output:?}");
    let (here, elsewhere) = (here(&output), elsewhere(&output));
    for line in LINES {
        assert!(here.contains(line), "{log}, {line}: {here}");
        assert!(!elsewhere.contains(line), "{log}, {line}: {elsewhere}");
    }
}

#[test]
fn what_the_log_does_not_take_goes_to_stderr() {
    for log in
        ["none", "off", "filter", "layer filter", "unread", "scoped and gone", "scoped elsewhere"]
    {
        silent(log);
    }
}

#[test]
fn what_the_log_takes_goes_nowhere_else() {
    taken("all");
    taken("scoped");
}

#[test]
#[cfg(unix)]
fn a_stderr_that_takes_nothing_is_no_panic() {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    // The reader of the log has gone.
    let (stderr, reader) = UnixStream::pair().unwrap();
    drop(reader);
    let output = common::command("none", &[]).stderr(OwnedFd::from(stderr)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // The disk that the log is on is full.
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = common::command("none", &[]).stderr(full).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

/// What tests print is kept for the end of the test, and lost where the process ends before.
fn captured(scenario: &str, variables: &[(&str, &str)]) -> Command {
    let shown = common::command(scenario, variables);
    let mut captured = Command::new(shown.get_program());
    captured.args(shown.get_args().filter(|argument| *argument != "--nocapture"));
    for (name, value) in shown.get_envs() {
        match value {
            Some(value) => captured.env(name, value),
            None => captured.env_remove(name),
        };
    }
    captured
}

#[test]
fn what_ends_the_process_is_on_stderr_whatever_the_log_takes() {
    let ends: [(&str, &str, &[&str]); 7] = [
        ("GOFAIL_FAILPOINTS", "speaking/site=slep(5)", &["in the environment", "slep(5)"]),
        ("FAILPOINT_PANIC", "sometimes", &["in the environment", "FAILPOINT_PANIC"]),
        ("GOFAIL_FAILPOINTS", "speaking/site=exit(3)", &["speaking/site", "exit(3)"]),
        ("GOFAIL_FAILPOINTS", "speaking/site=abort", &["speaking/site", "abort"]),
        ("GOFAIL_FAILPOINTS", "speaking/site=kill", &["speaking/site", "kill"]),
        ("FAILPOINT_PANIC", "abort", &["failpoint speaking/site panic: over \\u{1b}]0;"]),
        ("FAILPOINT_PANIC", "exit:4", &["failpoint speaking/site panic: over \\u{1b}]0;"]),
    ];
    for (variable, value, parts) in ends {
        for log in ["none", "all", "filter", "scoped and gone"] {
            let panics = ("FAILPOINTS", "speaking/site=panic(over \u{1b}]0;)");
            let output = common::finish(captured(log, &[(variable, value), panics]));
            assert!(!output.status.success(), "{variable}={value}, {log}: {output:?}");
            let (err, out) = (stderr(&output), stdout(&output));
            for part in parts {
                assert!(err.contains(part), "{variable}={value}, {log}: {err}");
                assert_eq!(out.contains(part), log == "all", "{variable}={value}, {log}: {out}");
            }
        }
    }
}
