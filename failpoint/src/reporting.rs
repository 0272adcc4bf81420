//! What was never tried?

use crate::visible::visible;
use std::fmt;

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
        list("armed by the environment, declared nowhere", &self.pending)?;
        let shared =
            |(name, packages): &(String, Vec<String>)| format!("{name} ({})", packages.join(", "));
        list("names that packages share", &self.shared.iter().map(shared).collect::<Vec<_>>())
    }
}
