//! What can be asked of a point without changing it.

use crate::visible::visible;
use std::fmt;
use std::time::SystemTime;

/// The state of a point: its sites, what is armed, and the counts since that arming.
///
/// Reading it consumes nothing. Given by [`points`](crate::points) and [`point`](crate::point).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PointInfo {
    /// The name.
    pub name: String,
    /// The places in the source that have the name; empty for a name armed with
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
    /// Callers that are paused now.
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
    /// Whether this process has evaluated the site.
    pub reached: bool,
}

/// What a process has not tried of its points: given by [`report`](crate::report).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Points that no evaluation has reached.
    pub never_reached: Vec<String>,
    /// Points that were armed, and never fired.
    pub never_fired: Vec<String>,
    /// Names that the environment arms and no code declares.
    pub pending: Vec<String>,
    /// Names that sites of several packages share, with the packages.
    pub shared: Vec<(String, Vec<String>)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |title: &str, names: &[String]| {
            writeln!(
                f,
                "{title}: {}",
                if names.is_empty() {
                    "none".into()
                } else {
                    visible(&names.join(", ")).to_string()
                }
            )
        };
        list("never reached", &self.never_reached)?;
        list("armed and never fired", &self.never_fired)?;
        list("armed by the environment, not declared in the program", &self.pending)?;
        let shared =
            |(name, packages): &(String, Vec<String>)| format!("{name} ({})", packages.join(", "));
        list("names that packages share", &self.shared.iter().map(shared).collect::<Vec<_>>())
    }
}
