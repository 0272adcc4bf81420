//! Where does the work of blocking clients and dropped guards run?
//!
//! On one thread of the process, with a runtime of its own: a caller may block on it wherever it
//! stands, on a worker of some tokio runtime too, and the work goes on when that runtime is gone.

use super::error::ClientError;
use std::future::{Future, pending};
use std::io;
use std::sync::{OnceLock, mpsc};
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

/// Runs `work`, and blocks until it is done, though not for longer than `patience`. It goes on then.
pub(super) fn run_for_a_while(work: impl Future<Output = ()> + Send + 'static, patience: Duration) {
    // On the thread itself nobody would do the work meanwhile.
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

fn handle() -> io::Result<&'static Handle> {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    // Of two that came at once the one who is too late drops its runtime, and uses the other's.
    if HANDLE.set(handle).is_ok() {
        thread::Builder::new()
            .name(NAME.to_owned())
            .spawn(move || runtime.block_on(pending::<()>()))?;
    }
    HANDLE.get().ok_or_else(|| io::Error::other("it has not been started"))
}
