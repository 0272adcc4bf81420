//! Who waits, who is released, and does control ever wait for them?
#![cfg(feature = "failpoints")]

#[cfg(not(miri))]
use failpoint::arm;
// Under Miri no linker lists the sites: each registers at its first hit, after it was armed.
#[cfg(miri)]
use failpoint::arm_unlisted as arm;
use failpoint::{WaitError, disarm, fail_point, fail_value, point};
use failpoint_test_support::{PATIENCE, until};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

#[test]
fn a_paused_caller_is_released_by_resume_disarm_and_re_arming() {
    fn site() -> bool {
        // What stands behind the pause runs only if the pause ended by resume.
        fail_value!("pause/release").is_some()
    }
    thread::scope(|scope| {
        let armed = arm("pause/release", "pause&return").unwrap();
        let resumed = scope.spawn(site);
        armed.wait_paused(1, PATIENCE).unwrap();
        assert_eq!(point("pause/release").unwrap().paused, 1);
        assert_eq!(armed.resume(10), 1);
        assert!(resumed.join().unwrap());
        assert_eq!(armed.resume(1), 0, "no credit is kept");

        let rearmed = scope.spawn(site);
        armed.wait_paused(1, PATIENCE).unwrap();
        let again = arm("pause/release", "pause&return").unwrap();
        assert!(!rearmed.join().unwrap(), "the rest is skipped when the arming is over");

        let disarmed = scope.spawn(site);
        again.wait_paused(1, PATIENCE).unwrap();
        assert!(disarm("pause/release").unwrap());
        assert!(!disarmed.join().unwrap());
        assert_eq!(again.paused(), 0);
    });
}

#[test]
fn resume_frees_the_oldest() {
    fn site() {
        fail_point!("pause/oldest");
    }
    let armed = arm("pause/oldest", "pause").unwrap();
    thread::scope(|scope| {
        let callers: Vec<_> = (1..=3)
            .map(|n| {
                let caller = scope.spawn(site);
                armed.wait_paused(n, PATIENCE).unwrap();
                caller
            })
            .collect();
        assert_eq!(armed.resume(2), 2);
        let mut callers = callers.into_iter();
        callers.next().unwrap().join().unwrap();
        callers.next().unwrap().join().unwrap();
        assert_eq!(armed.paused(), 1);
        drop(armed);
    });
}

#[test]
fn a_pause_has_a_limit_of_its_own() {
    fn site() {
        fail_point!("pause/limit");
    }
    let _armed = arm("pause/limit", "pause(10ms)").unwrap();
    let payload = thread::spawn(site).join().unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("failpoint pause/limit: the limit of 10ms ran out at "), "{message}");
}

#[test]
#[cfg_attr(miri, ignore = "waits for a point before a site of it was hit")]
fn sleepers_sleep_side_by_side() {
    fn site() {
        fail_point!("sleep/side-by-side");
    }
    fn never() {
        fail_point!("sleep/never");
    }
    fn looks() {
        fail_point!("sleep/looks");
    }
    let _ = never;
    let armed = arm("sleep/side-by-side", "sleep(1h)").unwrap();
    let _looks = arm("sleep/looks", "wait(sleep/never, 1, 1ms)").unwrap();
    thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(site)));
        // A limit that runs out says who waits where.
        until("four sleep at once", || {
            let message =
                *std::panic::catch_unwind(looks).unwrap_err().downcast::<String>().unwrap();
            message.matches(" sleeps at `sleep/side-by-side`").count() == 4
        });
        drop(armed);
    });
}

#[test]
fn disarming_ends_sleeps_at_once() {
    fn site() {
        fail_point!("sleep/ended");
    }
    for terms in ["sleep(1h)", "delay(1h)"] {
        let armed = arm("sleep/ended", terms).unwrap();
        thread::scope(|scope| {
            let caller = scope.spawn(site);
            armed.wait_fires(1, PATIENCE).unwrap();
            drop(armed);
            caller.join().unwrap();
        });
    }
}

#[test]
fn a_hit_before_the_wait_counts_and_one_before_the_arming_does_not() {
    fn site() {
        fail_point!("wait/hits");
    }
    let before = arm("wait/hits", "off").unwrap();
    site();
    let armed = arm("wait/hits", "off").unwrap();
    assert!(matches!(armed.wait_hits(1, Duration::ZERO), Err(WaitError::TimedOut { hits: 0, .. })));
    site();
    armed.wait_hits(1, Duration::ZERO).unwrap();
    assert!(matches!(before.wait_hits(9, PATIENCE), Err(WaitError::Disarmed { .. })));
    before.wait_hits(1, Duration::ZERO).unwrap();
}

#[test]
fn a_waiting_test_is_woken_by_hits_and_by_disarming() {
    fn site() {
        fail_point!("wait/woken");
    }
    // Miri takes its time.
    let hits = if cfg!(miri) { 20 } else { 1000 };
    let armed = arm("wait/woken", "off").unwrap();
    let ready = Barrier::new(2);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            ready.wait();
            armed.wait_hits(hits, PATIENCE)
        });
        ready.wait();
        (0..hits).for_each(|_| site());
        waiter.join().unwrap().unwrap();

        let waiter = scope.spawn(|| {
            ready.wait();
            armed.wait_hits(5000, PATIENCE)
        });
        ready.wait();
        assert!(disarm("wait/woken").unwrap());
        assert!(matches!(waiter.join().unwrap(), Err(WaitError::Disarmed { .. })));
    });
}

#[test]
#[cfg_attr(miri, ignore = "waits for a point before a site of it was hit")]
fn wait_orders_two_points() {
    fn first() {
        fail_point!("order/first");
    }
    fn second() {
        fail_point!("order/second");
    }
    // `order/first` is observed though nothing is armed there.
    let armed = arm("order/second", "wait(order/first, 2, 5m)").unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(second);
        armed.wait_hits(1, PATIENCE).unwrap();
        first();
        assert!(!waiter.is_finished());
        first();
        waiter.join().unwrap();
    });
    drop(armed);
    let _armed = arm("order/second", "wait(order/first, 1, 1ms)").unwrap();
    let payload = thread::spawn(second).join().unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("`order/first` was passed 0 of 1 times"), "{message}");
    assert!(message.contains("waits for another point at `order/second`"), "{message}");
}

/// Callers of one point that are many do not hide the one that the message is about.
#[test]
#[cfg_attr(miri, ignore = "waits for a point before a site of it was hit")]
fn a_message_names_its_own_caller_beside_a_crowd() {
    const CROWD: u64 = 40;
    fn crowded() {
        fail_point!("crowd/busy");
    }
    fn second() {
        fail_point!("crowd/first", if false);
        fail_point!("crowd/second");
    }
    let crowd = arm("crowd/busy", "pause(never)").unwrap();
    let callers: Vec<_> = (0..CROWD).map(|_| thread::spawn(crowded)).collect();
    crowd.wait_paused(CROWD, PATIENCE).unwrap();
    let _armed = arm("crowd/second", "wait(crowd/first, 1, 1ms)").unwrap();
    let payload = thread::spawn(second).join().unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("waits for another point at `crowd/second`"), "{message}");
    assert!(message.contains("more"), "{message}");
    drop(crowd);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
}

#[test]
fn a_barrier_lets_go_when_it_is_full() {
    fn site() {
        fail_point!("barrier");
    }
    let armed = arm("barrier", "barrier(3, 5m)").unwrap();
    thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(site))));
    assert_eq!(armed.fires(), 6);
    drop(armed);
    let _armed = arm("barrier", "barrier(2, 1ms)").unwrap();
    let payload = thread::spawn(site).join().unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("the barrier never held 2 callers"), "{message}");
}

#[test]
fn control_never_waits_for_execution() {
    fn site() {
        fail_point!("control/busy");
    }
    fn other() {
        fail_point!("control/other");
    }
    let _ = other;
    // Where control waited for the callers, it would go on in an hour, or never.
    for terms in ["sleep(1h)", "pause(never)"] {
        let armed = arm("control/busy", terms).unwrap();
        thread::scope(|scope| {
            let callers: Vec<_> = (0..100).map(|_| scope.spawn(site)).collect();
            armed.wait_fires(100, PATIENCE).unwrap();
            for _ in 0..10 {
                let listed = failpoint::points().into_iter().find(|p| p.name == "control/busy");
                assert_eq!(listed.unwrap().hits, 100);
                drop(arm("control/other", "pause").unwrap());
            }
            assert!(callers.iter().all(|caller| !caller.is_finished()), "they still wait there");
            drop(armed);
        });
    }
}

#[test]
fn user_code_runs_with_nothing_held() {
    fn site() -> Option<String> {
        fail_point!("control/inside", |text| {
            // From inside a return closure every verb answers.
            assert!(failpoint::points().iter().any(|point| point.name == "control/inside"));
            assert!(disarm("control/inside").unwrap());
            drop(arm("control/inside", "off").unwrap());
            text
        });
        None
    }
    arm("control/inside", "return(x)").unwrap().keep();
    assert_eq!(site().as_deref(), Some("x"));
}

#[test]
fn control_answers_during_a_panic() {
    fn site() {
        fail_point!("control/panic");
    }
    struct Control;
    impl Drop for Control {
        fn drop(&mut self) {
            assert!(thread::panicking());
            assert!(disarm("control/panic").unwrap());
        }
    }
    arm("control/panic", "panic").unwrap().keep();
    let payload = std::panic::catch_unwind(|| {
        let _control = Control;
        site();
    });
    assert!(payload.is_err());
    assert!(point("control/panic").unwrap().terms.is_none());
}
