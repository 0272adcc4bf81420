//! What has this process been told about how to fail?
//!
//! Set once, when the environment is read; until then the defaults hold.

use crate::sync::lasting::Mutex;
use std::fmt;

/// `FAILPOINT_PANIC`: what an armed `panic` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PanicMode {
    /// The thread, by unwinding.
    Unwind,
    /// The process, by `abort`.
    Abort,
    /// The process, with this status, as a Go panic would with 2.
    Exit(u8),
}

impl PanicMode {
    pub(crate) const EXPECTED: &'static str = "`unwind`, `abort` or `exit:CODE` with CODE 0 to 255";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "unwind" => Some(PanicMode::Unwind),
            "abort" => Some(PanicMode::Abort),
            other => other.strip_prefix("exit:")?.parse().ok().map(PanicMode::Exit),
        }
    }

    /// Whether an armed `panic` ends the whole process.
    pub(crate) fn ends_the_process(self) -> bool {
        cfg!(panic = "abort") || self != PanicMode::Unwind
    }
}

impl fmt::Display for PanicMode {
    /// What happens in this build, as the variable would say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PanicMode::Exit(status) => write!(f, "exit:{status}"),
            mode if mode.ends_the_process() => f.write_str("abort"),
            _ => f.write_str("unwind"),
        }
    }
}

static PANIC_MODE: Mutex<PanicMode> = Mutex::new(PanicMode::Unwind);

pub(crate) fn panic_mode() -> PanicMode {
    *PANIC_MODE.lock()
}

pub(crate) fn set_panic_mode(mode: PanicMode) {
    *PANIC_MODE.lock() = mode;
}
