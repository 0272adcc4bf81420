//! Which unsynced changes survive a crash.

/// Which unsynced changes survive a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// None: only what was synced.
    Synced,
    /// All of them, as if the process had died and the machine had not.
    All,
    /// Some of them, some in part, chosen by this seed.
    Random(u64),
    /// Those with these places in [`SimDisk::unsynced`](crate::SimDisk::unsynced).
    These(Vec<usize>),
}
