//! What Unix has for it.

use super::{Identity, temporary};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(in crate::volatile) fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

pub(in crate::volatile) fn links(metadata: &Metadata) -> u64 {
    metadata.nlink()
}

pub(in crate::volatile) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

pub(in crate::volatile) fn read_at(
    file: &File,
    buffer: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

pub(in crate::volatile) fn write_all_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, offset)
}

/// Whether this process may make and remove names there.
pub(in crate::volatile) fn check_writable(directory: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let access = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, directory, access, AtFlags::EACCESS).map_err(Into::into)
}

/// Creates a file that gets its name when `fill` has made its contents: a crash finds all of them or no file.
pub(in crate::volatile) fn create_file(
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

pub(in crate::volatile) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

pub(in crate::volatile) fn create_dir(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(mode).create(path)
}

pub(in crate::volatile) fn create_symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Gives an open file another name; whether that succeeded. It does not, if the file has no name at all.
pub(in crate::volatile) fn link_open(file: &File, path: &Path) -> bool {
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
