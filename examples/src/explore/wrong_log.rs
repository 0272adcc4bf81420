//! A small log, and three ways to get it wrong.
//!
//! It uses the module `fs` of its parent, so that it can be compiled against another file system.
//!
//! ```text
//! record = length (u32), checksum of the payload (u32), payload
//! ```

use super::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Nothing.
    None,
    /// It acknowledges a record without a sync.
    NoSync,
    /// It takes what a crash left of the last record for a record.
    TornTail,
    /// It renames the new log into place, and does not sync the directory.
    NoDirSync,
}

const HEADER: usize = 8;

/// A log that is open.
#[derive(Debug)]
pub struct Log {
    file: File,
    mistake: Mistake,
}

impl Log {
    /// Opens the log in `directory`, or creates it; returns the records that are there.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(directory: &Path, mistake: Mistake) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let path = directory.join("log");
        if fs::metadata(&path).is_err() {
            let new = directory.join("log.new");
            File::create(&new)?.sync_all()?;
            fs::rename(&new, &path)?;
            if mistake != Mistake::NoDirSync {
                File::open(directory)?.sync_all()?;
            }
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (records, end) = read(&bytes, mistake);
        if end < bytes.len() {
            file.set_len(end as u64)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::Start(end as u64))?;
        Ok((Self { file, mistake }, records))
    }

    /// Appends a record. When it returns, the record is promised to survive.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut record = (payload.len() as u32).to_le_bytes().to_vec();
        record.extend(crc32fast::hash(payload).to_le_bytes());
        record.extend(payload);
        self.file.write_all(&record)?;
        if self.mistake != Mistake::NoSync {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// The records, and where they end.
fn read(bytes: &[u8], mistake: Mistake) -> (Vec<Vec<u8>>, usize) {
    let mut records = Vec::new();
    let mut end = 0;
    while let Some((header, rest)) = bytes[end..].split_at_checked(HEADER) {
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let length = number(0) as usize;
        let payload = if mistake == Mistake::TornTail {
            &rest[..length.min(rest.len())]
        } else {
            match rest.get(..length) {
                Some(payload) if crc32fast::hash(payload) == number(4) && length > 0 => payload,
                _ => break,
            }
        };
        if payload.is_empty() {
            break;
        }
        records.push(payload.to_vec());
        end += HEADER + payload.len();
    }
    (records, end)
}
