//! The errors and the panics that points inject.

use crate::visible::visible;
use std::any::Any;
use std::{fmt, io};

/// An error injected by a failpoint: what [`fail_result!`](crate::fail_result) gives.
///
/// It converts into [`io::Error`] with `?`, where a value such as `EIO`, `ENOSPC` or
/// `permission denied` becomes that error; give your own error type a `From<Injected>` to use it
/// there.
///
/// ```
/// fn save(data: &[u8]) -> std::io::Result<usize> {
///     failpoint::fail_result!("walWrite")?;
///     Ok(data.len())
/// }
/// assert_eq!(save(b"x").unwrap(), 1);
/// # #[cfg(feature = "failpoints")] {
/// let _armed = failpoint::arm("walWrite", "return(ENOSPC)")?;
/// assert_eq!(save(b"x").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub struct Injected {
    // Off, the type has no value, so that a `?` on it compiles to nothing.
    #[cfg(not(feature = "runtime"))]
    never: Never,
    #[cfg(feature = "runtime")]
    point: &'static str,
    #[cfg(feature = "runtime")]
    value: Option<String>,
}

#[cfg(feature = "runtime")]
impl Injected {
    pub(crate) fn new(point: &'static str, value: Option<String>) -> Self {
        Self { point, value }
    }

    /// The point that injected it.
    pub fn point(&self) -> &str {
        self.point
    }

    /// The text in `return(…)`; `None` for a bare `return`.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

#[cfg(not(feature = "runtime"))]
impl Injected {
    /// The point that injected it.
    pub fn point(&self) -> &str {
        match self.never {}
    }

    /// The text in `return(…)`; `None` for a bare `return`.
    pub fn value(&self) -> Option<&str> {
        match self.never {}
    }
}

/// No value, and yet not `Infallible`: lints take a `Result` with an error that has no value for an
/// `Ok`. The attribute hides that from other crates.
#[cfg(not(feature = "runtime"))]
#[non_exhaustive]
enum Never {}

/// On, an error has text to drop. It has something to drop in both worlds, so that no lint calls
/// `drop(error)` useless in one.
#[cfg(not(feature = "runtime"))]
impl Drop for Injected {
    fn drop(&mut self) {
        match self.never {}
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) if !value.is_empty() => {
                write!(f, "injected by the failpoint {}: {}", self.point(), visible(value))
            }
            _ => write!(f, "injected by the failpoint {}", self.point()),
        }
    }
}

impl fmt::Debug for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Injected {}

impl From<Injected> for io::Error {
    /// The error that the value names, by errno (`EIO`) or by kind (`permission denied`); any other
    /// value is the text of an [`io::ErrorKind::Other`].
    fn from(injected: Injected) -> Self {
        injected
            .value()
            .and_then(crate::io_error::by_name)
            .unwrap_or_else(|| io::Error::other(injected.to_string()))
    }
}

/// Room behind the text of an injected panic, of which nothing is used.
///
/// A payload has its text and its capacity, and nothing else to know it by. A text that merely
/// reads alike has the room that it needs, or twice that.
#[cfg(feature = "runtime")]
const MARK: usize = 509;

/// A panic that an armed `panic` injected, or the end of a step in a simulation.
///
/// Its payload is a `String`: `failpoint NAME panic`, followed by the text of `panic(TEXT)` if
/// there is one. Panic hooks, `JoinError`, `#[should_panic(expected = …)]` and crash reporters show
/// that text, and the place of the point.
///
/// Inside a scope that [is simulated](crate::Scope::simulate), an armed `exit`, `abort` or `kill` injects one
/// as well, with that action in the place of `panic`: see [`ending`](Self::ending).
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// use failpoint::InjectedPanic;
///
/// fn site() {
///     failpoint::fail_point!("injects");
/// }
/// // A hook that stays silent about panics that were injected on purpose.
/// let before = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |info| {
///     if InjectedPanic::of(info.payload()).is_none() {
///         before(info);
///     }
/// }));
/// let _armed = failpoint::arm("injects", "panic(sorry)")?;
/// let payload = std::thread::spawn(site).join().unwrap_err();
/// let injected = InjectedPanic::of(&*payload).unwrap();
/// assert_eq!((injected.point(), injected.text()), ("injects", Some("sorry")));
/// assert_eq!(payload.downcast_ref::<String>().unwrap(), "failpoint injects panic: sorry");
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InjectedPanic<'a> {
    message: &'a str,
    point: &'a str,
    ending: Option<Ending>,
    text: Option<&'a str>,
}

impl<'a> InjectedPanic<'a> {
    /// The injected panic that `payload` is of; `None` for any other panic, also one with the same
    /// text.
    ///
    /// `payload` is what a panic hook, `catch_unwind`, `JoinHandle::join` or tokio's
    /// `JoinError::into_panic` gives; the `Box` that it is in may be passed as well. A `String`
    /// that is made of the text of an injected panic is not such a payload, the payload itself
    /// raised again is. Panics of the packages named `fail` have `fail`'s text and are not
    /// recognized, nor are limits that ran out. Without the feature `failpoints` nothing is.
    pub fn of(payload: &'a (dyn Any + Send)) -> Option<Self> {
        // A reference to a box is a `dyn Any`, too.
        match payload.downcast_ref::<Box<dyn Any + Send>>() {
            Some(inner) => Self::of(&**inner),
            None => payload.downcast_ref().and_then(Self::read),
        }
    }

    #[cfg(feature = "runtime")]
    fn read(message: &'a String) -> Option<Self> {
        if message.capacity() != message.len() + MARK {
            return None;
        }
        let rest = message.strip_prefix("failpoint ")?;
        // The name of a point of `fail` may hold blanks.
        rest.match_indices(' ').find_map(|(at, blank)| {
            let (point, rest) = (&rest[..at], &rest[at + blank.len()..]);
            let (action, text) = match rest.split_once(": ") {
                Some((action, text)) => (action, Some(text)),
                None => (rest, None),
            };
            let ending = if action == "panic" { None } else { Some(Ending::read(action)?) };
            Some(Self { message, point, ending, text })
        })
    }

    #[cfg(not(feature = "runtime"))]
    fn read(_: &'a String) -> Option<Self> {
        None
    }

    /// The point that injected it.
    pub fn point(&self) -> &'a str {
        self.point
    }

    /// How the process would have ended, had the action not been simulated; `None` for `panic`.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The text in `panic(TEXT)`, with control characters escaped. For an ending, what caused it where that
    /// is not the action itself, such as a torn write.
    pub fn text(&self) -> Option<&'a str> {
        self.text
    }
}

impl fmt::Display for InjectedPanic<'_> {
    /// The whole message: `failpoint NAME panic` or `failpoint NAME exit(3)`, with the text behind a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

/// How an armed action ends the process. Its `Display` is the action: `exit(3)`, `abort`, `kill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// With this status. `atexit` handlers run.
    Exit(u8),
    /// As `abort` does: by SIGABRT.
    Abort,
    /// As a power cut would: nothing is flushed, no handler runs.
    Kill,
}

impl Ending {
    /// The inverse of `Display`.
    #[cfg(feature = "runtime")]
    fn read(action: &str) -> Option<Self> {
        match action {
            "abort" => Some(Ending::Abort),
            "kill" => Some(Ending::Kill),
            _ => {
                let status = action.strip_prefix("exit(")?.strip_suffix(')')?;
                status.parse().ok().map(Ending::Exit)
            }
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exit(status) => write!(f, "exit({status})"),
            Ending::Abort => f.write_str("abort"),
            Ending::Kill => f.write_str("kill"),
        }
    }
}

/// A panic on its way to the function that raises it.
#[cfg(feature = "runtime")]
#[derive(Debug)]
pub(crate) struct Panic {
    message: String,
    /// No hook is told.
    is_silent: bool,
}

#[cfg(feature = "runtime")]
impl Panic {
    /// One that [`InjectedPanic::of`] recognizes.
    pub(crate) fn injected(message: &str) -> Box<Self> {
        Self::plain(marked(message))
    }

    /// The same for the owner of a simulation, who catches it: it is no failure to report.
    pub(crate) fn simulated(message: &str) -> Box<Self> {
        Box::new(Self { message: marked(message), is_silent: true })
    }

    /// Any other.
    pub(crate) fn plain(message: String) -> Box<Self> {
        Box::new(Self { message, is_silent: false })
    }

    #[cold]
    #[track_caller]
    pub(crate) fn raise(self) -> ! {
        if self.is_silent {
            std::panic::resume_unwind(Box::new(self.message));
        }
        std::panic::panic_any(self.message)
    }
}

#[cfg(feature = "runtime")]
fn marked(message: &str) -> String {
    let mut marked = String::with_capacity(message.len() + MARK);
    marked.push_str(message);
    marked
}

/// How the message of an injected panic reads; `action` is `panic`, or an [`Ending`].
#[cfg(feature = "runtime")]
pub(crate) fn injected_message(
    point: &str,
    action: impl fmt::Display,
    text: Option<&str>,
) -> String {
    match text {
        Some(text) => format!("failpoint {} {action}: {}", visible(point), visible(text)),
        None => format!("failpoint {} {action}", visible(point)),
    }
}
