//! What was never tried?

use crate::world;
use std::fmt;

/// What a process has not tried of its points: given by [`report`].
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

/// What this process has not tried: points never reached, points armed that never fired. Empty in a
/// build without failpoints.
///
/// With `FAILPOINT_REPORT=FILE` a process appends what it knows to a file, as one line of JSON, when
/// it ends; `failpoint report FILE` (crate `failpoint-cli`) makes one report of all its lines.
///
/// ```
/// fn never_called() {
///     failpoint::fail_point!("never-reached");
/// }
/// # #[cfg(feature = "failpoints")] {
/// let _armed = failpoint::arm("never-reached", "panic")?;
/// let report = failpoint::report();
/// assert!(report.never_reached.contains(&"never-reached".to_owned()));
/// assert!(report.never_fired.contains(&"never-reached".to_owned()));
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn report() -> Report {
    world::report()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |title: &str, names: &[String]| {
            writeln!(
                f,
                "{title}: {}",
                if names.is_empty() { "none".into() } else { names.join(", ") }
            )
        };
        list("never reached", &self.never_reached)?;
        list("armed and never fired", &self.never_fired)?;
        list("armed by the environment, declared nowhere", &self.pending)?;
        let shared =
            |(name, packages): &(String, Vec<String>)| format!("{name} ({})", packages.join(", "));
        list("names that packages share", &self.shared.iter().map(shared).collect::<Vec<_>>())
    }
}
