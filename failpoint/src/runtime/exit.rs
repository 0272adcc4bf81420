//! Ends the process for an armed action.
//!
//! First it says why, the report is left, and replies that are being written get out, for at most a
//! second. Then the process ends, and nothing holds that up: a thread watches over it, and ends the process at once where
//! a file, a log or an `atexit` handler takes too long.

use crate::injected::Ending;
use crate::runtime::at_exit;
use crate::runtime::c;
use crate::runtime::log;
use crate::runtime::own_code::call_out;
use crate::runtime::sync::Ordering;
use crate::runtime::sync::lasting::{AtomicBool, Condvar, Mutex};
use std::cell::Cell;
use std::fmt;
use std::panic;
use std::thread;
use std::time::{Duration, Instant};

static HOLDS: Mutex<usize> = Mutex::new(0);
static LET_GO: Condvar = Condvar::new();

/// The longest that the end of the process waits for those who hold it.
const PATIENCE: Duration = Duration::from_secs(1);
/// The process is at its end this long after the action, except for `atexit` handlers that run.
const AT_THE_LATEST: Duration = Duration::from_secs(2);

/// Ends the process, and says `why`.
pub(crate) fn end(ending: Ending, why: fmt::Arguments<'_>) -> ! {
    // Where there is no thread to be had, the end comes when it comes.
    let _ = thread::Builder::new().name("failpoint-exit".into()).spawn(move || {
        thread::sleep(AT_THE_LATEST);
        if !HANDLERS_RUN.load(Ordering::Relaxed) {
            ending.at_once();
        }
    });
    prepare(why);
    match ending {
        Ending::Exit(status) => exit(status),
        Ending::Abort | Ending::Kill => ending.at_once(),
    }
}

/// Says `why`, leaves the report, and waits at most [`PATIENCE`] until no [`ExitHold`] is left.
pub(crate) fn prepare(why: fmt::Arguments<'_>) {
    log::say_last(why);
    at_exit::leave_report();
    let_replies_out();
}

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

fn let_replies_out() {
    let deadline = Instant::now() + PATIENCE;
    let mut holds = HOLDS.lock();
    while *holds > 0 && Instant::now() < deadline {
        holds = LET_GO.wait(holds, Some(deadline));
    }
}

thread_local! {
    /// This thread calls `std::process::exit` for an armed action.
    static EXITS: Cell<bool> = const { Cell::new(false) };
}

/// The `atexit` handlers run on such a thread. They are the program's, and take the time they take.
static HANDLERS_RUN: AtomicBool = AtomicBool::new(false);

/// Exits as `std::process::exit` does; at once on a thread that is exiting already, as in an `atexit`
/// handler.
fn exit(status: u8) -> ! {
    if EXITS.replace(true) {
        Ending::Exit(status).at_once();
    }
    // Called before all other handlers, since it is the last one that is registered.
    c::call_at_exit(handlers_run);
    exit_at_once_where_std_refuses(status);
    // The handlers are the program's.
    call_out(|| std::process::exit(status.into()))
}

extern "C" fn handlers_run() {
    if EXITS.get() {
        HANDLERS_RUN.store(true, Ordering::Relaxed);
    }
}

/// Only the standard library knows whether this thread is exiting already because `main` returned. It
/// then refuses to exit by a panic that aborts the process, after its hook was called.
fn exit_at_once_where_std_refuses(status: u8) {
    // The hook cannot be set while this thread unwinds.
    if thread::panicking() {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<&str>();
        if EXITS.get() && text.is_some_and(|text| text.contains("exit called re-entrantly")) {
            Ending::Exit(status).at_once();
        }
        before(info);
    }));
}

impl Ending {
    fn at_once(self) -> ! {
        match self {
            Ending::Exit(status) => c::exit_at_once(status.into()),
            Ending::Abort => abort(),
            Ending::Kill => kill(),
        }
    }
}

/// The first process of a container gets none of the signals that it sends itself, unless it handles
/// them: `abort` would go on from there to an instruction that faults. The status is the one by which
/// shells and container runtimes show the signal.
fn abort() -> ! {
    #[cfg(unix)]
    if rustix::process::getpid().is_init() {
        let signal = rustix::process::Signal::ABORT.as_raw();
        // A handler of the program's, such as that of a crash reporter, is called.
        c::raise_here(signal);
        c::exit_at_once(128 + signal);
    }
    std::process::abort();
}

#[cfg(unix)]
fn kill() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::KILL);
    if !getpid().is_init() {
        // The signal is on its way.
        thread::sleep(PATIENCE);
    }
    c::exit_at_once(128 + Signal::KILL.as_raw());
}

#[cfg(not(unix))]
fn kill() -> ! {
    std::process::abort();
}
