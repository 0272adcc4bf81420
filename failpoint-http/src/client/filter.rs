//! Which points are to be listed?

use super::path::with_query;

/// Which points to list; all unless told otherwise.
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
    /// All of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those that are armed, or those that are idle.
    pub fn armed(mut self, armed: bool) -> Self {
        self.armed = Some(armed);
        self
    }

    /// Those that the process has come by, or those that it has not.
    pub fn reached(mut self, reached: bool) -> Self {
        self.reached = Some(reached);
        self
    }

    /// Those whose name matches.
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
