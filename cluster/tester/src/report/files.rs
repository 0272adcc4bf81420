//! Where are the files of a report, and how are they written?

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::Report;

/// The name of the report as JSON.
pub const JSON: &str = "report.json";
/// The name of the report as a page.
pub const HTML: &str = "report.html";

/// The directory of one report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    path: PathBuf,
}

/// A file of a report could not be written or read.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What was tried: `create`, `write` or `read`.
    pub verb: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl Display for FileError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { path, verb, error } = self;
        write!(f, "cannot {verb} {}: {error}", path.display())?;
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                f.write_str("; free some space, or give another directory")
            }
            io::ErrorKind::NotFound if *verb != "read" => {
                f.write_str("; its directory does not exist, or was removed while the run went on")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Directory {
    /// Creates `base/reports/SEED-STARTED`; with a number behind it where that exists already.
    /// `started` is in seconds since 1970.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub fn create(base: &Path, seed: u64, started: u64) -> Result<Self, FileError> {
        let reports = base.join("reports");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| FileError { path, verb: "create", error }
        };
        fs::create_dir_all(&reports).map_err(failed(&reports))?;
        let mut name = format!("{seed}-{started}");
        let mut next = 1;
        loop {
            let path = reports.join(&name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    next += 1;
                    name = format!("{seed}-{started}-{next}");
                }
                created => return created.map_err(failed(&path)).map(|()| Self { path }),
            }
        }
    }

    /// The directory of a report that exists.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of this name as a whole: a reader sees the old contents or the new.
    ///
    /// # Errors
    /// The file cannot be written. The old one is still there.
    pub fn write(
        &self,
        name: &str,
        contents: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FileError> {
        write_whole(&self.path.join(name), contents)
    }
}

/// Writes a file as a whole: to a temporary file beside it, which then takes its name.
pub(crate) fn write_whole(
    path: &Path,
    contents: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let temporary = temporary(path);
    let written = (|| {
        let mut file = io::BufWriter::new(File::create(&temporary)?);
        contents(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        FileError { path: path.to_owned(), verb: "write", error }
    })
}

/// Whether a file can be written as a whole. What is there stays.
///
/// # Errors
/// It cannot; why.
pub fn can_write(path: &Path) -> Result<(), String> {
    let created = match path.file_name() {
        None => Err(io::Error::from(io::ErrorKind::InvalidFilename)),
        Some(_) if path.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Some(_) => {
            let temporary = temporary(path);
            File::create(&temporary).and_then(|_| fs::remove_file(&temporary))
        }
    };
    created.map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

/// Where a file is written before it is whole.
fn temporary(path: &Path) -> PathBuf {
    let mut temporary = path.to_owned().into_os_string();
    temporary.push(".tmp");
    temporary.into()
}

/// Writes a report as JSON.
///
/// # Errors
/// The writer's.
pub fn write_json(report: &Report, mut writer: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut writer, report)?;
    writer.write_all(b"\n")
}

/// The largest report that is read. A run keeps its own far below.
const LARGEST: u64 = 128 << 20;

/// Reads a report from JSON.
///
/// # Errors
/// The file cannot be read, is longer than 128 MiB, or is no report of this version.
pub fn read_json(path: &Path) -> Result<Report, FileError> {
    let read = || {
        let mut text = Vec::new();
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LARGEST {
            return Err(io::Error::other(format!("it is longer than {} MiB", LARGEST >> 20)));
        }
        serde_json::from_slice(&text).map_err(|error| no_report(&text, &error))
    };
    read().map_err(|error| FileError { path: path.to_owned(), verb: "read", error })
}

/// Why a text is no report. Another version may have written it.
fn no_report(text: &[u8], error: &serde_json::Error) -> io::Error {
    #[derive(Deserialize)]
    struct Versioned {
        version: String,
    }
    let this = env!("CARGO_PKG_VERSION");
    io::Error::other(match serde_json::from_slice::<Versioned>(text) {
        _ if text.is_empty() => "it is empty".to_owned(),
        Ok(Versioned { version }) if version != this => format!(
            "it is a report of failpoint-tester {version}, and this is {this}; use that version, or name \
             a history beside it with --checks: {error}"
        ),
        _ => format!("it is no report: {error}"),
    })
}
