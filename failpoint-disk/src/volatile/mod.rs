//! # Volatile mode: every death is a power cut
//!
//! With `FAILPOINT_DISK=volatile` in the environment, a process that uses [`fs`](crate::fs) loses what it did
//! not sync when it dies by `SIGKILL`, by `abort`, by an armed `kill` or by a panic that aborts. So a test
//! that kills a server and starts it again finds what a power cut would have left, and not what the kernel
//! had in its cache. A return from `main` and `exit` write everything back, also if an armed `exit` calls it.
//!
//! - Data that was written, and a length that was set, reach the real disk with `sync_all` or `sync_data` of
//!   the file. Names (create, rename, link, remove, and directories) reach it with a sync of the directory; a
//!   rename with that of the new name's directory. These are the rules of a [`SimDisk`](crate::SimDisk).
//! - The process sees its own changes at once, through every handle and on every thread.
//! - A torn write (`return(torn(5))` at `disk.write`) brings its 5 bytes to the disk and loses everything else
//!   that was not synced. A dropped sync (`return(drop)`) fails, and no later sync makes durable what it lost.
//! - Permissions and times of files that are on the real disk are not held back.
//!
//! What is held back takes memory, up to `FAILPOINT_DISK_LIMIT` (256MiB, unless you set it; units are `kB`,
//! `MB`, `GB`, `KiB`, `MiB` and `GiB`). Beyond that, the oldest changes go to the real disk, and one warning
//! says so. Only changes are in memory, not the files. A new file is in memory until its name is durable, also
//! if it was synced.
//!
//! With the feature `http`, [`extend_control`](crate::extend_control) adds to the control plane:
//!
//! ```text
//! curl -X POST "http://$GOFAIL_HTTP/v1/ext/disk/crash?keep=synced"   # or all, or a seed
//! curl -X PUT -d volatile http://$GOFAIL_HTTP/v1/ext/disk/mode     # or durable
//! curl http://$GOFAIL_HTTP/v1/ext/disk/unsynced
//! ```
//!
//! Files that were opened before a process was switched to volatile mode stay direct.
//!
//! A value that is not understood makes every operation fail with `InvalidInput`, so that no test takes a
//! durable process for a volatile one.
//!
//! ## Limits
//! - **Other processes** see the real disk: what is durable. That includes children, and code in the same
//!   process that does not use this crate. If another process changes a file or directory that has changes
//!   held back, which of both is kept is not defined; a file that another process created is not replaced by a
//!   new one of the same name: the sync of the directory fails.
//! - A new file without a durable name counts for the limit with all its synced contents. They cannot be
//!   written back if no change that is held back gives it a name, as when it was removed.
//! - **Memory maps** are not seen: what they write is durable when the kernel writes it, and they read what
//!   is durable. [`into_std`](crate::into_std) writes everything back first.
//! - A file that [`from_std`](crate::from_std) converts is used directly, as are devices, pipes, sockets, and
//!   files in `/proc` and `/sys`. The modes of the underlying `open` beyond those of `OpenOptions`
//!   (`custom_flags`) are not looked at, except that `O_NOFOLLOW` is.
//! - A new file gets its device and number from the real disk when its name is durable; before that, its
//!   device is 0. A new directory in memory belongs to no user, and whether names may be made in it is not
//!   checked.
//! - A relative path begins at the directory that the real disk knows as the current one. If that directory
//!   was renamed and not synced, relative paths do not find it.
//! - If a directory that is on the disk is moved into one that is not durable yet, and the move becomes
//!   durable, each file below it is kept by an open handle, and is copied when it gets a durable name.
//! - If a process is killed during a sync, any part of what that sync covers is durable, as after a power cut.
//!   A kill may leave a name that begins with `.failpoint-disk.`, if a new directory with synced contents was
//!   just becoming durable, or on a file system without unnamed files.
//! - It works on Unix.

#[cfg(feature = "http")]
pub(crate) mod control;
mod durable;
mod file;
mod held;
mod names;
mod node;
mod overlay;
mod real;
mod settings;
mod walk;

pub(crate) use self::file::{HeldFile, Opened};

use self::overlay::Overlay;
use crate::mirror::Metadata;
use crate::sim::image::Name;
use std::fs;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Whether changes of files on the real disk go through [`Disk`].
static MODE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
/// They do not, and never did.
const DIRECT: u8 = 1;
/// They do. It stays so, since files may be open.
const HELD: u8 = 2;

static DISK: OnceLock<Disk> = OnceLock::new();

/// The real disk, as a process sees it that holds changes back.
pub(crate) struct Disk {
    overlay: Mutex<Overlay>,
    /// Children of `fork` do not write back what their parent holds.
    process: u32,
}

/// The disk of this process, if it holds changes back.
///
/// # Errors
/// If a variable of the environment has a value that is not understood.
pub(crate) fn disk() -> io::Result<Option<&'static Disk>> {
    // Acquire: the disk is there when it is said to be used.
    match MODE.load(Ordering::Acquire) {
        DIRECT => Ok(None),
        HELD => Ok(DISK.get()),
        _ => begin(),
    }
}

#[cold]
fn begin() -> io::Result<Option<&'static Disk>> {
    if !settings::settings()?.is_volatile {
        // Who switched to volatile mode since is not overruled.
        let _ = MODE.compare_exchange(UNKNOWN, DIRECT, Ordering::AcqRel, Ordering::Acquire);
        return Ok(DISK.get());
    }
    start().map(Some)
}

/// From now on, changes go through the disk.
fn start() -> io::Result<&'static Disk> {
    let settings = settings::settings()?;
    let disk = DISK.get_or_init(|| {
        failpoint::__bridge::at_normal_end(write_back_at_end);
        let overlay = Mutex::new(Overlay::new(settings.limit, true));
        Disk { overlay, process: std::process::id() }
    });
    // Said once, and where no lock is held: a log may write a file through this crate.
    if MODE.swap(HELD, Ordering::AcqRel) != HELD {
        failpoint::__bridge::control::warn(format_args!(
            "volatile mode: what is not synced is lost if this process is killed or aborts"
        ));
    }
    Ok(disk)
}

extern "C" fn write_back_at_end() {
    // It must not unwind into C.
    let _ = std::panic::catch_unwind(|| {
        let Some(disk) = DISK.get() else { return };
        if disk.process != std::process::id() {
            return;
        }
        let mut overlay = disk.lock();
        if overlay.is_off {
            return;
        }
        // Threads that still run change the real disk at once.
        let written_back = overlay.set_volatile(false);
        drop(overlay);
        if let Err(error) = written_back {
            failpoint::__bridge::control::warn(format_args!(
                "FAILPOINT_DISK: not everything could be written back at the end: {error}"
            ));
        }
    });
}

impl Disk {
    fn lock(&self) -> Locked<'_> {
        Locked(Some(self.overlay.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.lock().stat(path, true)
    }

    pub(crate) fn symlink_metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.lock().stat(path, false)
    }

    pub(crate) fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.lock().canonicalize(path)
    }

    pub(crate) fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.lock().read_link(path)
    }

    pub(crate) fn read_dir(&self, path: &Path) -> io::Result<Vec<(Name, Metadata)>> {
        self.lock().read_dir(path)
    }

    pub(crate) fn set_permissions(
        &self,
        path: &Path,
        permissions: fs::Permissions,
        mode: u32,
    ) -> io::Result<()> {
        self.lock().set_permissions(path, permissions, mode)
    }

    pub(crate) fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.lock().create_dir(path, mode)
    }

    pub(crate) fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        self.lock().hard_link(original, link)
    }

    pub(crate) fn symlink(&self, target: &Path, link: &Path) -> io::Result<()> {
        self.lock().symlink(target, link)
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.lock().rename(from, to)
    }

    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.lock().remove_file(path)
    }

    pub(crate) fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.lock().remove_dir(path)
    }
}

/// Says what is to be said when the lock is released.
struct Locked<'a>(Option<MutexGuard<'a, Overlay>>);

impl Deref for Locked<'_> {
    type Target = Overlay;

    fn deref(&self) -> &Overlay {
        self.0.as_deref().expect("it is locked until it is dropped")
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Overlay {
        self.0.as_deref_mut().expect("it is locked until it is dropped")
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let warning = self.take_warning();
        self.0 = None;
        if let Some(warning) = warning {
            failpoint::__bridge::control::warn(format_args!("{warning}"));
        }
    }
}
