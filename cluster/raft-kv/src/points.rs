//! The failpoints of a node: what a crash at each simulates, on whom it is reached, and by what.

/// A failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its name, which is etcd's where etcd has the point.
    pub name: &'static str,
    /// What a crash there simulates.
    pub simulates: &'static str,
    /// On whom it is reached.
    pub role: Role,
    /// What makes it reached.
    pub trigger: Trigger,
}

/// On whom a point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// On all members.
    Any,
    /// On the leader.
    Leader,
    /// On followers.
    Follower,
}

/// What makes a point reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Writes.
    Load,
    /// A compaction of the store.
    Compaction,
    /// A snapshot that a follower gets because it was away for long.
    Snapshot,
    /// A restart of the member.
    Restart,
    /// A change of the members.
    Membership,
    /// Leases.
    Lease,
    /// A watch.
    Watch,
}

/// The failpoints of a node, in the order in which it passes them: those of the Ready loop and of the log,
/// then those of watches, of compactions and of leases.
pub const POINTS: &[Point] = &[
    point(
        "raftBeforeLeaderSend",
        "a leader ends before its messages leave; it has not saved its entries either",
        Role::Leader,
        Trigger::Load,
    ),
    point(
        "raftAfterLeaderSend",
        "a leader ends after its messages left, before it saved its own entries",
        Role::Leader,
        Trigger::Load,
    ),
    point(
        "raftBeforeSaveSnap",
        "a node ends with a snapshot in memory that it has not saved",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "raftAfterSaveSnap",
        "a node ends after it saved a snapshot, before the entries and the term that belong to it",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "raftBeforeSave",
        "a node ends before it saves entries, its term and its vote",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "raftAfterSave",
        "a node ends after it saved, before another node learns of it",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "walBeforeSync",
        "a crash after records were written, and before they are durable",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "walAfterSync",
        "a crash after records are durable, and before the caller knows it",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "raftAfterWALRelease",
        "a crash after older segments were removed, and before the caller knows it",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "raftBeforeApplySnap",
        "a node ends after a snapshot is saved, before its state machine has it",
        Role::Follower,
        Trigger::Snapshot,
    ),
    point(
        "applyBeforeOpenSnapshot",
        "a node ends before it reads a snapshot that it has saved",
        Role::Follower,
        Trigger::Snapshot,
    ),
    point(
        "applyAfterOpenSnapshot",
        "a node ends after it read a snapshot, before anything of it is in the state",
        Role::Follower,
        Trigger::Snapshot,
    ),
    point(
        "raftAfterApplySnap",
        "a node ends after its state machine took a snapshot",
        Role::Follower,
        Trigger::Snapshot,
    ),
    point(
        "raftBeforeFollowerSend",
        "a follower ends after it saved, before its answers leave",
        Role::Follower,
        Trigger::Load,
    ),
    point(
        "raftAfterFollowerSend",
        "a follower ends after its answers left",
        Role::Follower,
        Trigger::Load,
    ),
    point(
        "raftDropHeartbeat",
        "a heartbeat of the leader is lost: `return` drops it",
        Role::Follower,
        Trigger::Load,
    ),
    point(
        "beforeApplyOneEntryNormal",
        "a node ends before it applies a committed entry",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "afterApplyOneEntryNormal",
        "a node ends after it applied an entry in memory, before the state is durable",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "beforeApplyOneConfChange",
        "a node ends before it applies a committed change of the configuration",
        Role::Any,
        Trigger::Membership,
    ),
    point(
        "beforeCommit",
        "a node ends before the state machine makes durable what it applied",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "afterCommit",
        "a node ends after the state machine made durable what it applied",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "raftBeforeAdvance",
        "a node ends after all work of a step, before raft learns of it",
        Role::Any,
        Trigger::Load,
    ),
    point(
        "beforeSendWatchResponse",
        "a node ends with events that a watch was not sent",
        Role::Any,
        Trigger::Watch,
    ),
    point(
        "beforeSyncWatchers",
        "a node ends with watches that were not sent what the state has",
        Role::Any,
        Trigger::Watch,
    ),
    point(
        "compactBeforeCommitBatch",
        "a node ends in a compaction, with a batch that is not removed yet",
        Role::Any,
        Trigger::Compaction,
    ),
    point(
        "compactAfterCommitBatch",
        "a node ends in a compaction, with a batch that is removed and others that are not",
        Role::Any,
        Trigger::Compaction,
    ),
    point(
        "beforeCheckpointInLeaseRenew",
        "a node ends that was asked to renew a lease, and has not passed it on",
        Role::Any,
        Trigger::Lease,
    ),
    point(
        "beforeLookupWhenLeaseTimeToLive",
        "a node ends that was asked how long a lease lives",
        Role::Any,
        Trigger::Lease,
    ),
    point(
        "leaseBeforeExpire",
        "a leader ends with a lease that has expired, and whose keys are still there",
        Role::Leader,
        Trigger::Lease,
    ),
    point(
        "leaseAfterExpire",
        "a leader ends after it proposed to end a lease, before that is saved",
        Role::Leader,
        Trigger::Lease,
    ),
];

const fn point(name: &'static str, simulates: &'static str, role: Role, trigger: Trigger) -> Point {
    Point { name, simulates, role, trigger }
}
