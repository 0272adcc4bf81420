//! Calls of the system for files on the real disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads the whole buffer; what another process cut off meanwhile is zeros.
pub(super) fn read_fully(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match read_at(file, buffer, offset) {
            Ok(0) => break,
            Ok(read) => {
                offset += read as u64;
                buffer = &mut buffer[read..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.fill(0);
    Ok(())
}

#[cfg(unix)]
pub(super) fn write_all_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, offset)
}

/// To read and write, or as much of that as is permitted.
pub(super) fn open_best(path: &Path) -> io::Result<File> {
    let both = OpenOptions::new().read(true).write(true).open(path);
    both.or_else(|_| File::open(path)).or_else(|_| OpenOptions::new().write(true).open(path))
}

/// Whether this process may make and remove names there.
#[cfg(unix)]
pub(super) fn check_writable(directory: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let access = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, directory, access, AtFlags::EACCESS).map_err(Into::into)
}

/// Creates a file that gets its name when `fill` has made its contents: a crash finds all of them or no file.
#[cfg(unix)]
pub(super) fn create_file(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    #[cfg(target_os = "linux")]
    if let Some(file) = unnamed(path, mode) {
        fill(&file)?;
        give_name(&file, path)?;
        return Ok(file);
    }
    let temporary = temporary(path);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).mode(mode).open(&temporary)?;
    file.set_len(0)?;
    fill(&file)?;
    std::fs::rename(&temporary, path)?;
    Ok(file)
}

/// Gives an open file another name; whether that succeeded. It does not, if the file has no name at all.
pub(super) fn link_open(file: &File, path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return give_name(file, path).is_ok();
    #[cfg(not(target_os = "linux"))]
    return {
        let _ = (file, path);
        false
    };
}

#[cfg(target_os = "linux")]
fn give_name(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    linkat(CWD, link, CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(Into::into)
}

/// A file without a name in the directory of `path`, where the file system has such files.
#[cfg(target_os = "linux")]
fn unnamed(path: &Path, mode: u32) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let proc_is_there = Path::new("/proc/self/fd").exists();
    let file = open(path.parent()?, flags, Mode::from_raw_mode(mode)).ok()?;
    proc_is_there.then(|| file.into())
}

/// Where a file or directory is made that later gets its name.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".failpoint-disk.");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

#[cfg(unix)]
pub(super) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(unix)]
pub(super) fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(mode).create(path)
}

#[cfg(unix)]
pub(super) fn create_symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// The permissions that the system takes from new files.
pub(super) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    umask.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok()).unwrap_or(0o022)
}
