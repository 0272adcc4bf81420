//! Does a global allocator bear points, before `main` as well, armed or not? Each case needs a process of
//! its own: this test runs itself once more with the variables set.
#![cfg(all(feature = "failpoints", not(miri)))]
// An allocator is unsafe to write. This one hands everything on to the system's.
#![allow(unsafe_code)]

mod common;

use common::{run, stderr, stdout};
use failpoint::{Action, Scope, arm, arm_with, fail_point, fail_value};
use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Output;
use std::thread;
use std::time::Duration;

/// What no other caller asks for.
const REFUSED: usize = 77_777;

struct Pointed;

// SAFETY: all memory is the system allocator's, and null is what an allocator gives where it has none.
unsafe impl GlobalAlloc for Pointed {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        fail_point!("allocator/alloc", size = size);
        if fail_value!("allocator/fail", if size == REFUSED).is_some() {
            return std::ptr::null_mut();
        }
        // SAFETY: as asked.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        fail_point!("allocator/dealloc");
        // SAFETY: it is of the system's allocator.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Pointed = Pointed;

fn is_served() -> bool {
    Vec::<u8>::new().try_reserve_exact(REFUSED).is_ok()
}

fn site() {
    fail_point!("allocator/site");
}

fn value() -> Option<String> {
    fail_value!("allocator/value", String)
}

/// Goes through what the library does: arming and disarming in every way, lists, waits, events, scopes.
fn use_the_library() {
    let armed = arm("allocator/site", "2*sleep(1us)->50%return->off").unwrap_err();
    assert!(armed.to_string().contains("cannot return"), "{armed}");
    let armed = arm("allocator/site", "2*sleep(1us)->50%yield->off").unwrap();
    (0..10).for_each(|_| site());
    armed.wait_hits(10, Duration::from_secs(10)).unwrap();
    assert_eq!(armed.hits(), 10);
    let mut events = failpoint::subscribe();
    let paused = arm("allocator/site", "pause").unwrap();
    thread::scope(|threads| {
        threads.spawn(site);
        paused.wait_paused(1, Duration::from_secs(10)).unwrap();
        assert_eq!(paused.resume(1), 1);
    });
    assert!(events.recv(Duration::from_secs(10)).is_some());
    drop((paused, events));
    let scope = Scope::new();
    scope.arm("allocator/site", "print(in the scope)").unwrap();
    scope.wrap_fn(site)();
    scope.expect_fired("allocator/site");
    drop(scope);
    let _asked = arm_with("allocator/value", |hit| Action::Return(Some(hit.point().to_owned())));
    assert_eq!(value().as_deref(), Some("allocator/value"));
    assert!(failpoint::points().len() > 3);
    assert!(failpoint::point("allocator/sit").is_err());
    failpoint::arm_all("allocator/site=off;allocator/unknown=off").unwrap_err();
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    match std::env::var("CHILD_SCENARIO").unwrap().as_str() {
        "fails when armed" => {
            assert!(is_served());
            let armed = arm("allocator/fail", "return").unwrap();
            assert!(!is_served());
            assert_eq!((armed.hits(), armed.fires()), (1, 1));
            drop(armed);
            assert!(is_served());
            let armed = arm("allocator/dealloc", "off").unwrap();
            drop(vec![1]);
            assert!(armed.hits() > 0);
        }
        "armed by the environment" => {
            assert!(!is_served());
            use_the_library();
        }
        "armed here" => {
            for name in ["allocator/alloc", "allocator/dealloc"] {
                for terms in [
                    "off",
                    "sleep(1us)",
                    "1%sleep(1us)->off",
                    "when(size~7777*):off",
                    "when(thread=nobody):off",
                    "3*print(a text that is longer than what is copied)->off",
                ] {
                    if terms.contains("size") && name.contains("dealloc") {
                        continue;
                    }
                    let armed = arm(name, terms).unwrap();
                    use_the_library();
                    thread::spawn(use_the_library).join().unwrap();
                    assert!(armed.hits() > 0 || terms.contains("when"), "{name}={terms}");
                }
            }
            let asked = arm_with("allocator/alloc", |_| Action::Pass).unwrap();
            use_the_library();
            drop(asked);
            // It is never resumed: arming and disarming do not wait for it.
            for name in ["allocator/alloc", "allocator/dealloc"] {
                drop(arm(name, "pause(never)").unwrap());
                arm(name, "pause(never)").unwrap().keep();
                assert!(failpoint::disarm(name).unwrap());
                let scope = Scope::new();
                let _in = scope.enter();
                scope.arm(name, "pause(never)").unwrap();
                scope.reset();
            }
        }
        "armed in a scope" => {
            let scope = Scope::new();
            for name in ["allocator/alloc", "allocator/dealloc"] {
                scope.arm(name, "off").unwrap();
                // The list of what is in force is made, grows, and is given back.
                thread::spawn(scope.wrap_fn(|| {
                    let scope = Scope::current().unwrap();
                    let all: Vec<_> = (0..100).map(|_| scope.enter()).collect();
                    scope.insert(all.len());
                    scope.insert("text");
                    assert_eq!(Scope::find::<usize>().as_deref(), Some(&100));
                }))
                .join()
                .unwrap();
                let hook = scope.on_thread_start();
                thread::spawn(move || (0..100).for_each(|_| hook())).join().unwrap();
                assert!(scope.hits(name).unwrap() > 0);
                scope.reset();
            }
        }
        "threads end" => {
            for terms in ["sleep(1us)", "when(thread=nobody):off"] {
                let _armed = arm("allocator/dealloc", terms).unwrap();
                for _ in 0..50 {
                    // Its handle is not kept: that is given back when nothing else is left of the thread.
                    let thread = thread::Builder::new().name("short".to_owned());
                    drop(thread.spawn(|| thread::current().id()).unwrap());
                    thread::spawn(|| drop(vec![1])).join().unwrap();
                }
            }
        }
        other => panic!("no scenario {other}"),
    }
    println!("came to the end");
}

fn assert_came_to_the_end(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    assert!(stdout(output).contains("came to the end"), "{output:?}");
}

#[test]
fn a_point_in_an_allocator_refuses_when_it_is_armed() {
    assert_came_to_the_end(&run("fails when armed", &[]));
}

#[test]
fn it_is_evaluated_before_main_and_armed_by_the_environment() {
    let output = run("armed by the environment", &[("FAILPOINTS", "allocator/fail=return")]);
    assert_came_to_the_end(&output);
    for terms in ["off", "sleep(1us)", "when(size=1):off", "1*print(early)->off"] {
        let all = format!(
            "allocator/fail=return;allocator/alloc={terms};allocator/dealloc={}",
            if terms.contains("when") { "off" } else { terms }
        );
        let output = run("armed by the environment", &[("FAILPOINTS", &all)]);
        assert_came_to_the_end(&output);
        assert_eq!(stderr(&output).contains("early"), terms.contains("early"), "{output:?}");
    }
    let output = run("armed by the environment", &[("FAILPOINTS", "allocator/fail=retrun")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("retrun"), "{output:?}");
}

#[test]
fn whatever_the_library_does_while_it_is_armed_comes_to_an_end() {
    assert_came_to_the_end(&run("armed here", &[]));
}

#[test]
fn entering_a_scope_that_arms_it_comes_to_an_end() {
    assert_came_to_the_end(&run("armed in a scope", &[]));
}

#[test]
fn the_last_memory_of_a_thread_comes_by_its_point() {
    let output = run("threads end", &[]);
    assert_came_to_the_end(&output);
    assert!(!stderr(&output).contains("panicked"), "{output:?}");
}
