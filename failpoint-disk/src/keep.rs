//! What a user may choose about a crash.

/// Which unsynced changes survive a [crash](crate::SimDisk::crash).
///
/// ```
/// use failpoint::Scope;
/// use failpoint_disk::{HoldDisk, Keep, SimDisk, fs};
///
/// # #[cfg(feature = "failpoints")] {
/// let disk = SimDisk::new();
/// let scope = Scope::new();
/// scope.hold(disk.at("/sim"));
/// scope.wrap_fn(|| fs::write("/sim/a", "x"))()?; // its name and its contents: two changes
///
/// let found = |keep| {
///     let restarted = Scope::new();
///     restarted.hold(disk.crash(keep).at("/sim"));
///     restarted.wrap_fn(|| fs::read_to_string("/sim/a").ok())()
/// };
/// assert_eq!(found(Keep::Synced), None);
/// assert_eq!(found(Keep::All).as_deref(), Some("x"));
/// assert_eq!(found(Keep::These(vec![0])).as_deref(), Some(""));
/// # }
/// # std::io::Result::Ok(())
/// ```
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
