//! What would a correct store answer? One that takes one request at a time.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use crate::history::{Change, Compare, Event, Request, Response, Revision};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    value: String,
    revision: Revision,
}

impl Store {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(|entry| entry.value.as_str())
    }

    /// Applies a request at a revision. Returns the answer; what it changed is added to `events`.
    pub(crate) fn apply(
        &mut self,
        request: &Request,
        revision: Revision,
        events: &mut Vec<Event>,
    ) -> Response {
        match request {
            Request::Put { key, value } => {
                let event = Event::Put { key: key.clone(), value: value.clone() };
                self.change(&event, revision);
                events.push(event);
                Response::Put
            }
            Request::Get { key, .. } => Response::Value(self.get(key).map(str::to_owned)),
            Request::Range { from, to, .. } => {
                let entries =
                    self.keys(from, to).map(|(key, entry)| (key.clone(), entry.value.clone()));
                Response::Values(entries.collect())
            }
            Request::Delete { key } => {
                let existed = self.entries.remove(key).is_some();
                if existed {
                    events.push(Event::Delete { key: key.clone() });
                }
                Response::Deleted(existed.into())
            }
            Request::DeleteRange { from, to } => {
                let keys: Vec<String> = self.keys(from, to).map(|(key, _)| key.clone()).collect();
                for key in &keys {
                    self.entries.remove(key);
                }
                let count = keys.len() as u64;
                events.extend(keys.into_iter().map(|key| Event::Delete { key }));
                Response::Deleted(count)
            }
            Request::Txn { compare, then, otherwise } => {
                let succeeded = compare.iter().all(|compare| self.holds(compare));
                let branch = if succeeded { then } else { otherwise };
                let responses =
                    branch.iter().map(|request| self.apply(request, revision, events)).collect();
                Response::Txn { succeeded, responses }
            }
        }
    }

    /// Applies what a watch saw.
    pub(crate) fn take(&mut self, change: &Change) {
        for event in &change.events {
            self.change(event, change.revision);
        }
    }

    /// The revision at which the first key was written that this state has and that the answer to a
    /// read shows differently.
    pub(crate) fn first_difference(
        &self,
        request: &Request,
        response: &Response,
    ) -> Option<Revision> {
        match (request, response) {
            (Request::Get { key, .. }, _) => self.entries.get(key).map(|entry| entry.revision),
            (Request::Range { from, to, .. }, Response::Values(read)) => {
                let read: BTreeMap<&str, &str> =
                    read.iter().map(|(key, value)| (&**key, &**value)).collect();
                let mut entries = self.keys(from, to);
                let differs = entries
                    .find(|(key, entry)| read.get(key.as_str()) != Some(&entry.value.as_str()));
                differs.map(|(_, entry)| entry.revision)
            }
            _ => None,
        }
    }

    fn change(&mut self, event: &Event, revision: Revision) {
        match event {
            Event::Put { key, value } => match self.entries.get_mut(key) {
                Some(entry) => *entry = Entry { value: value.clone(), revision },
                None => {
                    self.entries.insert(key.clone(), Entry { value: value.clone(), revision });
                }
            },
            Event::Delete { key } => {
                self.entries.remove(key);
            }
        }
    }

    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Value { key, equals } => self.get(key) == equals.as_deref(),
            Compare::ModRevision { key, equals } => {
                self.entries.get(key).map_or(0, |entry| entry.revision) == *equals
            }
        }
    }

    fn keys(&self, from: &str, to: &str) -> impl Iterator<Item = (&String, &Entry)> {
        // `range` panics where the end is not after the start.
        let range =
            (from < to).then(|| self.entries.range::<str, _>((Included(from), Excluded(to))));
        range.into_iter().flatten()
    }
}
