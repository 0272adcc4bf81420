//! The hash of a state, by which members are compared.

use super::database::{ReadVersions, decode, failed};
use crate::request::Revision;
use crate::store::database::Version;
use crc32fast::Hasher;
use std::io;

/// The hash of what a reader sees at `revision`, and of the changes since `compacted`.
///
/// It does not see rows that wait to be removed, so members agree however far each of them is.
pub(super) fn hash(
    versions: &impl ReadVersions,
    revision: Revision,
    compacted: Revision,
) -> io::Result<u64> {
    let mut hasher = Hasher::new();
    // The newest row of the current key up to `compacted`.
    let mut seen: Option<Row> = None;
    for row in versions.iter().map_err(failed)? {
        let (row, value) = row.map_err(failed)?;
        let (key, at) = row.value();
        if seen.as_ref().is_some_and(|seen| seen.key != key) {
            add_seen(&mut hasher, seen.take());
        }
        if at > revision {
            continue;
        }
        let row = Row { key: key.to_owned(), at, version: decode(value.value())? };
        if at <= compacted {
            seen = Some(row);
        } else {
            add_seen(&mut hasher, seen.take());
            row.add(&mut hasher);
        }
    }
    add_seen(&mut hasher, seen);
    Ok(hasher.finalize().into())
}

struct Row {
    key: String,
    at: Revision,
    version: Version,
}

impl Row {
    fn add(&self, hasher: &mut Hasher) {
        let Version { value, create_revision, version, lease } = &self.version;
        for text in [&self.key, value] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        for number in [self.at, *create_revision, *version, *lease] {
            hasher.update(&number.to_le_bytes());
        }
    }
}

/// A delete up to `compacted` may be removed already.
fn add_seen(hasher: &mut Hasher, seen: Option<Row>) {
    if let Some(row) = seen.filter(|row| !row.version.is_deleted()) {
        row.add(hasher);
    }
}
