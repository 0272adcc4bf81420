//! How is a member started, stopped and damaged?
//!
//! An [`Agent`] runs the processes of members on one machine. The embedded one runs them as
//! children of this process; a remote one is `failpoint-agent` on another machine, reached over HTTP with a
//! token. Both take the same [`Request`]s: the operations of etcd's functional tester, with its
//! names and numbers, and a few more.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::process::logs::Logs;
pub use crate::process::{Ended, Program};

pub mod embedded;
mod files;
pub mod remote;
pub mod routes;
mod wire;

/// What an agent can be asked to do to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Operation {
    /// Nothing was asked of the member yet. Asked for, it changes nothing.
    NotStarted,
    /// Starts the member for the first time, with an empty data directory.
    InitialStartEtcd,
    /// Starts the member again, with the data that it has.
    RestartEtcd,
    /// Stops the member with SIGTERM.
    SigtermEtcd,
    /// Stops the member with SIGQUIT, and renames its data directory to a backup.
    SigquitEtcdAndRemoveData,
    /// Saves a snapshot of the member.
    SaveSnapshot,
    /// Restores the saved snapshot into the data directory, and starts the member.
    RestoreRestartFromSnapshot,
    /// Starts the member with an empty data directory, so that it gets a snapshot from the others.
    RestartFromSnapshot,
    /// Stops the member with SIGQUIT, and moves its data and its log to an archive.
    SigquitEtcdAndArchiveData,
    /// Stops the member with SIGQUIT, removes its data, and ends the agent of this member.
    SigquitEtcdAndRemoveDataAndStopAgent,
    /// Ends the member with SIGKILL.
    SigkillEtcd,
    /// Stops the member's processes with SIGSTOP.
    Pause,
    /// Lets them go on with SIGCONT.
    Unpause,
}

impl Operation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::NotStarted,
        Self::InitialStartEtcd,
        Self::RestartEtcd,
        Self::SigtermEtcd,
        Self::SigquitEtcdAndRemoveData,
        Self::SigkillEtcd,
        Self::SaveSnapshot,
        Self::RestoreRestartFromSnapshot,
        Self::RestartFromSnapshot,
        Self::SigquitEtcdAndArchiveData,
        Self::SigquitEtcdAndRemoveDataAndStopAgent,
        Self::Pause,
        Self::Unpause,
    ];

    /// Its name, as in requests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "NOT_STARTED",
            Self::InitialStartEtcd => "INITIAL_START_ETCD",
            Self::RestartEtcd => "RESTART_ETCD",
            Self::SigtermEtcd => "SIGTERM_ETCD",
            Self::SigquitEtcdAndRemoveData => "SIGQUIT_ETCD_AND_REMOVE_DATA",
            Self::SigkillEtcd => "SIGKILL_ETCD",
            Self::SaveSnapshot => "SAVE_SNAPSHOT",
            Self::RestoreRestartFromSnapshot => "RESTORE_RESTART_FROM_SNAPSHOT",
            Self::RestartFromSnapshot => "RESTART_FROM_SNAPSHOT",
            Self::SigquitEtcdAndArchiveData => "SIGQUIT_ETCD_AND_ARCHIVE_DATA",
            Self::SigquitEtcdAndRemoveDataAndStopAgent => {
                "SIGQUIT_ETCD_AND_REMOVE_DATA_AND_STOP_AGENT"
            }
            Self::Pause => "PAUSE",
            Self::Unpause => "UNPAUSE",
        }
    }

    /// Its number. Those of etcd's tester are kept; SIGKILL_ETCD, PAUSE and UNPAUSE are ours.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::NotStarted => 0,
            Self::InitialStartEtcd => 10,
            Self::RestartEtcd => 11,
            Self::SigtermEtcd => 20,
            Self::SigquitEtcdAndRemoveData => 21,
            Self::SigkillEtcd => 22,
            Self::SaveSnapshot => 30,
            Self::RestoreRestartFromSnapshot => 31,
            Self::RestartFromSnapshot => 32,
            Self::SigquitEtcdAndArchiveData => 40,
            Self::SigquitEtcdAndRemoveDataAndStopAgent => 41,
            Self::Pause => 300,
            Self::Unpause => 301,
        }
    }
}

/// Where an agent keeps what belongs to a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberFiles {
    /// The name of the member: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The working directory of its processes; backups and archives go there too.
    pub directory: PathBuf,
    /// Its data directory, which operations remove, rename and restore.
    pub data: PathBuf,
    /// The file to which its standard output and standard error are appended.
    pub log: PathBuf,
}

/// One operation, with what it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What to do.
    pub operation: Operation,
    /// For operations that start the member: how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Program>,
    /// For operations that stop the member: how, if not by a signal to its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Program>,
    /// For operations that save or restore a snapshot: the program that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Program>,
    /// How long a stop, or a program that saves or restores, may take. After that a stop becomes
    /// SIGKILL, and a program is killed and its operation fails. Milliseconds.
    pub limit_ms: u64,
}

/// What an agent knows of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// The id of its process, while it runs.
    pub pid: Option<u32>,
    /// Whether it runs in the care of others, so that the id of its process is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Whether it is stopped with SIGSTOP.
    pub paused: bool,
    /// How its last process ended, if it does not run.
    pub ended: Option<Ended>,
    /// How often the member was started.
    pub starts: u64,
    /// Whether the last stop took longer than its limit and became SIGKILL.
    pub killed: bool,
    /// Where the last operation put a backup, an archive or a snapshot.
    pub kept: Option<PathBuf>,
}

impl MemberState {
    /// Whether it runs. A paused one does.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.pid.is_some() || self.elsewhere
    }
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentError {
    /// The member.
    pub member: String,
    /// What went wrong, and what to do about it.
    pub message: String,
}

impl Display for AgentError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.member, self.message)
    }
}

impl std::error::Error for AgentError {}

/// Runs members. An operation that returns has happened: a started process exists, a stopped one is
/// gone. Whether the member is healthy is not the agent's question.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Declares a member. Every other call needs that first.
    async fn add(&self, files: &MemberFiles) -> Result<(), AgentError>;

    /// Does one operation.
    async fn operate(&self, member: &str, request: &Request) -> Result<MemberState, AgentError>;

    /// What the agent knows of the member now.
    async fn state(&self, member: &str) -> Result<MemberState, AgentError>;

    /// Waits until the process of the given start has ended, or for `limit`. Returns the state then.
    async fn ended(
        &self,
        member: &str,
        starts: u64,
        limit: Duration,
    ) -> Result<MemberState, AgentError>;

    /// The log of the member, from its first line on.
    fn logs(&self, member: &str) -> Result<Logs, AgentError>;

    /// Copies the data directory and the log of the member into a directory on the tester's machine, for
    /// a failed run.
    async fn archive(&self, member: &str, directory: &std::path::Path) -> Result<(), AgentError>;

    /// Ends all processes of all members.
    async fn stop_all(&self) -> Result<(), AgentError>;
}
