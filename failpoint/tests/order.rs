//! Can threads and tasks be put in order, in any mix? And who is named when an order cannot be had?
#![cfg(feature = "failpoints")]

use failpoint::{Scope, fail_point, fail_point_async, fail_value_async};
use failpoint_test_support::PATIENCE;
use std::future::Future;
use std::sync::Mutex;
use std::thread;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The message with which `body` panics.
fn message_of<R>(body: impl FnOnce() -> R) -> String {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    *outcome.err().expect("it panics").downcast::<String>().unwrap()
}

/// One point with a site for threads and one for tasks.
mod meeting {
    use super::*;

    pub(super) fn thread() {
        fail_point!("order/meeting");
    }

    pub(super) async fn task() {
        fail_point_async!("order/meeting");
    }
}

#[test]
fn a_barrier_holds_threads_and_tasks_alike() {
    let scope = Scope::new();
    // A task that comes to a thread, a thread that comes to a task, and four of both kinds.
    for (size, threads, tasks, thread_is_first) in
        [(2, 1, 1, true), (2, 1, 1, false), (4, 2, 2, true), (4, 2, 2, false)]
    {
        scope.arm("order/meeting", &format!("barrier({size}, 5m)")).unwrap();
        let crossed = Mutex::new(0);
        let cross = || *crossed.lock().unwrap() += 1;
        thread::scope(|all| {
            let start_threads = || {
                for _ in 0..threads {
                    let (scope, cross) = (scope.clone(), &cross);
                    all.spawn(move || {
                        scope.wrap_fn(meeting::thread)();
                        cross();
                    });
                }
            };
            let start_tasks = || {
                let (scope, cross) = (scope.clone(), &cross);
                all.spawn(move || {
                    block_on(async {
                        let task = async || {
                            scope.wrap(meeting::task()).await;
                            cross();
                        };
                        match tasks {
                            1 => task().await,
                            _ => drop(tokio::join!(task(), task())),
                        }
                    });
                });
            };
            let early = if thread_is_first { threads } else { tasks };
            if thread_is_first {
                start_threads()
            } else {
                start_tasks()
            }
            scope.wait_hits("order/meeting", early, PATIENCE).unwrap();
            assert_eq!(*crossed.lock().unwrap(), 0, "nobody goes before all are there");
            if thread_is_first { start_tasks() } else { start_threads() }
        });
        assert_eq!(*crossed.lock().unwrap(), threads + tasks);
    }
}

#[test]
fn a_task_waits_for_a_thread() {
    fn first() {
        fail_point!("order/thread-first");
    }
    async fn second() -> bool {
        fail_value_async!("order/task-second").is_some()
    }
    let scope = Scope::new();
    scope.arm("order/task-second", "wait(order/thread-first, 2, 5m)&return").unwrap();
    block_on(async {
        let task = tokio::spawn(scope.wrap(second()));
        scope.wait_hits_async("order/task-second", 1, PATIENCE).await.unwrap();
        thread::spawn(scope.wrap_fn(first)).join().unwrap();
        tokio::task::yield_now().await;
        assert!(!task.is_finished(), "the thread came by once, not twice");
        thread::spawn(scope.wrap_fn(first)).join().unwrap();
        assert!(task.await.unwrap());
    });
}

#[test]
fn a_thread_waits_for_a_task() {
    async fn first() {
        fail_point_async!("order/task-first");
    }
    fn second() {
        fail_point!("order/thread-second");
    }
    let scope = Scope::new();
    scope.arm("order/thread-second", "wait(order/task-first, 1, 5m)").unwrap();
    let waiter = thread::spawn(scope.wrap_fn(second));
    scope.wait_hits("order/thread-second", 1, PATIENCE).unwrap();
    block_on(async {
        tokio::spawn(first()).await.unwrap();
        assert!(!waiter.is_finished(), "that passage was outside");
        tokio::spawn(scope.wrap(first())).await.unwrap();
    });
    waiter.join().unwrap();
}

#[test]
fn threads_and_tasks_take_turns() {
    static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    fn log(what: &'static str) {
        LOG.lock().unwrap().push(what);
    }
    fn ping() {
        log("thread 1");
        fail_point!("order/one");
        fail_point!("order/three");
        log("thread 3");
        fail_point!("order/three-done");
    }
    async fn pong() {
        fail_point_async!("order/two");
        log("task 2");
        fail_point_async!("order/two-done");
        fail_point_async!("order/four");
        log("task 4");
    }
    let scope = Scope::new();
    for _ in 0..20 {
        // Each waits for the other, by turns, whoever starts first.
        scope
            .arm_all(
                "order/two=wait(order/one); order/three=wait(order/two-done); \
                 order/four=wait(order/three-done)",
            )
            .unwrap();
        thread::scope(|all| {
            all.spawn(scope.wrap_fn(ping));
            all.spawn(|| block_on(scope.wrap(pong())));
        });
        assert_eq!(
            std::mem::take(&mut *LOG.lock().unwrap()),
            ["thread 1", "task 2", "thread 3", "task 4"]
        );
    }
}

#[test]
fn a_limit_that_runs_out_names_who_waits_for_what() {
    fn never() {
        fail_point!("order/never");
    }
    fn on_thread() {
        fail_point!("order/stuck-thread");
    }
    async fn on_task() {
        fail_point_async!("order/stuck-task");
    }
    fn limited() {
        fail_point!("order/limited");
    }
    async fn limited_task() {
        fail_point_async!("order/limited");
    }
    let _ = never;
    let scope = Scope::new();
    scope.arm("order/stuck-thread", "barrier(7, 5m)").unwrap();
    scope.arm("order/stuck-task", "pause(5m)").unwrap();
    thread::scope(|all| {
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        named("flusher").spawn_scoped(all, scope.wrap_fn(on_thread)).unwrap();
        named("executor").spawn_scoped(all, || block_on(scope.wrap(on_task()))).unwrap();
        scope.wait_hits("order/stuck-thread", 1, PATIENCE).unwrap();
        scope.wait_paused("order/stuck-task", 1, PATIENCE).unwrap();
        let standing = |message: &str| {
            for part in [
                "\n  thread `flusher` at ",
                " waits at a barrier at `order/stuck-thread` (barrier(7, 5m))",
                "\n  a task on thread `executor` at ",
                " is paused at `order/stuck-task` (pause(5m))",
                "order.rs:",
            ] {
                assert!(message.contains(part), "{part} is missing in: {message}");
            }
        };

        scope.arm("order/limited", "wait(order/never, 3, 1ms)").unwrap();
        let message = named("waiter")
            .spawn_scoped(all, || message_of(scope.wrap_fn(limited)))
            .unwrap()
            .join()
            .unwrap();
        for part in [
            "failpoint order/limited: the limit of 1ms ran out at ",
            "`order/never` was passed 0 of 3 times",
            "\n  thread `waiter` at ",
            " waits for another point at `order/limited` (wait(order/never, 3, 1ms))",
        ] {
            assert!(message.contains(part), "{part} is missing in: {message}");
        }
        standing(&message);

        scope.arm("order/limited", "barrier(2, 1ms)").unwrap();
        let message = named("runtime")
            .spawn_scoped(all, || message_of(|| block_on(scope.wrap(limited_task()))))
            .unwrap()
            .join()
            .unwrap();
        for part in [
            "failpoint order/limited: the limit of 1ms ran out at ",
            "the barrier never held 2 callers",
            "\n  a task on thread `runtime` at ",
            " waits at a barrier at `order/limited` (barrier(2, 1ms))",
        ] {
            assert!(message.contains(part), "{part} is missing in: {message}");
        }
        standing(&message);
        scope.reset();
    });
}
