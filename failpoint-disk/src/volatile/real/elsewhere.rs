//! Systems that have no device and number for each file: volatile mode is refused there, and nothing of this
//! is called.

use super::Identity;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

pub(in crate::volatile) fn identity(_: &Metadata) -> Identity {
    (0, 0)
}

pub(in crate::volatile) fn links(_: &Metadata) -> u64 {
    1
}

pub(in crate::volatile) fn mode(_: &Metadata) -> u32 {
    0o644
}

pub(in crate::volatile) fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn write_all_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn check_writable(_: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn create_file(
    _: &Path,
    _: u32,
    _: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<File> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn create_dir(_: &Path, _: u32) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn create_symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(in crate::volatile) fn link_open(_: &File, _: &Path) -> bool {
    false
}
