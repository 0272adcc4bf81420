//! A state as bytes: what a snapshot holds.

use super::Head;
use super::database::{
    LEASE_KEYS, LEASES, Lease, REVISIONS, Tables, VERSIONS, Version, decode, encode, failed,
};
use crate::request::Member;
use redb::{ReadTransaction, ReadableTable as _};
use serde::{Deserialize, Serialize};
use std::io;

/// All that a state holds. Two states with the same rows have the same bytes, which redb's file has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    pub(crate) head: Head,
    versions: Vec<(String, u64, Version)>,
    revisions: Vec<(u64, Vec<String>)>,
    leases: Vec<(u64, Lease)>,
    lease_keys: Vec<(u64, String)>,
}

/// What bytes start with, before their checksum.
const MAGIC: &[u8] = b"raft-kv snapshot 1\n";

impl Contents {
    /// The state of a new cluster.
    pub(crate) fn of_new_cluster(members: &[Member]) -> Self {
        let mut members = members.to_vec();
        members.sort();
        Self { head: Head { members, ..Head::default() }, ..Self::default() }
    }

    pub(super) fn read(transaction: &ReadTransaction, head: &Head) -> io::Result<Self> {
        let mut contents = Self { head: head.clone(), ..Self::default() };
        let versions = transaction.open_table(VERSIONS).map_err(failed)?;
        for row in versions.iter().map_err(failed)? {
            let (row, value) = row.map_err(failed)?;
            let (key, revision) = row.value();
            contents.versions.push((key.to_owned(), revision, decode(value.value())?));
        }
        for row in transaction.open_table(REVISIONS).map_err(failed)?.iter().map_err(failed)? {
            let (revision, keys) = row.map_err(failed)?;
            contents.revisions.push((revision.value(), decode(keys.value())?));
        }
        for row in transaction.open_table(LEASES).map_err(failed)?.iter().map_err(failed)? {
            let (lease, granted) = row.map_err(failed)?;
            contents.leases.push((lease.value(), decode(granted.value())?));
        }
        for row in transaction.open_table(LEASE_KEYS).map_err(failed)?.iter().map_err(failed)? {
            let (row, _) = row.map_err(failed)?;
            let (lease, key) = row.value();
            contents.lease_keys.push((lease, key.to_owned()));
        }
        Ok(contents)
    }

    /// Replaces all rows but the head.
    pub(super) fn write(&self, tables: &mut Tables<'_>) -> io::Result<()> {
        tables.versions.retain(|_, _| false).map_err(failed)?;
        tables.revisions.retain(|_, _| false).map_err(failed)?;
        tables.leases.retain(|_, _| false).map_err(failed)?;
        tables.lease_keys.retain(|_, _| false).map_err(failed)?;
        for (key, revision, version) in &self.versions {
            let row = encode(version)?;
            tables.versions.insert((key.as_str(), *revision), &*row).map_err(failed)?;
        }
        for (revision, keys) in &self.revisions {
            tables.revisions.insert(revision, &*encode(keys)?).map_err(failed)?;
        }
        for (lease, granted) in &self.leases {
            tables.leases.insert(lease, &*encode(granted)?).map_err(failed)?;
        }
        for (lease, key) in &self.lease_keys {
            tables.lease_keys.insert((*lease, key.as_str()), ()).map_err(failed)?;
        }
        Ok(())
    }

    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let body = encode(self)?;
        let checksum = crc32fast::hash(&body).to_le_bytes();
        Ok([MAGIC, &checksum, &body].concat())
    }

    /// # Errors
    /// The bytes are damaged, or are no snapshot.
    pub(crate) fn decode(bytes: &[u8]) -> io::Result<Self> {
        let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            invalid("this is not a snapshot of raft-kv; `raft-kv snapshot` makes one")
        })?;
        match rest.split_at_checked(4) {
            Some((checksum, body)) if checksum == crc32fast::hash(body).to_le_bytes() => {
                decode(body)
            }
            _ => Err(invalid("the snapshot is damaged; take another one")),
        }
    }
}
