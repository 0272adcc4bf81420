//! What can be asked of a point without changing it.

use std::time::SystemTime;

/// A point as it stands: its sites, what is armed, and the counts since that arming.
///
/// Reading it consumes nothing. Given by [`points`](crate::points) and [`point`](crate::point).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PointInfo {
    /// The name.
    pub name: String,
    /// The places in the source that bear the name; empty for a name armed with
    /// [`arm_unlisted`](crate::arm_unlisted) that no code declares.
    pub sites: Vec<SiteInfo>,
    /// The terms as they were written, trimmed (canonical where they hold a line end); `None` when
    /// idle.
    pub terms: Option<String>,
    /// The process-wide count of armings and disarmings at the time of this point's last one; 0 if
    /// it was never armed.
    pub generation: u64,
    /// Hits since it was armed; 0 when idle.
    pub hits: u64,
    /// Fires since it was armed; 0 when idle.
    pub fires: u64,
    /// Callers that stand in `pause` now.
    pub paused: u64,
    /// When a term other than `off` last acted in this arming; on Linux up to some milliseconds
    /// before, but never before the arming.
    pub last_fire: Option<SystemTime>,
}

/// One place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteInfo {
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The module path.
    pub module: &'static str,
    /// The cargo package that holds the site; empty in a build without cargo.
    pub package: &'static str,
    /// The macro form: `statement`, `closure`, `value` or `result`.
    pub kind: &'static str,
    /// What a `return` may hand to it, such as `text` or `u64`; `None` if it cannot return.
    pub accepts: Option<&'static str>,
    /// The keys of the context that it passes, for `when(KEY=…)`, in the order of the source.
    pub keys: &'static [&'static str],
    /// Whether this process has come by.
    pub reached: bool,
}
