//! Does a child of `fork` that goes on without `exec` evaluate points? It forks, so each case has a
//! process of its own: this test runs itself once more.
#![cfg(all(feature = "failpoints", unix, not(miri)))]
// `fork` has no safe form. A child here does what a server that was forked does, and ends by `_exit`.
#![allow(unsafe_code)]

mod common;

use common::{run, stdout};
use failpoint::{arm, fail_point, fail_point_async};
use std::ffi::c_int;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    safe fn alarm(seconds: u32) -> u32;
    safe fn _exit(status: c_int) -> !;
}

/// Runs `body` in a child, which ends after 20 seconds at the latest; gives its wait status, 0 where the
/// body came to its end.
fn in_child(body: impl FnOnce()) -> c_int {
    // SAFETY: the child calls what the test is about, and then nothing of the parent's.
    let child = unsafe { fork() };
    if child == 0 {
        alarm(20);
        let outcome = panic::catch_unwind(AssertUnwindSafe(body));
        _exit(outcome.is_err().into());
    }
    assert!(child > 0, "no child");
    let mut status = -1;
    // SAFETY: the status is written to where it stands.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    status
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
        thread::park();
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    future.poll(&mut Context::from_waker(&waker))
}

fn sync() {
    fail_point!("fork/sync");
}

async fn awaits() {
    fail_point_async!("fork/async");
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    match std::env::var("CHILD_SCENARIO").unwrap().as_str() {
        "sleeps" => {
            let armed = arm("fork/sync", "sleep(1ms)").unwrap();
            let _armed = arm("fork/async", "sleep(20ms)").unwrap();
            sync();
            block_on(awaits());
            // Its alarm is set in the parent, and rings in the child.
            let mut begun = Box::pin(awaits());
            assert!(poll(begun.as_mut()).is_pending());
            let status = in_child(|| {
                block_on(begun.as_mut());
                block_on(awaits());
                sync();
                assert_eq!(armed.fires(), 2);
                let paused = arm("fork/sync", "pause").unwrap();
                let resumes = thread::spawn(move || {
                    paused.wait_paused(1, Duration::from_secs(10)).unwrap();
                    paused.resume(1)
                });
                sync();
                assert_eq!(resumes.join().unwrap(), 1);
                // A child of the child.
                assert_eq!(in_child(|| block_on(awaits())), 0);
            });
            assert_eq!(status, 0);
            block_on(begun.as_mut());
            assert_eq!(armed.fires(), 1, "the child counts its own");
        }
        other => panic!("no scenario {other}"),
    }
    println!("came to the end");
}

#[test]
fn a_child_sleeps_pauses_and_counts_for_itself() {
    let output = run("sleeps", &[]);
    assert!(stdout(&output).contains("came to the end"), "{output:?}");
}
