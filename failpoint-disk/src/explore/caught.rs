//! Runs code of the user that may panic, and says where it did.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    static CATCHING: Cell<Catching> = const { Cell::new(Catching::No) };
    /// Where the panic was that is noted.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// What this thread does with a panic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Catching {
    No,
    Loudly,
    Silently,
    /// There was one, and its place is noted.
    Noted,
}

/// Calls `run`. A panic becomes an error that says what it said and where it was; it is printed as always.
pub(super) fn loudly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch(Catching::Loudly, run)
}

/// Calls `run`. A panic becomes an error that says what it said and where it was, and is not printed: one that
/// happens after every second crash would be printed a thousand times.
pub(super) fn silently<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch(Catching::Silently, run)
}

fn catch<T>(how: Catching, run: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    // An exploration may run inside another one.
    let before = CATCHING.replace(how);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let is_noted = CATCHING.replace(before) == Catching::Noted;
    result.map_err(|payload| {
        let text = text_of(&*payload);
        match PLACE.take().filter(|_| is_noted) {
            Some(place) => format!("{text} ({place})"),
            None => text,
        }
    })
}

/// Puts a panic hook in place, once for the process. For threads that catch nothing here, it is the one
/// that was there before.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    // The standard library does not change hooks while a thread unwinds.
    if INSTALLED.is_completed() || thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_noted(info) {
                before(info);
            }
        }));
    });
}

/// Notes where a panic is. Whether that is all to be done about it.
fn is_noted(info: &panic::PanicHookInfo<'_>) -> bool {
    let how = CATCHING.try_with(Cell::get).unwrap_or(Catching::No);
    // After the first panic, a second one may be about to end the process: it came while that one unwound.
    if matches!(how, Catching::No | Catching::Noted) {
        return false;
    }
    CATCHING.set(Catching::Noted);
    PLACE.set(info.location().map(ToString::to_string));
    // Where panics abort, nothing will tell of it later.
    how == Catching::Silently && cfg!(panic = "unwind")
}

/// The message of a panic.
fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else {
        payload.downcast_ref().cloned().unwrap_or_else(|| "a panic without a message".to_owned())
    }
}
