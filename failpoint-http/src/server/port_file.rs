//! The port file: one line with the address, from which another process can read it.

use crate::address::Address;
use crate::error::ServeError;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file with the address. Dropping it removes the file if it still contains that address.
pub(crate) struct PortFile {
    path: PathBuf,
    line: String,
}

impl PortFile {
    /// Writes the file atomically: a reader sees all of it or no file.
    pub(crate) fn write(path: PathBuf, address: &Address) -> Result<Self, ServeError> {
        let line = format!("{address}\n");
        match write_at_once(&path, &line) {
            Ok(()) => Ok(Self { path, line }),
            Err(source) => Err(ServeError::PortFile { path, source }),
        }
    }
}

impl Drop for PortFile {
    fn drop(&mut self) {
        // The file is opened only if it may be this one, because opening a pipe can block.
        let may_be_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| now.is_file() && now.len() == self.line.len() as u64);
        if may_be_ours && fs::read_to_string(&self.path).is_ok_and(|line| line == self.line) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Replaces the file at `path`. A symbolic link is replaced itself, not the file that it names. A
/// directory, device or pipe is an error.
fn write_at_once(path: &Path, text: &str) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Err(ErrorKind::InvalidInput.into()) };
    // `metadata` follows links: /dev/stdout is one.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "it is not a regular file"));
    }
    let (new, mut file) = create_beside(path, name)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Creates a new file in the same directory. Others may be able to write there, so its name is random,
/// and an existing file or link is never used.
fn create_beside(path: &Path, name: &OsStr) -> io::Result<(PathBuf, File)> {
    const ATTEMPTS: u32 = 16;
    // The standard library seeds each one with randomness from the system.
    let random = RandomState::new();
    let mut result = Err(ErrorKind::AlreadyExists.into());
    for attempt in 0..ATTEMPTS {
        let mut new = name.to_owned();
        new.push(format!(".{:016x}.new", random.hash_one(attempt)));
        let new = path.with_file_name(new);
        result = File::create_new(&new).map(|file| (new, file));
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
            break;
        }
    }
    result
}

#[cfg(all(test, unix))]
mod tests {
    use super::PortFile;
    use crate::address::Address;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn write(path: &Path) -> Result<PortFile, String> {
        let address = Address::Tcp(([127, 0, 0, 1], 7).into());
        PortFile::write(path.to_owned(), &address).map_err(|error| error.to_string())
    }

    #[test]
    fn a_link_is_replaced_and_what_it_names_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("port"), directory.path().join("other"));
        fs::write(&other, "precious").unwrap();
        symlink(&other, &path).unwrap();
        // A link at a name that could be guessed.
        symlink(&other, directory.path().join(format!("port.{}.new", std::process::id()))).unwrap();

        let file = write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "127.0.0.1:7\n");
        assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "nothing else is left");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn other_kinds_of_files_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let link = directory.path().join("link");
        symlink("/dev/null", &link).unwrap();
        for path in [directory.path(), &socket, &link] {
            let refused = write(path).err().unwrap();
            assert!(refused.contains("cannot be written: it is not a regular file"), "{refused}");
            assert!(fs::symlink_metadata(path).is_ok());
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn another_file_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("port");
        for other in ["127.0.0.1:8\n", "127.0.0.1:7\n\n"] {
            let file = write(&path).unwrap();
            fs::write(&path, other).unwrap();
            drop(file);
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        let file = write(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(fs::symlink_metadata(&path).is_ok());
    }
}
