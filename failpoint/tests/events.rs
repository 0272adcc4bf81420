//! What are subscribers, callbacks and explorers told?
#![cfg(feature = "failpoints")]

use failpoint::{Action, EventKind, Scope, arm_with, explore, fail_point, fail_result, fail_value};
use failpoint_test_support::PATIENCE;
use std::io;
use std::time::Duration;

#[test]
fn a_scope_tells_the_life_of_its_points() {
    fn site(n: u64) {
        fail_point!("told/life", n = n);
    }
    let (scope, stranger) = (Scope::new(), Scope::new());
    let mut events = scope.subscribe();
    scope.arm("told/life", "1*pause->off").unwrap();
    stranger.arm("told/life", "off").unwrap();
    stranger.wrap_fn(|| site(9))();
    let worker = std::thread::Builder::new().name("told".into());
    let worker = worker.spawn(scope.wrap_fn(|| site(1))).unwrap();
    scope.wait_paused("told/life", 1, PATIENCE).unwrap();
    scope.resume("told/life", 1).unwrap();
    worker.join().unwrap();
    scope.wrap_fn(|| site(2))();
    assert!(scope.disarm("told/life").unwrap());
    let mut told = Vec::new();
    while let Some(event) = events.try_recv() {
        assert_eq!((event.point.as_str(), event.terms.as_str()), ("told/life", "1*pause->off"));
        told.push((event.kind, event.context.first().map(|(_, value)| value.clone())));
        if event.kind == EventKind::Paused {
            assert_eq!(event.thread, "told");
        }
    }
    assert_eq!(
        told,
        [
            (EventKind::Armed, None),
            (EventKind::Fired, Some("1".into())),
            (EventKind::Paused, None),
            (EventKind::Resumed, None),
            (EventKind::Fired, Some("2".into())),
            (EventKind::Disarmed, None),
        ]
    );
}

/// Not in that of addresses, which differ from run to run.
#[test]
fn a_reset_of_a_scope_is_told_in_the_order_of_its_armings() {
    fn site() {
        fail_point!("told/reset-m");
        fail_point!("told/reset-z");
        fail_point!("told/reset-a");
        fail_point!("told/reset-p");
        fail_point!("told/reset-b");
    }
    let scope = Scope::new();
    // The last one is armed again.
    for name in ["b", "m", "z", "a", "p", "b"] {
        scope.arm(&format!("told/reset-{name}"), "off").unwrap();
    }
    scope.wrap_fn(site)();
    let mut events = scope.subscribe();
    scope.reset();
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv())
        .map(|event| event.point.replace("told/reset-", ""))
        .collect();
    assert_eq!(told, ["m", "z", "a", "p", "b"]);
}

#[test]
fn a_slow_reader_loses_the_oldest_and_is_told() {
    fn site() {
        fail_point!("told/slowly");
    }
    let scope = Scope::new();
    let mut events = scope.subscribe();
    scope.arm("told/slowly", "off").unwrap();
    scope.wrap_fn(|| (0..2000).for_each(|_| site()))();
    assert_eq!(events.lost(), 2001 - 1024, "before anything is read");
    let mut read = 0;
    while events.try_recv().is_some() {
        read += 1;
    }
    assert_eq!((read, events.lost()), (1024, 2001 - 1024));
}

#[test]
fn subscribers_come_and_go_while_others_are_told() {
    fn site() {
        fail_point!("told/meanwhile");
    }
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let scope = Scope::new();
                scope.arm("told/meanwhile", "off").unwrap();
                let _in = scope.enter();
                for _ in 0..5000 {
                    // Another thread may hold the last handle to this queue while it is told.
                    drop(scope.subscribe());
                    site();
                }
            });
        }
    });
}

#[test]
fn events_are_awaited_and_waited_for() {
    fn site() {
        fail_point!("told/awaited");
    }
    let scope = Scope::new();
    scope.arm("told/awaited", "off").unwrap();
    let mut events = scope.subscribe();
    std::thread::scope(|threads| {
        threads.spawn(scope.wrap_fn(site));
        assert_eq!(events.recv(PATIENCE).unwrap().kind, EventKind::Fired);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|threads| {
        threads.spawn(scope.wrap_fn(site));
        assert_eq!(runtime.block_on(events.recv_async()).kind, EventKind::Fired);
    });
    assert!(events.recv(Duration::ZERO).is_none());
}

#[test]
fn a_callback_may_disarm_its_own_point() {
    fn site() -> Option<String> {
        fail_value!("told/disarms", String)
    }
    let armed = arm_with("told/disarms", |hit| {
        failpoint::disarm(hit.point()).unwrap();
        Action::value("last")
    });
    armed.unwrap().keep();
    assert_eq!((site().as_deref(), site().as_deref()), (Some("last"), None));
}

#[test]
fn a_value_that_does_not_fit_is_a_hit_and_no_fire() {
    fn site() -> Option<u8> {
        fail_value!("told/misfit", u8)
    }
    let armed = arm_with("told/misfit", |hit| Action::value(hit.number() * 200)).unwrap();
    assert_eq!([site(), site(), site()], [Some(200), None, None]);
    assert_eq!((armed.hits(), armed.fires()), (3, 1));
}

#[test]
fn an_error_kind_becomes_that_error() {
    fn site() -> io::Result<()> {
        Ok(fail_result!("told/kind")?)
    }
    let _armed = arm_with("told/kind", |_| Action::error(io::ErrorKind::TimedOut)).unwrap();
    assert_eq!(site().unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn exploring_fails_every_passage_once() {
    fn save(log: &mut Vec<&'static str>) -> io::Result<()> {
        for step in ["explore/a", "explore/b"] {
            fail_result!("explore/step", step = step)?;
            log.push(step);
        }
        fail_point!("explore/cannot-fail");
        fail_point!("explore/end", |_| Err(io::Error::other("end")));
        log.push("end");
        Ok(())
    }
    let mut logs = Vec::new();
    let explored = explore(|run| {
        let mut log = Vec::new();
        let result = save(&mut log);
        assert_eq!(result.is_ok(), run.number() == 4);
        logs.push(log.len());
    });
    assert_eq!(explored.runs, 4);
    assert_eq!(logs, [0, 1, 2, 3]);
    let injected: Vec<_> =
        explored.injections.iter().map(|one| (one.point.as_str(), one.passage)).collect();
    assert_eq!(injected, [("explore/step", 1), ("explore/step", 2), ("explore/end", 3)]);
}
