//! What does a child of `fork` not have? The thread that serves control.
//!
//! The child has a copy of the listener, and no thread that accepts. It closes the copy, so that clients
//! are refused and do not wait, and says once that it does not serve.

use crate::runtime::c::{self, ClosedInChildren};
use std::os::fd::BorrowedFd;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process is a child of one that serves control, and has not said so yet.
static IS_UNSERVED: AtomicBool = AtomicBool::new(false);

/// Children begin with `file` closed, on which one thread serves control.
pub(crate) fn closed_in_children(file: BorrowedFd<'_>) -> ClosedInChildren {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| c::call_in_children(close_in_child));
    IS_UNSERVED.store(false, Ordering::Relaxed);
    ClosedInChildren::new(file)
}

/// Locks and allocates nothing: the process may be about to run another program.
extern "C" fn close_in_child() {
    IS_UNSERVED.store(c::close_in_child(), Ordering::Relaxed);
}

/// Whether this process is to say that it does not serve control. It is to say it once.
pub(crate) fn take_unserved() -> bool {
    IS_UNSERVED.load(Ordering::Relaxed) && IS_UNSERVED.swap(false, Ordering::Relaxed)
}
