//! How does an injected panic differ from a real one?
//!
//! By its payload. A panic hook can tell it, and be silent or not; so can whoever catches it.

use std::fmt;

/// The payload of a panic that an armed `panic` injected.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// fn site() {
///     failpoint::fail_point!("injects");
/// }
/// // A hook that stays silent about what was injected on purpose.
/// let before = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |info| {
///     if !info.payload().is::<failpoint::InjectedPanic>() {
///         before(info);
///     }
/// }));
/// let _armed = failpoint::arm("injects", "panic(sorry)")?;
/// let payload = std::panic::catch_unwind(site).unwrap_err();
/// let injected = payload.downcast_ref::<failpoint::InjectedPanic>().unwrap();
/// assert_eq!(injected.point(), "injects");
/// assert_eq!(injected.to_string(), "failpoint injects panic: sorry");
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedPanic {
    point: String,
    message: String,
}

impl InjectedPanic {
    #[cfg(feature = "runtime")]
    pub(crate) fn new(point: &str, message: String) -> Self {
        Self { point: point.to_owned(), message }
    }

    /// The point that injected it.
    pub fn point(&self) -> &str {
        &self.point
    }
}

impl fmt::Display for InjectedPanic {
    /// `failpoint NAME panic`, with the text of `panic(TEXT)` behind a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
