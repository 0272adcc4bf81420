//! Where and when do the points of etcd fire?

use crate::driver::{Point, Role, Trigger};

/// The points that fire not on all members, or not under any load.
const POINTS: &[(&str, Role, Trigger)] = &[
    ("raftBeforeLeaderSend", Role::Leader, Trigger::Load),
    ("raftBeforeFollowerSend", Role::Follower, Trigger::Load),
];

/// What is known of a point, by its name without package path.
pub(super) fn point(name: &str) -> Point {
    let known = POINTS.iter().find(|(point, ..)| *point == name);
    known.map_or_else(Point::default, |&(_, role, trigger)| Point { role, trigger })
}
