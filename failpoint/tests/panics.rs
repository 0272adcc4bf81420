//! What do tools see of an injected panic: hooks, `JoinError`, `#[should_panic]`, and code that catches
//! it?
#![cfg(feature = "failpoints")]

use failpoint::{
    InjectedPanic, Scope, arm, fail_point, fail_point_async, fail_result, fail_result_async,
    fail_value, fail_value_async, failpoint,
};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    /// The line of the point that was evaluated last on this thread.
    static EVALUATED: Cell<u32> = const { Cell::new(0) };
    /// What the hook was told of the last panic on this thread: the file, the line, and the point.
    static HEARD: RefCell<Option<(String, u32, Option<String>)>> = const { RefCell::new(None) };
}

/// Notes its line, which the point is on.
macro_rules! at {
    ($point:expr) => {{
        EVALUATED.set(line!());
        $point
    }};
}

/// The payload of a panic of `body`, which the hook heard of.
fn caught(body: impl FnOnce()) -> Box<dyn Any + Send> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().unwrap();
            let point = InjectedPanic::of(info.payload()).map(|it| it.point().to_owned());
            HEARD.set(Some((place.file().to_owned(), place.line(), point)));
            before(info);
        }));
    });
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_err()
}

/// Forgets what a point hands on.
fn forget<T>(_: T) {}

/// Has `body` panic at `name`, and looks whether the place is that of the point.
#[track_caller]
fn panics_in_place(name: &str, terms: &str, body: impl FnOnce()) {
    let _armed = arm(name, terms).unwrap();
    let payload = caught(body);
    let injected = terms.contains("panic").then(|| name.to_owned());
    let place = (file!().to_owned(), EVALUATED.get());
    assert_eq!(HEARD.take(), Some((place.0, place.1, injected)), "{name}: {payload:?}");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn every_form_panics_in_its_own_place() {
    fn closure() -> u8 {
        at!(fail_point!("place/closure", |_| 1));
        0
    }
    fn typed() -> u8 {
        at!(fail_point!("place/typed", |n: u8| n));
        0
    }
    fn callable() -> u8 {
        fn call(_: Option<String>) -> u8 {
            1
        }
        at!(fail_point!("place/callable", true, call));
        0
    }
    let scope = Scope::new();
    panics_in_place("place/statement", "panic", || at!(fail_point!("place/statement")));
    panics_in_place("place/if", "panic", || at!(fail_point!("place/if", if true)));
    panics_in_place("place/context", "panic", || at!(fail_point!("place/context", k = 1)));
    panics_in_place("place/in", "panic", || at!(fail_point!(in scope, "place/in")));
    panics_in_place("place/closure", "panic", || forget(closure()));
    panics_in_place("place/typed", "panic", || forget(typed()));
    panics_in_place("place/callable", "panic", || forget(callable()));
    panics_in_place("place/value", "panic", || forget(at!(fail_value!("place/value", u8))));
    panics_in_place("place/result", "panic", || forget(at!(fail_result!("place/result"))));
    panics_in_place("place/waits", "sleep(1)&panic", || at!(fail_point!("place/waits")));
    panics_in_place("place/limit", "pause(1ms)", || at!(fail_point!("place/limit")));
}

#[test]
fn every_async_form_panics_in_its_own_place() {
    async fn statement() {
        at!(fail_point_async!("place/async"));
    }
    async fn closure() -> u8 {
        at!(fail_point_async!("place/async-closure", k = 1, |_| 1));
        0
    }
    async fn result() {
        forget(at!(fail_result_async!("place/async-result")));
    }
    async fn value() {
        forget(at!(fail_value_async!("place/async-value", u8)));
    }
    // As it begins, and where it is polled again.
    for terms in ["panic", "sleep(1)&panic", "pause(1ms)"] {
        panics_in_place("place/async", terms, || block_on(statement()));
        panics_in_place("place/async-closure", terms, || forget(block_on(closure())));
        panics_in_place("place/async-result", terms, || block_on(result()));
        panics_in_place("place/async-value", terms, || block_on(value()));
    }
}

#[failpoint("place/attribute")]
fn attributed() {}

#[failpoint("place/async-attribute")]
async fn attributed_async() {}

#[test]
fn an_attribute_panics_in_the_file_it_stands_in() {
    for (name, body) in [
        ("place/attribute", attributed as fn()),
        ("place/async-attribute", || block_on(attributed_async())),
    ] {
        let site = failpoint::point(name).unwrap().sites.remove(0);
        EVALUATED.set(site.line);
        panics_in_place(name, "panic", body);
    }
}

#[test]
fn the_payload_is_text_on_every_thread() {
    fn site() {
        fail_point!("payload/thread");
    }
    let _armed = arm("payload/thread", "panic(disk gone)").unwrap();
    let payload = thread::spawn(site).join().unwrap_err();
    assert_eq!(
        payload.downcast_ref::<String>().map(String::as_str),
        Some("failpoint payload/thread panic: disk gone")
    );
    let injected = InjectedPanic::of(&*payload).unwrap();
    assert_eq!((injected.point(), injected.text()), ("payload/thread", Some("disk gone")));
    assert_eq!(injected.to_string(), "failpoint payload/thread panic: disk gone");

    let error = block_on(async { tokio::spawn(async { site() }).await.unwrap_err() });
    assert!(error.to_string().contains("disk gone"), "{error}");
    assert!(InjectedPanic::of(&*error.into_panic()).is_some());
}

#[test]
fn only_an_injected_panic_is_one() {
    fn site() {
        fail_point!("payload/same");
    }
    let _armed = arm("payload/same", "panic").unwrap();
    let injected = caught(site);
    let text = injected.downcast_ref::<String>().unwrap().clone();
    assert_eq!(text, "failpoint payload/same panic");
    let own = [
        caught(|| panic!("{text}")),
        caught(|| panic!("failpoint payload/same panic")),
        caught(|| panic::panic_any(text.clone())),
        caught(|| panic::panic_any(format!("{text}: {text}"))),
        caught(|| panic::panic_any(7)),
    ];
    assert!(own.iter().all(|payload| InjectedPanic::of(&**payload).is_none()));
    // A reference to the box coerces as well.
    assert!(InjectedPanic::of(&injected).is_some());
    // The same panic, raised again.
    let again = AssertUnwindSafe(|| panic::resume_unwind(injected));
    let again = panic::catch_unwind(again).unwrap_err();
    assert_eq!(InjectedPanic::of(&*again).unwrap().text(), None);
}

#[test]
fn a_limit_that_runs_out_is_no_injected_panic() {
    let _armed = arm("payload/limit", "pause(1ms)").unwrap();
    let payload = caught(|| fail_point!("payload/limit"));
    assert!(payload.downcast_ref::<String>().unwrap().contains("the limit of 1ms ran out"));
    assert!(InjectedPanic::of(&*payload).is_none());
}

#[failpoint::test(points = "payload/should=panic(disk gone)")]
#[should_panic(expected = "disk gone")]
fn a_test_that_should_panic_sees_the_text() {
    fail_point!("payload/should");
}

#[failpoint::test(points = "payload/should-too=panic")]
#[should_panic(expected = "failpoint payload/should-too panic")]
fn a_test_that_should_panic_sees_the_point() {
    fail_point!("payload/should-too");
}
