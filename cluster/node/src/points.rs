//! The failpoints of the Ready loop.

/// A failpoint of the Ready loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its name, which is etcd's.
    pub name: &'static str,
    /// What a crash there simulates.
    pub simulates: &'static str,
}

/// The failpoints of the Ready loop, in the order in which a node passes them.
pub const POINTS: &[Point] = &[
    point(
        "raftBeforeLeaderSend",
        "a leader ends before its messages leave; it has not saved its entries either",
    ),
    point(
        "raftAfterLeaderSend",
        "a leader ends after its messages left, before it saved its own entries",
    ),
    point("raftBeforeSaveSnap", "a node ends with a snapshot in memory that it has not saved"),
    point(
        "raftAfterSaveSnap",
        "a node ends after it saved a snapshot, before the entries and the term that belong to it",
    ),
    point("raftBeforeSave", "a node ends before it saves entries, its term and its vote"),
    point("raftAfterSave", "a node ends after it saved, before another node learns of it"),
    point(
        "raftBeforeApplySnap",
        "a node ends after a snapshot is saved, before its state machine has it",
    ),
    point("raftAfterApplySnap", "a node ends after its state machine took a snapshot"),
    point("raftBeforeFollowerSend", "a follower ends after it saved, before its answers leave"),
    point("raftAfterFollowerSend", "a follower ends after its answers left"),
    point("beforeApplyOneEntryNormal", "a node ends before it applies a committed entry"),
    point(
        "afterApplyOneEntryNormal",
        "a node ends after it applied an entry in memory, before the state is durable",
    ),
    point(
        "beforeApplyOneConfChange",
        "a node ends before it applies a committed change of the configuration",
    ),
    point("beforeCommit", "a node ends before the state machine makes durable what it applied"),
    point("afterCommit", "a node ends after the state machine made durable what it applied"),
    point("raftBeforeAdvance", "a node ends after all work of a step, before raft learns of it"),
];

const fn point(name: &'static str, simulates: &'static str) -> Point {
    Point { name, simulates }
}
