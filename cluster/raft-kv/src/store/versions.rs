//! What a reader sees at a revision.

use super::database::{ReadVersions, Version, decode, failed};
use crate::request::{Event, EventKind, KeyRange, KeyValue, RangeResponse, Revision};
use std::io;

/// The key as it was at the revision, if it was there.
pub(super) fn get(
    versions: &impl ReadVersions,
    key: &str,
    at: Revision,
) -> io::Result<Option<KeyValue>> {
    let last = versions.range((key, 0)..=(key, at)).map_err(failed)?.next_back();
    let Some(row) = last else { return Ok(None) };
    let (row, value) = row.map_err(failed)?;
    let (_, revision) = row.value();
    let version: Version = decode(value.value())?;
    Ok((!version.is_deleted()).then(|| key_value(key, revision, version)))
}

/// The keys of a range as they were at the revision, in order.
pub(super) fn range(
    versions: &impl ReadVersions,
    keys: &KeyRange,
    at: Revision,
    limit: u64,
) -> io::Result<RangeResponse> {
    let mut found = RangeResponse::default();
    let mut next = first_key(versions, keys, &keys.from)?;
    while let Some(key) = next {
        if let Some(kv) = get(versions, &key, at)? {
            if limit > 0 && found.kvs.len() as u64 == limit {
                found.more = true;
                break;
            }
            found.kvs.push(kv);
        }
        // Past all versions of this key, however many there are.
        next = first_key(versions, keys, &format!("{key}\0"))?;
    }
    Ok(found)
}

/// The first key of the range that is not below `from`, whether it is deleted or not.
fn first_key(
    versions: &impl ReadVersions,
    keys: &KeyRange,
    from: &str,
) -> io::Result<Option<String>> {
    let first = versions.range((from, 0)..).map_err(failed)?.next();
    let Some(row) = first else { return Ok(None) };
    let (row, _) = row.map_err(failed)?;
    let (key, _) = row.value();
    Ok(keys.contains(key).then(|| key.to_owned()))
}

/// The change of a key at exactly this revision.
pub(super) fn event(
    versions: &impl ReadVersions,
    key: &str,
    revision: Revision,
    compacted: Revision,
) -> io::Result<Event> {
    let row = versions.get((key, revision)).map_err(failed)?;
    let row = row.ok_or_else(|| {
        let why = format!("the state lacks key {key:?} at revision {revision}");
        io::Error::new(io::ErrorKind::InvalidData, why)
    })?;
    let version: Version = decode(row.value())?;
    // What was before the compacted revision may be there or not, on each member.
    let previous = if revision > compacted { get(versions, key, revision - 1)? } else { None };
    let kind = if version.is_deleted() { EventKind::Delete } else { EventKind::Put };
    Ok(Event { kind, kv: key_value(key, revision, version), previous })
}

pub(super) fn key_value(key: &str, mod_revision: Revision, version: Version) -> KeyValue {
    let Version { value, create_revision, version, lease } = version;
    KeyValue { key: key.to_owned(), value, create_revision, mod_revision, version, lease }
}
