//! Does raft-kv keep its promises in a simulation?
//!
//! [`cluster_sim`] runs a group of its nodes under the faults that a seed draws, and checks the promises of
//! raft. Here, ORDER judges what the clients of the run saw.

use std::collections::BTreeSet;

use cluster_sim::raft_kv::{Operation as Ran, Outcome as Known};
use cluster_sim::{RaftKv, Rule, Run, Violation};
use raft_kv::{EventKind, KeyRange, Read, Write};

use crate::checks::{Verdict, order};
use crate::history::{Change, Event, History, Operation, Outcome, Request, Response, Revision};

/// Runs a seed, and judges what the clients saw.
#[must_use]
pub fn run(seed: u64, has_lines: bool) -> Run<RaftKv> {
    let mut ran = cluster_sim::run::<RaftKv>(seed, has_lines);
    if ran.violation.is_none() {
        ran.violation = match order::check(&history(&ran.subject)).verdict {
            Verdict::Holds => None,
            Verdict::Violated(seen) => Some(format!("ORDER: {seen}")),
            Verdict::NotDecided(why) => Some(format!("ORDER is not decided: {why}")),
        }
        .map(|seen| Violation::new(Rule::Promise, seen));
    }
    ran
}

/// What the clients of a run that came to its end saw, and what a watch of all keys showed them.
#[must_use]
pub fn history(subject: &RaftKv) -> History {
    let mut history = History::new(1);
    let epoch = &mut history.epochs[0];
    // No key is written with a lease.
    epoch.leased = Some(BTreeSet::new());
    epoch.operations = subject.operations().iter().filter_map(operation).collect();
    let messages = subject.watched().iter();
    epoch.changes = messages.flat_map(|message| changes(&message.events)).collect();
    history
}

fn changes(events: &[raft_kv::Event]) -> Vec<Change> {
    let same_revision =
        |one: &raft_kv::Event, next: &raft_kv::Event| one.kv.mod_revision == next.kv.mod_revision;
    let revisions = events.chunk_by(same_revision);
    revisions
        .map(|events| Change {
            revision: events[0].kv.mod_revision,
            events: events.iter().map(event).collect(),
        })
        .collect()
}

fn event(event: &raft_kv::Event) -> Event {
    let key = event.kv.key.clone();
    match event.kind {
        EventKind::Put => Event::Put { key, value: event.kv.value.clone() },
        EventKind::Delete => Event::Delete { key },
    }
}

/// `None`: clients of a simulation do not ask this.
fn operation(ran: &Ran) -> Option<Operation> {
    let request = request(&ran.request)?;
    let outcome = match &ran.outcome {
        Known::Done(answer) => {
            let (response, revision) = response(&request, answer)?;
            Outcome::Done { response, revision: Some(revision) }
        }
        Known::Unknown => Outcome::Unknown,
        Known::Failed => Outcome::Failed,
    };
    let nanoseconds =
        |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let (start, end) = (nanoseconds(ran.start), nanoseconds(ran.end));
    Some(Operation { client: ran.client, start, end, request, outcome })
}

fn request(request: &raft_kv::Request) -> Option<Request> {
    let one = |keys: &KeyRange| *keys == KeyRange::key(&keys.from);
    Some(match request {
        raft_kv::Request::Write(Write::Put(put)) => {
            Request::Put { key: put.key.clone(), value: put.value.clone() }
        }
        raft_kv::Request::Write(Write::Delete(keys)) if one(keys) => {
            Request::Delete { key: keys.from.clone() }
        }
        raft_kv::Request::Write(Write::Delete(keys)) => {
            Request::DeleteRange { from: keys.from.clone(), to: keys.to.clone()? }
        }
        raft_kv::Request::Read { read: Read::Range(range), stale } if one(&range.keys) => {
            Request::Get { key: range.keys.from.clone(), stale: *stale }
        }
        raft_kv::Request::Read { read: Read::Range(range), stale } => Request::Range {
            from: range.keys.from.clone(),
            to: range.keys.to.clone()?,
            stale: *stale,
        },
        _ => return None,
    })
}

fn response(request: &Request, answer: &raft_kv::Response) -> Option<(Response, Revision)> {
    Some(match (request, answer) {
        (_, raft_kv::Response::Put { revision }) => (Response::Put, *revision),
        (_, raft_kv::Response::Delete { revision, deleted }) => {
            (Response::Deleted(*deleted), *revision)
        }
        (Request::Get { .. }, raft_kv::Response::Range(found)) => {
            let value = found.kvs.first().map(|kv| kv.value.clone());
            (Response::Value(value), found.revision)
        }
        (_, raft_kv::Response::Range(found)) => {
            let pair = |kv: &raft_kv::KeyValue| (kv.key.clone(), kv.value.clone());
            (Response::Values(found.kvs.iter().map(pair).collect()), found.revision)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_hold_and_a_lost_write_is_seen() {
        for seed in 0..5 {
            let ran = run(seed, false);
            assert_eq!(ran.violation, None, "{}", ran.plan);
            let mut history = history(&ran.subject);
            let all = ran.subject.operations().len();
            assert_eq!(history.epochs[0].operations.len(), all, "seed {seed}");
            let Some(lost) = history.epochs[0].changes.pop() else {
                panic!("seed {seed}: no write")
            };
            assert!(!order::check(&history).verdict.holds(), "seed {seed}: without {lost:?}");
        }
    }
}
