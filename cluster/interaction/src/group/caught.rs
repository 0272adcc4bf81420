//! How a step of a node ended: normally, at an armed point, or by another panic.

use crate::panic_text::panic_text;
use failpoint::InjectedPanic;
use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// A panic on this thread becomes the output of a script, and is not printed.
    static IS_SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Why a step did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Panicked {
    /// An armed point ended it. The text names the point and the action.
    AtPoint(String),
    /// Something else panicked, with this message.
    Otherwise(String),
}

/// Calls `run`, for an owner that steps a node. A panic is not printed.
///
/// # Errors
/// `run` panicked.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    install_hook();
    let before = IS_SILENT.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IS_SILENT.set(before);
    result.map_err(|payload| {
        let reason = reason(&*payload);
        // The payload may itself panic when it is dropped.
        std::mem::forget(payload);
        reason
    })
}

fn reason(payload: &(dyn Any + Send)) -> Panicked {
    if let Some(injected) = InjectedPanic::of(payload) {
        return Panicked::AtPoint(injected.to_string());
    }
    Panicked::Otherwise(panic_text(payload).unwrap_or("a panic without a message").to_owned())
}

/// Puts a panic hook in place, once for the process. On threads that are not silent it does what the one
/// before it does.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_SILENT.try_with(Cell::get).unwrap_or(false) {
                before(info);
            }
        }));
    });
}
