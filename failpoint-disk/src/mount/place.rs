//! Can this directory be mounted here, and is it still? Says what is missing, and detaches what a killed
//! process left.

use rustix::event::{PollFd, PollFlags, poll};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the source begins that `mount` and `/proc/self/mountinfo` show.
const SOURCE: &str = "failpoint-disk:";

const DEVICE: &str = "/dev/fuse";

const TABLE: &str = "/proc/self/mountinfo";

/// Why a directory cannot be mounted. The text says what to do.
#[derive(Debug)]
pub struct MountError(String);

impl MountError {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Display for MountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MountError {}

/// Checks the device, the directory `data` and the directory `at`, and returns both as real paths.
pub(super) fn check(at: &Path, data: &Path) -> Result<(PathBuf, PathBuf), MountError> {
    check_device()?;
    detach_stale(at)?;
    let at = directory(at, "to mount at")?;
    let data = directory(data, "to serve")?;
    if at.starts_with(&data) || data.starts_with(&at) {
        return Err(MountError::new(format!(
            "{} and {} must not contain each other: the mount would serve itself",
            at.display(),
            data.display()
        )));
    }
    if topmost(&at).is_some_and(|mount| mount.source.is_ours()) {
        return Err(MountError::new(format!(
            "{} is mounted by another failpoint-disk; end that process first (kill -TERM), or choose \
             another directory",
            at.display()
        )));
    }
    if fs::read_dir(&at).is_ok_and(|mut entries| entries.next().is_some()) {
        super::disk::tell(format_args!(
            "{} is not empty; what is in it is hidden as long as the disk is mounted",
            at.display()
        ));
    }
    Ok((at, data))
}

/// Says why the system refused the mount.
pub(super) fn refused(at: &Path, error: &io::Error) -> MountError {
    let help = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::NotFound => {
            "; mount as root (in a container: with the capability SYS_ADMIN), or install fusermount3 \
             (on Debian: the package fuse3)"
        }
        _ => "",
    };
    // What fusermount3 said ends with a line end.
    let error = error.to_string();
    MountError::new(format!("cannot mount at {}: {}{help}", at.display(), error.trim_end()))
}

pub(super) fn unusable(data: &Path, error: &io::Error) -> MountError {
    MountError::new(format!("cannot serve {}: {error}", data.display()))
}

/// Names a mount, also after its directory was renamed. The kernel's own numbers are used again.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source(Vec<u8>);

impl Source {
    /// A new one: the number of this process and of its mount.
    pub(super) fn new() -> Self {
        static MOUNTS: AtomicUsize = AtomicUsize::new(1);
        let (process, number) = (std::process::id(), MOUNTS.fetch_add(1, Ordering::Relaxed));
        Self(format!("{SOURCE}{process}.{number}").into_bytes())
    }

    fn is_ours(&self) -> bool {
        self.0.starts_with(SOURCE.as_bytes())
    }

    /// Waits until it is mounted nowhere, also if files on it are still open.
    pub(super) fn wait_until_detached(&self) -> io::Result<()> {
        // A change after it was opened ends the next wait, so none is missed.
        let changes = fs::File::open(TABLE)?;
        while table()?.iter().any(|mount| mount.source == *self) {
            match poll(&mut [PollFd::new(&changes, PollFlags::PRI)], None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Detaches it, also if files on it are open.
    pub(super) fn detach(&self) -> io::Result<()> {
        let mut mounts = table()?;
        mounts.retain(|mount| mount.source == *self);
        mounts.iter().rev().try_for_each(|mount| detach(&mount.at))
    }
}

fn detach(at: &Path) -> io::Result<()> {
    match rustix::mount::unmount(at, rustix::mount::UnmountFlags::DETACH) {
        Err(rustix::io::Errno::PERM) => {}
        // Another one was faster.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => return Ok(()),
        detached => return Ok(detached?),
    }
    // Where the mount looks for it, too.
    let variable = std::env::var_os("FUSERMOUNT_PATH");
    let programs = ["fusermount3", "/bin/fusermount3", "/usr/bin/fusermount3", "fusermount"];
    for program in variable.into_iter().chain(programs.map(OsString::from)) {
        let mut command = Command::new(&program);
        match command.args(["-u", "-z", "--"]).arg(at).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(io::Error::other(said.trim().to_owned()));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::NotFound, "found no fusermount3 (on Debian: the package fuse3)"))
}

fn check_device() -> Result<(), MountError> {
    match fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(MountError::new(format!(
            "cannot open {DEVICE}: {error}; run as root, or as a user who may open it (in a container: \
             with --device {DEVICE})"
        ))),
        Err(error) => Err(MountError::new(format!(
            "cannot open {DEVICE}: {error}; a mount needs the kernel's FUSE: load it with `modprobe \
             fuse`, or start the container with `--device {DEVICE} --cap-add SYS_ADMIN`"
        ))),
    }
}

/// A mount whose process was killed answers each request with ENOTCONN.
fn detach_stale(at: &Path) -> Result<(), MountError> {
    match fs::metadata(at) {
        Err(error) if error.kind() == ErrorKind::NotConnected => {}
        _ => return Ok(()),
    }
    // Without a slash at the end, which leads into the mount. What is inside is refused later.
    let Ok(at) = fs::canonicalize(at.components().collect::<PathBuf>()) else { return Ok(()) };
    if !topmost(&at).is_some_and(|mount| mount.source.is_ours()) {
        return Err(MountError::new(format!(
            "{} is a dead mount of another program; detach it first: umount -l {0}",
            at.display()
        )));
    }
    super::disk::tell(format_args!(
        "detaching a mount at {} that a killed process left",
        at.display()
    ));
    detach(&at).map_err(|error| {
        let at = at.display();
        MountError::new(format!("cannot detach the dead mount at {at}: {error}"))
    })
}

fn directory(path: &Path, what: &str) -> Result<PathBuf, MountError> {
    let found = fs::canonicalize(path).and_then(|path| Ok((fs::metadata(&path)?.is_dir(), path)));
    match found {
        Ok((true, path)) => Ok(path),
        Ok((false, path)) => Err(MountError::new(format!(
            "the directory {what}: {} is not a directory",
            path.display()
        ))),
        Err(error) => {
            let help = match error.kind() {
                ErrorKind::NotConnected => {
                    "; the process of a mount there was killed: detach it with `umount -l`, or mount it \
                     again with `failpoint-disk mount`"
                }
                _ => "",
            };
            Err(MountError::new(format!("the directory {what}: {}: {error}{help}", path.display())))
        }
    }
}

/// A line of the kernel's table of mounts.
struct Line {
    at: PathBuf,
    source: Source,
}

/// What is mounted at exactly this path.
fn topmost(at: &Path) -> Option<Line> {
    table().ok()?.into_iter().rev().find(|mount| mount.at == at)
}

fn table() -> io::Result<Vec<Line>> {
    let text = fs::read(TABLE)?;
    Ok(text.split(|&byte| byte == b'\n').filter_map(line).collect())
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`, where the optional fields end with `-`.
fn line(line: &[u8]) -> Option<Line> {
    let mut fields = line.split(|&byte| byte == b' ');
    let at = PathBuf::from(OsString::from_vec(unescape(fields.nth(4)?)));
    fields.find(|field| field == b"-")?;
    let source = Source(unescape(fields.nth(1)?));
    Some(Line { at, source })
}

/// The kernel writes a space as `\040`, and so on.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut at = 0;
    while at < field.len() {
        let code = field.get(at + 1..at + 4).filter(|_| field[at] == b'\\');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                text.push(byte);
                at += 4;
            }
            None => {
                text.push(field[at]);
                at += 1;
            }
        }
    }
    text
}
