//! Which operations have to be checked together? Those whose keys are joined by one of them.
//!
//! An order exists for all operations exactly if one exists for each group.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Compare, Operation, Outcome, Request};

/// Operations whose keys are joined by one of them.
pub(crate) struct Group {
    /// The first of the keys.
    pub(crate) key: String,
    /// The operations, by their places.
    pub(crate) operations: Vec<usize>,
}

/// The groups of all operations that are checked.
pub(crate) fn groups(operations: &[Operation]) -> Vec<Group> {
    let mut keys = BTreeSet::new();
    operations.iter().for_each(|operation| single_keys(&operation.request, &mut keys));
    let keys: Vec<&str> = keys.into_iter().collect();
    let mut parents: Vec<usize> = (0..keys.len()).collect();
    fn root(parents: &mut [usize], mut key: usize) -> usize {
        while parents[key] != key {
            parents[key] = parents[parents[key]];
            key = parents[key];
        }
        key
    }
    // For each operation one of its keys; an operation without any reads and writes nothing.
    let mut firsts = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let checked = operation.outcome != Outcome::Failed && !operation.request.is_stale_read();
        if !checked {
            continue;
        }
        let mut touched = Vec::new();
        indices(&operation.request, &keys, &mut touched);
        for pair in touched.windows(2) {
            let (a, b) = (root(&mut parents, pair[0]), root(&mut parents, pair[1]));
            parents[a.max(b)] = a.min(b);
        }
        firsts.push((index, touched.first().copied()));
    }
    let mut groups: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (index, first) in firsts {
        groups.entry(first.map(|key| root(&mut parents, key))).or_default().push(index);
    }
    let name = |key: Option<usize>| key.map_or(String::new(), |key| keys[key].to_owned());
    groups.into_iter().map(|(key, operations)| Group { key: name(key), operations }).collect()
}

fn single_keys<'a>(request: &'a Request, keys: &mut BTreeSet<&'a str>) {
    match request {
        Request::Put { key, .. } | Request::Get { key, .. } | Request::Delete { key } => {
            keys.insert(key);
        }
        Request::Range { .. } | Request::DeleteRange { .. } => {}
        Request::Txn { compare, then, otherwise } => {
            keys.extend(compare.iter().map(|compare| match compare {
                Compare::Value { key, .. } | Compare::ModRevision { key, .. } => key.as_str(),
            }));
            then.iter().chain(otherwise).for_each(|request| single_keys(request, keys));
        }
    }
}

fn indices(request: &Request, keys: &[&str], touched: &mut Vec<usize>) {
    match request {
        Request::Range { from, to, .. } | Request::DeleteRange { from, to } => {
            let first = keys.partition_point(|key| *key < from.as_str());
            let last = keys.partition_point(|key| *key < to.as_str());
            touched.extend(first..last);
        }
        Request::Txn { then, otherwise, .. } => {
            let mut singles = BTreeSet::new();
            single_keys(request, &mut singles);
            touched.extend(singles.iter().filter_map(|key| keys.binary_search(key).ok()));
            then.iter().chain(otherwise).for_each(|request| indices(request, keys, touched));
        }
        Request::Put { key, .. } | Request::Get { key, .. } | Request::Delete { key } => {
            touched.extend(keys.binary_search(&key.as_str()).ok());
        }
    }
}
