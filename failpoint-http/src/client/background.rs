//! The background thread on which the work of blocking clients and dropped guards runs.
//!
//! There is one per process, with its own runtime. So a caller may block on it anywhere, also on a
//! worker thread of a tokio runtime, and the work continues after that runtime has shut down.

use super::error::ClientError;
use once_cell::sync::OnceCell;
use std::future::{Future, pending};
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};

const NAME: &str = "failpoint-client";

/// Runs `work`, and blocks until it is done.
pub(super) fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, ClientError>> + Send + 'static,
) -> Result<T, ClientError> {
    let gone = |_| ClientError::Thread(io::Error::other("it has ended"));
    start(work)?.recv().map_err(gone)?
}

/// Runs `work`, and blocks until it is done or `patience` has passed. The work then continues.
pub(super) fn run_for_a_while(work: impl Future<Output = ()> + Send + 'static, patience: Duration) {
    // On the background thread itself, blocking would keep the work from running.
    let here = thread::current().name() == Some(NAME);
    if let (Ok(done), false) = (start(work), here) {
        let _ = done.recv_timeout(patience);
    }
}

fn start<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<mpsc::Receiver<T>, ClientError> {
    let (done, receiver) = mpsc::sync_channel(1);
    let handle = handle().map_err(ClientError::Thread)?;
    handle.spawn(async move {
        let _ = done.send(work.await);
    });
    Ok(receiver)
}

/// The runtime of the thread. The first caller starts it; others wait until it has started.
fn handle() -> io::Result<&'static Handle> {
    static HANDLE: OnceCell<Handle> = OnceCell::new();
    HANDLE.get_or_try_init(|| {
        let (started, starts) = mpsc::sync_channel(1);
        // Build and drop the runtime on its own thread: tokio refuses both inside another runtime, and
        // a caller may be inside one.
        let serve = move || match Builder::new_current_thread().enable_io().enable_time().build() {
            Ok(runtime) => {
                let _ = started.send(Ok(runtime.handle().clone()));
                runtime.block_on(pending::<()>());
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        };
        thread::Builder::new().name(NAME.to_owned()).spawn(serve)?;
        starts.recv().map_err(|_| io::Error::other("its thread has ended"))?
    })
}
