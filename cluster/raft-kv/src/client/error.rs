//! Why was a request not done, and may it have had an effect?

use super::http::Failure;
use crate::wire::Problem;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// What was asked cannot be sent: there is no address of a member, or the key is not possible.
    #[error("{0}")]
    Invalid(String),
    /// No member could do it within the limit. It certainly has no effect.
    #[error("not done: {member}: {message}")]
    Failed {
        /// The member that was asked last.
        member: String,
        /// What it said, or what happened.
        message: String,
    },
    /// It may have had an effect, may have one later, or may never have one.
    #[error("it is not known whether it was done: {member}: {message}")]
    Unknown {
        /// The member that was asked.
        member: String,
        /// What it said, or what happened.
        message: String,
    },
    /// The cluster refuses it, and would refuse it again. It has no effect.
    #[error("{message}")]
    Refused {
        /// Why, for a program, such as `compacted` or `lease-not-found`.
        code: String,
        /// Why, for a person.
        message: String,
    },
}

impl ClientError {
    /// Whether the request may have had an effect.
    pub fn is_unknown(&self) -> bool {
        matches!(self, ClientError::Unknown { .. })
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            ClientError::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    pub(super) fn of_failure(member: &str, failure: Failure) -> Self {
        let (member, message) = (member.to_owned(), failure.message);
        match failure.sent {
            true => ClientError::Unknown { member, message },
            false => ClientError::Failed { member, message },
        }
    }

    /// The error of a read, which has no effect that could be unknown.
    pub(super) fn of_read(self) -> Self {
        match self {
            ClientError::Unknown { member, message } => ClientError::Failed { member, message },
            other => other,
        }
    }

    /// What an answer other than 200 means.
    pub(super) fn of_answer(member: &str, status: u16, body: &[u8]) -> Self {
        let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
            let message = format!("status {status} without an error of raft-kv's");
            return ClientError::Unknown { member: member.to_owned(), message };
        };
        Self::of_problem(member, status, problem)
    }

    pub(super) fn of_problem(member: &str, status: u16, problem: Problem) -> Self {
        let (member, message) = (member.to_owned(), problem.error);
        match status {
            429 | 503 => ClientError::Failed { member, message },
            400..500 => ClientError::Refused { code: problem.code, message },
            _ => ClientError::Unknown { member, message },
        }
    }
}
