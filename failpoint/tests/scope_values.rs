//! What values does a scope hold, and who finds them? The last test is for builds without failpoints.
#![cfg_attr(not(feature = "failpoints"), allow(dead_code, unused_imports))]

use failpoint::Scope;
use std::future::Future;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

#[derive(Debug, PartialEq)]
struct Disk(u32);

#[derive(Debug, PartialEq)]
struct Clock(u32);

fn disk() -> Option<u32> {
    Scope::find::<Disk>().map(|disk| disk.0)
}

fn held(scope: &Scope) -> Option<u32> {
    scope.get::<Disk>().map(|disk| disk.0)
}

/// A scope made in `outer`.
fn inner(outer: &Scope) -> Scope {
    outer.wrap_fn(Scope::new)()
}

/// Counts its drops, and uses scopes as it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // Deadlocks or panics where a lock or a list of the library's is held.
        let scope = Scope::new();
        let _in = scope.enter();
        scope.insert(Disk(0));
        assert_eq!(disk().is_some(), cfg!(feature = "failpoints"));
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn counted() -> (Dropped, impl Fn() -> usize) {
    let count = Arc::new(AtomicUsize::new(0));
    (Dropped(count.clone()), move || count.load(Ordering::SeqCst))
}

#[cfg(feature = "failpoints")]
mod on {
    use super::*;

    #[test]
    fn one_value_of_each_type() {
        let scope = Scope::new();
        assert_eq!(scope.insert(Disk(1)), None);
        assert_eq!(scope.insert(Clock(2)), None);
        assert_eq!(scope.insert(Disk(3)).as_deref(), Some(&Disk(1)));
        assert_eq!(scope.get().as_deref(), Some(&Disk(3)));
        assert_eq!(scope.get().as_deref(), Some(&Clock(2)));
        assert_eq!(scope.get::<u32>(), None);
        assert_eq!(scope.get::<Arc<Disk>>(), None);
        assert_eq!(held(&scope.clone()), Some(3), "a clone is the same scope");
        scope.reset();
        assert_eq!(held(&scope), Some(3), "reset disarms, and no more");
    }

    #[test]
    fn a_value_that_was_found_is_the_one_that_was_inserted() {
        let scope = Scope::new();
        scope.insert(AtomicUsize::new(0));
        let count = || {
            scope.get::<AtomicUsize>().unwrap().fetch_add(1, Ordering::SeqCst);
            Scope::find::<AtomicUsize>().unwrap().fetch_add(1, Ordering::SeqCst)
        };
        assert_eq!(scope.wrap_fn(count)(), 1);
    }

    #[test]
    fn inner_scopes_inherit() {
        let outermost = Scope::new();
        let outer = inner(&outermost);
        let inner = inner(&outer);
        assert_eq!(held(&inner), None);
        // Also what is inserted after they were made.
        outermost.insert(Disk(1));
        assert_eq!(held(&inner), Some(1));
        assert_eq!(inner.wrap_fn(disk)(), Some(1), "inside the innermost alone");
        assert_eq!(outer.insert(Disk(2)), None, "the other is not of this scope");
        assert_eq!((held(&outermost), held(&outer), held(&inner)), (Some(1), Some(2), Some(2)));
        // An inner scope keeps its outer ones, and their values.
        drop((outermost, outer));
        assert_eq!(held(&inner), Some(2));
        assert_eq!(thread::spawn(inner.wrap_fn(disk)).join().unwrap(), Some(2));
    }

    #[test]
    fn the_innermost_in_force_is_found() {
        let (one, other) = (Scope::new(), Scope::new());
        one.insert(Disk(1));
        let _one = one.enter();
        {
            // Made outside `one`, so it does not inherit; but both are in force.
            let _other = other.enter();
            assert_eq!((held(&other), disk()), (None, Some(1)));
            other.insert(Disk(2));
            assert_eq!(disk(), Some(2));
            let _one_again = one.enter();
            assert_eq!(disk(), Some(1));
        }
        assert_eq!(disk(), Some(1));
    }

    #[test]
    fn isolated_scopes_inherit_nothing() {
        let outer = Scope::new();
        outer.insert(Disk(1));
        let _in = outer.enter();
        let alone = Scope::isolated("alone");
        assert_eq!(held(&alone), None);
        assert_eq!(alone.wrap_fn(disk)(), None, "nor does the search go on");
        let inside = inner(&alone);
        assert_eq!((held(&inside), inside.wrap_fn(disk)()), (None, None));
        alone.insert(Disk(2));
        assert_eq!((held(&inside), inside.wrap_fn(disk)()), (Some(2), Some(2)));
        assert_eq!(alone.wrap_fn(Scope::find::<Clock>)(), None);
        assert_eq!(disk(), Some(1));
    }

    #[test]
    fn wrapped_futures_and_closures_find_and_hold() {
        let (value, drops) = counted();
        let scope = Scope::new();
        scope.insert(value);
        scope.insert(Disk(1));
        let closure = scope.wrap_fn(disk);
        let mut future = Box::pin(scope.wrap(async {
            tokio::task::yield_now().await;
            disk()
        }));
        drop(scope);
        assert_eq!(thread::spawn(closure).join().unwrap(), Some(1));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
        assert_eq!((disk(), drops()), (None, 0), "not here, and not gone");
        assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(Some(1)));
        assert_eq!(drops(), 1, "a future that is done holds nothing");
    }

    #[test]
    fn a_future_that_moves_between_threads_finds_its_own() {
        async fn find_twice() -> [Option<u32>; 2] {
            let first = disk();
            tokio::task::yield_now().await;
            [first, disk()]
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let tasks = (0..100).map(|n| {
            let scope = Scope::new();
            scope.insert(Disk(n));
            runtime.spawn(scope.wrap(find_twice()))
        });
        for (n, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(runtime.block_on(task).unwrap(), [Some(n as u32); 2]);
        }
        assert_eq!(runtime.block_on(runtime.spawn(find_twice())).unwrap(), [None; 2]);
    }

    #[test]
    fn threads_of_a_pool_find_without_holding() {
        let (value, drops) = counted();
        let outer = Scope::new();
        outer.insert(Disk(1));
        let scope = inner(&outer);
        scope.insert(value);
        let hook = scope.on_thread_start();
        let (questions, asked) = mpsc::channel::<()>();
        let (answer, answers) = mpsc::channel();
        let worker = thread::spawn(move || {
            hook();
            for () in asked {
                // What was found is let go before the answer, not at the end of this statement:
                // the test counts drops as soon as it has the answer.
                let found = Scope::find::<Dropped>().is_some();
                answer.send((disk(), found)).unwrap();
            }
        });
        let ask = || {
            questions.send(()).unwrap();
            answers.recv().unwrap()
        };
        assert_eq!(ask(), (Some(1), true));
        scope.insert(Disk(2));
        assert_eq!(ask(), (Some(2), true));
        drop(scope);
        assert_eq!(drops(), 1, "the pool does not keep it");
        // Like what is armed: the thread was given a scope that is gone, not the one around it.
        assert_eq!(ask(), (None, false));
        drop(questions);
        worker.join().unwrap();
    }

    #[test]
    fn values_are_dropped_when_they_should_be() {
        let (first, first_drops) = counted();
        let (second, second_drops) = counted();
        let scope = Scope::new();
        scope.insert(first);
        let replaced = scope.insert(second);
        assert_eq!(first_drops(), 0, "it was given back");
        drop(replaced);
        assert_eq!((first_drops(), second_drops()), (1, 0));
        let handle = scope.get::<Dropped>().unwrap();
        drop(scope.clone());
        drop(scope);
        assert_eq!(second_drops(), 0, "a handle to the value keeps it");
        drop(handle);
        assert_eq!(second_drops(), 1);
    }

    #[test]
    fn a_scope_that_ends_while_it_is_left_drops_its_values_with_nothing_held() {
        let (value, drops) = counted();
        let scope = Scope::new();
        scope.insert(value);
        thread::spawn(scope.wrap_fn(|| ())).join().unwrap();
        let ends_here = scope.wrap_fn(disk);
        drop(scope);
        assert_eq!((ends_here(), drops()), (None, 1));
    }

    #[test]
    fn a_value_whose_drop_panics_takes_no_other_with_it() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("a drop that panics");
            }
        }
        let (value, drops) = counted();
        let scope = Scope::new();
        scope.insert(Bomb);
        scope.insert(value);
        assert!(catch_unwind(|| drop(scope)).is_err());
        assert_eq!(drops(), 1);
        let scope = Scope::new();
        scope.insert(Disk(1));
        assert_eq!(scope.wrap_fn(disk)(), Some(1));
    }

    #[test]
    fn a_thousand_scopes_never_meet() {
        let one = |n: u32| {
            let scope = Scope::new();
            let _in = scope.enter();
            assert_eq!(disk(), None);
            scope.insert(Disk(n));
            for _ in 0..10 {
                assert_eq!(disk(), Some(n));
            }
        };
        thread::scope(|threads| {
            for worker in 0..8 {
                threads.spawn(move || (0..125).for_each(|n| one(worker * 125 + n)));
            }
        });
    }

    #[test]
    fn threads_that_share_a_scope_insert_and_find_at_once() {
        let scope = Scope::new();
        scope.insert(Disk(0));
        let inserted = thread::scope(|threads| {
            let workers: Vec<_> = (1..=4)
                .map(|n| {
                    threads.spawn(scope.wrap_fn(move || {
                        let scope = Scope::current().unwrap();
                        let replaced = (0..100).map(|_| scope.insert(Disk(n)).unwrap().0);
                        let replaced = replaced.sum::<u32>();
                        assert!((1..=4).contains(&disk().unwrap()));
                        replaced
                    }))
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u32>()
        });
        // Each value is returned once, and only the last one is still there.
        assert_eq!(inserted + held(&scope).unwrap(), 100 * (1 + 2 + 3 + 4));
    }

    #[test]
    fn a_future_is_polled_outside_as_before() {
        let scope = Scope::new();
        scope.insert(Disk(1));
        let mut future = pin!(scope.wrap(std::future::pending::<()>()));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(disk(), None);
    }

    #[failpoint::test]
    fn the_scope_of_a_test_holds_values(scope: Scope) {
        scope.insert(Disk(1));
        assert_eq!(disk(), Some(1));
    }
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn nothing_is_held_where_failpoints_are_compiled_out() {
    let (value, drops) = counted();
    let scope = Scope::new();
    assert!(scope.insert(value).is_none());
    assert_eq!(drops(), 1);
    let _in = scope.enter();
    assert!(scope.insert(Disk(1)).is_none());
    assert!(scope.insert(Disk(2)).is_none());
    assert_eq!((held(&scope), disk(), held(&inner(&scope))), (None, None, None));
}
