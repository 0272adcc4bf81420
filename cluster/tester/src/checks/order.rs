//! ORDER: does a store with revisions keep the order that its revisions claim?
//!
//! A revision in an answer is a claim: "this is my place among all writes". So nothing has to be
//! searched; the claims are checked. For each epoch:
//!
//! 1. Every write that changed something has a revision of its own.
//! 2. The watch of the tester shows exactly that write at that revision. An acknowledged write that
//!    it shows not is lost.
//! 3. Every answer is the one that a store gives which takes the writes one by one, at the revision
//!    of the answer. This holds for stale reads too.
//! 4. Real time is respected: an operation that ended before another one started is not ordered
//!    behind it. Stale reads are left out.
//! 5. Every value in the watch was asked for by an operation whose outcome allows it: a failed put
//!    did not take effect, one put took effect once, and none before it was sent. Keys that no
//!    operation writes may be changed by others.
//! 6. Every key that the watch shows removed was removed by an acknowledged operation; or one of
//!    unknown outcome can have done so, which was sent before; or the key was ever written with a
//!    lease, which may have ended. A history that does not say which keys were is not asked for this.
//!
//! An epoch does not know all that concerns it. A stale read may be answered by a member that has not
//! heard of the epoch, so it is compared with the state at its revision in the epochs before; before
//! the first one, with the empty store. A write of unknown outcome may take effect in a later epoch
//! than the one in which its client gave up, or in an earlier one.
//!
//! The time is that of sorting the operations, plus the entries that ranges read.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display, Formatter};

use super::replay::Store;
use super::verdict::Verdict;
use crate::history::{
    Change, Epoch, Event, History, Numbered, Operation, Outcome, Request, Response, Revision,
};

/// What the check found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whether the order holds.
    pub verdict: Verdict<Violation, NotDecided>,
    /// How many acknowledged writes a restore from a snapshot discarded: their revisions are above
    /// the one of the snapshot. That is no violation.
    pub discarded: usize,
}

/// How the claimed order is violated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// Two writes were given one revision.
    SharedRevision {
        /// The one.
        first: Box<Numbered>,
        /// The other.
        second: Box<Numbered>,
    },
    /// An acknowledged write is not in the store's history.
    LostWrite {
        /// The write.
        write: Box<Numbered>,
        /// What the watch shows at its revision.
        found: Change,
    },
    /// An answer is not that of the state at its revision.
    WrongAnswer {
        /// The operation.
        operation: Box<Numbered>,
        /// What it should have answered.
        expected: Response,
        /// The write that set the first key which differs, if it was acknowledged.
        write: Option<Box<Numbered>>,
    },
    /// An operation ended before another one started, but is ordered behind it.
    RealTime {
        /// The one that ended first.
        earlier: Box<Numbered>,
        /// The one that started afterwards.
        later: Box<Numbered>,
    },
    /// The watch shows a value that no operation can have written at that time, or the end of a key
    /// that no operation can have removed and that had no lease.
    Unrequested {
        /// The revision.
        revision: Revision,
        /// What the watch shows.
        event: Event,
        /// An operation that asked for this value, but failed, had taken effect already, or was
        /// sent later.
        candidate: Option<Box<Numbered>>,
    },
    /// The watch shows two different changes with one revision.
    ConflictingChanges {
        /// The one.
        first: Change,
        /// The other.
        second: Change,
    },
    /// An answer has a revision from before the epoch.
    BeforeEpoch {
        /// The operation.
        operation: Box<Numbered>,
        /// The revision at which the epoch starts.
        epoch: Revision,
    },
}

/// Why the check cannot tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotDecided {
    /// The watch of the tester missed revisions.
    Gap {
        /// The first revision that is missing.
        missing: Revision,
        /// The next revision that the watch saw.
        next: Revision,
    },
    /// The watch of the tester ends before a revision that an answer has.
    WatchEnds {
        /// The last revision that the watch saw.
        last: Revision,
        /// The operation.
        operation: Box<Numbered>,
    },
    /// An answer has no revision.
    NoRevision {
        /// The operation.
        operation: Box<Numbered>,
    },
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedRevision { first, second } => {
                write!(f, "two writes have the same revision: {first} and {second}")
            }
            Self::LostWrite { write, found } => {
                write!(f, "an acknowledged write is lost: {write}; the watch shows {found}")
            }
            Self::WrongAnswer { operation, expected, write } => {
                write!(f, "wrong answer: {operation}; at this revision the answer is {expected}")?;
                write.as_ref().map_or(Ok(()), |write| write!(f, ", because of {write}"))
            }
            Self::RealTime { earlier, later } => {
                write!(
                    f,
                    "an operation does not see the past: {later} started after {earlier} had ended, "
                )?;
                f.write_str("but its revision orders it before")
            }
            Self::Unrequested { revision, event, candidate: None } => {
                write!(
                    f,
                    "no operation asked for what the watch shows at revision {revision}: {event}"
                )?;
                match event {
                    Event::Put { .. } => Ok(()),
                    Event::Delete { .. } => f.write_str(", and the key had no lease"),
                }
            }
            Self::Unrequested { revision, event, candidate: Some(operation) } => {
                write!(
                    f,
                    "the watch shows {event} at revision {revision}, but the operation that asked for it "
                )?;
                f.write_str("failed, had taken effect already, or was sent later: ")?;
                write!(f, "{operation}")
            }
            Self::ConflictingChanges { first, second } => {
                write!(f, "the watch shows two changes with one revision: {first} and {second}")
            }
            Self::BeforeEpoch { operation, epoch } => {
                write!(
                    f,
                    "{operation} has a revision from before the epoch, which starts at {epoch}"
                )
            }
        }
    }
}

impl Display for NotDecided {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { missing, next } => {
                write!(
                    f,
                    "the watch has a gap: revision {missing} is missing, the next one is {next}"
                )
            }
            Self::WatchEnds { last, operation } => {
                write!(f, "the watch ends at revision {last}, before {operation}")
            }
            Self::NoRevision { operation } => write!(f, "the answer has no revision: {operation}"),
        }
    }
}

/// Checks the claimed order of a history, epoch by epoch. The first violation is reported.
pub fn check(history: &History) -> Order {
    let mut store = Store::default();
    let mut not_decided = None;
    let mut discarded = 0;
    let mut keys = HashSet::new();
    let mut puts = Vec::new();
    for operation in history.epochs.iter().flat_map(|epoch| &epoch.operations) {
        puts.clear();
        puts_of(&operation.request, &mut puts);
        keys.extend(puts.iter().map(|(key, _)| *key));
    }
    // The store that a snapshot restores has the leases of the snapshot.
    let leased: Option<Vec<_>> = history.epochs.iter().map(|epoch| epoch.leased.as_ref()).collect();
    let leased: Option<HashSet<&str>> =
        leased.map(|keys| keys.into_iter().flatten().map(String::as_str).collect());
    // The writes of unknown outcome that took effect in the epochs before.
    let mut used = HashSet::new();
    for (index, (epoch, operations)) in concerning(history).into_iter().enumerate() {
        let next = history.epochs.get(index + 1).map(|epoch| epoch.revision);
        let checker =
            Checker { epoch, operations, first: index == 0, keys: &keys, leased: leased.as_ref() };
        match checker.check(store, next, &mut used) {
            Ok(done) => {
                discarded += done.discarded;
                not_decided = not_decided.or(done.not_decided);
                match done.next {
                    Some(state) => store = state,
                    // The next epoch starts with a state that is not known.
                    None => break,
                }
            }
            Err(violation) => return Order { verdict: Verdict::Violated(violation), discarded },
        }
    }
    Order { verdict: not_decided.map_or(Verdict::Holds, Verdict::NotDecided), discarded }
}

/// Each epoch with the operations that concern it, by their numbers in the history.
fn concerning(history: &History) -> Vec<(&Epoch, Vec<(usize, &Operation)>)> {
    let mut all: Vec<(&Epoch, Vec<(usize, &Operation)>)> =
        history.epochs.iter().map(|epoch| (epoch, Vec::new())).collect();
    let several = history.epochs.len() > 1;
    for (index, (first_number, epoch)) in history.numbered_epochs().enumerate() {
        all[index].1.reserve(epoch.operations.len());
        for (number, operation) in (first_number..).zip(&epoch.operations) {
            if several && operation.outcome == Outcome::Unknown && operation.request.can_write() {
                all.iter_mut().for_each(|(_, operations)| operations.push((number, operation)));
                continue;
            }
            let mut home = index;
            if let Outcome::Done { revision: Some(revision), .. } = operation.outcome
                && operation.request.is_stale_read()
            {
                while home > 0 && revision < history.epochs[home].revision {
                    home -= 1;
                }
            }
            all[home].1.push((number, operation));
        }
    }
    all
}

struct Checker<'a> {
    epoch: &'a Epoch,
    /// With their numbers in the history.
    operations: Vec<(usize, &'a Operation)>,
    /// Whether nothing was before the epoch.
    first: bool,
    /// The keys that operations write.
    keys: &'a HashSet<&'a str>,
    /// Those that were ever written with a lease, where that is known.
    leased: Option<&'a HashSet<&'a str>>,
}

struct Done {
    not_decided: Option<NotDecided>,
    discarded: usize,
    /// The state with which the next epoch starts, where it is known.
    next: Option<Store>,
}

/// An answered operation with its place in the claimed order.
#[derive(Clone, Copy)]
struct Claim {
    index: usize,
    revision: Revision,
    changed: bool,
}

impl Claim {
    /// Of one revision, the write comes before the reads.
    fn place(self) -> (Revision, bool) {
        (self.revision, !self.changed)
    }
}

impl<'a> Checker<'a> {
    fn check(
        &self,
        mut store: Store,
        next_epoch: Option<Revision>,
        used: &mut HashSet<usize>,
    ) -> Result<Done, Violation> {
        let mut not_decided = None;
        let mut claims = Vec::with_capacity(self.operations.len());
        // Reads of the empty store from before the first epoch.
        let mut before = Vec::new();
        for (index, &(_, operation)) in self.operations.iter().enumerate() {
            let Outcome::Done { response, revision } = &operation.outcome else { continue };
            let Some(revision) = *revision else {
                let operation = self.numbered(index);
                not_decided.get_or_insert(NotDecided::NoRevision { operation });
                continue;
            };
            let claim = Claim { index, revision, changed: response.changed() };
            if self.first && revision < self.epoch.revision && operation.request.is_stale_read() {
                before.push(claim);
                continue;
            }
            if revision < self.epoch.revision || (claim.changed && revision == self.epoch.revision)
            {
                let operation = self.numbered(index);
                return Err(Violation::BeforeEpoch { operation, epoch: self.epoch.revision });
            }
            claims.push(claim);
        }
        claims.sort_unstable_by_key(|claim| (claim.place(), claim.index));
        let writes = self.writes(&claims)?;
        let earliest = self.real_time(&claims)?;
        let changes = self.changes()?;
        self.requested(&changes, &writes, &earliest, used)?;
        for claim in before {
            let expected = store.apply(&self.operation(claim).request, 0, &mut Vec::new());
            self.compare(claim, expected, &[], &store, &writes)?;
        }

        let mut at_next_epoch = None;
        let mut last = self.epoch.revision;
        let mut claims = claims.into_iter().peekable();
        let mut events = Vec::new();
        let mut changes = changes.into_iter().peekable();
        loop {
            // The write of this revision was taken below; these are its reads.
            while let Some(claim) = claims.next_if(|claim| !claim.changed && claim.revision == last)
            {
                let operation = self.operation(claim);
                events.clear();
                let expected = store.apply(&operation.request, last, &mut events);
                self.compare(claim, expected, &events, &store, &writes)?;
            }
            if next_epoch == Some(last) {
                at_next_epoch = Some(store.clone());
            }
            let Some(change) = changes.next_if(|change| change.revision == last + 1) else { break };
            last = change.revision;
            match claims.next_if(|claim| claim.changed && claim.revision == last) {
                None => store.take(change),
                Some(claim) => {
                    let write = self.operation(claim);
                    events.clear();
                    let expected = store.apply(&write.request, last, &mut events);
                    if !same_events(&mut events, &change.events) {
                        let write = self.numbered(claim.index);
                        return Err(Violation::LostWrite { write, found: change.clone() });
                    }
                    self.compare(claim, expected, &[], &store, &writes)?;
                }
            }
        }
        if let Some(change) = changes.next() {
            not_decided.get_or_insert(NotDecided::Gap { missing: last + 1, next: change.revision });
        } else if let Some(claim) = claims.next() {
            let operation = self.numbered(claim.index);
            not_decided.get_or_insert(NotDecided::WatchEnds { last, operation });
        }
        if next_epoch.is_some() && at_next_epoch.is_none() {
            let (missing, next) = (last + 1, next_epoch.unwrap_or_default());
            not_decided.get_or_insert(NotDecided::Gap { missing, next });
        }
        let discarded = writes
            .keys()
            .filter(|&&revision| next_epoch.is_some_and(|next| revision > next))
            .count();
        Ok(Done { not_decided, discarded, next: at_next_epoch })
    }

    fn operation(&self, claim: Claim) -> &'a Operation {
        self.operations[claim.index].1
    }

    fn numbered(&self, index: usize) -> Box<Numbered> {
        let (number, operation) = self.operations[index];
        Box::new(Numbered { number, operation: operation.clone() })
    }

    /// The acknowledged writes by their revisions, which are unique.
    fn writes(&self, claims: &[Claim]) -> Result<HashMap<Revision, usize>, Violation> {
        let mut writes = HashMap::with_capacity(claims.len());
        for claim in claims.iter().filter(|claim| claim.changed) {
            if let Some(first) = writes.insert(claim.revision, claim.index) {
                let (first, second) = (self.numbered(first), self.numbered(claim.index));
                return Err(Violation::SharedRevision { first, second });
            }
        }
        Ok(writes)
    }

    /// The changes by their revisions, each once.
    fn changes(&self) -> Result<Vec<&'a Change>, Violation> {
        let mut changes: Vec<&Change> = self.epoch.changes.iter().collect();
        changes.sort_by_key(|change| change.revision);
        for pair in changes.windows(2) {
            if pair[0].revision == pair[1].revision && pair[0].events != pair[1].events {
                let (first, second) = (pair[0].clone(), pair[1].clone());
                return Err(Violation::ConflictingChanges { first, second });
            }
        }
        changes.dedup_by_key(|change| change.revision);
        changes.retain(|change| change.revision > self.epoch.revision);
        Ok(changes)
    }

    /// Walks along real time: whatever ended before an operation started must be ordered before
    /// it. For each write of unknown outcome it gives the last revision that was known at its start.
    fn real_time(&self, claims: &[Claim]) -> Result<HashMap<usize, Revision>, Violation> {
        let operation = |index: usize| self.operations[index].1;
        let strict = |claim: &&Claim| !operation(claim.index).request.is_stale_read();
        let mut ended: Vec<Claim> = claims.iter().filter(strict).copied().collect();
        ended.sort_by_key(|claim| operation(claim.index).end);
        let mut started: Vec<(usize, Option<Claim>)> =
            ended.iter().map(|&claim| (claim.index, Some(claim))).collect();
        let unknown = |index: &usize| {
            let operation = operation(*index);
            operation.outcome == Outcome::Unknown && operation.request.can_write()
        };
        started.extend((0..self.operations.len()).filter(unknown).map(|index| (index, None)));
        started.sort_by_key(|&(index, _)| operation(index).start);

        let mut ended = ended.into_iter().peekable();
        let mut latest: Option<Claim> = None;
        let mut earliest = HashMap::new();
        for (index, claim) in started {
            let start = operation(index).start;
            while let Some(claim) = ended.next_if(|claim| operation(claim.index).end < start) {
                if latest.is_none_or(|latest| claim.place() > latest.place()) {
                    latest = Some(claim);
                }
            }
            match (latest, claim) {
                (Some(latest), Some(claim)) if latest.place() > claim.place() => {
                    let (earlier, later) =
                        (self.numbered(latest.index), self.numbered(claim.index));
                    return Err(Violation::RealTime { earlier, later });
                }
                (latest, None) => {
                    earliest.insert(
                        index,
                        latest.map_or(self.epoch.revision, |latest| latest.revision),
                    );
                }
                _ => {}
            }
        }
        Ok(earliest)
    }

    /// Each value that the watch shows, and that no acknowledged write explains, needs a write of
    /// unknown outcome of its own, which was sent before.
    fn requested(
        &self,
        changes: &[&Change],
        writes: &HashMap<Revision, usize>,
        earliest: &HashMap<usize, Revision>,
        used: &mut HashSet<usize>,
    ) -> Result<(), Violation> {
        let mut puts = Vec::new();
        // For each value: the last revision that was known when each of its writers was sent.
        let mut writers: HashMap<(&str, &str), Vec<(Revision, usize)>> = HashMap::new();
        let mut taken_now = Vec::new();
        let mut deleters = Deleters::default();
        for (&index, &revision) in earliest {
            let (number, operation) = self.operations[index];
            if used.contains(&number) {
                continue;
            }
            puts.clear();
            puts_of(&operation.request, &mut puts);
            for &(key, value) in &puts {
                writers.entry((key, value)).or_default().push((revision, number));
            }
            deleters.add(&operation.request, revision);
        }
        for revisions in writers.values_mut() {
            revisions.sort_unstable_by(|a, b| b.cmp(a));
        }
        for change in changes.iter().filter(|change| !writes.contains_key(&change.revision)) {
            for event in &change.events {
                if !self.keys.contains(event.key()) {
                    continue;
                }
                let Event::Put { key, value } = event else {
                    self.removed(change.revision, event, &deleters)?;
                    continue;
                };
                let revisions = writers.get_mut(&(key.as_str(), value.as_str()));
                let taken = revisions.and_then(|revisions| {
                    // The least is last. The changes come in their order, so taking it leaves the most.
                    revisions
                        .last()
                        .is_some_and(|&(revision, _)| revision < change.revision)
                        .then(|| revisions.pop())
                });
                taken_now.extend(taken.flatten().map(|(_, number)| number));
                if taken.is_none() {
                    let candidate = self.candidate(key, value);
                    let (revision, event) = (change.revision, event.clone());
                    return Err(Violation::Unrequested { revision, event, candidate });
                }
            }
        }
        used.extend(taken_now);
        Ok(())
    }

    /// A key was removed, and no acknowledged write explains it.
    fn removed(
        &self,
        revision: Revision,
        event: &Event,
        deleters: &Deleters<'_>,
    ) -> Result<(), Violation> {
        let key = event.key();
        let Some(leased) = self.leased else { return Ok(()) };
        if leased.contains(key) || deleters.can_delete(key, revision) {
            return Ok(());
        }
        let asked = |(_, operation): &(usize, &Operation)| {
            !matches!(operation.outcome, Outcome::Done { .. }) && operation.request.can_delete(key)
        };
        let candidate = self.operations.iter().position(asked).map(|index| self.numbered(index));
        Err(Violation::Unrequested { revision, event: event.clone(), candidate })
    }

    fn candidate(&self, key: &str, value: &str) -> Option<Box<Numbered>> {
        let asked = |(_, operation): &(usize, &Operation)| {
            let mut puts = Vec::new();
            puts_of(&operation.request, &mut puts);
            puts.contains(&(key, value))
        };
        self.operations.iter().position(asked).map(|index| self.numbered(index))
    }

    fn compare(
        &self,
        claim: Claim,
        expected: Response,
        events: &[Event],
        store: &Store,
        writes: &HashMap<Revision, usize>,
    ) -> Result<(), Violation> {
        let operation = self.operation(claim);
        let Outcome::Done { response, .. } = &operation.outcome else { return Ok(()) };
        if *response == expected && events.is_empty() {
            return Ok(());
        }
        let write = store
            .first_difference(&operation.request, response)
            .and_then(|revision| writes.get(&revision))
            .map(|&index| self.numbered(index));
        Err(Violation::WrongAnswer { operation: self.numbered(claim.index), expected, write })
    }
}

/// What operations of unknown outcome can have removed, and the revision after which the first of them
/// was sent. One may explain several removals here: that is less than is promised, and never too much.
#[derive(Default)]
struct Deleters<'a> {
    keys: HashMap<&'a str, Revision>,
    ranges: HashMap<(&'a str, &'a str), Revision>,
}

impl<'a> Deleters<'a> {
    fn add(&mut self, request: &'a Request, sent: Revision) {
        let first = match request {
            Request::Delete { key } => self.keys.entry(key).or_insert(sent),
            Request::DeleteRange { from, to } => self.ranges.entry((from, to)).or_insert(sent),
            Request::Txn { then, otherwise, .. } => {
                then.iter().chain(otherwise).for_each(|request| self.add(request, sent));
                return;
            }
            Request::Put { .. } | Request::Get { .. } | Request::Range { .. } => return,
        };
        *first = sent.min(*first);
    }

    fn can_delete(&self, key: &str, at: Revision) -> bool {
        let of_range =
            |(&(from, to), &sent): (&(&str, &str), &Revision)| sent < at && from <= key && key < to;
        self.keys.get(key).is_some_and(|&sent| sent < at) || self.ranges.iter().any(of_range)
    }
}

/// All values that a request can write.
fn puts_of<'a>(request: &'a Request, puts: &mut Vec<(&'a str, &'a str)>) {
    match request {
        Request::Put { key, value } => puts.push((key, value)),
        Request::Txn { then, otherwise, .. } => {
            then.iter().chain(otherwise).for_each(|request| puts_of(request, puts));
        }
        Request::Get { .. }
        | Request::Range { .. }
        | Request::Delete { .. }
        | Request::DeleteRange { .. } => {}
    }
}

/// Whether both are the same events; the order within one revision has no meaning.
fn same_events(made: &mut [Event], seen: &[Event]) -> bool {
    if *made == *seen {
        return true;
    }
    let mut seen = seen.to_vec();
    made.sort_unstable();
    seen.sort_unstable();
    *made == *seen
}
