//! What is waited for?

use std::fmt;

/// So many of something that happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "runtime"), allow(dead_code, unreachable_pub))] // off, nobody can wait
pub enum Wanted {
    /// Hits since it was armed.
    Hits(u64),
    /// Fires since it was armed.
    Fires(u64),
    /// Callers that stand in `pause` at once.
    Paused(u64),
}

impl Wanted {
    /// As it stands in the names of the methods.
    #[cfg(feature = "runtime")]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Wanted::Hits(_) => "hits",
            Wanted::Fires(_) => "fires",
            Wanted::Paused(_) => "paused",
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Hits(n) => write!(f, "{n} hits"),
            Wanted::Fires(n) => write!(f, "{n} fires"),
            Wanted::Paused(n) => write!(f, "{n} paused callers"),
        }
    }
}
