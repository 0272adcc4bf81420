//! What do armed points do in a scope that is simulated? The last test is for builds without failpoints.
#![cfg_attr(not(feature = "failpoints"), allow(dead_code, unused_imports))]

mod common;

use failpoint::{
    Error, InjectedPanic, Scope, Simulation, arm, fail_point, fail_point_async, fail_result,
    fail_value, fail_value_async,
};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Notes every sleep.
#[derive(Default)]
struct Clock(Mutex<Vec<(String, Duration)>>);

impl Simulation for Clock {
    fn sleep(&self, point: &str, length: Duration) {
        self.0.lock().unwrap().push((point.to_owned(), length));
    }
}

impl Clock {
    fn slept(&self) -> Vec<Duration> {
        self.0.lock().unwrap().iter().map(|(_, length)| *length).collect()
    }
}

/// A scope with a clock.
fn simulated() -> (Scope, Arc<Clock>) {
    let (scope, clock) = (Scope::isolated("a node"), Arc::new(Clock::default()));
    scope.simulate(clock.clone());
    (scope, clock)
}

/// Long enough to see that a test blocks.
const HOUR: Duration = Duration::from_secs(3600);

#[cfg(feature = "failpoints")]
#[test]
#[ignore = "run by a test below"]
fn child() {
    on::child();
}

#[cfg(feature = "failpoints")]
mod on {
    use super::*;
    use std::io::{self, Write};

    /// Runs a step; gives the payload if it did not come to its end.
    fn step<R>(scope: &Scope, body: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
        catch_unwind(AssertUnwindSafe(scope.wrap_fn(body)))
    }

    /// What [`step`] was ended by, in short.
    fn crash(scope: &Scope, body: impl FnOnce()) -> String {
        let payload = step(scope, body).unwrap_err();
        let crash = InjectedPanic::of(&*payload).expect("the payload of an injected panic");
        assert_eq!(payload.downcast_ref::<String>(), Some(&crash.to_string()));
        format!("{} {:?} {:?}", crash.point(), crash.ending(), crash.text())
    }

    /// Polls once: nothing may be pending.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged on this thread.
    fn log_of(body: impl FnOnce()) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone());
        tracing::subscriber::with_default(log.finish(), body);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn sleeps_are_the_owners_and_the_code_goes_on() {
        fn site() -> u8 {
            fail_point!("sim/sleep", |n: u8| n);
            0
        }
        let (scope, clock) = simulated();
        let run = scope.wrap_fn(|| {
            scope.arm("sim/sleep", "2*sleep(1h)&delay(2h)&return(5)->sleep(0)").unwrap();
            [site(), site(), site()]
        });
        assert_eq!(run(), [5, 5, 0]);
        assert_eq!(clock.slept(), [HOUR, 2 * HOUR, HOUR, 2 * HOUR]);
        assert_eq!(clock.0.lock().unwrap()[0].0, "sim/sleep");
        assert_eq!((scope.hits("sim/sleep").unwrap(), scope.fires("sim/sleep").unwrap()), (3, 3));
    }

    #[test]
    fn async_sleeps_are_the_owners_too() {
        async fn site() -> Option<u8> {
            fail_point_async!("sim/async");
            fail_value_async!("sim/async-value", u8)
        }
        let (scope, clock) = simulated();
        scope.arm("sim/async", "sleep(1h)&delay(1h)").unwrap();
        scope.arm("sim/async-value", "sleep(2h)&return(7)").unwrap();
        assert_eq!(now(scope.wrap(site())), Some(7));
        assert_eq!(clock.slept(), [HOUR, HOUR, 2 * HOUR]);
        scope.arm("sim/async", "kill").unwrap();
        assert_eq!(
            crash(&scope, || {
                now(site());
            }),
            "sim/async Some(Kill) None"
        );
    }

    #[test]
    fn a_scope_that_a_point_names_is_simulated() {
        fn site(scope: &Scope) -> Option<u8> {
            fail_value!(in scope, "sim/in", u8)
        }
        async fn awaiting(scope: &Scope) -> Option<u8> {
            fail_value_async!(in scope, "sim/in-async", u8)
        }
        let (scope, clock) = simulated();
        scope.arm("sim/in", "sleep(1h)&return(1)").unwrap();
        scope.arm("sim/in-async", "sleep(2h)&return(2)").unwrap();
        assert_eq!((site(&scope), now(awaiting(&scope))), (Some(1), Some(2)));
        assert_eq!(clock.slept(), [HOUR, 2 * HOUR]);
    }

    #[test]
    fn what_ends_a_process_ends_the_step() {
        fn site() {
            fail_point!("sim/ends");
            unreachable!("the rest of the step");
        }
        let (scope, _) = simulated();
        for (terms, seen) in [
            ("panic", "None None"),
            ("panic(disk: gone)", "None Some(\"disk: gone\")"),
            ("exit", "Some(Exit(1)) None"),
            ("exit(42)", "Some(Exit(42)) None"),
            ("abort", "Some(Abort) None"),
            ("kill", "Some(Kill) None"),
            ("sleep(1h)&kill", "Some(Kill) None"),
        ] {
            scope.arm("sim/ends", terms).unwrap();
            assert_eq!(crash(&scope, site), format!("sim/ends {seen}"), "{terms}");
        }
        scope.arm_with("sim/ends", |_| failpoint::Action::Panic(Some("asked".into()))).unwrap();
        assert_eq!(crash(&scope, site), "sim/ends None Some(\"asked\")");
        scope.arm("sim/ends", "exit(3)").unwrap();
        let payload = step(&scope, site).unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "failpoint sim/ends exit(3)");
    }

    pub(crate) fn child() {
        fn site() {
            fail_point!("sim/quiet");
        }
        std::panic::set_hook(Box::new(|_| println!("the hook was called")));
        let (scope, _) = simulated();
        for terms in ["panic", "exit(3)", "abort", "kill"] {
            scope.arm("sim/quiet", terms).unwrap();
            crash(&scope, site);
        }
        println!("still alive");
    }

    #[cfg(not(miri))]
    #[test]
    fn neither_hooks_nor_the_panic_mode_matter() {
        for mode in ["abort", "exit:9", "unwind"] {
            let output = common::run("", &[("FAILPOINT_PANIC", mode)]);
            let (said, error) = (common::stdout(&output), common::stderr(&output));
            assert!(output.status.success(), "{mode}: {output:?}");
            assert!(said.contains("still alive") && !said.contains("hook"), "{mode}: {said}");
            assert!(!error.contains("sim/quiet"), "{mode}: {error}");
        }
    }

    #[test]
    fn a_thread_that_unwinds_only_logs() {
        struct Site;
        impl Drop for Site {
            fn drop(&mut self) {
                fail_point!("sim/unwinds");
            }
        }
        for terms in ["panic", "exit(3)", "abort", "kill"] {
            let (scope, _) = simulated();
            scope.arm("sim/unwinds", terms).unwrap();
            let log = log_of(|| {
                let payload = step(&scope, || {
                    let _site = Site;
                    std::panic::resume_unwind(Box::new(7));
                });
                assert_eq!(payload.unwrap_err().downcast_ref::<i32>(), Some(&7));
            });
            assert!(
                log.contains(&format!("failpoint sim/unwinds {terms} (not panicking")),
                "{log}"
            );
            assert_eq!(scope.fires("sim/unwinds").unwrap(), 1);
        }
    }

    #[test]
    fn what_cannot_be_simulated_is_refused() {
        fn site() {
            fail_point!("sim/refuses");
            fail_point!("sim/refuses-not");
        }
        let (scope, _) = simulated();
        let place = |terms: &str| match scope.arm("sim/refuses", terms).unwrap_err() {
            Error::CannotSimulate { name, action, offset, instead, caret, .. } => {
                assert_eq!(name, "sim/refuses");
                assert!(!instead.is_empty(), "{terms}");
                assert!(caret.contains(&format!("^ at byte {offset}")), "{caret}");
                (action, offset)
            }
            error => panic!("{terms}: {error}"),
        };
        assert_eq!(place("pause"), ("pause", 0));
        assert_eq!(place("  2*off -> 50%sleep(1) & pause(1s)"), ("pause", 25));
        assert_eq!(place("wait(sim/refuses-not)"), ("wait", 0));
        assert_eq!(place("print(pause)&barrier(2)"), ("barrier", 13));
        assert_eq!(place("after(1s):for(2s):off"), ("after", 0));
        assert_eq!(place("when(thread=\"for(1s):\"):skip(3):for(2s):off"), ("for", 32));
        assert_eq!(place("off->\n1*return(x)->pause"), ("pause", 19));
        assert_eq!(
            scope.arm("sim/refuses", "1*off->pause").unwrap_err().to_string(),
            "`pause` at the failpoint `sim/refuses` cannot be simulated: nothing waits in a simulated \
             scope; use `sleep(…)`, or let the script decide when this code runs on\n  \
             1*off->pause\n         ^ at byte 7"
        );
        // What is no terms is refused as ever, and so is a name that is not there.
        assert!(matches!(scope.arm("sim/refuses", "pause("), Err(Error::Parse { .. })));
        assert!(matches!(scope.arm("sim/nowhere", "off"), Err(Error::UnknownPoint { .. })));
        scope.wrap_fn(site)();
        assert_eq!(scope.hits("sim/refuses").unwrap(), 0);
    }

    #[test]
    fn a_config_is_refused_as_a_whole_with_places_in_it() {
        fn site() {
            fail_point!("sim/config-a");
            fail_point!("sim/config-b");
        }
        let (scope, _) = simulated();
        let config = "sim/config-a = off; sim/config-b = 1*off-> pause ;sim/config-a=x";
        let Error::Config(errors) = scope.arm_all(config).unwrap_err() else { panic!() };
        let pause = errors.iter().find_map(|error| match error {
            Error::CannotSimulate { name, offset, .. } => Some((name.as_str(), *offset)),
            _ => None,
        });
        assert_eq!(pause, Some(("sim/config-b", config.find("pause").unwrap())), "{errors:?}");
        assert_eq!(errors.len(), 3, "{errors:?}");
        scope.wrap_fn(site)();
        assert_eq!(scope.hits("sim/config-a").unwrap(), 0);
        scope.arm_all("sim/config-a=off;sim/config-b=print(pause)").unwrap();
    }

    #[test]
    fn scopes_inherit_a_simulation_unless_they_are_isolated() {
        fn site() {
            fail_point!("sim/inherits");
        }
        let (outer, clock) = simulated();
        let inner = outer.wrap_fn(Scope::new)();
        assert!(matches!(inner.arm("sim/inherits", "pause"), Err(Error::CannotSimulate { .. })));
        inner.arm("sim/inherits", "sleep(1h)").unwrap();
        inner.wrap_fn(site)();
        assert_eq!(clock.slept(), [HOUR]);

        // One that was made elsewhere is simulated where it is inside.
        let elsewhere = Scope::new();
        elsewhere.arm("sim/inherits", "sleep(2h)").unwrap();
        outer.wrap_fn(elsewhere.wrap_fn(site))();
        assert_eq!(clock.slept(), [HOUR, 2 * HOUR]);

        let isolated = outer.wrap_fn(|| Scope::isolated("alone"))();
        isolated.arm("sim/inherits", "pause(1ms)").unwrap();
        let limit = outer.wrap_fn(|| step(&isolated, site).unwrap_err())();
        assert!(InjectedPanic::of(&*limit).is_none(), "a limit that ran out");

        let second = Arc::new(Clock::default());
        outer.simulate(second.clone());
        inner.wrap_fn(site)();
        assert_eq!((clock.slept().len(), second.slept()), (2, vec![HOUR]));
    }

    #[test]
    fn what_waits_is_passed_by_where_it_is_armed_elsewhere() {
        fn site() -> Option<u8> {
            fail_value!("sim/elsewhere", u8)
        }
        fn other() {
            fail_point!("sim/other");
        }
        // Not isolated, so that it sees what is armed globally.
        let (scope, clock) = (Scope::new(), Arc::new(Clock::default()));
        scope.simulate(clock.clone());
        for waits in ["pause(never)", "wait(sim/other, 1, 1h)", "barrier(2, 1h)"] {
            let _armed = arm("sim/elsewhere", &format!("{waits}&sleep(1h)&return(1)")).unwrap();
            let log = log_of(|| {
                assert_eq!(scope.wrap_fn(site)(), Some(1), "{waits}");
                assert_eq!(scope.wrap_fn(site)(), Some(1), "{waits}");
            });
            assert_eq!(log.lines().count(), 1, "{log}");
            let word = waits.split('(').next().unwrap();
            assert!(
                log.contains(&format!("failpoint sim/elsewhere: `{word}` is ignored")),
                "{log}"
            );
        }
        assert_eq!(clock.slept(), [HOUR; 6]);
        other();

        // Armed before the simulation came.
        let late = Scope::isolated("late");
        late.arm("sim/elsewhere", "pause(never)&return(2)").unwrap();
        late.simulate(Arc::new(Clock::default()));
        let log = log_of(|| assert_eq!(late.wrap_fn(site)(), Some(2)));
        assert!(log.contains("WARN") && log.contains("`pause` is ignored"), "{log}");
    }

    #[test]
    fn a_term_that_follows_the_clock_does_not_act() {
        fn site() -> Option<u8> {
            fail_value!("sim/windows", u8)
        }
        let (scope, _) = simulated();
        let outside = Scope::new();
        outside.arm("sim/windows", "after(0ms):return(1)->for(1h):return(2)->return(3)").unwrap();
        assert_eq!(outside.wrap_fn(site)(), Some(1));
        let log = log_of(|| {
            assert_eq!(scope.wrap_fn(outside.wrap_fn(site))(), Some(3));
            assert_eq!(scope.wrap_fn(outside.wrap_fn(site))(), Some(3));
        });
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("`after` is ignored in a simulated scope"), "{log}");
    }

    #[test]
    fn the_owner_may_use_points_and_scopes_while_it_is_asked() {
        struct Nested(Mutex<Option<Scope>>);
        impl Simulation for Nested {
            fn sleep(&self, _: &str, _: Duration) {
                // Taken for the time of the call.
                let scope = self.0.lock().unwrap().take().unwrap();
                assert_eq!(fail_value!("sim/nested", u8), Some(4));
                scope.disarm("sim/asks").unwrap();
                scope.arm("sim/asks", "off").unwrap();
                // The last handle to this simulation is the caller's.
                scope.simulate(Arc::new(Clock::default()));
            }
        }
        fn site() -> u8 {
            fail_point!("sim/asks", |n: u8| n);
            0
        }
        let scope = Scope::isolated("asks");
        scope.simulate(Nested(Mutex::new(Some(scope.clone()))));
        scope.arm("sim/nested", "return(4)").unwrap();
        scope.arm("sim/asks", "sleep(1h)&return(6)").unwrap();
        assert_eq!(scope.wrap_fn(|| [site(), site()])(), [6, 0]);
    }

    #[test]
    fn a_panic_of_the_owner_is_not_an_injected_one() {
        struct Panics;
        impl Simulation for Panics {
            fn sleep(&self, _: &str, _: Duration) {
                std::panic::resume_unwind(Box::new("a mistake of the owner"));
            }
        }
        let scope = Scope::isolated("panics");
        scope.simulate(Panics);
        scope.arm("sim/owner-panics", "1*sleep(1h)->kill").unwrap();
        let site = || fail_point!("sim/owner-panics");
        let payload = step(&scope, site).unwrap_err();
        assert!(InjectedPanic::of(&*payload).is_none());
        assert_eq!(crash(&scope, site), "sim/owner-panics Some(Kill) None");
    }

    /// What 200 steps do: the lengths of sleeps, and what was injected.
    fn run(name: &str) -> Vec<String> {
        fn site() -> Option<String> {
            fail_point!("sim/chance");
            fail_result!("sim/chance-result").err().map(|error| error.to_string())
        }
        let (scope, clock) = (Scope::isolated(name), Arc::new(Clock::default()));
        scope.simulate(clock.clone());
        scope.arm("sim/chance", "5%exit(7)->30%sleep(1ms..2h)->every(3):20%panic").unwrap();
        scope.arm("sim/chance-result", "skip(4):40%return(EIO)").unwrap();
        let mut seen = Vec::new();
        for _ in 0..200 {
            seen.push(match step(&scope, site) {
                Ok(result) => format!("{result:?}"),
                Err(payload) => InjectedPanic::of(&*payload).unwrap().to_string(),
            });
        }
        seen.push(format!("{:?}", clock.slept()));
        seen
    }

    #[test]
    fn runs_with_one_seed_and_name_are_the_same_on_every_thread() {
        failpoint::seed(14);
        let first = run("one");
        assert!(first.contains(&"failpoint sim/chance exit(7)".to_owned()), "{first:?}");
        assert!(first.contains(&"failpoint sim/chance panic".to_owned()), "{first:?}");
        let others: Vec<_> = (0..4).map(|_| std::thread::spawn(|| run("one"))).collect();
        for other in others {
            assert_eq!(other.join().unwrap(), first);
        }
        assert_ne!(run("two"), first, "the name of a scope decides its draws");
        failpoint::seed(15);
        assert_ne!(run("one"), first, "the seed decides the draws");
        failpoint::seed(14);
        assert_eq!(run("one"), first);
    }
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn nothing_is_simulated_where_failpoints_are_compiled_out() {
    struct Dropped(Arc<()>);
    impl Simulation for Dropped {
        fn sleep(&self, _: &str, _: Duration) {
            unreachable!("{:?}", self.0);
        }
    }
    let (scope, clock) = simulated();
    let counted = Arc::new(());
    scope.simulate(Dropped(counted.clone()));
    assert_eq!(Arc::strong_count(&counted), 1);
    let _in = scope.enter();
    fail_point!("sim/off");
    assert_eq!(scope.arm("sim/off", "pause"), Err(Error::CompiledOut));
    assert!(clock.slept().is_empty());
    let payload = std::panic::catch_unwind(|| panic!("failpoint sim/off kill")).unwrap_err();
    assert!(InjectedPanic::of(&*payload).is_none());
    assert_eq!(failpoint::Ending::Exit(3).to_string(), "exit(3)");
}
