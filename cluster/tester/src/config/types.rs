//! The configuration as the rest of the crate works with it: complete, with defaults filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::mistakes::Place;
use crate::cases::{Case, Target};
use crate::checks::Check;
use crate::driver::{Abilities, Member, Point, commands, etcd, raft_kv};
use crate::load;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The name of the subject in reports.
    pub name: String,
    /// How the subject is run and asked.
    pub driver: DriverConfig,
    /// The members. Port 0 in an address is a free port that
    /// [`choose_ports`](Config::choose_ports) chooses.
    pub members: Vec<Member>,
    /// Where data, logs and reports go.
    pub directory: PathBuf,
    /// The cases of a round, in this order unless `shuffle`.
    pub cases: Vec<&'static Case>,
    /// Whether the seed draws the order of the cases of a round.
    pub shuffle: bool,
    /// The checks.
    pub checks: Vec<Check>,
    /// The load.
    pub load: load::Settings,
    /// What FAILPOINTS arms.
    pub failpoints: FailpointsConfig,
    /// The program of EXTERNAL, which is called with `enable N` and `disable N` behind these words.
    pub external: Option<Vec<String>>,
    /// Patterns of LOGS, as regular expressions.
    pub log_patterns: Vec<String>,
    /// How long things may take.
    pub limits: Limits,
    /// Where things are written in the file, by their keys, such as `members[0].client`.
    pub places: BTreeMap<String, Place>,
}

impl Config {
    /// What the subject can do.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        self.driver.abilities(&self.members)
    }

    /// Where a key is written. A key that is left out is where the nearest key around it is.
    #[must_use]
    pub fn place(&self, key: &str) -> Place {
        let mut key = key;
        loop {
            if let Some(place) = self.places.get(key) {
                return *place;
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return Place::START,
            }
        }
    }
}

/// How a subject is run and asked.
#[derive(Clone, Debug)]
pub enum DriverConfig {
    /// etcd.
    Etcd(etcd::Settings),
    /// raft-kv.
    RaftKv(raft_kv::Settings),
    /// Any subject, by programs and HTTP calls.
    Commands(commands::Settings),
}

impl DriverConfig {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Etcd(_) => "etcd",
            Self::RaftKv(_) => "raft-kv",
            Self::Commands(_) => "commands",
        }
    }

    /// What the subject can do.
    #[must_use]
    pub fn abilities(&self, members: &[Member]) -> Abilities {
        match self {
            Self::Etcd(settings) => settings.abilities(members),
            Self::RaftKv(settings) => settings.abilities(members),
            Self::Commands(settings) => settings.abilities(members),
        }
    }

    /// How many writes make a member need a snapshot, with the flags that the driver gives.
    pub(super) fn snapshot_entries(&self) -> u64 {
        match self {
            Self::RaftKv(_) => raft_kv::SNAPSHOT_ENTRIES,
            Self::Etcd(_) | Self::Commands(_) => 5_500,
        }
    }
}

/// What FAILPOINTS arms.
#[derive(Clone, Debug)]
pub struct FailpointsConfig {
    /// The points, by suffix; empty: all that a member lists.
    pub points: Vec<String>,
    /// The terms that are armed, such as `panic` or `sleep(1000)`.
    pub commands: Vec<String>,
    /// The members on which they are armed.
    pub targets: Vec<Target>,
    /// How many of the combinations a round takes; `None`: all.
    pub sample: Option<usize>,
    /// What is known of points, over what the driver knows.
    pub known: BTreeMap<String, Point>,
    /// The latencies of FAILPOINTS_WITH_DISK_IO_LATENCY.
    pub latency: Duration,
    /// The point of FAILPOINTS_WITH_DISK_IO_LATENCY.
    pub latency_point: String,
}

/// How long things may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A request of a client.
    pub request: Duration,
    /// A stop, before it becomes SIGKILL.
    pub stop: Duration,
    /// How long a fault lasts at least.
    pub fault: Duration,
    /// Until a fault is felt.
    pub felt: Duration,
    /// Until the cluster is healthy after a fault.
    pub heal: Duration,
    /// One checker.
    pub check: Duration,
}
