//! Why did a case, or the whole run, not go on?

use std::fmt::{self, Display, Formatter};

use crate::agent::AgentError;
use crate::driver::DriverError;

/// Why a case did not end as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The subject did something wrong, or the fault was not felt or did not heal.
    Subject(String),
    /// The run cannot go on: an agent does not answer, or a program is missing.
    Setup(String),
    /// The subject cannot be put through the case, as it turned out.
    NotApplicable(String),
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(message) | Self::Setup(message) | Self::NotApplicable(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self::Setup(error.to_string())
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::Subject(error.to_string())
    }
}
