//! What has to happen between a panic and its unwinding?
//!
//! Two things, done by one panic hook that is put before those there are. The message of an
//! injected panic is printed, since the hook of the standard library prints only payloads that are
//! text. And the scope of a failing test is reset: a worker that is paused in it and joined on drop
//! would otherwise hang the test as it unwinds.

use crate::panics::InjectedPanic;
use crate::scope::Scope;
use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    /// Nobody is to hear of a panic on this thread.
    static SILENT: Cell<bool> = const { Cell::new(false) };
    /// The scopes of the tests that run on this thread, the innermost last.
    static TESTS: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
}

/// Puts the hook in place, once for the process.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    // The standard library does not change hooks while a thread unwinds.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if SILENT.try_with(Cell::get).unwrap_or(false) {
                return;
            }
            let injected = info.payload().downcast_ref::<InjectedPanic>();
            if let Some(injected) = injected {
                eprintln!("{injected}");
            }
            before(info);
            if injected.is_none() {
                release();
            }
        }));
    });
}

/// Resets the scopes of the tests on this thread.
fn release() {
    let scopes = TESTS.try_with(|tests| tests.try_borrow().map(|tests| tests.clone()));
    if let Ok(Ok(scopes)) = scopes {
        scopes.iter().for_each(Scope::reset);
    }
}

/// Marks `scope` as that of a test on this thread while the guard lives.
pub(crate) struct Testing;

impl Testing {
    pub(crate) fn begin(scope: &Scope) -> Self {
        install();
        TESTS.with(|tests| tests.borrow_mut().push(scope.clone()));
        Self
    }
}

impl Drop for Testing {
    fn drop(&mut self) {
        let ended = TESTS.try_with(|tests| tests.borrow_mut().pop());
        drop(ended);
    }
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
