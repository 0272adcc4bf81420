//! One write, applied to the tables.

use super::Effects;
use super::database::{Lease, Tables, Version, decode, encode, failed};
use super::versions::{get, key_value, range};
use crate::request::{
    Compare, Comparison, Event, EventKind, KeyRange, KeyValue, LeaseId, Operation,
    OperationResponse, Put, Range, RequestError, Response, Revision, Target, Txn, TxnResponse,
    Write,
};
use redb::ReadableTable;
use std::io;

/// The disk refused, or the answer.
pub(crate) type Answered<T> = io::Result<Result<T, RequestError>>;

/// A write that is being applied. A request that is refused has changed nothing.
pub(super) struct Change<'a, 't> {
    pub(super) tables: &'a mut Tables<'t>,
    /// The revision that the store gets if something changes.
    pub(super) revision: Revision,
    /// The revisions before this one are forgotten.
    pub(super) compacted: Revision,
    /// The index of the entry.
    pub(super) index: u64,
    /// What has changed so far.
    pub(super) events: Vec<Event>,
    pub(super) effects: &'a mut Effects,
}

impl Change<'_, '_> {
    pub(super) fn apply(&mut self, write: &Write) -> Answered<Response> {
        match write {
            Write::Put(put) => {
                if let Err(error) = self.check_lease(put.lease)? {
                    return Ok(Err(error));
                }
                self.put(put)?;
                Ok(Ok(Response::Put { revision: self.now() }))
            }
            Write::Delete(keys) => {
                let deleted = self.delete(keys)?;
                Ok(Ok(Response::Delete { revision: self.now(), deleted }))
            }
            Write::Txn(txn) => Ok(self.txn(txn)?.map(Response::Txn)),
            Write::Compact(at) => Ok(self.compact(*at)),
            Write::Grant { ttl } => self.grant(*ttl),
            Write::KeepAlive(lease) => self.keep_alive(*lease),
            Write::Revoke(lease) => self.revoke(*lease),
            Write::Expire { lease, renewals } => {
                let granted = self.lease(*lease)?;
                match granted.filter(|granted| granted.renewals == *renewals) {
                    Some(_) => self.revoke(*lease),
                    None => Ok(Err(RequestError::LeaseNotFound(*lease))),
                }
            }
        }
    }

    /// The revision of the store, if nothing else changes.
    fn now(&self) -> Revision {
        if self.events.is_empty() { self.revision - 1 } else { self.revision }
    }

    fn put(&mut self, put: &Put) -> io::Result<()> {
        let previous = get(&self.tables.versions, &put.key, self.revision)?;
        let version = Version {
            value: put.value.clone(),
            create_revision: previous.as_ref().map_or(self.revision, |kv| kv.create_revision),
            version: previous.as_ref().map_or(1, |kv| kv.version + 1),
            lease: put.lease,
        };
        if put.lease != 0 {
            let entry = (put.lease, put.key.as_str());
            self.tables.lease_keys.insert(entry, ()).map_err(failed)?;
        }
        self.write(EventKind::Put, &put.key, version, previous)
    }

    fn delete(&mut self, keys: &KeyRange) -> io::Result<u64> {
        let found = range(&self.tables.versions, keys, self.revision, 0)?.kvs;
        let deleted = found.len() as u64;
        for kv in found {
            self.write(EventKind::Delete, &kv.key.clone(), Version::default(), Some(kv))?;
        }
        Ok(deleted)
    }

    fn write(
        &mut self,
        kind: EventKind,
        key: &str,
        version: Version,
        previous: Option<KeyValue>,
    ) -> io::Result<()> {
        let old = previous.as_ref().map_or(0, |kv| kv.lease);
        if old != 0 && old != version.lease {
            self.tables.lease_keys.remove((old, key)).map_err(failed)?;
        }
        let row = encode(&version)?;
        self.tables.versions.insert((key, self.revision), &*row).map_err(failed)?;
        let kv = key_value(key, self.revision, version);
        self.events.push(Event { kind, kv, previous });
        Ok(())
    }

    fn txn(&mut self, txn: &Txn) -> Answered<TxnResponse> {
        let mut succeeded = true;
        for compare in &txn.compare {
            let kv = get(&self.tables.versions, &compare.key, self.revision)?;
            succeeded &= holds(compare, &kv.unwrap_or_default());
        }
        let operations = if succeeded { &txn.then } else { &txn.otherwise };
        // All is checked before something is done.
        for operation in operations {
            let checked = match operation {
                Operation::Put(put) => self.check_lease(put.lease)?,
                Operation::Delete(_) => Ok(()),
                Operation::Range(read) => self.check_revision(read),
            };
            if let Err(error) = checked {
                return Ok(Err(error));
            }
        }
        let mut responses = Vec::with_capacity(operations.len());
        for operation in operations {
            responses.push(match operation {
                Operation::Put(put) => {
                    self.put(put)?;
                    OperationResponse::Put
                }
                Operation::Delete(keys) => {
                    OperationResponse::Delete { deleted: self.delete(keys)? }
                }
                Operation::Range(read) => {
                    let at = read.revision.unwrap_or(self.revision);
                    let mut found = range(&self.tables.versions, &read.keys, at, read.limit)?;
                    found.revision = self.now();
                    OperationResponse::Range(found)
                }
            });
        }
        Ok(Ok(TxnResponse { revision: self.now(), succeeded, responses }))
    }

    fn check_revision(&self, read: &Range) -> Result<(), RequestError> {
        check_revision(read.revision, self.revision - 1, self.compacted)
    }

    fn compact(&mut self, at: Revision) -> Result<Response, RequestError> {
        let now = self.now();
        check_revision(Some(at), now, self.compacted)?;
        if at == self.compacted {
            return Err(RequestError::Compacted(at));
        }
        self.compacted = at;
        Ok(Response::Compact { revision: now })
    }

    fn lease(&self, lease: LeaseId) -> io::Result<Option<Lease>> {
        let row = self.tables.leases.get(lease).map_err(failed)?;
        row.map(|row| decode(row.value())).transpose()
    }

    fn check_lease(&self, lease: LeaseId) -> Answered<()> {
        let is_there = lease == 0 || self.lease(lease)?.is_some();
        Ok(if is_there { Ok(()) } else { Err(RequestError::LeaseNotFound(lease)) })
    }

    /// The number of a lease is the index of its entry, which no other entry has.
    fn grant(&mut self, ttl: u64) -> Answered<Response> {
        let lease = self.index;
        self.set_lease(lease, Lease { ttl, renewals: 0 })?;
        Ok(Ok(Response::Lease { lease, ttl }))
    }

    fn keep_alive(&mut self, lease: LeaseId) -> Answered<Response> {
        let Some(mut granted) = self.lease(lease)? else {
            return Ok(Err(RequestError::LeaseNotFound(lease)));
        };
        granted.renewals += 1;
        self.set_lease(lease, granted)?;
        Ok(Ok(Response::Lease { lease, ttl: granted.ttl }))
    }

    fn set_lease(&mut self, lease: LeaseId, granted: Lease) -> io::Result<()> {
        let row = encode(&granted)?;
        self.tables.leases.insert(lease, &*row).map_err(failed)?;
        self.effects.leases.push((lease, Some(granted)));
        Ok(())
    }

    fn revoke(&mut self, lease: LeaseId) -> Answered<Response> {
        if self.tables.leases.remove(lease).map_err(failed)?.is_none() {
            return Ok(Err(RequestError::LeaseNotFound(lease)));
        }
        let keys = lease_keys(&self.tables.lease_keys, lease)?;
        for key in &keys {
            self.delete(&KeyRange::key(key))?;
        }
        self.effects.leases.push((lease, None));
        Ok(Ok(Response::Revoke { revision: self.now(), deleted: keys.len() as u64 }))
    }
}

/// The keys that go with a lease, in order.
pub(super) fn lease_keys(
    table: &impl ReadableTable<(u64, &'static str), ()>,
    lease: LeaseId,
) -> io::Result<Vec<String>> {
    let rows = table.range((lease, "")..(lease + 1, "")).map_err(failed)?;
    rows.map(|row| Ok(row.map_err(failed)?.0.value().1.to_owned())).collect()
}

/// Whether a state with these revisions can be read at `revision`.
pub(super) fn check_revision(
    revision: Option<Revision>,
    last: Revision,
    first: Revision,
) -> Result<(), RequestError> {
    match revision {
        Some(revision) if revision > last => Err(RequestError::FutureRevision(last)),
        // The empty store has revision 1.
        Some(revision) if revision < first.max(1) => Err(RequestError::Compacted(first.max(1))),
        _ => Ok(()),
    }
}

fn holds(compare: &Compare, kv: &KeyValue) -> bool {
    let order = match &compare.target {
        Target::Value(value) => kv.value.cmp(value),
        Target::CreateRevision(revision) => kv.create_revision.cmp(revision),
        Target::ModRevision(revision) => kv.mod_revision.cmp(revision),
        Target::Version(version) => kv.version.cmp(version),
        Target::Lease(lease) => kv.lease.cmp(lease),
    };
    match compare.is {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::Greater => order.is_gt(),
    }
}
