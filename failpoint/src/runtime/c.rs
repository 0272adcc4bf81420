//! Calls of the C library that std has no function for.

// The declarations are those of the C standard and of POSIX. What is `safe` cannot break what the
// compiler relies on: it is given numbers, and plain functions that do not unwind.
#![allow(unsafe_code)]

#[cfg(any(unix, windows))]
mod functions {
    use std::ffi::c_int;

    unsafe extern "C" {
        pub(super) safe fn atexit(handler: extern "C" fn()) -> c_int;
        pub(super) safe fn _exit(status: c_int) -> !;
        #[cfg(unix)]
        pub(super) safe fn raise(signal: c_int) -> c_int;
        #[cfg(unix)]
        pub(super) safe fn pthread_atfork(
            before: Option<extern "C" fn()>,
            after_in_parent: Option<extern "C" fn()>,
            after_in_child: Option<extern "C" fn()>,
        ) -> c_int;
        #[cfg(unix)]
        pub(super) fn close(file: c_int) -> c_int;
    }
}

/// Has `handler` called when the process ends in its own way, before those registered earlier.
pub(crate) fn call_at_exit(handler: extern "C" fn()) {
    // It fails only where memory is out; then nothing is called.
    #[cfg(any(unix, windows))]
    let _ = functions::atexit(handler);
    #[cfg(not(any(unix, windows)))]
    let _ = handler;
}

/// Ends the process now: no handler is called and nothing is flushed.
pub(crate) fn exit_at_once(status: i32) -> ! {
    #[cfg(any(unix, windows))]
    functions::_exit(status);
    #[cfg(not(any(unix, windows)))]
    std::process::exit(status)
}

/// Sends this thread a signal.
#[cfg(unix)]
pub(crate) fn raise_here(signal: i32) {
    let _ = functions::raise(signal);
}

/// Has `handler` called in every child of `fork`.
#[cfg(unix)]
pub(crate) fn call_in_children(handler: extern "C" fn()) {
    // It fails only where memory is out; then nothing is called.
    let _ = functions::pthread_atfork(None, None, Some(handler));
}

#[cfg(unix)]
pub use closing::ClosedInChildren;
#[cfg(unix)]
pub(crate) use closing::close_in_child;

#[cfg(unix)]
mod closing {
    use super::functions;
    use std::os::fd::{AsRawFd, BorrowedFd};
    use std::sync::atomic::{AtomicI32, Ordering};

    const NONE: i32 = -1;
    static FILES: [AtomicI32; 16] = [const { AtomicI32::new(NONE) }; 16];

    /// While it lives, children of `fork` begin with a file closed.
    #[derive(Debug)]
    #[must_use = "dropping the guard leaves the file open in children"]
    pub struct ClosedInChildren {
        place: Option<&'static AtomicI32>,
    }

    impl ClosedInChildren {
        /// Only for a file that one thread alone uses, which outlives the guard. It stays open in children
        /// where there are too many already.
        pub(crate) fn new(file: BorrowedFd<'_>) -> Self {
            let take = |place: &&AtomicI32| {
                let (free, taken) = (NONE, file.as_raw_fd());
                place.compare_exchange(free, taken, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            };
            Self { place: FILES.iter().find(take) }
        }
    }

    impl Drop for ClosedInChildren {
        fn drop(&mut self) {
            if let Some(place) = self.place {
                place.store(NONE, Ordering::SeqCst);
            }
        }
    }

    /// To be called in the child, by the handler of `fork`. Whether there was a file to be closed.
    pub(crate) fn close_in_child() -> bool {
        let mut any = false;
        for place in &FILES {
            let file = place.swap(NONE, Ordering::SeqCst);
            if file != NONE {
                // SAFETY: it is open, since it outlives the guard that put it here. The thread that uses
                // it is not in the child, so nothing there sees another file under its number.
                let _ = unsafe { functions::close(file) };
                any = true;
            }
        }
        any
    }
}
