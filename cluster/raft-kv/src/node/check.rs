//! What no store can do is refused before it goes anywhere.

use crate::request::{KeyRange, Operation, Read, Request, RequestError, Txn, Write};
use std::collections::BTreeSet;

/// The most bytes of a write.
pub(super) const MAX_WRITE: usize = 1 << 20;

/// The most comparisons and operations in each list of a transaction, as in etcd. Each member applies a
/// transaction in one step, and a range in it may answer with all keys.
const MAX_OPERATIONS: usize = 128;

pub(super) fn check(request: &Request) -> Result<(), RequestError> {
    match request {
        Request::Write(Write::Put(put)) => check_key(&put.key),
        Request::Write(Write::Txn(txn)) => check_txn(txn),
        Request::Write(Write::Grant { ttl: 0 }) => bad("a lease has a time to live"),
        Request::Write(Write::Delete(keys)) => check_range(keys),
        Request::Read { read: Read::Range(range), .. } => check_range(&range.keys),
        Request::Watch { keys, .. } => check_range(keys),
        Request::AddMember(member) if member.id == 0 || member.peer.is_empty() => {
            bad("a member has an id, which is not 0, and an address for its peers")
        }
        _ => Ok(()),
    }
}

fn bad<T>(why: &str) -> Result<T, RequestError> {
    Err(RequestError::BadRequest(why.to_owned()))
}

fn check_key(key: &str) -> Result<(), RequestError> {
    if key.is_empty() { bad("a key is not empty") } else { Ok(()) }
}

fn check_range(keys: &KeyRange) -> Result<(), RequestError> {
    match &keys.to {
        Some(to) if *to <= keys.from => bad("a range ends after its first key"),
        _ => Ok(()),
    }
}

/// A key has one row for each revision, so a transaction writes it once.
fn check_txn(txn: &Txn) -> Result<(), RequestError> {
    let Txn { compare, then, otherwise } = txn;
    if [compare.len(), then.len(), otherwise.len()].iter().any(|length| *length > MAX_OPERATIONS) {
        return bad(&format!(
            "a transaction has at most {MAX_OPERATIONS} comparisons, and as many operations in each branch"
        ));
    }
    for operations in [then, otherwise] {
        let mut written = BTreeSet::new();
        for operation in operations {
            match operation {
                Operation::Put(put) => {
                    check_key(&put.key)?;
                    if !written.insert(put.key.as_str()) {
                        return bad("a transaction writes a key once");
                    }
                }
                Operation::Delete(keys) => check_range(keys)?,
                Operation::Range(range) => check_range(&range.keys)?,
            }
        }
        let deletes_written = operations.iter().any(|operation| match operation {
            Operation::Delete(keys) => written.iter().any(|key| keys.contains(key)),
            _ => false,
        });
        if deletes_written {
            return bad("a transaction does not delete a key that it writes");
        }
    }
    Ok(())
}
