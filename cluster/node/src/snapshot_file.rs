//! Snapshots in files: each is replaced as a whole, or not at all.

use failpoint_disk::fs::{self, File};
use protobuf::Message as _;
use raft::eraftpb::Snapshot;
use std::io::{self, Write};
use std::path::Path;

/// The bytes of the checksum in front of a snapshot.
const CHECKSUM: usize = 4;

/// Reads the snapshot at `path`; `None` if there is no file.
///
/// # Errors
/// The file cannot be read, or is damaged. A crash during [`write()`] does not damage it.
pub fn read(path: &Path) -> io::Result<Option<Snapshot>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    let snapshot = bytes.split_at_checked(CHECKSUM).and_then(|(checksum, body)| {
        let is_whole = checksum == crc32fast::hash(body).to_le_bytes();
        is_whole.then(|| Snapshot::parse_from_bytes(body).ok()).flatten()
    });
    snapshot.map(Some).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{} is damaged; a crash does not do that: restore it from a copy",
                path.display()
            ),
        )
    })
}

/// Replaces the snapshot at `path`, and returns when the new one is durable.
///
/// # Errors
/// The disk refused. Then a restart finds the old snapshot or the new one.
pub fn write(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let body = snapshot.write_to_bytes().map_err(io::Error::other)?;
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(&crc32fast::hash(&body).to_le_bytes())?;
    file.write_all(&body)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    File::open(directory)?.sync_all()
}
