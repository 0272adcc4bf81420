//! How does a process of a member live and end? It never outlives the tester.
//!
//! A [`Spawner`] starts processes from one thread of its own, each in a process group of its own.
//! A [`Process`] is one of them: it gets signals, all processes of its group with it, and its end is
//! awaited. What it prints goes to a file and to [`Logs`](logs::Logs).
//!
//! # What ends a process
//! A process ends when its [`Spawner`] is dropped, and when the tester is killed:
//! - The helper [`launch`] has the kernel send SIGKILL to it when the thread ends that started it.
//! - That does not reach the processes that it starts in turn. A guard, which is a process beside the
//!   tester, kills its group when the tester is gone, and what has left the group and still has its
//!   environment.
//!
//! When the process itself ends, what is left of its group is killed. So a start command must `exec` its
//! server, as in `sh -c 'exec server'`: otherwise a SIGTERM ends the shell, and the server is killed
//! while it still shuts down. A program that goes into the background counts as ended.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

pub mod checker;
mod guard;
mod ignored;
pub mod launch;
pub mod logs;
mod output;
pub(crate) mod path;
mod running;
mod spawner;

pub use ignored::is_ignored;
pub(crate) use output::rotated;
pub use running::Process;
pub(crate) use spawner::left_out;
pub use spawner::{Launch, Output, Spawner};

/// A program with its arguments. It is run directly, without a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables that are added to the agent's environment. Of that, variables that start with
    /// `FAILPOINT` or `GOFAIL` are left out: they concern the agent itself. So are those of `etcd` and
    /// `etcdctl`, `ETCD_…` and `ETCDCTL_…`, except `ETCD_UNSUPPORTED_ARCH`: what a member does must not
    /// depend on who runs the tester.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.argv.join(" "))
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit status, if it exited.
    pub code: Option<i32>,
    /// The number of the signal that ended it, if one did.
    pub signal: Option<i32>,
}

impl Display for Ended {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exited with status {code}"),
            (None, Some(signal)) => write!(f, "was ended by {}", signal_name(signal)),
            (None, None) => f.write_str("ended in an unknown way"),
        }
    }
}

/// The name of a signal that ends processes, else its number.
fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

/// Why a process could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessError {
    /// What went wrong, and what to do about it.
    pub message: String,
}

impl Display for ProcessError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProcessError {}
