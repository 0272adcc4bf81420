//! How does another process find the address? In a file, which holds one line.

use crate::address::Address;
use crate::error::ServeError;
use std::fs;
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
        if fs::read_to_string(&self.path).is_ok_and(|line| line == self.line) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn write_at_once(path: &Path, text: &str) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Err(ErrorKind::InvalidInput.into()) };
    let mut new = name.to_owned();
    new.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(new);
    let mut file = fs::File::create(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
