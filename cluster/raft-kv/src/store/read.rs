//! Reading the state between two steps.

use super::change::{check_revision, lease_keys};
use super::database::{LEASE_KEYS, LEASES, REVISIONS, VERSIONS, decode, failed, read};
use super::{Answered, Contents, Lease, Store, hash, versions};
use crate::request::{Event, LeaseId, Range, RangeResponse, Revision};
use redb::ReadableTable as _;
use std::io;

impl Store {
    /// The keys of a range with their values, in order.
    pub(crate) fn range(&self, range: &Range) -> Answered<RangeResponse> {
        if let Err(error) = self.check_revision(range.revision) {
            return Ok(Err(error));
        }
        let at = range.revision.unwrap_or(self.head.revision);
        let transaction = read(&self.database)?;
        let table = transaction.open_table(VERSIONS).map_err(failed)?;
        let mut found = versions::range(&table, &range.keys, at, range.limit)?;
        found.revision = self.head.revision;
        Ok(Ok(found))
    }

    /// The revision that was hashed, and the hash.
    pub(crate) fn hash(&self, revision: Option<Revision>) -> Answered<(Revision, u64)> {
        if let Err(error) = self.check_revision(revision) {
            return Ok(Err(error));
        }
        let at = revision.unwrap_or(self.head.revision);
        let transaction = read(&self.database)?;
        let table = transaction.open_table(VERSIONS).map_err(failed)?;
        Ok(Ok((at, hash::hash(&table, at, self.head.compacted)?)))
    }

    fn check_revision(
        &self,
        revision: Option<Revision>,
    ) -> Result<(), crate::request::RequestError> {
        check_revision(revision, self.head.revision, self.head.compacted)
    }

    /// The events of at most `limit` revisions from `first` on, and the last one of them. `first` is not
    /// compacted.
    pub(crate) fn events(
        &self,
        first: Revision,
        limit: usize,
    ) -> io::Result<(Revision, Vec<Event>)> {
        let transaction = read(&self.database)?;
        let revisions = transaction.open_table(REVISIONS).map_err(failed)?;
        let versions = transaction.open_table(VERSIONS).map_err(failed)?;
        let (mut last, mut events) = (first, Vec::new());
        for row in revisions.range(first..).map_err(failed)?.take(limit) {
            let (revision, keys) = row.map_err(failed)?;
            last = revision.value();
            for key in decode::<Vec<String>>(keys.value())? {
                events.push(versions::event(&versions, &key, last, self.head.compacted)?);
            }
        }
        Ok((last, events))
    }

    /// A lease and its keys.
    pub(crate) fn lease(&self, lease: LeaseId) -> io::Result<Option<(Lease, Vec<String>)>> {
        let transaction = read(&self.database)?;
        let leases = transaction.open_table(LEASES).map_err(failed)?;
        let Some(row) = leases.get(lease).map_err(failed)? else { return Ok(None) };
        let keys = transaction.open_table(LEASE_KEYS).map_err(failed)?;
        Ok(Some((decode(row.value())?, lease_keys(&keys, lease)?)))
    }

    /// All leases.
    pub(crate) fn leases(&self) -> io::Result<Vec<(LeaseId, Lease)>> {
        let transaction = read(&self.database)?;
        let leases = transaction.open_table(LEASES).map_err(failed)?;
        let rows = leases.iter().map_err(failed)?;
        rows.map(|row| {
            let (lease, granted) = row.map_err(failed)?;
            Ok((lease.value(), decode(granted.value())?))
        })
        .collect()
    }

    /// All that the state holds.
    pub(crate) fn contents(&self) -> io::Result<Contents> {
        Contents::read(&read(&self.database)?, &self.head)
    }
}
