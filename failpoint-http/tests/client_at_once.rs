//! Tests many concurrent first uses of the client's background thread. Needs its own process: the
//! thread starts once per process.
#![cfg(feature = "client")]

use failpoint_http::ClientError;
use failpoint_http::blocking::Client;
use failpoint_test_support::closed_address;
use std::sync::Barrier;
use std::thread;

/// Each caller is inside a runtime, where no other runtime may be dropped.
#[test]
fn the_thread_starts_once() {
    const CALLERS: usize = 16;
    let address = closed_address();
    let together = Barrier::new(CALLERS);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let client = Client::new(&address).unwrap();
                    together.wait();
                    let error = client.healthz().unwrap_err();
                    assert!(matches!(error, ClientError::NotReachable { .. }), "{error}");
                });
            });
        }
    });
}
