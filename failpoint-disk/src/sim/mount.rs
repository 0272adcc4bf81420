//! Where simulated disks are mounted, and who sees them.
//!
//! A mount is a value of a scope. A path below its prefix leads to the disk for callers inside the scope,
//! and to nothing for all others: it never falls through to the real disk.

use super::SimDisk;
use crate::errno::errno;
use crate::stray::Stray;
use crate::volatile::{self, Disk};
use failpoint::Scope;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

/// How many strays are remembered for a prefix.
const STRAYS: usize = 64;

/// A [`SimDisk`] at a path. It does nothing until a scope [holds](HoldDisk::hold) it.
#[derive(Clone)]
#[must_use = "a scope must hold the mount: scope.hold(disk.at(\"/sim\"))"]
pub struct Mount {
    prefix: Arc<Prefix>,
    disk: SimDisk,
}

/// Lets a [`Scope`] hold a disk.
pub trait HoldDisk {
    /// Inside the scope, and in scopes that are made in it, paths below the prefix lead to the disk.
    /// Everywhere else they do not exist.
    ///
    /// The disk is chosen when a path is opened. Open files keep it, on every thread.
    fn hold(&self, mount: Mount);
}

impl HoldDisk for Scope {
    fn hold(&self, mount: Mount) {
        let mut mounts = self.get::<Mounts>().map(|mounts| mounts.0.clone()).unwrap_or_default();
        // The last one that was mounted at a path hides the others.
        mounts.insert(0, mount);
        self.insert(Mounts(mounts));
    }
}

/// What a scope holds.
pub(crate) struct Mounts(pub(crate) Vec<Mount>);

/// A path at which disks are mounted. All mounts at one path share it.
struct Prefix {
    path: PathBuf,
    strays: Mutex<Vec<Stray>>,
}

impl Drop for Prefix {
    fn drop(&mut self) {
        let mut prefixes = prefixes();
        // Another one may be there since this was unlinked.
        if prefixes.get(&self.path).is_some_and(|prefix| prefix.strong_count() == 0) {
            prefixes.remove(&self.path);
        }
        MOUNTED.store(prefixes.len(), Ordering::Relaxed);
    }
}

/// How many prefixes there are. Relaxed: who mounts a disk and who opens a path share a scope, which
/// orders them; for others any order is right.
static MOUNTED: AtomicUsize = AtomicUsize::new(0);

fn prefixes() -> MutexGuard<'static, HashMap<PathBuf, Weak<Prefix>>> {
    static PREFIXES: LazyLock<Mutex<HashMap<PathBuf, Weak<Prefix>>>> =
        LazyLock::new(Mutex::default);
    PREFIXES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mount {
    #[track_caller]
    pub(super) fn new(disk: SimDisk, path: &Path) -> Self {
        let is_plain = !path.components().any(|part| part == Component::ParentDir);
        assert!(
            path.has_root() && path.file_name().is_some() && is_plain,
            "a simulated disk is mounted at an absolute path below the root and without `..`, as in \"/sim\", and not at {path:?}"
        );
        let mut prefixes = prefixes();
        let prefix = prefixes.get(path).and_then(Weak::upgrade).unwrap_or_else(|| {
            let prefix = Arc::new(Prefix { path: path.to_owned(), strays: Mutex::default() });
            prefixes.insert(path.to_owned(), Arc::downgrade(&prefix));
            prefix
        });
        MOUNTED.store(prefixes.len(), Ordering::Relaxed);
        Self { prefix, disk }
    }

    /// The same place, with another disk.
    pub(crate) fn with(&self, disk: SimDisk) -> Self {
        Self { prefix: self.prefix.clone(), disk }
    }

    /// Who used a path below the prefix outside all scopes that hold a disk there: up to 64 of them.
    ///
    /// The prefix is shared by all disks that are mounted at this path, so choose one of your own where
    /// you check this.
    ///
    /// ```
    /// use failpoint::Scope;
    /// use failpoint_disk::{HoldDisk, SimDisk, fs};
    /// use std::thread;
    ///
    /// # #[cfg(feature = "failpoints")] {
    /// let mount = SimDisk::new().at("/sim-of-this-test");
    /// let scope = Scope::new();
    /// scope.hold(mount.clone());
    /// let _in = scope.enter();
    /// // The thread is not run through `scope.wrap_fn`.
    /// let strayed = thread::spawn(|| fs::read("/sim-of-this-test/a")).join().unwrap();
    /// assert!(strayed.is_err());
    /// assert_eq!(mount.strays()[0].path.to_str(), Some("/sim-of-this-test/a"));
    /// # }
    /// ```
    pub fn strays(&self) -> Vec<Stray> {
        self.prefix.strays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount").field("at", &self.prefix.path).field("disk", &self.disk).finish()
    }
}

/// Where a path leads.
pub(crate) enum Place<'a> {
    Real,
    /// To the real disk, whose changes are held back.
    Held(&'static Disk),
    /// To this disk, at this path inside.
    Sim(SimDisk, Inside<'a>),
}

fn real<'a>() -> io::Result<Place<'a>> {
    Ok(volatile::disk()?.map_or(Place::Real, Place::Held))
}

/// A path inside a disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside<'a> {
    pub(crate) path: &'a Path,
    pub(crate) end: End,
}

/// How a path ends. Systems look at it, and [`Path`] hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a name.
    Name,
    /// With a name and a slash, which says that it is a directory.
    Slash,
    /// With `.`, which says so too.
    Dot,
    /// With `..`.
    DotDot,
    /// It is the root of the disk.
    Root,
}

impl<'a> Inside<'a> {
    /// `whole` is the path with the prefix, from which `path` has lost its end.
    pub(crate) fn new(path: &'a Path, whole: &Path) -> Self {
        let whole = whole.as_os_str().as_encoded_bytes();
        let is_separator = |byte: &u8| std::path::is_separator(char::from(*byte));
        let slashes = whole.iter().rev().take_while(|byte| is_separator(byte)).count();
        let last = whole[..whole.len() - slashes].rsplit(is_separator).next();
        let end = match last {
            Some(b"..") => End::DotDot,
            Some(b".") => End::Dot,
            _ if path.as_os_str().is_empty() => End::Root,
            _ if slashes > 0 => End::Slash,
            _ => End::Name,
        };
        Self { path, end }
    }
}

/// The longest path that Linux takes, with the byte that ends it.
const LONGEST: usize = 4096;

/// What systems refuse before they look at a disk.
pub(crate) fn check_path(path: &Path) -> io::Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() {
        return Err(errno("ENOENT"));
    }
    if bytes.contains(&0) {
        let message = "file name contained an unexpected NUL byte";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if bytes.len() >= LONGEST {
        return Err(errno("ENAMETOOLONG"));
    }
    Ok(())
}

/// Finds the disk of a path.
///
/// # Errors
/// `NotFound`, where the path belongs to a simulated disk of which the caller is outside. `InvalidInput`, where
/// a variable of the environment says nothing that is understood about real disks.
pub(crate) fn find(path: &Path) -> io::Result<Place<'_>> {
    if MOUNTED.load(Ordering::Relaxed) == 0 || !path.has_root() {
        return real();
    }
    if let Some(mounts) = Scope::find::<Mounts>() {
        for mount in &mounts.0 {
            if let Ok(inside) = path.strip_prefix(&mount.prefix.path) {
                check_path(path)?;
                return Ok(Place::Sim(mount.disk.clone(), Inside::new(inside, path)));
            }
        }
    }
    // Upgraded handles are dropped after the lock is released: the last one takes it.
    let outside = path.ancestors().find_map(|above| prefixes().get(above).and_then(Weak::upgrade));
    let Some(prefix) = outside else { return real() };
    let current = thread::current();
    let thread = current.name().map_or_else(|| format!("{:?}", current.id()), str::to_owned);
    let stray = Stray { path: path.to_owned(), thread };
    let message = format!(
        "{stray}, outside the scope that holds a simulated disk at {}; run the thread's closure through \
         Scope::wrap_fn, or a future through Scope::wrap",
        prefix.path.display()
    );
    let mut strays = prefix.strays.lock().unwrap_or_else(PoisonError::into_inner);
    if strays.len() < STRAYS {
        strays.push(stray);
    }
    Err(io::Error::new(io::ErrorKind::NotFound, message))
}
