//! What happens between a panic and its unwinding.
//!
//! A failing test is reported before it unwinds, and a panic that is the answer to a question of
//! ours is not heard of. One panic hook does both, and calls the one before it.

use crate::injected::InjectedPanic;
use crate::runtime::own_code::OwnCode;
use std::cell::Cell;
use std::sync::{Once, OnceLock};

thread_local! {
    /// A panic on this thread is not reported.
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// What is called on the thread of a panic that was not injected, before it unwinds.
static BEFORE_UNWINDING: OnceLock<fn()> = OnceLock::new();

/// Puts the hook in place, and has it call `before_unwinding`.
pub(crate) fn install_with(before_unwinding: fn()) {
    BEFORE_UNWINDING.get_or_init(|| before_unwinding);
    install();
}

/// Puts the hook in place, once for the process.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    // The standard library does not change hooks while a thread unwinds.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let _own = OwnCode::enter();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if SILENT.try_with(Cell::get).unwrap_or(false) {
                return;
            }
            before(info);
            let injected = InjectedPanic::of(info.payload());
            if let (None, Some(tell)) = (injected, BEFORE_UNWINDING.get()) {
                tell();
            }
        }));
    });
}

/// A panic on this thread stays unheard while the guard lives: it is an answer to a question.
#[cfg(feature = "tokio")]
pub(crate) struct Silence;

#[cfg(feature = "tokio")]
impl Silence {
    pub(crate) fn begin() -> Self {
        install();
        SILENT.set(true);
        Self
    }
}

#[cfg(feature = "tokio")]
impl Drop for Silence {
    fn drop(&mut self) {
        SILENT.set(false);
    }
}
