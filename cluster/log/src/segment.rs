//! One file of the log: its name, its header, and how it comes to be.
//!
//! ```text
//! header = magic, version (u32), 1 if the log begins here or else 0 (u32), number (u64), how long the
//!          segment before is (u64), how long this one was when it got its name (u64), checksum (u32)
//! ```
//!
//! The numbers are little-endian. All versions have the same header, so that a later version is told from
//! damage.
//!
//! A segment is written and synced under another name, then renamed. So it is there as a whole or not at
//! all, and a header that is not whole is damage. The segment before is synced first and never written
//! again, so it must be as long as its successor says.

use crate::error::OpenError;
use crate::format::VERSION;
use failpoint_disk::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"seg-log\n";

/// The length of a header in bytes.
pub(crate) const HEADER: usize = 8 + 4 + 4 + 8 + 8 + 8 + 4;

/// The name of a segment before it is whole.
const UNFINISHED: &str = "unfinished";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) number: u64,
    /// How long the segment before is. `None`: the log begins here, and no segment before counts.
    pub(crate) previous: Option<u64>,
    /// How long this segment was when it got its name.
    pub(crate) complete: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(u32::from(self.previous.is_none()).to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.previous.unwrap_or(0).to_le_bytes());
        bytes.extend(self.complete.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads the header of the segment at `path`, which is named `number` and starts with `bytes`.
    pub(crate) fn read(path: &Path, number: u64, bytes: &[u8]) -> Result<Self, OpenError> {
        let damaged = |why| OpenError::Damaged { path: path.to_owned(), offset: 0, why };
        let Some((fields, sum)) = bytes.first_chunk::<HEADER>().and_then(|h| h.split_last_chunk())
        else {
            return Err(damaged("it is shorter than a header"));
        };
        if crc32fast::hash(fields) != u32::from_le_bytes(*sum) || !fields.starts_with(MAGIC) {
            return Err(damaged("its header is damaged"));
        }
        let half = |at| u32::from_le_bytes(std::array::from_fn(|byte| fields[at + byte]));
        let word = |at| u64::from_le_bytes(std::array::from_fn(|byte| fields[at + byte]));
        let version = half(8);
        if version != VERSION {
            return Err(OpenError::Version { path: path.to_owned(), version });
        }
        let header = Self {
            number: word(16),
            previous: (half(12) == 0).then(|| word(24)),
            complete: word(32),
        };
        match header.number == number {
            true => Ok(header),
            false => Err(damaged("it is another segment; its name was changed")),
        }
    }
}

/// A step that failed while a segment was made.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) doing: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
    /// Whether all is as before. If not, a restart may find the segment.
    pub(crate) is_undone: bool,
}

/// The directory of a log, open for as long as the log is.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// It has the lock of the log.
    file: File,
}

impl Directory {
    pub(crate) fn new(path: &Path, file: File) -> Self {
        Self { path: path.to_owned(), file }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:020}.log"))
    }

    fn unfinished(&self) -> PathBuf {
        self.path.join(UNFINISHED)
    }

    #[track_caller] // each caller is a sync of its own for `explore_syncs`
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// The numbers of the segments, in order.
    pub(crate) fn segments(&self) -> Result<Vec<u64>, OpenError> {
        let failed = |error| OpenError::Io { doing: "read", path: self.path.clone(), error };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            match name.to_str() {
                Some(UNFINISHED) => {}
                Some(name) if number_of(name).is_some() => numbers.extend(number_of(name)),
                _ => return Err(OpenError::Foreign { path: self.path.join(name) }),
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes a segment that holds `records`, and opens it. It is durable when this returns.
    pub(crate) fn create(&self, header: &Header, records: &[u8]) -> Result<File, Failed> {
        let (unfinished, path) = (self.unfinished(), self.segment(header.number));
        let fail = |doing, path: &Path, is_undone| {
            let path = path.to_owned();
            move |error| Failed { doing, path, error, is_undone }
        };
        let file = self.write_unfinished(header, records).map_err(|error| {
            // If it stays, the next segment replaces it.
            let _ = fs::remove_file(&unfinished);
            fail("write", &unfinished, true)(error)
        })?;
        file.sync_all().map_err(fail("sync", &unfinished, false))?;
        fs::rename(&unfinished, &path).map_err(fail("rename", &unfinished, false))?;
        self.sync().map_err(fail("sync", &self.path, false))?;
        open_to_append(&path).map_err(fail("open", &path, false))
    }

    fn write_unfinished(&self, header: &Header, records: &[u8]) -> io::Result<File> {
        let mut file = File::create(self.unfinished())?;
        file.write_all(&header.encode())?;
        file.write_all(records)?;
        Ok(file)
    }

    /// Removes what was left of a segment that did not get its name.
    pub(crate) fn remove_unfinished(&self) -> io::Result<()> {
        remove(&self.unfinished())
    }

    pub(crate) fn remove_segment(&self, number: u64) -> io::Result<()> {
        remove(&self.segment(number))
    }
}

/// Opens a segment under its own name, which is what `when(path~...)` sees at the points of the disk.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Removes a file, unless it is gone.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?.filter(|&number| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "00000000000000000007.log";

    fn headers() -> [Header; 2] {
        let header = Header { number: 7, previous: None, complete: 1 << 40 };
        [header, Header { previous: Some(99), ..header }]
    }

    #[test]
    fn a_header_comes_back() {
        for header in headers() {
            let bytes = header.encode();
            assert_eq!(bytes.len(), HEADER);
            assert_eq!(Header::read(Path::new(PATH), 7, &bytes).unwrap(), header);
        }
    }

    #[test]
    fn every_bit_of_a_header_is_checked() {
        for bit in 0..HEADER * 8 {
            let mut bytes = headers()[1].encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = Header::read(Path::new(PATH), 7, &bytes).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { .. }), "bit {bit}: {error}");
        }
        for length in 0..HEADER {
            let bytes = &headers()[0].encode()[..length];
            let error = Header::read(Path::new(PATH), 7, bytes).unwrap_err().to_string();
            assert!(error.contains("shorter than a header"), "{error}");
        }
    }

    #[test]
    fn a_renamed_segment_and_a_later_version_are_told() {
        let mut bytes = headers()[0].encode();
        let error = Header::read(Path::new(PATH), 8, &bytes).unwrap_err().to_string();
        assert!(error.contains("its name was changed"), "{error}");
        bytes.truncate(HEADER - 4);
        bytes[8] = 9;
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let error = Header::read(Path::new(PATH), 7, &bytes).unwrap_err();
        assert!(matches!(error, OpenError::Version { version: 9, .. }), "{error}");
        assert!(error.to_string().contains("format version 9"), "{error}");
    }

    #[test]
    fn only_names_of_twenty_digits_are_segments() {
        assert_eq!(number_of("00000000000000000012.log"), Some(12));
        for foreign in ["12.log", "00000000000000000000.log", "+0000000000000000012.log", "a.log"] {
            assert_eq!(number_of(foreign), None, "{foreign}");
        }
        assert_eq!(number_of("99999999999999999999.log"), None, "more than a u64");
    }
}
