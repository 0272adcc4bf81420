//! What happened around a violation? The lines of a report that lead to it.
//!
//! A violation points at places of the history: operations, changes, messages of a watch. They are
//! shown in the order of time among what happened near them, and marked. Operations and changes of
//! the same keys come first; where there are too few of them, others fill the rest.

use std::cmp::Reverse;

use super::{linearizable, order, watch};
use crate::history::{
    Compare, Epoch, Event, History, Numbered, Operation, Outcome, Request, Response, Revision,
};

/// A place of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An operation, by its number in the history; the first is 1.
    Operation(usize),
    /// A change that the watch of the tester saw, with one of its events.
    Change(Revision, Event),
    /// A message of a client's watch, by their numbers, with one of its events.
    Message(u64, usize, Event),
}

/// A violation that says where it shows.
pub trait Evidence {
    /// The places that disagree.
    fn places(&self) -> Vec<Place>;

    /// The keys that it is about; empty: those of its places.
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }
}

fn numbered<'a>(operations: impl IntoIterator<Item = &'a Numbered>) -> Vec<Place> {
    operations.into_iter().map(|operation| Place::Operation(operation.number)).collect()
}

impl Evidence for order::Violation {
    fn places(&self) -> Vec<Place> {
        use order::Violation as V;
        match self {
            V::SharedRevision { first, second } => numbered([&**first, &**second]),
            V::RealTime { earlier, later } => numbered([&**earlier, &**later]),
            V::BeforeEpoch { operation, .. } => numbered([&**operation]),
            V::WrongAnswer { operation, write, .. } => {
                numbered([&**operation].into_iter().chain(write.as_deref()))
            }
            V::LostWrite { write, found } => {
                let mut places = numbered([&**write]);
                let event = found.events.first().cloned();
                places.extend(event.map(|event| Place::Change(found.revision, event)));
                places
            }
            V::Unrequested { revision, event, candidate } => {
                let mut places = numbered(candidate.as_deref());
                places.push(Place::Change(*revision, event.clone()));
                places
            }
            V::ConflictingChanges { first, second } => [first, second]
                .into_iter()
                .filter_map(|change| {
                    change.events.first().map(|event| Place::Change(change.revision, event.clone()))
                })
                .collect(),
        }
    }

    /// A range that misses one key is about that key.
    fn keys(&self) -> Vec<String> {
        let Self::WrongAnswer { operation, expected: Response::Values(expected), .. } = self else {
            return Vec::new();
        };
        let Outcome::Done { response: Response::Values(found), .. } = &operation.operation.outcome
        else {
            return Vec::new();
        };
        let only = |a: &[(String, String)], b: &[(String, String)]| -> Vec<String> {
            a.iter().filter(|entry| !b.contains(entry)).map(|(key, _)| key.clone()).collect()
        };
        [only(expected, found), only(found, expected)].concat()
    }
}

impl Evidence for linearizable::Violation {
    fn places(&self) -> Vec<Place> {
        numbered([&*self.operation].into_iter().chain(self.write.as_deref()))
    }
}

impl Evidence for watch::Violation {
    fn places(&self) -> Vec<Place> {
        let mut places = vec![Place::Message(self.watcher, self.message, self.event.clone())];
        let other = self.other.as_deref().cloned();
        let (revision, event) = other.unwrap_or((self.revision, self.event.clone()));
        places.push(Place::Change(revision, event));
        places
    }
}

/// The lines around a violation in the order of time: those that disagree, which start with `> `, and
/// at most `lines` others. Times are those of the history.
///
/// ```
/// use failpoint_tester::checks::{around::around, order};
/// use failpoint_tester::history::History;
///
/// let lines = r#"
/// {"operation":{"client":1,"start":10,"end":20,"request":{"put":{"key":"a","value":"1"}},"outcome":{"done":{"response":"put","revision":2}}}}
/// {"operation":{"client":2,"start":30,"end":40,"request":{"get":{"key":"a"}},"outcome":{"done":{"response":{"value":null},"revision":1}}}}
/// {"change":{"revision":2,"events":[{"put":{"key":"a","value":"1"}}]}}
/// "#;
/// let history = History::read(lines.as_bytes())?;
/// let order = order::check(&history);
/// let violation = order.verdict.violation().expect("the read comes from the past");
/// assert_eq!(
///     around(&history, violation, 10),
///     [
///         "> operation 1 (client 1, from 10 to 20: put \"a\" = \"1\", answer: written at revision 2)",
///         "  the store: revision 2: put \"a\" = \"1\"",
///         "> operation 2 (client 2, from 30 to 40: get \"a\", answer: no such key at revision 1)",
///     ]
/// );
/// # Ok::<(), failpoint_tester::history::ReadError>(())
/// ```
#[must_use]
pub fn around(history: &History, violation: &impl Evidence, lines: usize) -> Vec<String> {
    let places = violation.places();
    let holding = history.numbered_epochs().find(|(first_number, epoch)| {
        let view = View { epoch, first_number: *first_number };
        places.iter().all(|place| view.has(place))
    });
    let any = || {
        history.numbered_epochs().find(|(first_number, epoch)| {
            let view = View { epoch, first_number: *first_number };
            places.iter().any(|place| view.has(place))
        })
    };
    // The store may lack what another place shows, such as an event that a watch made up.
    let Some((first_number, epoch)) = holding.or_else(any) else { return Vec::new() };
    View { epoch, first_number }.around(&places, violation.keys(), lines)
}

/// A line: an index into the operations, the changes, or the messages of a watch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Operation(usize),
    Change(usize),
    Message(u64, usize),
}

/// The keys that something concerns: one, or `from <= key < to`.
enum Keys<'a> {
    One(&'a str),
    Range(&'a str, &'a str),
}

impl Keys<'_> {
    fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(a), Self::One(b)) => a == b,
            (Self::One(key), Self::Range(from, to)) | (Self::Range(from, to), Self::One(key)) => {
                from <= key && key < to
            }
            (Self::Range(from, to), Self::Range(other_from, other_to)) => {
                from < other_to && other_from < to
            }
        }
    }
}

fn keys_of<'a>(request: &'a Request, keys: &mut Vec<Keys<'a>>) {
    match request {
        Request::Put { key, .. } | Request::Get { key, .. } | Request::Delete { key } => {
            keys.push(Keys::One(key));
        }
        Request::Range { from, to, .. } | Request::DeleteRange { from, to } => {
            keys.push(Keys::Range(from, to));
        }
        Request::Txn { compare, then, otherwise } => {
            keys.extend(compare.iter().map(|compare| match compare {
                Compare::Value { key, .. } | Compare::ModRevision { key, .. } => Keys::One(key),
            }));
            then.iter().chain(otherwise).for_each(|request| keys_of(request, keys));
        }
    }
}

struct View<'a> {
    epoch: &'a Epoch,
    first_number: usize,
}

impl<'a> View<'a> {
    fn operation(&self, number: usize) -> Option<&'a Operation> {
        self.epoch.operations.get(number.checked_sub(self.first_number)?)
    }

    fn has(&self, place: &Place) -> bool {
        match place {
            Place::Operation(number) => self.operation(*number).is_some(),
            Place::Change(revision, event) => self
                .epoch
                .changes
                .iter()
                .any(|change| change.revision == *revision && change.events.contains(event)),
            Place::Message(watcher, message, event) => self
                .epoch
                .watches
                .get(watcher)
                .and_then(|watch| watch.deliveries.get(message.checked_sub(1)?))
                .is_some_and(|changes| changes.iter().any(|change| change.events.contains(event))),
        }
    }

    fn marked(&self, line: Line, places: &[Place]) -> bool {
        places.iter().any(|place| match (line, place) {
            (Line::Operation(index), Place::Operation(number)) => {
                self.first_number + index == *number
            }
            (Line::Change(index), Place::Change(revision, event)) => {
                let change = &self.epoch.changes[index];
                change.revision == *revision && change.events.contains(event)
            }
            (Line::Message(watch, index), Place::Message(watcher, message, _)) => {
                watch == *watcher && index + 1 == *message
            }
            _ => false,
        })
    }

    fn keys(&self, line: Line) -> Vec<Keys<'a>> {
        let epoch = self.epoch;
        match line {
            Line::Operation(index) => {
                let mut keys = Vec::new();
                keys_of(&epoch.operations[index].request, &mut keys);
                keys
            }
            Line::Change(index) => {
                epoch.changes[index].events.iter().map(|event| Keys::One(event.key())).collect()
            }
            Line::Message(watcher, index) => epoch.watches[&watcher].deliveries[index]
                .iter()
                .flat_map(|change| change.events.iter().map(|event| Keys::One(event.key())))
                .collect(),
        }
    }

    /// All lines in the order of time. Changes have only a revision: they stand behind the write that
    /// was told it, or behind all that was told less.
    fn timeline(&self, watchers: &[u64]) -> Vec<Line> {
        let epoch = self.epoch;
        let mut told: Vec<(Revision, u64)> = epoch
            .operations
            .iter()
            .filter_map(|operation| match &operation.outcome {
                Outcome::Done { response, revision: Some(revision) } if response.changed() => {
                    Some((*revision, operation.end))
                }
                _ => None,
            })
            .collect();
        told.sort_unstable();
        let time = |revision: Revision| {
            let behind = told.partition_point(|(other, _)| *other <= revision);
            behind.checked_sub(1).map_or(0, |last| told[last].1)
        };
        // Of one moment: operations, then what they changed, then what watches were told of it.
        let mut lines: Vec<(u64, Revision, u8, Line)> = Vec::new();
        for (index, operation) in epoch.operations.iter().enumerate() {
            lines.push((operation.end, 0, 0, Line::Operation(index)));
        }
        for (index, change) in epoch.changes.iter().enumerate() {
            lines.push((time(change.revision), change.revision, 1, Line::Change(index)));
        }
        for watcher in watchers {
            let deliveries = epoch.watches.get(watcher).map_or(&[][..], |watch| &watch.deliveries);
            // Messages stay in their order, also where their revisions do not.
            let mut latest = (0, 0);
            for (index, changes) in deliveries.iter().enumerate() {
                let revision = changes.last().map_or(0, |change| change.revision);
                latest = latest.max((time(revision), revision));
                lines.push((latest.0, latest.1, 2, Line::Message(*watcher, index)));
            }
        }
        lines.sort_by_key(|(time, revision, kind, _)| (*time, *revision, *kind));
        lines.into_iter().map(|(_, _, _, line)| line).collect()
    }

    fn around(&self, places: &[Place], keys: Vec<String>, lines: usize) -> Vec<String> {
        let watchers: Vec<u64> = places
            .iter()
            .filter_map(|place| match place {
                Place::Message(watcher, ..) => Some(*watcher),
                Place::Operation(_) | Place::Change(..) => None,
            })
            .collect();
        let timeline = self.timeline(&watchers);
        let marks: Vec<usize> = (0..timeline.len())
            .filter(|&position| self.marked(timeline[position], places))
            .collect();
        let concerned: Vec<Keys<'_>> = if keys.is_empty() {
            marks.iter().flat_map(|&position| self.keys(timeline[position])).collect()
        } else {
            keys.iter().map(|key| Keys::One(key)).collect()
        };
        let distance = |position: usize| {
            let behind = marks.partition_point(|&mark| mark < position);
            let near = marks[behind.saturating_sub(1)..].iter().take(2);
            near.map(|mark| mark.abs_diff(position)).min().unwrap_or(usize::MAX)
        };
        let same_keys = |position: usize| {
            let keys = self.keys(timeline[position]);
            keys.iter().any(|keys| concerned.iter().any(|concerned| concerned.meet(keys)))
        };
        let mut others: Vec<(Reverse<bool>, usize, usize)> = (0..timeline.len())
            .filter(|position| marks.binary_search(position).is_err())
            .map(|position| (Reverse(same_keys(position)), distance(position), position))
            .collect();
        others.sort_unstable();
        let mut shown: Vec<usize> =
            others.into_iter().take(lines).map(|(_, _, position)| position).collect();
        shown.extend(&marks);
        shown.sort_unstable();
        shown
            .into_iter()
            .map(|position| {
                let mark = if marks.binary_search(&position).is_ok() { "> " } else { "  " };
                format!("{mark}{}", self.text(timeline[position]))
            })
            .collect()
    }

    fn text(&self, line: Line) -> String {
        match line {
            Line::Operation(index) => {
                let operation = self.epoch.operations[index].clone();
                Numbered { number: self.first_number + index, operation }.to_string()
            }
            Line::Change(index) => format!("the store: {}", self.epoch.changes[index]),
            Line::Message(watcher, index) => {
                let changes = &self.epoch.watches[&watcher].deliveries[index];
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                format!("watch {watcher}, message {}: {}", index + 1, changes.join("; "))
            }
        }
    }
}
