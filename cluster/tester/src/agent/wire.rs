//! What do a tester and `failpoint-agent` say to each other? JSON below `/v1/ext/agent/`.
//!
//! | request | body → reply |
//! |---|---|
//! | `PUT members/{member}` | [`MemberFiles`] → [`Added`] |
//! | `GET members/{member}` | → [`MemberState`] |
//! | `POST members/{member}/operate` | [`Request`] → [`Operated`] |
//! | `GET members/{member}/ended?starts=N&limit_ms=N` | → [`MemberState`], when the process of that start has ended, or after the limit |
//! | `GET members/{member}/log?after=N&limit_ms=N` | → [`Lines`], when there is a line with a higher number, or after the limit |
//! | `GET members/{member}/files` | → a list of [`Listed`] |
//! | `GET members/{member}/file?path=P&offset=N` | → at most [`PIECE`] bytes of it; fewer at its end |
//! | `POST stop-all` | → 204 |
//!
//! Each request names its tester: `?tester=NAME`. The agent serves one at a time.
//!
//! A request waits at most [`LONGEST_WAIT`], so a tester that asks again is known to be there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MemberState;
#[cfg(doc)]
use super::{MemberFiles, Request};

/// The prefix of the routes.
pub(super) const PREFIX: &str = "agent";
/// The parameter that names the tester.
pub(super) const TESTER: &str = "tester";
/// How long a request waits at most for a line, or for the end of a process.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The bytes of a file that go into one reply.
pub(super) const PIECE: usize = 1 << 20;

/// The member is known.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Added {
    /// How many lines its log has. They are of an earlier run.
    pub(super) lines: usize,
}

/// How an operation ended. A failure is no refusal: it may have changed something.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Operated {
    Done(MemberState),
    Failed(String),
}

/// Lines of a log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Lines {
    /// The texts of the lines, in their order.
    pub(super) texts: Vec<String>,
    /// How many lines between these and `after` were dropped before they were asked for.
    pub(super) dropped: usize,
    /// The number of the last line of `texts`, else `after`; less than `after` if the log is new.
    pub(super) last: usize,
}

/// A file that an archive has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Its path in the archive.
    pub(super) path: String,
    /// Its size in bytes.
    pub(super) size: u64,
}
