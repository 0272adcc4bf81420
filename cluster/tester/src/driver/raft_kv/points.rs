//! Where and when do the points of raft-kv fire? `raft_kv::POINTS` says so; the points of its disk are
//! here.

use raft_kv::POINTS;

use crate::driver::{Point, Role, Trigger};

/// Points that raft-kv has from failpoint-disk.
const OTHERS: [(&str, Role, Trigger); 5] = [
    // After a start, the state is in memory.
    ("disk.create_dir", Role::Any, Trigger::Restart),
    ("disk.read", Role::Any, Trigger::Restart),
    // Later, only when the file of the state grows or shrinks.
    ("disk.metadata", Role::Any, Trigger::Restart),
    // Only then. Neither a load nor a snapshot brings it for certain.
    ("disk.set_len", Role::Any, Trigger::None),
    ("disk.set_attr", Role::Any, Trigger::None),
];

/// What is known of a point, by its name without package path. One that is not known fires on every
/// member, under any load: so do that of the crate raft, and those of the disk, at the latest when the
/// log is compacted.
pub(super) fn point(name: &str) -> Point {
    if let Some(point) = POINTS.iter().find(|point| point.name == name) {
        return Point { role: role(point.role), trigger: trigger(point.trigger) };
    }
    let other = OTHERS.iter().find(|(point, ..)| *point == name);
    let (role, trigger) =
        other.map_or((Role::Any, Trigger::Load), |(_, role, trigger)| (*role, *trigger));
    Point { role, trigger }
}

fn role(role: raft_kv::Role) -> Role {
    match role {
        raft_kv::Role::Any => Role::Any,
        raft_kv::Role::Leader => Role::Leader,
        raft_kv::Role::Follower => Role::Follower,
    }
}

fn trigger(trigger: raft_kv::Trigger) -> Trigger {
    match trigger {
        raft_kv::Trigger::Load => Trigger::Load,
        raft_kv::Trigger::Compaction => Trigger::Compaction,
        raft_kv::Trigger::Snapshot => Trigger::Snapshot,
        raft_kv::Trigger::Restart => Trigger::Restart,
        raft_kv::Trigger::Membership => Trigger::Membership,
        raft_kv::Trigger::Lease => Trigger::Lease,
        raft_kv::Trigger::Watch => Trigger::Watch,
    }
}
