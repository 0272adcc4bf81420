//! Removing the versions that no reader can ask for any more.
//!
//! A compaction is in force when its entry is applied: readers and watches below its revision are refused
//! from then on, and the hash does not see what is older. The rows are removed later, a batch at a time.

use super::database::{Tables, Version, decode, failed};
use crate::request::Revision;
use redb::ReadableTable;
use std::io;

/// Removes what at most `limit` revisions left behind. Says whether there is more to do.
///
/// The newest version of a key up to `compacted` stays, since a reader sees it, unless it is a delete
/// before `compacted`. What changed at `compacted` itself stays, for watches that begin there.
pub(super) fn remove_batch(
    tables: &mut Tables<'_>,
    compacted: Revision,
    limit: usize,
) -> io::Result<bool> {
    let mut revisions = Vec::new();
    for row in tables.revisions.range(..=compacted).map_err(failed)?.take(limit) {
        let (revision, keys) = row.map_err(failed)?;
        revisions.push((revision.value(), decode::<Vec<String>>(keys.value())?));
    }
    for (revision, keys) in &revisions {
        for key in keys {
            remove_older(tables, key, compacted)?;
        }
        if *revision < compacted {
            tables.revisions.remove(revision).map_err(failed)?;
        }
    }
    Ok(revisions.len() == limit && is_pending(&tables.revisions, compacted)?)
}

/// Whether rows before `compacted` are left.
pub(super) fn is_pending(
    revisions: &impl ReadableTable<u64, &'static [u8]>,
    compacted: Revision,
) -> io::Result<bool> {
    Ok(revisions.range(..compacted).map_err(failed)?.next().is_some())
}

fn remove_older(tables: &mut Tables<'_>, key: &str, compacted: Revision) -> io::Result<()> {
    let mut old = Vec::new();
    let mut newest = None;
    for row in tables.versions.range((key, 0)..=(key, compacted)).map_err(failed)? {
        let (row, value) = row.map_err(failed)?;
        let (_, revision) = row.value();
        let is_deleted = decode::<Version>(value.value())?.is_deleted();
        old.extend(newest.replace((revision, is_deleted)).map(|(revision, _)| revision));
    }
    if let Some((revision, true)) = newest.filter(|(revision, _)| *revision < compacted) {
        old.push(revision);
    }
    for revision in old {
        tables.versions.remove((key, revision)).map_err(failed)?;
    }
    Ok(())
}
