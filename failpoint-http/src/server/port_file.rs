//! How does another process find the address? In a file, which holds one line.

use crate::address::Address;
use crate::error::ServeError;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file that holds the address; removed when dropped, if it still does.
pub(crate) struct PortFile {
    path: PathBuf,
    line: String,
}

impl PortFile {
    /// Whoever waits for the file sees it whole or not at all.
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
        // Whatever is there by now is opened only if it may be ours: opening a pipe can block.
        let may_be_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| now.is_file() && now.len() == self.line.len() as u64);
        if may_be_ours && fs::read_to_string(&self.path).is_ok_and(|line| line == self.line) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Replaces what is at `path`, a symbolic link itself and not what it names; but no directory, device or
/// pipe.
fn write_at_once(path: &Path, text: &str) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Err(ErrorKind::InvalidInput.into()) };
    // Of a link what it names: /dev/stdout is one.
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

/// A new file in the same directory, since others may write there too: under a name that cannot be known
/// before, and never what stands there under that name, a link least of all.
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
        // Where a name could be known, a link would stand already.
        symlink(&other, directory.path().join(format!("port.{}.new", std::process::id()))).unwrap();

        let file = write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "127.0.0.1:7\n");
        assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "nothing else is left");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
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
