//! A disk in memory that knows what a crash would leave.

mod contents;
pub(crate) mod file;
pub(crate) mod image;
pub(crate) mod journal;
pub(crate) mod locks;
pub(crate) mod medium;
pub(crate) mod mount;
pub(crate) mod state;

pub(crate) use self::file::{Access, SimFile};
pub use self::mount::{HoldDisk, Mount};

use self::image::{Change, Image};
use self::medium::{Fate, Medium, sectors};
use self::state::State;
use crate::keep::Keep;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much [`SimDisk::new`] holds: 1 GiB.
const CAPACITY: u64 = 1 << 30;

/// A disk in memory, with files, directories, hard links and a capacity, that can crash.
///
/// It keeps the promises of POSIX and no more. The contents of a file are durable after a sync of the
/// file. A name (created, linked, renamed, removed) is durable after a sync of its directory. Closing a
/// file syncs nothing. Everything else may be lost in a crash, in part and in any order.
///
/// A disk is a handle: clones are the same disk. [Mount](Self::at) it to use it through
/// [`fs`](crate::fs):
///
/// ```
/// use failpoint::Scope;
/// use failpoint_disk::{HoldDisk, Keep, SimDisk, fs};
/// use std::io::Write;
///
/// # #[cfg(feature = "failpoints")] {
/// let scope = Scope::new();
/// let disk = SimDisk::new();
/// scope.hold(disk.at("/sim"));
/// let _in = scope.enter();
///
/// let mut file = fs::File::create("/sim/log")?;
/// file.write_all(b"saved")?;
/// file.sync_all()?;
/// fs::File::open("/sim")?.sync_all()?;
/// file.write_all(b", and not yet")?;
///
/// // The power fails. This is what a restart finds:
/// let scope = Scope::new();
/// scope.hold(disk.crash(Keep::Synced).at("/sim"));
/// let _in = scope.enter();
/// assert_eq!(fs::read("/sim/log")?, b"saved");
/// # }
/// # std::io::Result::Ok(())
/// ```
///
/// # Limits
/// There are no symbolic links. A file takes as much of the capacity as its length, but memory only for
/// the parts that were written. A disk does not check permissions. Permissions and times survive a crash as they are. `..` does not lead out of the disk, and
/// its root can be neither moved nor removed.
///
/// A rename is atomic, and durable after a sync of the directory of the new name. What happened to one name
/// reaches the disk in its order, also where renames tie the names of several directories together: a file
/// that was moved twice has one name after a crash, and a new file never replaces one that was moved away.
/// Directories are moved in order, so that none is ever inside itself.
///
/// A program that never syncs does not make a disk grow without bound: if more bytes wait for a sync
/// than the disk has capacity, the oldest changes become durable, as a kernel writes back.
///
/// A path leads to the disk if it begins with the prefix as it is written: one that reaches it by `..` or through a
/// symbolic link does not.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk that holds 1 GiB.
    #[allow(clippy::new_without_default)] // two defaults would be two disks: that must be seen
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// An empty disk that holds so many bytes of files. Beyond it, writes fail with `ENOSPC`.
    ///
    /// ```
    /// use failpoint::Scope;
    /// use failpoint_disk::{HoldDisk, SimDisk, fs};
    ///
    /// # #[cfg(feature = "failpoints")] {
    /// let scope = Scope::new();
    /// scope.hold(SimDisk::with_capacity(1000).at("/sim"));
    /// let error = scope.wrap_fn(|| fs::write("/sim/a", [0; 1001]))().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    /// # }
    /// ```
    pub fn with_capacity(bytes: u64) -> Self {
        Self::holding(State::new(Image::new(), bytes))
    }

    /// What a restart finds.
    pub(crate) fn of(image: Image) -> Self {
        Self::holding(State::new(image, CAPACITY))
    }

    /// A disk on which all is there that was written, durable or not.
    pub(crate) fn restarted(medium: Medium) -> Self {
        let all = medium.after(&vec![Fate::Kept; medium.pending.len()]);
        let mut state = State::new(all, CAPACITY);
        state.medium = medium;
        Self::holding(state)
    }

    fn holding(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The disk that a restart finds after a crash at this moment. This one goes on, so that one run gives
    /// many disks.
    pub fn crash(&self, keep: Keep) -> Self {
        let state = self.state();
        let pending = &state.medium.pending;
        let fates: Vec<Fate> = match keep {
            Keep::Synced => Vec::new(),
            Keep::All => vec![Fate::Kept; pending.len()],
            Keep::Random(seed) => random_fates(pending, seed),
            Keep::These(places) => {
                let fate = |place| if places.contains(&place) { Fate::Kept } else { Fate::Lost };
                (0..pending.len()).map(fate).collect()
            }
        };
        Self::holding(State::new(state.medium.after(&fates), state.capacity))
    }

    /// What a crash may lose now, oldest first, in words.
    pub fn unsynced(&self) -> Vec<String> {
        self.state().medium.pending.iter().map(describe).collect()
    }

    /// Whether a torn write has crashed the disk. Each operation fails then, until a restart uses
    /// [`crash`](Self::crash).
    pub fn has_crashed(&self) -> bool {
        self.state().has_crashed
    }

    /// Crashes the disk: each operation fails from now on, until a restart uses [`crash`](Self::crash).
    ///
    /// ```
    /// use failpoint::Scope;
    /// use failpoint_disk::{HoldDisk, SimDisk, fs};
    ///
    /// # #[cfg(feature = "failpoints")] {
    /// let disk = SimDisk::new();
    /// let scope = Scope::new();
    /// scope.hold(disk.at("/sim"));
    /// disk.power_off();
    /// assert!(scope.wrap_fn(|| fs::write("/sim/a", "x"))().is_err());
    /// # }
    /// ```
    pub fn power_off(&self) {
        self.state().has_crashed = true;
    }

    /// The disk as a directory at `prefix`, for [`HoldDisk::hold`].
    ///
    /// # Panics
    /// If `prefix` is not absolute, is `/` itself, or has `..` in it.
    #[track_caller]
    pub fn at(&self, prefix: impl AsRef<Path>) -> Mount {
        Mount::new(self.clone(), prefix.as_ref())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("SimDisk")
            .field("unsynced", &state.medium.pending.len())
            .field("has_crashed", &state.has_crashed)
            .finish_non_exhaustive()
    }
}

pub(crate) fn describe(change: &Change) -> String {
    match change {
        Change::Write { ino, offset, data } => {
            format!("{} bytes at {offset} of file {ino}", data.len())
        }
        Change::SetLen { ino, len } => format!("the length {len} of file {ino}"),
        Change::Link { dir, name, ino } => {
            format!("the name {} of file {ino} in directory {dir}", Path::new(&**name).display())
        }
        Change::Unlink { dir, name, .. } => {
            format!("the removal of {} from directory {dir}", Path::new(&**name).display())
        }
        Change::Rename { from, to, .. } => format!(
            "the rename of {} in directory {} to {} in directory {}",
            Path::new(&*from.1).display(),
            from.0,
            Path::new(&*to.1).display(),
            to.0
        ),
    }
}

/// One fate for each change, by chance.
pub(crate) fn random_fates(pending: &[Change], seed: u64) -> Vec<Fate> {
    let mut random = Random(seed);
    let fate = |change: &Change| match (random.next() % 4, change) {
        (0, _) => Fate::Lost,
        (1, Change::Write { data, .. }) => Fate::Prefix(random.below(data.len())),
        (2, Change::Write { offset, data, .. }) if sectors(*offset, data.len()).count() > 1 => {
            Fate::Sectors(random.next())
        }
        _ => Fate::Kept,
    };
    pending.iter().map(fate).collect()
}

/// splitmix64, by Sebastiano Vigna: a seed gives the same numbers on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }
}
