//! How does a program that is not ours get a disk that fails? A directory is served to it by FUSE.
//!
//! ```text
//! place (can it be mounted?) ─▶ serve (requests, through the points) ─▶ disk (what they do)
//!                                pool (their threads)                    nodes (files by number)
//! control (over HTTP) ───────────────────────────────────────────────▶  undo (what a crash may lose)
//! ```
//!
//! It is meant for a process of its own, the command `failpoint-disk`: it changes the umask and the limit
//! of open files, and [`Mounted::unmount`] disarms all points.

mod control;
mod disk;
mod nodes;
mod place;
mod pool;
mod serve;
#[cfg(test)]
mod tests;
mod undo;

pub use place::MountError;

use crate::limit;
use disk::{Disk, Limits, tell};
use fuser::{Config, MountOption, Notifier, Session, SessionACL};
use place::Source;
use serve::{Requests, Served, Stale};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long [`Mounted::unmount`] waits for requests that are being performed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a directory is mounted.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The kernel keeps what was read in its page cache. Faults of such reads do not arrive. Programs that
    /// map shared files need it on kernels before Linux 6.6.
    pub cached: bool,
}

/// A directory that is served as a disk that fails.
#[must_use = "dropping it leaves the mount without an end"]
pub struct Mounted {
    served: Arc<Served>,
    at: PathBuf,
    source: Source,
}

/// Serves the directory `data` at the directory `at`. `ended` is called when the mount has ended, also if
/// someone else unmounts it.
///
/// # Errors
/// There is no FUSE, one of the directories cannot be used, or the system refuses the mount. A mount that
/// a killed process left at `at` is detached.
///
/// ```no_run
/// use failpoint_disk::mount::{Settings, mount};
/// use std::path::Path;
/// use std::sync::mpsc::channel;
///
/// let (ended, end) = channel();
/// let mounted = mount(Path::new("disk"), Path::new("data"), Settings::default(), move |result| {
///     let _ = ended.send(result);
/// })?;
/// mounted.extend_control()?; // crash and unsynced, below /v1/ext/disk/
/// end.recv()??; // until it is unmounted
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mount(
    at: &Path,
    data: &Path,
    settings: Settings,
    ended: impl FnOnce(io::Result<()>) + Send + 'static,
) -> Result<Mounted, MountError> {
    let (at, data) = place::check(at, data)?;
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    let bytes = limit::from_env().map_err(|why| place::unusable(&data, &invalid(why)))?;
    let descriptors = prepare_process();
    let limits = Limits { bytes, unsynced: descriptors / 2, held: descriptors / 4 };
    let disk = Disk::new(&data, limits).map_err(|error| place::unusable(&data, &error))?;
    let served = Arc::new(Served::new(disk, !settings.cached));

    let source = Source::new();
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(source.to_string()),
        MountOption::Subtype("failpoint-disk".to_owned()),
        MountOption::DefaultPermissions,
        MountOption::NoAtime,
    ];
    if rustix::process::geteuid().is_root() {
        // A server often runs as a user of its own.
        config.acl = SessionACL::All;
    }
    let session = Session::new(Requests(served.clone()), &at, &config)
        .map_err(|error| place::refused(&at, &error))?;
    let notifier = session.notifier();
    let (stale, forgotten) = channel();
    served.send_stale_to(stale);
    let watched = source.clone();
    spawn("invalidate", move || invalidate(&notifier, &forgotten))
        .and_then(|()| spawn("detached", move || release_when_detached(&watched)))
        .and_then(|()| spawn("requests", move || ended(session.run())))
        .map_err(|error| place::refused(&at, &error))?;
    Ok(Mounted { served, at, source })
}

impl Mounted {
    /// Adds `crash` and `unsynced` to the control plane.
    ///
    /// # Errors
    /// The process has an extension `disk` already.
    pub fn extend_control(&self) -> Result<(), failpoint_http::ext::ExtendError> {
        control::extend(&self.served)
    }

    /// Where it is mounted.
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// Disarms all points, so that delayed and paused requests go on, and unmounts. Nothing is lost: what
    /// was not synced is in the served directory.
    ///
    /// # Errors
    /// Those of the system.
    pub fn unmount(self) -> io::Result<()> {
        failpoint::reset();
        let detached = self.source.detach();
        let deadline = Instant::now() + PATIENCE;
        // A point can be armed while it ends.
        while !self
            .served
            .pool
            .is_done_by((Instant::now() + Duration::from_millis(100)).min(deadline))
        {
            failpoint::reset();
            if Instant::now() > deadline {
                tell(format_args!("some requests were not done after {PATIENCE:?}"));
                break;
            }
        }
        self.served.disk().write_back_all();
        detached
    }
}

/// Tells the kernel what it must not remember. It may have to wait for requests that are being performed,
/// so no other thread waits for this one for long.
fn invalidate(notifier: &Notifier, stale: &Receiver<Stale>) {
    for Stale { crashed, done } in stale {
        for ino in crashed.files {
            let _ = notifier.inval_inode(fuser::INodeNo(ino), 0, 0);
        }
        for (dir, name) in crashed.places {
            let _ = notifier.inval_entry(fuser::INodeNo(dir), &name);
        }
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

/// If someone else detaches the mount, the kernel ends it after the last request. So a paused request would
/// wait for ever.
fn release_when_detached(mount: &Source) {
    if mount.wait_until_detached().is_ok() {
        failpoint::reset();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(format!("failpoint-disk {name}")).spawn(run).map(drop)
}

/// Modes come from the caller, whose umask the kernel has applied. And many files need descriptors: it
/// returns how many there may be.
fn prepare_process() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    rustix::process::umask(rustix::fs::Mode::empty());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current;
    current.and_then(|current| usize::try_from(current).ok()).unwrap_or(usize::MAX)
}
