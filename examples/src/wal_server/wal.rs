//! The write-ahead log, and how it handles errors of the disk.
//!
//! [`Wal::append`] returns `Ok` only after the record is written and synced.
//!
//! **A write that fails** (a full disk, a short write) may leave a partial record. It is truncated at
//! once, and the log accepts the next record; if it cannot be truncated, the log closes.
//!
//! **A sync that fails** closes the log. The kernel may have dropped the pages that it could not write
//! and marked them clean, so that a second sync returns `Ok` for bytes that are lost ("fsyncgate").
//! Therefore the log never syncs again: it refuses every record until the server is restarted. The
//! start writes the last record again before it syncs, because that record may be clean in memory and
//! missing on the disk.
//!
//! **A panic** between the write and the end of the sync leaves a record that was not acknowledged. The
//! next append truncates it first.

use super::record::{self, Corrupt, HEADER, MAX_PAYLOAD};
use failpoint::{fail_point, fail_result};
use failpoint_disk::fs::{self, File, OpenOptions};
use failpoint_disk::lock;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The log's file in the data directory.
pub const FILE: &str = "wal.log";

/// An append-only log of checksummed records.
#[derive(Debug)]
pub struct Wal {
    file: File,
    /// The end of the acknowledged records.
    end: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Ready,
    /// A record is being appended. If this is set at the start of an append, the last one panicked.
    Appending,
    /// Why the log is closed, if it is.
    Closed(String),
}

/// What [`Wal::open`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The payloads, oldest first.
    pub payloads: Vec<Vec<u8>>,
    /// How many bytes of a torn tail were truncated.
    pub torn: u64,
}

/// Why a log could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The disk refused.
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// Another process has the log open.
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// The log is damaged in the middle. It was not changed.
    Corrupt {
        /// The log.
        path: PathBuf,
        /// The position and the kind of damage.
        corrupt: Corrupt,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io { doing, path, error } => {
                write!(f, "cannot {doing} {}: {error}", path.display())
            }
            OpenError::InUse { path } => write!(
                f,
                "{} is in use by another process; stop that one, or choose another directory with \
                 --data DIR",
                path.display()
            ),
            OpenError::Corrupt { path, corrupt } => write!(
                f,
                "{} is damaged, in {corrupt}; a crash does not do that, and records after it may \
                 hold acknowledged changes, so nothing was cut off: restore the file from a copy, \
                 or move it away to start empty",
                path.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a record was not saved.
#[derive(Debug)]
#[non_exhaustive]
pub enum AppendError {
    /// The payload is longer than [`MAX_PAYLOAD`].
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The write failed. The record was removed, and the log accepts the next one.
    Write(io::Error),
    /// The log is closed: a sync failed, or a partial record could not be truncated. After a restart,
    /// the record of that append may or may not be there.
    Closed {
        /// What happened.
        why: String,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::TooLong { length } => {
                write!(f, "{length} bytes exceed the limit of a record, {MAX_PAYLOAD}")
            }
            AppendError::Write(error) => write!(f, "the log could not be written: {error}"),
            AppendError::Closed { why } => {
                write!(f, "the log is closed, because {why}; restart the server")
            }
        }
    }
}

impl std::error::Error for AppendError {}

impl Wal {
    /// Opens and reads the log in `directory`. Creates both if they do not exist.
    ///
    /// # Errors
    /// [`OpenError`]. A torn tail is not an error: it is truncated, because it was not acknowledged.
    pub fn open(directory: &Path) -> Result<(Self, Recovered), OpenError> {
        let path = directory.join(FILE);
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io { doing, path, error }
        };
        // A log that is there was created after the directories were durable.
        if fs::metadata(&path).is_err() {
            create_directory(directory).map_err(failed("create", directory))?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open", &path))?;
        if !lock::try_lock_exclusive(&file).map_err(failed("lock", &path))? {
            return Err(OpenError::InUse { path });
        }
        // If the file's name is not on the disk, a crash loses the file with its contents.
        sync_directory(directory).map_err(failed("sync", directory))?;

        let mut log = Vec::new();
        file.read_to_end(&mut log).map_err(failed("read", &path))?;
        let scan = match record::scan(&log) {
            Ok(scan) => scan,
            Err(corrupt) => return Err(OpenError::Corrupt { path, corrupt }),
        };
        let torn = (log.len() - scan.end) as u64;
        let mut wal = Self { file, end: scan.end as u64, state: State::Ready };
        if torn > 0 {
            wal.truncate().map_err(failed("cut the torn tail off", &path))?;
        }
        if let Some(last) = scan.payloads.last() {
            let start = scan.end - HEADER - last.len();
            wal.settle(start, &log[start..scan.end]).map_err(failed("sync", &path))?;
        }
        let payloads = scan.payloads.into_iter().map(<[u8]>::to_vec).collect();
        Ok((wal, Recovered { payloads, torn }))
    }

    /// Appends a record and syncs it.
    ///
    /// # Errors
    /// [`AppendError`]: the record is not saved.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), AppendError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(AppendError::TooLong { length: payload.len() });
        }
        match &self.state {
            State::Ready => {}
            State::Appending => self.cut_off()?,
            State::Closed(why) => return Err(AppendError::Closed { why: why.clone() }),
        }
        let record = record::encode(payload);
        self.state = State::Appending;
        if let Err(error) = self.write(&record) {
            self.cut_off()?;
            return Err(AppendError::Write(error));
        }
        fail_point!("walBeforeSync");
        if let Err(error) = self.sync() {
            // The record is refused, so a restart should not find it. If this fails too, a restart may
            // find it; a client that got an error must expect both.
            let _ = self.file.set_len(self.end);
            return Err(self.close(format!("a sync failed: {error}")));
        }
        fail_point!("walAfterSync");
        self.end += record.len() as u64;
        self.state = State::Ready;
        Ok(())
    }

    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(record)
    }

    #[track_caller] // each caller is a sync of its own for `explore`
    fn sync(&self) -> io::Result<()> {
        fail_result!("walSync")?;
        self.file.sync_data()
    }

    /// Removes everything after the last acknowledged record, or closes the log.
    fn cut_off(&mut self) -> Result<(), AppendError> {
        match self.truncate() {
            Ok(()) => {
                self.state = State::Ready;
                Ok(())
            }
            Err(error) => {
                Err(self.close(format!("an unfinished record could not be cut off: {error}")))
            }
        }
    }

    /// Synced at once. Otherwise, after a crash, the next record could be followed by the rest of a longer
    /// one.
    fn truncate(&self) -> io::Result<()> {
        fail_point!("walBeforeTruncate");
        self.file.set_len(self.end)?;
        self.sync()
    }

    /// Makes sure that the last record, which is `record` and starts at `start`, is on the disk: the
    /// previous process may have ended before it was.
    fn settle(&mut self, start: usize, record: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(start as u64))?;
        self.file.write_all(record)?;
        self.sync()
    }

    fn close(&mut self, why: String) -> AppendError {
        self.state = State::Closed(why.clone());
        AppendError::Closed { why }
    }
}

/// Creates a directory, with those above it, and syncs their names. Those that are there may not be
/// durable: a process may have created them and ended before it synced.
fn create_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for above in directory.ancestors().skip(1) {
        let above = if above == Path::new("") { Path::new(".") } else { above };
        match sync_directory(above) {
            // A process that may not read this directory did not create it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

#[cfg(unix)]
#[track_caller]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Other systems do not open directories; their file systems keep names on their own.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
