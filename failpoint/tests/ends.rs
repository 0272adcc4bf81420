//! Does an action that ends the process end it, whatever stands in its way? Each case needs a process of
//! its own: this test runs itself once more with the variables set, and only the child evaluates
//! anything.
// Miri starts no process.
#![cfg(all(feature = "failpoints", unix, not(miri)))]
// C's `atexit`, `raise` and `signal`, for which std has no word: the handlers are plain functions.
#![allow(unsafe_code)]

mod common;

use common::{command, finish, run, stderr, stdout};
use failpoint::fail_point;
use failpoint_test_support::container;
use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

const ABORTED: i32 = 6;

unsafe extern "C" {
    safe fn atexit(handler: extern "C" fn()) -> c_int;
    safe fn signal(signal: c_int, handler: extern "C" fn(c_int)) -> usize;
    safe fn _exit(status: c_int) -> !;
}

fn site() {
    fail_point!("ends/site");
}

extern "C" fn evaluate() {
    fail_point!("ends/at_exit");
}

extern "C" fn say() {
    println!("the handler ran");
}

extern "C" fn exit_with_42(_: c_int) {
    _exit(42);
}

/// Evaluates a point as soon as it is told to.
static WORKER: OnceLock<JoinHandle<()>> = OnceLock::new();

extern "C" fn join_worker() {
    let worker = WORKER.get().unwrap();
    worker.thread().unpark();
    while !worker.is_finished() {
        thread::yield_now();
    }
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    match std::env::var("CHILD_SCENARIO").unwrap().as_str() {
        "plain" => {
            site();
            println!("still alive");
        }
        // `main` returns after this.
        "handler" => {
            atexit(evaluate);
        }
        "handler of exit" => {
            atexit(evaluate);
            std::process::exit(0);
        }
        "handler of an armed exit" => {
            atexit(evaluate);
            site();
        }
        "handler that joins" => {
            let worker = thread::spawn(|| {
                thread::park();
                fail_point!("ends/at_exit");
            });
            WORKER.set(worker).unwrap();
            atexit(join_worker);
        }
        "threads" => {
            atexit(say);
            let threads: Vec<_> = (0..4).map(|_| thread::spawn(site)).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
        "handles SIGABRT" => {
            signal(ABORTED, exit_with_42);
            site();
        }
        other => panic!("no scenario {other}"),
    }
}

/// The status with which a process ends as it wants itself.
fn status(scenario: &str, variables: &[(&str, &str)]) -> Option<i32> {
    run(scenario, variables).status.code()
}

#[test]
fn exit_in_a_handler_of_the_exit_gives_its_own_status() {
    for scenario in ["handler", "handler of exit"] {
        assert_eq!(status(scenario, &[("FAILPOINTS", "ends/at_exit=exit(3)")]), Some(3));
        let panics = [("FAILPOINTS", "ends/at_exit=panic"), ("FAILPOINT_PANIC", "exit:5")];
        assert_eq!(status(scenario, &panics), Some(5));
        // Read for the first time there.
        assert_eq!(status(scenario, &[("FAILPOINTS", "ends/at_exit=exti")]), Some(1));
    }
    let both = [("FAILPOINTS", "ends/site=exit(3);ends/at_exit=exit(4)")];
    assert_eq!(status("handler of an armed exit", &both), Some(4));
}

#[test]
fn a_handler_that_waits_for_a_thread_that_exits_does_not_hold_it_up() {
    let armed = [("FAILPOINTS", "ends/at_exit=exit(3)")];
    assert_eq!(status("handler that joins", &armed), Some(3));
}

#[test]
fn threads_that_exit_at_once_run_the_handlers_once() {
    let output = run("threads", &[("FAILPOINTS", "ends/site=barrier(4)&exit(7)")]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(stdout(&output).matches("the handler ran").count(), 1, "{output:?}");
}

#[test]
fn a_report_to_no_directory_is_logged_at_start() {
    let file = std::env::temp_dir().join("failpoint-no-such-directory").join("report");
    let report = ("FAILPOINT_REPORT", file.to_str().unwrap());
    let output = run("plain", &[report, ("FAILPOINTS", "ends/site=kill")]);
    assert_eq!(output.status.signal(), Some(9));
    let said = stderr(&output);
    let (warning, end) = (said.find("its directory does not exist"), said.find("kill"));
    assert!(warning.is_some() && warning < end, "{said}");
}

#[test]
fn a_report_that_cannot_be_written_holds_nothing_up() {
    let file = std::env::temp_dir().join(format!("failpoint-fifo-{}", std::process::id()));
    // To open it for writing waits for a reader.
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let report = ("FAILPOINT_REPORT", file.to_str().unwrap());
    let [killed, aborted, exited] =
        ["kill", "abort", "exit(3)"].map(|action| format!("ends/site={action}")).map(|armed| {
            let output = run("plain", &[report, ("FAILPOINTS", &armed)]);
            (output.status.signal(), output.status.code())
        });
    // Where `main` returns, too, and then it is said.
    let returned = run("plain", &[report]);
    std::fs::remove_file(&file).unwrap();
    assert!(returned.status.success(), "{returned:?}");
    assert!(stderr(&returned).contains("FAILPOINT_REPORT: cannot append to"), "{returned:?}");
    assert_eq!(killed, (Some(9), None));
    assert_eq!(aborted, (Some(ABORTED), None));
    assert_eq!(exited, (None, Some(3)));
}

#[test]
fn the_first_process_of_a_container_ends_with_the_status_of_the_signal() {
    let panic_mode = |mode| Some(("FAILPOINT_PANIC", mode));
    let rows = [
        ("plain", "kill", None, 137),
        ("plain", "print(last)&kill", None, 137),
        ("plain", "abort", None, 134),
        ("plain", "exit(3)", None, 3),
        ("plain", "panic", panic_mode("abort"), 134),
        ("plain", "panic", panic_mode("exit:2"), 2),
        ("plain", "break", None, 0),
        ("handles SIGABRT", "abort", None, 42),
    ];
    for (scenario, terms, panic_mode, status) in rows {
        let armed = format!("ends/site={terms}");
        let variables: Vec<_> = panic_mode.into_iter().chain([("FAILPOINTS", &*armed)]).collect();
        let child = command(scenario, &variables);
        let Some(inside) = container::first_process(&child) else { return };
        let output = finish(inside);
        assert_eq!(output.status.code(), Some(status), "{terms}: {output:?}");
        assert_eq!(stdout(&output).contains("still alive"), status == 0, "{terms}: {output:?}");
        let place = stderr(&output).contains(", at failpoint/tests/ends.rs:");
        assert_eq!(place, status != 0, "{terms}: {output:?}");
        assert_eq!(stderr(&output).contains("last"), terms.contains("last"), "{output:?}");
    }
}
