//! `FAILPOINT_HTTP_WAIT`: blocks the start of the program until something was armed over HTTP.
//!
//! So a client can arm points that the program reaches early.

use failpoint::__bridge::control;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static ARMED: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// Records that something was armed over HTTP.
pub(crate) fn note() {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    // Only the first time: waking is a system call, even if no thread waits.
    if !std::mem::replace(&mut *armed, true) {
        CHANGED.notify_all();
    }
}

/// Blocks until something was armed over HTTP, or until `limit` has passed.
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
