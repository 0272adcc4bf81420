//! Runs code of the user that may panic, and says where it did.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

thread_local! {
    /// What this thread does with a panic. `None`: nothing, it is not caught here.
    static CATCHING: RefCell<Option<Catching>> = const { RefCell::new(None) };
}

struct Catching {
    is_silent: bool,
    /// Where the first panic was.
    place: Option<String>,
}

/// Calls `run`. A panic becomes an error that says what it said and where it was; it is printed as always.
pub(super) fn loudly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch(false, run)
}

/// Calls `run`. A panic becomes an error that says what it said and where it was, and is not printed: one that
/// happens after every second crash would be printed a thousand times.
pub(super) fn silently<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch(true, run)
}

fn catch<T>(is_silent: bool, run: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    let catching = Catching { is_silent, place: None };
    // An exploration may run inside another one.
    let before = CATCHING.replace(Some(catching));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let catching = CATCHING.replace(before);
    result.map_err(|payload| {
        let text = text_of(&*payload);
        match catching.and_then(|catching| catching.place) {
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
    let note = |catching: &RefCell<Option<Catching>>| {
        let mut catching = catching.try_borrow_mut().ok()?;
        let catching = catching.as_mut()?;
        // A second panic may be one that ends the process: it came while the first one unwound.
        if catching.place.is_some() {
            return None;
        }
        catching.place = Some(info.location()?.to_string());
        // Where panics abort, nothing will tell of it later.
        Some(catching.is_silent && cfg!(panic = "unwind"))
    };
    CATCHING.try_with(note).ok().flatten().unwrap_or(false)
}

/// The message of a panic.
fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else {
        payload.downcast_ref().cloned().unwrap_or_else(|| "a panic without a message".to_owned())
    }
}
