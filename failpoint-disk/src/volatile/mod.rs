//! Volatile mode: how are changes of real files held back until a sync, so that every death is a power cut?
//!
//! [docs/disks.md](https://github.com/failpoint-rs/failpoint/blob/main/docs/disks.md#volatile-mode-real-processes)
//! says what users see, and lists the limits. An operation finds its file in the [`overlay`], which is the
//! view of the process, and leaves its change there. A sync has [`durable`] do on the real disk what it covers,
//! by the rules of a [`SimDisk`](crate::SimDisk). Only changes are in memory, not the files; a new file is in
//! memory until its name is durable, also if it was synced.

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
