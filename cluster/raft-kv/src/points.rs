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

/// The failpoints of a node.
pub const POINTS: &[Point] = &[];
