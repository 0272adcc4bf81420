//! What a log finds when it is opened, and what it makes durable before it promises it.
//!
//! 1. The directory is created and locked.
//! 2. If it holds no segment, the first one is created, after the names of the directories above are synced.
//! 3. Otherwise the directory is synced: the last process may have died between the rename of a segment and
//!    that sync.
//! 4. From the newest segment back to the one where the log begins, the headers are read.
//! 5. The records of these segments are read. Only the last segment can have a torn end.
//! 6. Segments before them are removed, and what is left of a segment that did not get its name.
//! 7. The torn end is cut off. What was not surely synced is written again, then synced.
//!
//! Only the steps 6 and 7 remove anything, and they come after all that can find damage.

use crate::error::OpenError;
use crate::format::{Record, Rest, Scan, scan};
use crate::segment::{self, Directory, Failed, Header};
use failpoint_disk::fs::{self, File};
use failpoint_disk::lock;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What [`Log::open`](crate::Log::open) found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// The records from where the log begins, oldest first. All of them are durable.
    pub records: Vec<Record>,
    /// How many bytes of a torn end were cut off.
    pub torn: u64,
}

/// An open directory, and the segment that is appended to.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) directory: Directory,
    pub(crate) file: File,
    /// Where the log begins.
    pub(crate) first: u64,
    /// The last segment.
    pub(crate) number: u64,
    /// Where the last segment ends. It is synced up to here.
    pub(crate) end: u64,
}

pub(crate) fn open(path: &Path) -> Result<(Opened, Recovered), OpenError> {
    fs::create_dir_all(path).map_err(failed("create", path))?;
    let file = File::open(path).map_err(failed("open", path))?;
    if !lock::try_lock_exclusive(&file).map_err(failed("lock", path))? {
        return Err(OpenError::InUse { path: path.to_owned() });
    }
    let directory = Directory::new(path, file);
    let segments = directory.segments()?;
    match segments.last() {
        None => Ok((create_first(directory)?, Recovered::default())),
        Some(&last) => read(directory, &segments, last),
    }
}

fn create_first(directory: Directory) -> Result<Opened, OpenError> {
    sync_names_above(directory.path())?;
    let end = segment::HEADER as u64;
    let header = Header { number: 1, previous: None, complete: end };
    let file = directory.create(&header, &[])?;
    Ok(Opened { directory, file, first: 1, number: 1, end })
}

fn read(
    directory: Directory,
    segments: &[u64],
    last: u64,
) -> Result<(Opened, Recovered), OpenError> {
    directory.sync().map_err(failed("sync", directory.path()))?;
    // From the newest back to where the log begins.
    let newest = read_header(&directory, segments, last)?;
    let (mut oldest, mut finished) = (newest, Vec::new());
    while let Some(whole) = oldest.previous {
        oldest = read_header(&directory, segments, oldest.number - 1)?;
        finished.push((oldest, whole));
    }
    let first = oldest.number;

    let mut recovered = Recovered::default();
    for (header, whole) in finished.iter().rev() {
        recovered.records.append(&mut read_finished(&directory, header, *whole)?);
    }
    let path = directory.segment(last);
    let bytes = fs::read(&path).map_err(failed("read", &path))?;
    let mut scan = scan_segment(&newest, &bytes);
    if let Rest::Damaged(why) = scan.rest {
        return Err(OpenError::Damaged { path, offset: scan.end as u64, why });
    }
    recovered.records.append(&mut scan.records);
    recovered.torn = (bytes.len() - scan.end) as u64;

    directory.remove_unfinished().map_err(failed("clean up", directory.path()))?;
    for &number in segments.iter().filter(|&&number| number < first) {
        directory.remove_segment(number).map_err(failed("remove", &directory.segment(number)))?;
    }
    let mut file = segment::open_to_append(&path).map_err(failed("open", &path))?;
    settle(&mut file, &bytes, &scan).map_err(failed("write", &path))?;
    Ok((Opened { directory, file, first, number: last, end: scan.end as u64 }, recovered))
}

fn read_header(directory: &Directory, segments: &[u64], number: u64) -> Result<Header, OpenError> {
    let path = directory.segment(number);
    if segments.binary_search(&number).is_err() {
        return Err(OpenError::Missing { path });
    }
    let file = File::open(&path).map_err(failed("open", &path))?;
    let mut start = Vec::new();
    file.take(segment::HEADER as u64).read_to_end(&mut start).map_err(failed("read", &path))?;
    Header::read(&path, number, &start)
}

/// The records of a segment that has a successor. The successor says that it is `whole` bytes long.
fn read_finished(
    directory: &Directory,
    header: &Header,
    whole: u64,
) -> Result<Vec<Record>, OpenError> {
    let path = directory.segment(header.number);
    let bytes = fs::read(&path).map_err(failed("read", &path))?;
    let scan = scan_segment(header, &bytes);
    let why = match scan.rest {
        Rest::Damaged(why) => why,
        Rest::Torn => "a part of it is missing, and a later segment was begun after it was synced",
        Rest::Nothing if scan.end as u64 != whole => {
            "it ends here, and the next segment says that it has another length"
        }
        Rest::Nothing => return Ok(scan.records),
    };
    Err(OpenError::Damaged { path, offset: scan.end as u64, why })
}

fn scan_segment(header: &Header, bytes: &[u8]) -> Scan {
    // More than there are bytes is more than any place in them.
    let complete = usize::try_from(header.complete).unwrap_or(usize::MAX);
    scan(header.number, bytes, segment::HEADER, complete)
}

/// Cuts the torn end off, and makes the records durable. A process that wrote them may have died before they
/// were. It may also have got an error from a sync: then they can be clean in memory and missing on the
/// disk, so a sync alone would not write them ("fsyncgate").
fn settle(file: &mut File, bytes: &[u8], scan: &Scan) -> io::Result<()> {
    if scan.end < bytes.len() {
        file.set_len(scan.end as u64)?;
    }
    if scan.synced < bytes.len() {
        file.seek(SeekFrom::Start(scan.synced as u64))?;
        file.write_all(&bytes[scan.synced..scan.end])?;
        file.sync_data()?;
    }
    Ok(())
}

/// Makes the names of `path` and of the directories above it durable. They may have been created a moment
/// ago, also by a process that died before it could do this.
fn sync_names_above(path: &Path) -> Result<(), OpenError> {
    for above in path.ancestors().skip(1) {
        // A relative path ends at the directory of the process.
        let above = if above == Path::new("") { Path::new(".") } else { above };
        // What is directly below the root was there.
        if above.is_absolute() && above.parent().is_none() {
            break;
        }
        match File::open(above).and_then(|directory| directory.sync_all()) {
            Ok(()) => {}
            // It is not ours, so we did not create what is in it. On a simulated disk that is mounted
            // there, it does not exist.
            Err(error) if is_not_ours(&error) => break,
            Err(error) => return Err(failed("sync", above)(error)),
        }
    }
    Ok(())
}

fn is_not_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    move |error| OpenError::Io { doing, path, error }
}

impl From<Failed> for OpenError {
    fn from(failed: Failed) -> Self {
        let Failed { doing, path, error, .. } = failed;
        OpenError::Io { doing, path, error }
    }
}
