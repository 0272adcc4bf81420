//! What is compared?

/// A build of the server, and what is armed in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Failpoints are compiled out.
    Out,
    /// The same. Its difference to [`Out`](Subject::Out) is noise.
    OutAgain,
    /// Failpoints are compiled in, and none is armed.
    Idle,
    /// The [`POINT`] is armed at each member, and does nothing.
    Off,
    /// The [`POINT`] is armed at each member, and sleeps.
    Sleep,
}

/// The point that is armed. Every write passes it at every member, in the thread that steps the node, so no
/// point of the store is hit more often.
pub(crate) const POINT: &str = "beforeApplyOneEntryNormal";

impl Subject {
    pub(crate) const ALL: [Subject; 5] =
        [Subject::Out, Subject::OutAgain, Subject::Idle, Subject::Off, Subject::Sleep];

    /// As a table names it.
    pub(crate) fn title(self) -> String {
        match self {
            Subject::Out => "compiled out".to_owned(),
            Subject::OutAgain => "compiled out, a second cluster".to_owned(),
            Subject::Idle => "compiled in, idle".to_owned(),
            Subject::Off | Subject::Sleep => {
                format!("`{POINT}={}`", self.terms().unwrap_or_default())
            }
        }
    }

    /// What is armed at the [`POINT`].
    pub(crate) fn terms(self) -> Option<&'static str> {
        match self {
            Subject::Out | Subject::OutAgain | Subject::Idle => None,
            Subject::Off => Some("1%off"),
            Subject::Sleep => Some("1%sleep(10)"),
        }
    }

    /// Whether its server has failpoints.
    pub(crate) fn is_compiled_in(self) -> bool {
        !matches!(self, Subject::Out | Subject::OutAgain)
    }
}
