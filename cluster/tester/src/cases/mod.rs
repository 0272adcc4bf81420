//! Which faults are there? The cases of etcd's functional tester, by its names, and ours.

use std::fmt::{self, Display, Formatter};

use crate::driver::Abilities;

/// What a case does to its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGTERM, and a restart.
    Sigterm,
    /// SIGQUIT, data removed, and a return as a new member.
    SigquitAndRemove,
    /// SIGQUIT of a quorum and then of all, and a new cluster from a snapshot of the leader.
    RemoveQuorumAndRestore,
    /// SIGKILL, and a restart.
    Sigkill,
    /// SIGSTOP, and SIGCONT.
    Pause,
    /// Nothing, under load.
    NoFaultWithStress,
    /// Nothing, without load: a write must succeed.
    NoFaultWithoutStress,
    /// Every listed point, with every command, on every target.
    Failpoints,
    /// A latency at `raftAfterSave`.
    FailpointsDiskLatency,
    /// A program that the user brings: `enable N` and `disable N`.
    External,
}

/// Which members a case concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// One member that is not the leader.
    OneFollower,
    /// The leader.
    Leader,
    /// A majority.
    Quorum,
    /// All members.
    All,
}

impl Target {
    /// Its name, as it stands in a configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OneFollower => "one-follower",
            Self::Leader => "leader",
            Self::Quorum => "quorum",
            Self::All => "all",
        }
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name, such as `SIGTERM_ONE_FOLLOWER`.
    pub name: &'static str,
    /// What it does.
    pub fault: Fault,
    /// On which members; `None`: on none, or on those that the configuration names.
    pub target: Option<Target>,
    /// Whether the fault lasts until a member needs a snapshot.
    pub until_snapshot: bool,
}

/// Whether a case can be run on a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// The subject does not have what the case is about. Why.
    NotApplicable(String),
    /// It could be run, but something is missing, such as a program. Why.
    NotAvailable(String),
}

const fn case(name: &'static str, fault: Fault, target: Option<Target>) -> Case {
    Case { name, fault, target, until_snapshot: false }
}

const fn until_snapshot(name: &'static str, fault: Fault, target: Target) -> Case {
    Case { name, fault, target: Some(target), until_snapshot: true }
}

/// All cases.
pub const CASES: &[Case] = {
    use Fault::{
        External, Failpoints, FailpointsDiskLatency, NoFaultWithStress, NoFaultWithoutStress,
        Pause, RemoveQuorumAndRestore, Sigkill, SigquitAndRemove, Sigterm,
    };
    use Target::{All, Leader, OneFollower, Quorum};
    &[
        case("SIGTERM_ONE_FOLLOWER", Sigterm, Some(OneFollower)),
        case("SIGTERM_LEADER", Sigterm, Some(Leader)),
        case("SIGTERM_QUORUM", Sigterm, Some(Quorum)),
        case("SIGTERM_ALL", Sigterm, Some(All)),
        until_snapshot("SIGTERM_ONE_FOLLOWER_UNTIL_TRIGGER_SNAPSHOT", Sigterm, OneFollower),
        until_snapshot("SIGTERM_LEADER_UNTIL_TRIGGER_SNAPSHOT", Sigterm, Leader),
        case("SIGQUIT_AND_REMOVE_ONE_FOLLOWER", SigquitAndRemove, Some(OneFollower)),
        case("SIGQUIT_AND_REMOVE_LEADER", SigquitAndRemove, Some(Leader)),
        until_snapshot(
            "SIGQUIT_AND_REMOVE_ONE_FOLLOWER_UNTIL_TRIGGER_SNAPSHOT",
            SigquitAndRemove,
            OneFollower,
        ),
        until_snapshot(
            "SIGQUIT_AND_REMOVE_LEADER_UNTIL_TRIGGER_SNAPSHOT",
            SigquitAndRemove,
            Leader,
        ),
        case(
            "SIGQUIT_AND_REMOVE_QUORUM_AND_RESTORE_LEADER_SNAPSHOT_FROM_SCRATCH",
            RemoveQuorumAndRestore,
            Some(Quorum),
        ),
        case("SIGKILL_ONE_FOLLOWER", Sigkill, Some(OneFollower)),
        case("SIGKILL_LEADER", Sigkill, Some(Leader)),
        case("SIGKILL_QUORUM", Sigkill, Some(Quorum)),
        case("SIGKILL_ALL", Sigkill, Some(All)),
        case("PAUSE_ONE_FOLLOWER", Pause, Some(OneFollower)),
        case("PAUSE_LEADER", Pause, Some(Leader)),
        case("PAUSE_QUORUM", Pause, Some(Quorum)),
        case("PAUSE_ALL", Pause, Some(All)),
        case("NO_FAIL_WITH_STRESS", NoFaultWithStress, None),
        case("NO_FAIL_WITH_NO_STRESS_FOR_LIVENESS", NoFaultWithoutStress, None),
        case("FAILPOINTS", Failpoints, None),
        case("FAILPOINTS_WITH_DISK_IO_LATENCY", FailpointsDiskLatency, None),
        case("EXTERNAL", External, None),
    ]
};

impl Case {
    /// The case of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// Whether a subject of these abilities can be put through this case.
    #[must_use]
    pub fn availability(&self, abilities: &Abilities) -> Availability {
        let missing =
            |what: &str| Availability::NotApplicable(format!("the subject has no {what}"));
        // Members that others run are ended and frozen by calls of the driver `commands`.
        let without = |one: &str, other: &str| {
            Availability::NotApplicable(format!(
                "the configuration has neither `start` nor both `{one}` and `{other}`"
            ))
        };
        if self.until_snapshot && !abilities.snapshots {
            return missing("snapshots that a member gets from others");
        }
        match self.fault {
            Fault::Sigterm if !abilities.stop => without("launch", "stop"),
            Fault::Sigkill if !abilities.kill => without("launch", "kill"),
            Fault::Pause if !abilities.pause => without("pause", "unpause"),
            Fault::SigquitAndRemove if !abilities.restore => missing("changes of its members"),
            Fault::RemoveQuorumAndRestore if !abilities.restore => {
                missing("snapshots that can be restored")
            }
            Fault::Failpoints | Fault::FailpointsDiskLatency if !abilities.failpoints => {
                missing("failpoints")
            }
            _ => match self.target {
                Some(Target::OneFollower | Target::Leader | Target::Quorum)
                    if !abilities.leader =>
                {
                    missing("leader and quorum")
                }
                _ => Availability::Available,
            },
        }
    }
}
