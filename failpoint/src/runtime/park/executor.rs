//! Whether this thread belongs to an executor, which must not be blocked.
//!
//! Only tokio's can be asked, and only with the feature `tokio`.

#[cfg(feature = "tokio")]
mod known {
    use crate::runtime::panic_hook;
    use std::panic::{self, AssertUnwindSafe};
    use std::pin::Pin;
    use std::time::Duration;
    use tokio::runtime::{Handle, RuntimeFlavor};

    /// Whether a runtime is current: then its clock is in force.
    pub(crate) fn in_tokio() -> bool {
        Handle::try_current().is_ok()
    }

    /// A sleep on tokio's clock; `None` without a runtime, or where it has no timer.
    pub(crate) fn tokio_sleep(length: Duration) -> Option<Pin<Box<tokio::time::Sleep>>> {
        if !in_tokio() {
            return None;
        }
        if cfg!(panic = "abort") {
            return Some(Box::pin(tokio::time::sleep(length)));
        }
        probe(|| Box::pin(tokio::time::sleep(length)))
    }

    /// Whether blocking here takes a thread from tasks. A thread of `spawn_blocking` may block, and
    /// so may one that merely entered a runtime: only where tasks run does tokio refuse `block_on`.
    pub(crate) fn runs_tasks() -> bool {
        let Ok(handle) = Handle::try_current() else { return false };
        // Where a panic ends the process, nothing can be asked that way.
        if cfg!(panic = "abort") {
            return false;
        }
        probe(|| handle.block_on(std::future::ready(()))).is_none()
    }

    /// Whether blocking here stops every task of the runtime, also the one that is waited for.
    pub(crate) fn is_the_only_thread() -> bool {
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        matches!(flavor, Ok(RuntimeFlavor::CurrentThread)) && runs_tasks()
    }

    /// What `question` gives, or `None` where tokio answers it by a panic, of which nobody hears.
    fn probe<T>(question: impl FnOnce() -> T) -> Option<T> {
        let _silence = panic_hook::Silence::begin();
        panic::catch_unwind(AssertUnwindSafe(question)).ok()
    }
}

#[cfg(not(feature = "tokio"))]
mod known {
    pub(crate) fn runs_tasks() -> bool {
        false
    }

    pub(crate) fn is_the_only_thread() -> bool {
        false
    }
}

pub(crate) use known::*;
