//! The files of scripts: finds, reads and replaces them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A longer file is not a script that a person wrote.
const MOST_BYTES: u64 = 64 << 20;

/// The script at `path`, or all `*.txt` in the directory and below it, in the order of their names.
///
/// # Errors
///
/// There is no such file, or no script in the directory.
pub(crate) fn scripts(path: &Path) -> io::Result<Vec<PathBuf>> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
    };
    if !fs::metadata(path).map_err(named)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut scripts = Vec::new();
    below(path, &mut scripts).map_err(named)?;
    if scripts.is_empty() {
        let message = format!("there is no script `*.txt` in {}", path.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    Ok(scripts)
}

fn below(directory: &Path, scripts: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a directory may lead back up.
        if entry.file_type()?.is_dir() {
            below(&path, scripts)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") && path.is_file() {
            scripts.push(path);
        }
    }
    Ok(())
}

pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Another kind of file may block or never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("a script has at most {} MiB", MOST_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Replaces a file at once: it has the old text or the new one, also if this process ends. It keeps
/// its permissions, and a link still leads to it.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
