//! Where and when do the points of etcd fire?
//!
//! From the comments `// gofail:` in the sources of etcd 3.4, 3.5 and 3.6. A point that is not named
//! here fires on every member, under any load: around the write-ahead log (`raftBeforeSave`,
//! `raftAfterSave`, `walBeforeSync`, `walAfterSync`), around the database (`beforeCommit`,
//! `afterCommit`, `commitBeforePreCommitHook`, `beforeStartDBTxn`, `beforeWritebackBuf`, …), and
//! `raftBeforeAdvance` and `beforeApplyOneEntryNormal`.

use crate::driver::{Point, Role, Trigger};

/// Points of whose families the name says too little, or something else.
const POINTS: [(&str, Role, Trigger); 9] = [
    // The leader sends before it saves, and a follower afterwards.
    ("raftBeforeLeaderSend", Role::Leader, Trigger::Load),
    ("raftBeforeFollowerSend", Role::Follower, Trigger::Load),
    // The last of the points around a received snapshot.
    ("raftAfterWALRelease", Role::Follower, Trigger::Snapshot),
    ("beforeApplyOneConfChange", Role::Any, Trigger::Membership),
    // Between the batches of a compaction: it has to pass more revisions than a batch has, 1000 by
    // default (`--experimental-compaction-batch-limit`), 10000 in etcd 3.4.
    ("compactBeforeCommitBatch", Role::Any, Trigger::None),
    ("compactAfterCommitBatch", Role::Any, Trigger::None),
    // At the question how long a lease has left.
    ("beforeLookupWhenLeaseTimeToLive", Role::Leader, Trigger::None),
    ("beforeLookupWhenForwardLeaseTimeToLive", Role::Leader, Trigger::None),
    // In a cluster of one member only.
    ("raftBeforeSaveWaitWalSync", Role::Any, Trigger::None),
];

/// What is known of a point, by its name without package path.
pub(super) fn point(name: &str) -> Point {
    if let Some(&(_, role, trigger)) = POINTS.iter().find(|(point, ..)| *point == name) {
        return Point { role, trigger };
    }
    if name.starts_with("compact") {
        Point { role: Role::Any, trigger: Trigger::Compaction }
    } else if name.starts_with("defrag") {
        Point { role: Role::Any, trigger: Trigger::Defragmentation }
    } else if name.contains("Snap") {
        // raftBeforeSaveSnap, raftAfterApplySnap, applyBeforeOpenSnapshot, …: where a snapshot is
        // received. A leader receives none.
        Point { role: Role::Follower, trigger: Trigger::Snapshot }
    } else {
        Point::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, Role, Trigger, point};

    #[test]
    fn points_have_the_roles_and_the_triggers_of_their_places() {
        for (name, role, trigger) in [
            ("raftBeforeSave", Role::Any, Trigger::Load),
            ("raftBeforeLeaderSend", Role::Leader, Trigger::Load),
            ("raftBeforeFollowerSend", Role::Follower, Trigger::Load),
            ("raftBeforeSaveSnap", Role::Follower, Trigger::Snapshot),
            ("raftAfterApplySnap", Role::Follower, Trigger::Snapshot),
            ("applyBeforeOpenSnapshot", Role::Follower, Trigger::Snapshot),
            ("compactBeforeSetFinishedCompact", Role::Any, Trigger::Compaction),
            ("compactAfterCommitBatch", Role::Any, Trigger::None),
            ("defragBeforeCopy", Role::Any, Trigger::Defragmentation),
            ("beforeApplyOneConfChange", Role::Any, Trigger::Membership),
        ] {
            assert_eq!(point(name), Point { role, trigger }, "{name}");
        }
    }
}
