//! Does an async point leave its executor alone?
// Miri has no linker's list, so a point cannot be armed before its first hit: see tests/late.rs.
#![cfg(all(feature = "failpoints", not(miri)))]

use failpoint::{Scope, arm, fail_point_async, fail_result_async, fail_value_async};
use failpoint_test_support::PATIENCE;
use std::future::Future;
use std::time::{Duration, Instant};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_ticker_keeps_ticking_beside_every_wait() {
    async fn site() {
        fail_point_async!("task/beside");
    }
    async fn other() {
        fail_point_async!("task/other");
    }
    for terms in ["sleep(1h)", "delay(1h)", "pause", "wait(task/other, 1, 1h)", "barrier(2, 1h)"] {
        let scope = Scope::new();
        scope.arm("task/beside", terms).unwrap();
        runtime().block_on(async {
            let task = tokio::spawn(scope.wrap(site()));
            // Were the thread blocked, there would be no second tick.
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            assert_eq!(scope.fires("task/beside").unwrap(), 1);
            assert!(!task.is_finished(), "{terms}");
            scope.reset();
            task.await.unwrap();
        });
    }
    drop(other());
}

/// Measures, so it wants a machine to itself:
/// `cargo test --release -p failpoint --features failpoints --test tasks -- --ignored --nocapture`
#[test]
#[ignore = "measures"]
fn a_ticker_of_twenty_milliseconds_sees_no_gap() {
    async fn site() {
        fail_point_async!("task/gap");
    }
    async fn other() {
        fail_point_async!("task/gap/other");
    }
    for terms in ["sleep(1h)", "delay(1h)", "pause", "wait(task/gap/other, 1, 1h)"] {
        let scope = Scope::new();
        scope.arm("task/gap", terms).unwrap();
        let longest = runtime().block_on(async {
            let task = tokio::spawn(scope.wrap(site()));
            let mut ticker = tokio::time::interval(Duration::from_millis(20));
            let mut last = ticker.tick().await;
            let mut longest = Duration::ZERO;
            for _ in 0..50 {
                ticker.tick().await;
                let now = tokio::time::Instant::now();
                longest = longest.max(now - std::mem::replace(&mut last, now));
            }
            assert!(!task.is_finished(), "{terms}");
            scope.reset();
            task.await.unwrap();
            longest
        });
        println!("{terms}: the longest gap of 50 is {longest:?}");
        assert!(longest < Duration::from_millis(30), "{terms}: a gap of {longest:?}");
    }
    drop(other());
}

#[test]
fn the_forms_await_and_return() {
    async fn closure(n: u64) -> Result<u64, String> {
        fail_point_async!("task/closure", if n > 1, n = n, |text| Err(text.unwrap()));
        fail_point_async!("task/typed", |v: u64| Ok(v));
        Ok(n)
    }
    async fn value() -> Option<u8> {
        fail_value_async!("task/value", u8)
    }
    async fn result() -> std::io::Result<()> {
        fail_result_async!("task/result")?;
        Ok(())
    }
    let scope = Scope::new();
    runtime().block_on(scope.wrap(async {
        assert_eq!(closure(3).await, Ok(3));
        scope.arm("task/closure", "when(n=3):sleep(1)&return(three)").unwrap();
        assert_eq!(closure(1).await, Ok(1));
        assert_eq!(closure(2).await, Ok(2));
        assert_eq!(closure(3).await, Err("three".into()));
        scope.arm_all("task/typed=return(7);task/value=return(8);task/result=return(EIO)").unwrap();
        assert_eq!(closure(2).await, Ok(7));
        assert_eq!(value().await, Some(8));
        assert_eq!(result().await.unwrap_err().raw_os_error(), Some(5));
    }));
}

#[test]
fn dropping_the_future_leaves() {
    async fn site() {
        fail_point_async!("task/dropped");
    }
    let armed = arm("task/dropped", "pause").unwrap();
    runtime().block_on(async {
        let task = tokio::spawn(site());
        while armed.paused() == 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(armed.paused(), 0);
}

#[test]
fn a_paused_task_is_resumed_and_disarmed_from_a_thread() {
    async fn site() -> bool {
        fail_value_async!("task/paused").is_some()
    }
    let armed = arm("task/paused", "pause&return").unwrap();
    let worker = std::thread::spawn(|| runtime().block_on(async { (site().await, site().await) }));
    armed.wait_paused(1, PATIENCE).unwrap();
    assert_eq!(armed.resume(1), 1);
    armed.wait_hits(2, PATIENCE).unwrap();
    armed.wait_paused(1, PATIENCE).unwrap();
    drop(armed);
    assert_eq!(worker.join().unwrap(), (true, false));
}

#[test]
fn no_runtime_is_needed() {
    async fn site() -> Instant {
        let start = Instant::now();
        fail_point_async!("task/bare");
        start
    }
    let _armed = arm("task/bare", "sleep(30)").unwrap();
    let start = futures_lite_block_on(site());
    assert!(start.elapsed() >= Duration::from_millis(30));
}

/// As small an executor as there can be: a thread that parks.
fn futures_lite_block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn an_idle_point_costs_its_future_one_pointer() {
    struct Borrowed([u8; 256]);
    async fn other(_: &Borrowed) {}
    async fn without(state: &Borrowed) {
        other(state).await;
    }
    async fn with(state: &Borrowed) {
        fail_point_async!("task/size/1", len = state.0.len(), first = state.0[0]);
        fail_point_async!("task/size/2", if state.0[0] == 0);
        other(state).await;
        let _ = fail_value_async!("task/size/3", String);
        fail_result_async!("task/size/4", n = format!("{:?}", state.0)).ok();
    }
    let state = Borrowed([0; 256]);
    let grown = size_of_val(&with(&state)) - size_of_val(&without(&state));
    assert!(grown <= size_of::<usize>(), "the future grew by {grown} bytes");
}

#[test]
fn a_send_future_stays_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    async fn site(cell: &'static str) -> Option<String> {
        let local = std::cell::Cell::new(1);
        fail_point_async!("task/send", cell = local.get(), len = cell.len(), |text| text);
        None
    }
    let scope = Scope::new();
    assert_eq!(runtime().block_on(assert_send(scope.wrap(site("x")))), None);
}
