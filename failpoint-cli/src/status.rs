//! The exit status of the command.

use crate::words::message_of;
use failpoint_http::ClientError;
use std::process::ExitCode;

/// If there are several, the command ends with the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Done = 0,
    Refused = 1,
    Usage = 2,
    NotReachable = 3,
    TimedOut = 4,
    /// 128 plus the signal, as shells report it.
    HungUp = 129,
    Terminated = 143,
}

/// Why the command ends early.
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) why: String,
}

impl Failure {
    pub(crate) fn new(status: Status, why: impl ToString) -> Self {
        Self { status, why: why.to_string() }
    }

    pub(crate) fn usage(why: impl ToString) -> Self {
        Self::new(Status::Usage, why)
    }
}

impl Status {
    pub(crate) fn of(error: &ClientError) -> Self {
        match error {
            ClientError::BadAddress { .. }
            | ClientError::NoAddress
            | ClientError::BadVariable { .. } => Self::Usage,
            ClientError::NotReachable { .. } => Self::NotReachable,
            ClientError::TimedOut { .. } => Self::TimedOut,
            ClientError::Several(errors) => {
                errors.iter().map(Self::of).max().unwrap_or(Self::Refused)
            }
            _ => Self::Refused,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::new(Status::of(&error), message_of(&error))
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}
