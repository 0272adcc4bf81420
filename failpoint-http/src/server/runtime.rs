//! The listener's own tokio runtime.

use std::io;
use std::ops::Deref;
use tokio::runtime::{Builder, Runtime};

/// A single-threaded runtime that can be dropped inside another runtime, such as in the server's
/// `async fn main`, where dropping tokio's `Runtime` panics.
pub(crate) struct OwnRuntime {
    runtime: Option<Runtime>,
}

impl OwnRuntime {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }
}

impl Deref for OwnRuntime {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken when dropped")
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
