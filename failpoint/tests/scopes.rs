//! Who sees an arming? All tests here arm the same few names in scopes, and run side by side.
// Miri has no linker's list, so a point cannot be armed before its first hit: see tests/late.rs.
#![cfg(all(feature = "failpoints", not(miri)))]

use failpoint::{Scope, WaitError, arm, fail_point, fail_value};
use failpoint_test_support::PATIENCE;
use std::future::Future;
use std::panic::catch_unwind;
use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

fn site() -> Option<String> {
    fail_point!("scoped", |text| text);
    None
}

fn paused() {
    fail_point!("scoped/pause");
}

#[test]
fn inner_over_outer_over_global() {
    fn site() -> Option<String> {
        fail_point!("scoped/nesting", |text| text);
        None
    }
    let _global = arm("scoped/nesting", "return(global)").unwrap();
    let outer = Scope::named("outer");
    assert_eq!(outer.wrap_fn(site)().as_deref(), Some("global"));
    outer.arm("scoped/nesting", "return(outer)").unwrap();
    assert_eq!(site().as_deref(), Some("global"), "the scope is not entered");
    let _in = outer.enter();
    assert_eq!(site().as_deref(), Some("outer"));
    let inner = Scope::named("inner");
    // Made inside `outer`, it falls back to it wherever it is taken.
    let elsewhere = thread::spawn(inner.wrap_fn(site)).join().unwrap();
    assert_eq!(elsewhere.as_deref(), Some("outer"));
    inner.arm("scoped/nesting", "return(inner)").unwrap();
    {
        let _in = inner.enter();
        assert_eq!(site().as_deref(), Some("inner"));
        assert_eq!(Scope::current().unwrap().name(), "inner");
        assert_eq!(Scope::isolated("alone").wrap_fn(site)(), None);
    }
    assert_eq!(site().as_deref(), Some("outer"));
    assert!(inner.disarm("scoped/nesting").unwrap());
    assert!(!inner.disarm("scoped/nesting").unwrap());
    assert_eq!(inner.wrap_fn(site)().as_deref(), Some("outer"));
}

#[test]
fn a_thousand_tests_arm_the_same_name_and_never_meet() {
    let one = |n: usize| {
        let scope = Scope::new();
        scope.arm("scoped", &format!("return({n})")).unwrap();
        let _in = scope.enter();
        for _ in 0..10 {
            assert_eq!(site(), Some(n.to_string()));
        }
        assert_eq!(scope.hits("scoped").unwrap(), 10);
    };
    thread::scope(|threads| {
        for worker in 0..8 {
            threads.spawn(move || (0..125).for_each(|n| one(worker * 125 + n)));
        }
    });
}

#[test]
fn scopes_that_all_live_at_once_never_meet() {
    let scopes: Vec<Scope> = (0..1000).map(|_| Scope::new()).collect();
    for (n, scope) in scopes.iter().enumerate() {
        scope.arm("scoped", &format!("return({n})")).unwrap();
    }
    for (n, scope) in scopes.iter().enumerate() {
        assert_eq!(scope.wrap_fn(site)(), Some(n.to_string()));
        assert_eq!(scope.hits("scoped").unwrap(), 1);
    }
}

#[test]
fn the_last_handle_disarms_and_releases() {
    let scope = Scope::new();
    scope.arm("scoped/pause", "pause").unwrap();
    let hook = scope.on_thread_start();
    let worker = thread::spawn(move || {
        hook();
        paused();
    });
    scope.wait_paused("scoped/pause", 1, PATIENCE).unwrap();
    let handle = scope.clone();
    drop(scope);
    assert_eq!(handle.paused("scoped/pause").unwrap(), 1);
    drop(handle);
    worker.join().unwrap();
}

#[test]
fn a_wrapped_pause_is_released_by_reset() {
    let scope = Scope::new();
    scope.arm("scoped/pause", "pause").unwrap();
    let worker = thread::spawn(scope.wrap_fn(paused));
    scope.wait_paused("scoped/pause", 1, PATIENCE).unwrap();
    scope.reset();
    worker.join().unwrap();
}

#[test]
fn a_scope_that_was_never_entered_explains_the_failure() {
    fn site() {
        fail_point!("scoped/never-entered");
    }
    const NAME: &str = "scoped/never-entered";
    const CAUSE: &str = "the scope was never entered";

    let scope = Scope::new();
    scope.arm(NAME, "off").unwrap();
    let error = scope.wait_hits(NAME, 1, Duration::ZERO).unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { hits: 0, .. }));
    let message = error.to_string();
    assert!(message.contains(CAUSE) && message.contains("let _in = scope.enter();"), "{message}");
    assert!(unfired(&scope, NAME).contains(CAUSE));
    // Nor does it hide where the evaluations are that there were.
    site();
    for message in
        [scope.wait_fires(NAME, 1, Duration::ZERO).unwrap_err().to_string(), unfired(&scope, NAME)]
    {
        assert!(message.contains(CAUSE) && message.contains("came from outside"), "{message}");
    }
}

#[test]
fn a_scope_that_was_entered_in_whatever_way_does_not_say_that_it_was_not() {
    fn site(scope: &Scope) {
        fail_point!(in scope, "scoped/through");
    }
    const NAME: &str = "scoped/entered";
    fn never_hit() {
        fail_point!("scoped/entered");
    }
    let _ = never_hit as fn();

    let ways: [fn(&Scope); 5] = [
        |scope| drop(scope.enter()),
        |scope| scope.wrap_fn(|| ())(),
        |scope| {
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(scope.wrap(async {})).poll(&mut context).is_ready());
        },
        |scope| thread::spawn(scope.on_thread_start()).join().unwrap(),
        |scope| {
            scope.arm("scoped/through", "off").unwrap();
            site(scope);
        },
    ];
    for (index, way) in ways.iter().enumerate() {
        let scope = Scope::new();
        scope.arm(NAME, "off").unwrap();
        way(&scope);
        let message = scope.wait_hits(NAME, 1, Duration::ZERO).unwrap_err().to_string();
        assert!(!message.contains("never entered"), "{index}: {message}");
        assert!(!unfired(&scope, NAME).contains("never entered"), "{index}");
    }
}

/// What the scope says of a point that has not fired.
fn unfired(scope: &Scope, name: &str) -> String {
    let failed = catch_unwind(|| scope.expect_fired(name)).unwrap_err();
    failed.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_hit_from_outside_explains_the_time_out() {
    fn site() {
        fail_point!("scoped/outside");
    }
    let scope = Scope::new();
    scope.arm("scoped/outside", "off").unwrap();
    let named = thread::Builder::new().name("stray".into());
    named.spawn(site).unwrap().join().unwrap();
    let error = scope.wait_hits("scoped/outside", 1, Duration::ZERO).unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { hits: 0, .. }));
    let message = error.to_string();
    for part in ["1 evaluations came from outside", "scopes.rs:", "`stray`", "scope.wrap_fn"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}

#[test]
fn a_scope_passed_by_hand_is_looked_through_first() {
    struct Store {
        scope: Scope,
    }
    impl Store {
        fn get(&self) -> Option<u8> {
            fail_value!(in self.scope, "scoped/by-hand", u8)
        }
        fn put(&self, key: u8) -> u8 {
            fail_point!(in &self.scope, "scoped/put", if key > 1, key = key, |v: u8| v);
            0
        }
    }
    let (one, other) = (Scope::new(), Scope::new());
    one.arm_all("scoped/by-hand=return(1);scoped/put=when(key=2):return(9)").unwrap();
    assert_eq!(Store { scope: other }.get(), None);
    let store = Store { scope: one };
    assert_eq!(store.get(), Some(1));
    assert_eq!([store.put(1), store.put(2), store.put(3)], [0, 9, 0]);
    assert_eq!(store.scope.hits("scoped/put").unwrap(), 1);
}

#[test]
fn a_scoped_wait_counts_passages_inside_its_scope() {
    fn first() {
        fail_point!("scoped/first");
    }
    fn second() {
        fail_point!("scoped/second");
    }
    let scope = Scope::new();
    scope.arm("scoped/second", "wait(scoped/first)").unwrap();
    let waiter = thread::spawn(scope.wrap_fn(second));
    scope.wait_hits("scoped/second", 1, PATIENCE).unwrap();
    first();
    assert!(!waiter.is_finished(), "that passage was outside");
    scope.wrap_fn(first)();
    waiter.join().unwrap();
}

#[test]
fn the_name_of_a_scope_is_what_a_filter_sees_and_a_chance_is_drawn_from() {
    let draws = |scope: &Scope| {
        scope.arm("scoped", "50%return(x)").unwrap();
        let _in = scope.enter();
        (0..64).map(|_| site().is_some()).collect::<Vec<_>>()
    };
    assert_eq!(draws(&Scope::named("a")), draws(&Scope::named("a")));
    assert_ne!(draws(&Scope::named("a")), draws(&Scope::named("b")));
    let scope = Scope::named("leader");
    scope.arm("scoped", "when(scope~lead*):return(x)").unwrap();
    assert!(scope.wrap_fn(site)().is_some());
}

#[test]
fn a_wait_by_name_waits_for_the_next_arming() {
    fn site() {
        fail_point!("scoped/later");
    }
    let scope = Scope::new();
    thread::scope(|threads| {
        let waiter = threads.spawn(|| scope.wait_hits("scoped/later", 2, PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let scope = &scope;
        let task = threads
            .spawn(move || runtime.block_on(scope.wait_fires_async("scoped/later", 1, PATIENCE)));
        scope.arm("scoped/later", "off").unwrap();
        scope.wrap_fn(|| (0..2).for_each(|_| site()))();
        waiter.join().unwrap().unwrap();
        task.join().unwrap().unwrap();
    });
    let idle = Scope::new().wait_hits("scoped/later", 1, Duration::from_millis(1)).unwrap_err();
    assert!(idle.to_string().contains("nothing was armed there"), "{idle}");
    let unknown = scope.wait_hits("scoped/latter", 1, PATIENCE).unwrap_err();
    assert!(unknown.to_string().contains("`scoped/later`"), "{unknown}");
}

#[test]
fn leaving_survives_a_panic() {
    let scope = Scope::new();
    scope.arm("scoped", "panic").unwrap();
    assert!(std::panic::catch_unwind(scope.wrap_fn(site)).is_err());
    assert!(Scope::current().is_none());
    assert_eq!(site(), None);
}
