//! What does a process leave behind for `FAILPOINT_REPORT`?
//!
//! One line of JSON, appended when it ends in its own way (`main` returns, `exit`), or at the hand
//! of an armed action. Who is killed from outside leaves none.

use crate::log::{self, Level};
use crate::registry::registry;
use crate::sync::Ordering;
use crate::sync::lasting::{AtomicBool, Mutex};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// Sees to it that this process leaves its line in `file`.
pub(crate) fn report_to(file: PathBuf) {
    *FILE.lock() = Some(file);
    hooked::at_exit();
}

/// Leaves the line now; whoever ends the process without ceremony calls this.
pub(crate) fn leave_report() {
    let Some(file) = FILE.lock().clone() else { return };
    if WRITTEN.swap(true, Ordering::SeqCst) {
        return;
    }
    let line = line();
    // One write of one line: processes that end together do not mix theirs.
    let appended = OpenOptions::new().create(true).append(true).open(&file);
    if let Err(error) = appended.and_then(|mut file| file.write_all(line.as_bytes())) {
        let file = file.display();
        log::say(Level::Error, format_args!("FAILPOINT_REPORT: cannot append to {file}: {error}"));
    }
}

/// `{"pid":1,"points":[{"name":"a","packages":["p"],"reached":true,"armed":true,"fired":false}]}`
fn line() -> String {
    let mut line = format!("{{\"pid\":{},\"points\":[", std::process::id());
    for (index, tried) in registry().tried().into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Names and package names need no escaping: neither may hold a quote or a backslash.
        let packages: Vec<String> = tried.packages.iter().map(|p| format!("\"{p}\"")).collect();
        let _ = write!(
            line,
            "{comma}{{\"name\":\"{}\",\"packages\":[{}],\"reached\":{},\"armed\":{},\"fired\":{}}}",
            tried.name,
            packages.join(","),
            tried.reached,
            tried.armed,
            tried.fired
        );
    }
    line.push_str("]}\n");
    line
}

/// The one thing that std has no word for: to be called when the process ends.
#[cfg(any(unix, windows))]
mod hooked {
    // The declaration is that of the C standard; the function is given a plain function that
    // neither unwinds (its panics are caught) nor is given anything.
    #![allow(unsafe_code)]

    use std::ffi::c_int;
    use std::sync::Once;

    unsafe extern "C" {
        safe fn atexit(hook: extern "C" fn()) -> c_int;
    }

    pub(super) fn at_exit() {
        static HOOKED: Once = Once::new();
        HOOKED.call_once(|| {
            // It fails only where memory is out; then there is no report.
            let _ = atexit(leave);
        });
    }

    extern "C" fn leave() {
        let _ = std::panic::catch_unwind(super::leave_report);
    }
}

#[cfg(not(any(unix, windows)))]
mod hooked {
    pub(super) fn at_exit() {}
}
