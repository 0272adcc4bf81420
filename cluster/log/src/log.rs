//! Appending: how the log handles errors of the disk and panics.
//!
//! **A write that fails** (a full disk, a short write) may leave a part of its records. They are cut off at
//! once, and the log accepts the next ones. If they cannot be cut off, the log closes.
//!
//! **A sync that fails** closes the log. The kernel may have dropped the pages that it could not write and
//! marked them clean, so that a second sync returns `Ok` for bytes that are lost ("fsyncgate"). Therefore the
//! log never syncs again until it is opened again; that writes what was not surely synced once more.
//!
//! **A panic** in the middle of an append leaves records that were not acknowledged. The next call cuts them
//! off first. A panic in the middle of the start of a segment closes the log.

use crate::error::{LogError, OpenError};
use crate::format::{MAX_PAYLOAD, encode};
use crate::recover::{self, Recovered};
use crate::segment::{self, Directory, Failed, Header};
use failpoint::fail_point;
use failpoint_disk::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::mem;
use std::path::Path;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment that has this many bytes is full: the next records begin a new one. A segment can be
    /// longer by what one call appends.
    pub segment_bytes: u64,
}

impl Default for Options {
    /// Segments of 16 MiB.
    fn default() -> Self {
        Self { segment_bytes: 16 << 20 }
    }
}

/// What [`Log::restate`] removed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Released {
    /// How many segments were removed.
    pub segments: u64,
    /// Why some are still there, if they are. They take room and nothing more: the next call tries again,
    /// and so does [`Log::open`].
    pub error: Option<io::Error>,
}

/// A log that is open. See the [crate](crate) for what it promises.
#[derive(Debug)]
pub struct Log {
    directory: Directory,
    options: Options,
    /// The last segment.
    file: File,
    /// The oldest segment that is there.
    first: u64,
    /// The number of the last segment.
    number: u64,
    /// Where the last segment ends.
    end: u64,
    /// How far it is synced.
    synced: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Ready,
    /// Records are being appended. If this is set at the start of a call, the last one panicked.
    Appending,
    /// A segment is being begun. If this is set at the start of a call, the last one panicked.
    Beginning,
    /// Why the log is closed.
    Closed(String),
}

impl Log {
    /// Opens and reads the log in `directory`, which it has for itself. Creates both if they do not exist.
    ///
    /// Everything that is [`Recovered`] is durable when this returns.
    ///
    /// # Errors
    /// [`OpenError`]. A torn end is not an error: it was not synced, and is cut off.
    pub fn open(directory: &Path, options: Options) -> Result<(Self, Recovered), OpenError> {
        let (opened, recovered) = recover::open(directory)?;
        let recover::Opened { directory, file, first, number, end } = opened;
        let state = State::Ready;
        Ok((Self { directory, options, file, first, number, end, synced: end, state }, recovered))
    }

    /// Appends one record. It is durable after the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`LogError`]: the record was not appended.
    pub fn append(&mut self, kind: u8, payload: &[u8]) -> Result<(), LogError> {
        self.append_all([(kind, payload)])
    }

    /// Appends records in one write. They are durable after the next [`sync`](Self::sync). Until then, a
    /// crash leaves the first few of what was not synced, or none, or all.
    ///
    /// If the last segment is full, it is synced, and a new one is begun.
    ///
    /// # Errors
    /// [`LogError`]: none of them was appended.
    pub fn append_all<'a>(
        &mut self,
        records: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<(), LogError> {
        let records = checked(records)?;
        self.be_ready()?;
        if records.is_empty() {
            return Ok(());
        }
        if self.end >= self.options.segment_bytes && self.end > segment::HEADER as u64 {
            self.roll()?;
        }
        let mut batch = Vec::new();
        for record in records {
            encode(&mut batch, self.number, self.end, self.synced, record);
        }
        self.state = State::Appending;
        if let Err(error) = self.write(&batch) {
            self.cut_off()?;
            return Err(LogError::Write { doing: "append", error });
        }
        self.end += batch.len() as u64;
        self.state = State::Ready;
        Ok(())
    }

    /// Makes all records durable that were appended.
    ///
    /// # Errors
    /// [`LogError::Closed`]: those that were not durable before may or may not be there after a restart.
    #[track_caller] // each caller is a sync of its own for `explore_syncs`
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.be_ready()?;
        self.sync_file()
    }

    /// Replaces the whole log by `records`, which restate what the caller needs of it, and removes the
    /// older segments. A crash leaves either the log as it was, or these records; never a part of them. They
    /// are durable when this returns, without a [`sync`](Self::sync).
    ///
    /// Records that were appended and not synced are replaced too: `records` states what they changed.
    ///
    /// # Errors
    /// [`LogError`]. After [`LogError::Write`] the log is as it was, and goes on. After [`LogError::Closed`],
    /// opening it again finds the log as it was, or `records`.
    pub fn restate<'a>(
        &mut self,
        records: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<Released, LogError> {
        let records = checked(records)?;
        self.be_ready()?;
        let start = segment::HEADER as u64;
        let mut bytes = Vec::new();
        for record in records {
            encode(&mut bytes, self.number + 1, start, start, record);
        }
        self.begin(None, &bytes)?;
        let mut released = Released { segments: 0, error: None };
        while self.first < self.number && released.error.is_none() {
            match self.directory.remove_segment(self.first) {
                Ok(()) => {
                    self.first += 1;
                    released.segments += 1;
                }
                Err(error) => released.error = Some(error),
            }
        }
        // A crash after older segments were removed, and before the caller knows it.
        fail_point!("raftAfterWALRelease");
        Ok(released)
    }

    /// How many segments there are.
    pub fn segments(&self) -> u64 {
        self.number + 1 - self.first
    }

    /// Whether all records that were appended are durable.
    pub fn is_synced(&self) -> bool {
        self.synced == self.end
    }

    /// Starts a segment after the last one, which is synced and never written again.
    fn roll(&mut self) -> Result<(), LogError> {
        self.sync_file()?;
        self.begin(Some(self.end), &[])
    }

    /// Starts a segment with these records, and appends to it from now on.
    fn begin(&mut self, previous: Option<u64>, records: &[u8]) -> Result<(), LogError> {
        let complete = (segment::HEADER + records.len()) as u64;
        let header = Header { number: self.number + 1, previous, complete };
        self.state = State::Beginning;
        match self.directory.create(&header, records) {
            Ok(file) => self.file = file,
            Err(Failed { error, is_undone: true, .. }) => {
                self.state = State::Ready;
                return Err(LogError::Write { doing: "begin a segment", error });
            }
            Err(Failed { doing, path, error, .. }) => {
                let path = path.display();
                return Err(self.close(format!("it could not {doing} {path}: {error}")));
            }
        }
        self.number = header.number;
        (self.end, self.synced) = (complete, complete);
        self.state = State::Ready;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(bytes)
    }

    #[track_caller] // each caller is a sync of its own for `explore_syncs`
    fn sync_file(&mut self) -> Result<(), LogError> {
        if self.is_synced() {
            return Ok(());
        }
        // A crash after records were written, and before they are durable.
        fail_point!("walBeforeSync");
        if let Err(error) = self.file.sync_data() {
            return Err(self.close(format!("a sync failed: {error}")));
        }
        self.synced = self.end;
        // A crash after records are durable, and before the caller knows it.
        fail_point!("walAfterSync");
        Ok(())
    }

    /// Repairs what a panic left, or says why the log is closed.
    fn be_ready(&mut self) -> Result<(), LogError> {
        match mem::replace(&mut self.state, State::Ready) {
            State::Ready => Ok(()),
            State::Appending => self.cut_off(),
            State::Beginning => {
                Err(self.close("a panic interrupted the start of a segment".to_owned()))
            }
            State::Closed(why) => Err(self.close(why)),
        }
    }

    /// Removes everything after the last whole append, or closes the log.
    ///
    /// It is synced at once. Otherwise, after a crash, the next records could be followed by the rest of a
    /// longer one.
    fn cut_off(&mut self) -> Result<(), LogError> {
        self.state = State::Appending;
        if let Err(error) = self.file.set_len(self.end).and_then(|()| self.file.sync_data()) {
            return Err(self.close(format!("unfinished records could not be cut off: {error}")));
        }
        self.synced = self.end;
        self.state = State::Ready;
        Ok(())
    }

    fn close(&mut self, why: String) -> LogError {
        self.state = State::Closed(why.clone());
        LogError::Closed { why }
    }
}

/// The records, if none is too long.
fn checked<'a>(
    records: impl IntoIterator<Item = (u8, &'a [u8])>,
) -> Result<Vec<(u8, &'a [u8])>, LogError> {
    let records: Vec<_> = records.into_iter().collect();
    match records.iter().map(|(_, payload)| payload.len()).find(|&length| length > MAX_PAYLOAD) {
        Some(length) => Err(LogError::TooLong { length }),
        None => Ok(records),
    }
}
