//! Has anything been armed over HTTP yet?
//!
//! `FAILPOINT_HTTP_WAIT` holds a program at its start until it has: what happens early can then be
//! armed from outside.

use failpoint::__bridge::control;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static ARMED: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// It has, now.
pub(crate) fn note() {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    // Only the first: waking is a system call, whether anybody waits or not.
    if !std::mem::replace(&mut *armed, true) {
        CHANGED.notify_all();
    }
}

/// Comes back when it has, or after `limit`.
pub(crate) fn hold(limit: Duration) {
    control::inform(format_args!(
        "failpoint-http: waiting for a failpoint to be armed, for at most {limit:?} \
         (FAILPOINT_HTTP_WAIT)"
    ));
    let armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = CHANGED.wait_timeout_while(armed, limit, |armed| !*armed);
    let (_armed, time) = waited.unwrap_or_else(PoisonError::into_inner);
    if time.timed_out() {
        control::warn(format_args!(
            "failpoint-http: nothing was armed within {limit:?} (FAILPOINT_HTTP_WAIT); continuing"
        ));
    } else {
        control::inform(format_args!("failpoint-http: a failpoint is armed; continuing"));
    }
}
