//! Can this directory be mounted here? Says what is missing, and detaches what a killed process left.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What `mount` and `/proc/mounts` show as the source.
pub(super) const SOURCE: &str = "failpoint-disk";

const DEVICE: &str = "/dev/fuse";

/// Why a directory cannot be mounted. The text says what to do.
#[derive(Debug)]
pub struct MountError(String);

impl MountError {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
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
    if is_own_mount(&at) {
        return Err(MountError::new(format!(
            "{} is mounted by another failpoint-disk; end that process first (kill -TERM), or choose \
             another directory",
            at.display()
        )));
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
    MountError::new(format!("cannot mount at {}: {error}{help}", at.display()))
}

pub(super) fn unusable(data: &Path, error: &io::Error) -> MountError {
    MountError::new(format!("cannot serve {}: {error}", data.display()))
}

/// Detaches the mount, also if files on it are open.
pub(super) fn detach(at: &Path) -> io::Result<()> {
    match rustix::mount::unmount(at, rustix::mount::UnmountFlags::DETACH) {
        Err(rustix::io::Errno::PERM) => {}
        detached => return Ok(detached?),
    }
    let mut command = Command::new("fusermount3");
    command.args(["-u", "-z", "--"]).arg(at).stdin(Stdio::null());
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
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
    let at = std::path::absolute(at).unwrap_or_else(|_| at.to_owned());
    if !is_own_mount(&at) {
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
            Err(MountError::new(format!("the directory {what}: {}: {error}", path.display())))
        }
    }
}

/// Whether the topmost mount at exactly this path is one of ours.
fn is_own_mount(at: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let at = at.to_string_lossy();
    let topmost = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ');
        let source = fields.next()?;
        (unescape(fields.next()?) == at).then(|| source.to_owned())
    });
    topmost.as_deref() == Some(SOURCE)
}

/// The kernel writes a space as `\040`, and so on.
fn unescape(field: &str) -> String {
    let mut text = Vec::new();
    let bytes = field.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 4).filter(|_| bytes[at] == b'\\');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                text.push(byte);
                at += 4;
            }
            None => {
                text.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}
