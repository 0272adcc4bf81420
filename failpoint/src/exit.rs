//! Who may still finish a sentence before the process ends?
//!
//! A reply that is being written when an armed `exit`, `abort`, `kill` or process-ending `panic`
//! strikes gets out first: whoever writes one holds the exit, for at most a second.

use crate::at_exit;
use crate::sync::lasting::{Condvar, Mutex};
use std::time::{Duration, Instant};

static HOLDS: Mutex<usize> = Mutex::new(0);
static LET_GO: Condvar = Condvar::new();

/// The longest that the end of the process waits for those who hold it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Holds the end of the process while it lives; given by [`hold_exit`](crate::hold_exit).
#[derive(Debug)]
#[must_use = "dropping the guard lets the process end"]
pub(crate) struct ExitHold {
    _private: (),
}

pub(crate) fn hold() -> ExitHold {
    *HOLDS.lock() += 1;
    ExitHold { _private: () }
}

impl Drop for ExitHold {
    fn drop(&mut self) {
        *HOLDS.lock() -= 1;
        LET_GO.notify_all();
    }
}

/// The last thing before the process ends without ceremony: the report is left, and nobody holds the
/// exit any more, for which it waits at most [`PATIENCE`].
pub(crate) fn prepare() {
    at_exit::leave_report();
    let_replies_out();
}

fn let_replies_out() {
    let deadline = Instant::now() + PATIENCE;
    let mut holds = HOLDS.lock();
    while *holds > 0 {
        if LET_GO.wait_until(&mut holds, deadline).timed_out() {
            return;
        }
    }
}
