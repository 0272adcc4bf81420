//! Did the store keep its promises? One module for each checker, and their names.
//!
//! | name | question | needs |
//! |---|---|---|
//! | `NO_CHECK` | none: the other checks of this run are left out | |
//! | `KV_HASH`, [`kv_hash::check`] | do all members have the same contents? | a hash for each member |
//! | `LEASE_EXPIRE`, `SHORT_TTL_LEASE_EXPIRE`, [`leases::check`] | do leases expire, and their keys with them? | leases |
//! | `RUNNER`, [`runners::check`] | did the runners (elections, locks, watches, leases) see what they may rely on? | what the runners need |
//! | `ORDER`, [`order::check`] | do all answers agree with the order that the revisions claim? | revisions, a watch of all keys |
//! | `LINEARIZABLE`, [`linearizable::check`] | is there an order that explains all answers? | answers only |
//! | `WATCH`, [`watch::check`] | does each watch get every event, once and in order? | a watch of all keys |
//! | `LOGS`, [`logs::check`] | does a log show trouble that the tester did not cause? | the logs |
//! | `SOME_SUCCEEDED`, [`coverage::some_succeeded`] | was a request of each kind answered? | answers only |
//! | `REACHED`, [`coverage::reached`] | did each armed point fire? | the counts of the points |
//!
//! [`around::around`] shows what happened near a violation.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

pub mod around;
pub mod coverage;
pub mod kv_hash;
pub mod leases;
pub mod linearizable;
pub mod logs;
pub mod order;
pub(crate) mod replay;
pub mod runners;
mod verdict;
pub mod watch;

pub use verdict::Verdict;

/// The name of a checker, as it stands in a configuration and in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the table of this module says what each does")]
pub enum Check {
    NoCheck,
    KvHash,
    LeaseExpire,
    ShortTtlLeaseExpire,
    Runner,
    Order,
    Linearizable,
    Watch,
    Logs,
    SomeSucceeded,
    Reached,
}

impl Check {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 11] = [
        Self::NoCheck,
        Self::KvHash,
        Self::LeaseExpire,
        Self::ShortTtlLeaseExpire,
        Self::Runner,
        Self::Order,
        Self::Linearizable,
        Self::Watch,
        Self::Logs,
        Self::SomeSucceeded,
        Self::Reached,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCheck => "NO_CHECK",
            Self::KvHash => "KV_HASH",
            Self::LeaseExpire => "LEASE_EXPIRE",
            Self::ShortTtlLeaseExpire => "SHORT_TTL_LEASE_EXPIRE",
            Self::Runner => "RUNNER",
            Self::Order => "ORDER",
            Self::Linearizable => "LINEARIZABLE",
            Self::Watch => "WATCH",
            Self::Logs => "LOGS",
            Self::SomeSucceeded => "SOME_SUCCEEDED",
            Self::Reached => "REACHED",
        }
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
