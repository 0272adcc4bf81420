//! The error that `fail_result!` injects.

use crate::visible::visible;
use std::fmt;
use std::io;

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

    /// What stood in `return(…)`; `None` for a bare `return`.
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

    /// What stood in `return(…)`; `None` for a bare `return`.
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
