//! [`Filter`]: which points to list.

use super::path::with_query;

/// Which points to list; all by default.
///
/// ```
/// use failpoint_http::Filter;
///
/// let tried = Filter::new().armed(true).matching("raft*");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it does nothing until you pass it to a client"]
pub struct Filter {
    armed: Option<bool>,
    reached: Option<bool>,
    glob: Option<String>,
}

impl Filter {
    /// All points.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only points that are armed, or only points that are idle.
    pub fn armed(mut self, armed: bool) -> Self {
        self.armed = Some(armed);
        self
    }

    /// Only points that the process has reached, or only points that it has not.
    pub fn reached(mut self, reached: bool) -> Self {
        self.reached = Some(reached);
        self
    }

    /// Only points whose name matches.
    pub fn matching(mut self, glob: impl Into<String>) -> Self {
        self.glob = Some(glob.into());
        self
    }

    pub(super) fn path(&self) -> String {
        with_query(
            "/v1/points",
            [
                ("armed", self.armed.map(|armed| armed.to_string())),
                ("reached", self.reached.map(|reached| reached.to_string())),
                ("match", self.glob.clone()),
            ],
        )
    }
}
