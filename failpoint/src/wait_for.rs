//! What is waited for?

use std::fmt;

/// So many of something that happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "runtime"), allow(dead_code, unreachable_pub))] // off, nobody can wait
pub enum WaitFor {
    /// Hits since it was armed.
    Hits(u64),
    /// Fires since it was armed.
    Fires(u64),
    /// Callers that are paused at once.
    Paused(u64),
}

impl WaitFor {
    /// As in the names of the methods.
    #[cfg(feature = "runtime")]
    pub(crate) fn word(self) -> &'static str {
        match self {
            WaitFor::Hits(_) => "hits",
            WaitFor::Fires(_) => "fires",
            WaitFor::Paused(_) => "paused",
        }
    }
}

impl fmt::Display for WaitFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitFor::Hits(n) => write!(f, "{n} hits"),
            WaitFor::Fires(n) => write!(f, "{n} fires"),
            WaitFor::Paused(n) => write!(f, "{n} paused callers"),
        }
    }
}
