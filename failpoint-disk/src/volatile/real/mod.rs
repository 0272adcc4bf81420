//! Calls of the system for files on the real disk.

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use elsewhere::*;
#[cfg(unix)]
pub(super) use unix::*;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Which file it is, whatever its names are: device and number.
pub(super) type Identity = (u64, u64);

/// Reads the whole buffer; what another process cut off in that time is zeros.
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

/// To read and write, or as much of that as is permitted.
pub(super) fn open_best(path: &Path) -> io::Result<File> {
    let both = OpenOptions::new().read(true).write(true).open(path);
    both.or_else(|_| File::open(path)).or_else(|_| OpenOptions::new().write(true).open(path))
}

/// Where a file or directory is made that later gets its name.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".failpoint-disk.");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

/// The permissions that the system takes from new files.
pub(super) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    umask.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok()).unwrap_or(0o022)
}
