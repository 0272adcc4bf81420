//! WATCH: does each watch of a client get what the store promises?
//!
//! | rule | what it says |
//! |---|---|
//! | filter | a watch gets no event of a key or a revision that it did not ask for |
//! | ordered | revisions never go down |
//! | unique | no event comes twice |
//! | atomic | all events of a revision come in one message |
//! | reliable | every event is one of the store's history, and none is left out before the last that came |
//!
//! The store's history is what the watch of the tester saw; with a gap in it, *reliable* is not
//! decided.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display, Formatter};

use super::verdict::Verdict;
use crate::history::{Change, Epoch, Event, History, Revision, Watch};

/// A rule of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Only what was asked for.
    Filter,
    /// Revisions never go down.
    Ordered,
    /// No event twice.
    Unique,
    /// A revision in one message.
    Atomic,
    /// Nothing left out, nothing made up.
    Reliable,
}

/// How a watch breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The watch.
    pub watcher: u64,
    /// Which of its messages shows it; the first is 1.
    pub message: usize,
    /// The revision of the event in question.
    pub revision: Revision,
    /// The event in question.
    pub event: Event,
    /// Another event that shows it: the one that came before, or the one of the history.
    pub other: Option<Box<(Revision, Event)>>,
}

/// Why the check cannot tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotDecided {
    /// The watch of the tester missed a revision that a watch may have had to deliver.
    Gap {
        /// The first revision that is missing.
        missing: Revision,
        /// A watch that went past it.
        watcher: u64,
    },
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Filter => "filter",
            Self::Ordered => "ordered",
            Self::Unique => "unique",
            Self::Atomic => "atomic",
            Self::Reliable => "reliable",
        })
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rule, watcher, message, revision, event, other } = self;
        write!(f, "{rule}: watch {watcher}, message {message}: {event} of revision {revision} ")?;
        match (rule, other) {
            (Rule::Filter, _) => f.write_str("was not asked for"),
            (Rule::Ordered, Some(other)) => {
                write!(f, "came after {} of revision {}", other.1, other.0)
            }
            (Rule::Unique, _) => f.write_str("came twice"),
            (Rule::Atomic, _) => {
                f.write_str("came in another message than the events before it of this revision")
            }
            (Rule::Reliable, Some(other)) => write!(f, "came, but the history has {}", other.1),
            (Rule::Reliable, None) => f.write_str("is in only one of the history and the watch"),
            (Rule::Ordered, None) => f.write_str("came too late"),
        }
    }
}

impl Display for NotDecided {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { missing, watcher } => {
                write!(f, "the history lacks revision {missing}, which watch {watcher} went past")
            }
        }
    }
}

/// Checks all watches of all epochs. The first violation is reported.
pub fn check(history: &History) -> Verdict<Violation, NotDecided> {
    let mut not_decided = None;
    for epoch in &history.epochs {
        let changes: BTreeMap<Revision, &Change> =
            epoch.changes.iter().map(|change| (change.revision, change)).collect();
        for (&watcher, watch) in &epoch.watches {
            if let Err(violation) = delivered(watcher, watch) {
                return Verdict::Violated(violation);
            }
            match reliable(epoch, &changes, watcher, watch) {
                Ok(None) => {}
                Ok(Some(reason)) => {
                    not_decided.get_or_insert(reason);
                }
                Err(violation) => return Verdict::Violated(violation),
            }
        }
    }
    not_decided.map_or(Verdict::Holds, Verdict::NotDecided)
}

/// All events of a watch: the message, the revision, the event.
fn events(watch: &Watch) -> impl Iterator<Item = (usize, Revision, &Event)> {
    watch.deliveries.iter().enumerate().flat_map(|(message, changes)| {
        changes.iter().flat_map(move |change| {
            change.events.iter().map(move |event| (message + 1, change.revision, event))
        })
    })
}

/// The rules that need no history.
fn delivered(watcher: u64, watch: &Watch) -> Result<(), Violation> {
    let mut seen = HashMap::new();
    let mut last: Option<(usize, Revision, &Event)> = None;
    for (message, revision, event) in events(watch) {
        let violation = |rule, other: Option<(Revision, Event)>| {
            let other = other.map(Box::new);
            Err(Violation { rule, watcher, message, revision, event: event.clone(), other })
        };
        if !watch.covers(event.key()) || revision < watch.first {
            return violation(Rule::Filter, None);
        }
        // A key has one event in a revision.
        if let Some(other) = seen.insert((revision, event.key()), event) {
            return violation(Rule::Unique, Some((revision, other.clone())));
        }
        if let Some((before, at, other)) = last {
            if revision < at {
                return violation(Rule::Ordered, Some((at, other.clone())));
            }
            if revision == at && message != before {
                return violation(Rule::Atomic, Some((at, other.clone())));
            }
        }
        last = Some((message, revision, event));
    }
    Ok(())
}

fn reliable(
    epoch: &Epoch,
    changes: &BTreeMap<Revision, &Change>,
    watcher: u64,
    watch: &Watch,
) -> Result<Option<NotDecided>, Violation> {
    let mut gap = None;
    // The revisions up to this one were compared.
    let mut compared = watch.first.max(epoch.revision + 1) - 1;
    for (message, delivery) in watch.deliveries.iter().enumerate() {
        let mut got: BTreeMap<Revision, Vec<&Event>> = BTreeMap::new();
        for change in delivery {
            got.entry(change.revision).or_default().extend(&change.events);
        }
        for (&revision, got) in &mut got {
            let violation = |revision, event: &Event, other: Option<&Event>| {
                let other = other.map(|other| Box::new((revision, other.clone())));
                let (rule, message) = (Rule::Reliable, message + 1);
                Err(Violation { rule, watcher, message, revision, event: event.clone(), other })
            };
            let mut next = compared + 1;
            if revision > compared {
                for (&skipped, change) in changes.range(next..revision) {
                    if skipped != next {
                        gap.get_or_insert(NotDecided::Gap { missing: next, watcher });
                    }
                    next = skipped + 1;
                    if let Some(event) =
                        change.events.iter().find(|event| watch.covers(event.key()))
                    {
                        return violation(skipped, event, None);
                    }
                }
                if next != revision {
                    gap.get_or_insert(NotDecided::Gap { missing: next, watcher });
                }
                compared = revision;
            }
            let Some(change) = changes.get(&revision) else {
                gap.get_or_insert(NotDecided::Gap { missing: revision, watcher });
                continue;
            };
            let mut expected: Vec<&Event> =
                change.events.iter().filter(|event| watch.covers(event.key())).collect();
            got.sort_unstable();
            expected.sort_unstable();
            if *got != expected {
                let extra = got.iter().find(|event| !expected.contains(event));
                let missing = expected.iter().find(|event| !got.contains(event));
                return match (extra, missing) {
                    (Some(extra), missing) => violation(revision, extra, missing.copied()),
                    (None, Some(missing)) => violation(revision, missing, None),
                    (None, None) => continue,
                };
            }
        }
    }
    Ok(gap)
}
