//! LINEARIZABLE: is there an order that explains all answers, where the store gives no revisions?
//!
//! Operations on keys that no operation joins are checked apart: an order exists for all exactly if
//! one exists for each. For one such group, the check walks along real time and keeps every
//! *configuration* that is possible at that moment: a state, the operations in flight that took
//! effect already, and the operations of unknown outcome that did. At a moment when nothing is in
//! flight, only states remain. When an operation ends that took effect in no configuration, each is
//! extended by the operations in flight, until the one that ends took effect. If that leaves no
//! configuration, no order explains the answer, and this operation is named.
//!
//! - An operation of unknown outcome may take effect at any time after its start, or never.
//! - A configuration that used fewer operations of unknown outcome for the same state replaces one
//!   that used more. That keeps the number small: without it, each such operation would double it.
//! - A read takes effect as soon as its answer is right, as that takes nothing away from the others.
//!
//! The number of configurations can still explode. A [`Budget`] bounds it, and the time; in
//! [a process of its own](crate::process::checker), the search has a limit of memory in bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use super::replay::Store;
use super::verdict::Verdict;
use crate::history::{Compare, History, Numbered, Operation, Outcome, Request, Response};

/// What a check may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long the check may take.
    pub time: Duration,
    /// How many configurations and states it may hold at once. Each takes in the order of 200
    /// bytes, plus the values of a state.
    pub configurations: usize,
}

impl Default for Budget {
    /// One minute, and a million configurations.
    fn default() -> Self {
        Self { time: Duration::from_secs(60), configurations: 1_000_000 }
    }
}

/// An answer that no order explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The operation whose answer is not explained. All that ended before it are.
    pub operation: Box<Numbered>,
    /// The answers that it could have had when it ended; at most ten.
    pub possible: Vec<Response>,
    /// The last write to its keys that ended before the operation started, if there is one.
    pub write: Option<Box<Numbered>>,
}

/// Why the check cannot tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotDecided {
    /// The time ran out.
    Time {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
    },
    /// The memory ran out, or there were more configurations than allowed.
    Memory {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
    },
    /// More than 128 operations of known outcome were in flight at once.
    InFlight {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
    },
    /// The [process of the check](crate::process::checker) ended without an answer.
    Ended {
        /// The first of the keys that were checked together.
        key: String,
        /// How many operations they have.
        operations: usize,
        /// How it ended.
        how: String,
    },
    /// A transaction compares revisions.
    ComparesRevision {
        /// The transaction.
        operation: Box<Numbered>,
    },
    /// The store was restored from a snapshot: without revisions, it is not known what it lost.
    Restored,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "no order explains {}", self.operation)?;
        for (n, response) in self.possible.iter().enumerate() {
            write!(
                f,
                "{}{response}",
                if n == 0 { "; possible answers at its end: " } else { " or " }
            )?;
        }
        self.write
            .as_ref()
            .map_or(Ok(()), |write| write!(f, "; the last write before it is {write}"))
    }
}

impl Display for NotDecided {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = |f: &mut Formatter<'_>, what: &str, key: &String, operations: &usize| {
            write!(f, "{what} for the {operations} operations of key {key:?}")
        };
        match self {
            Self::Time { key, operations } => of(f, "the time ran out", key, operations),
            Self::Memory { key, operations } => of(f, "the memory ran out", key, operations),
            Self::Ended { key, operations, how } => {
                of(f, "the process of the check ended", key, operations)?;
                write!(f, ": {how}")
            }
            Self::InFlight { key, operations } => {
                of(f, "more than 128 operations were in flight at once", key, operations)
            }
            Self::ComparesRevision { operation } => {
                write!(
                    f,
                    "a comparison of revisions needs a store that gives revisions: {operation}"
                )
            }
            Self::Restored => f.write_str("the store was restored from a snapshot"),
        }
    }
}

/// Looks for an order that explains all answers but those of stale reads. The store is empty at the
/// start. A violation in any group of keys counts, even where another group is not decided.
pub fn check(history: &History, budget: Budget) -> Verdict<Violation, NotDecided> {
    let deadline = Instant::now().checked_add(budget.time);
    let mut not_decided = (history.epochs.len() > 1).then_some(NotDecided::Restored);
    let Some(epoch) = history.epochs.first() else { return Verdict::Holds };
    for group in groups(&epoch.operations) {
        let searched =
            Search::new(&epoch.operations, &group, budget.configurations, deadline).run();
        match searched {
            Ok(()) => {}
            Err(Stop::Violated(violation)) => return Verdict::Violated(violation),
            Err(Stop::NotDecided(reason)) => {
                not_decided.get_or_insert(reason);
            }
        }
    }
    not_decided.map_or(Verdict::Holds, Verdict::NotDecided)
}

/// Checks operations whose keys are joined, without limits: the process has its own.
pub(crate) fn search(operations: &[Operation]) -> Verdict<Violation, NotDecided> {
    let group = Group { key: String::new(), operations: (0..operations.len()).collect() };
    match Search::new(operations, &group, usize::MAX, None).run() {
        Ok(()) => Verdict::Holds,
        Err(Stop::Violated(violation)) => Verdict::Violated(violation),
        Err(Stop::NotDecided(reason)) => Verdict::NotDecided(reason),
    }
}

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

fn compares_revision(request: &Request) -> bool {
    match request {
        Request::Txn { compare, then, otherwise } => {
            compare.iter().any(|compare| matches!(compare, Compare::ModRevision { .. }))
                || then.iter().chain(otherwise).any(compares_revision)
        }
        _ => false,
    }
}

/// The values that decide which branch is taken.
fn compared_values<'a>(request: &'a Request, values: &mut HashSet<&'a str>) {
    if let Request::Txn { compare, then, otherwise } = request {
        values.extend(compare.iter().filter_map(|compare| match compare {
            Compare::Value { equals, .. } => equals.as_deref(),
            Compare::ModRevision { .. } => None,
        }));
        then.iter().chain(otherwise).for_each(|request| compared_values(request, values));
    }
}

/// The values that an answer shows.
fn answered_values<'a>(response: &'a Response, values: &mut HashSet<&'a str>) {
    match response {
        Response::Value(value) => values.extend(value.as_deref()),
        Response::Values(entries) => values.extend(entries.iter().map(|(_, value)| value.as_str())),
        Response::Txn { responses, .. } => {
            responses.iter().for_each(|response| answered_values(response, values))
        }
        Response::Put | Response::Deleted(_) => {}
    }
}

enum Stop {
    Violated(Violation),
    NotDecided(NotDecided),
}

/// A state by its number.
type State = usize;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration {
    state: State,
    /// The slots of the operations in flight that took effect.
    done: u128,
    /// The operations of unknown outcome that took effect, in order.
    used: Vec<usize>,
}

/// Configurations of which none makes another one needless.
#[derive(Default)]
struct Frontier {
    used: HashMap<(State, u128), Vec<Vec<usize>>>,
    len: usize,
}

impl Frontier {
    /// Adds a configuration, unless one is there that used no more than it.
    fn add(&mut self, new: &Configuration) -> bool {
        let all = self.used.entry((new.state, new.done)).or_default();
        if all.iter().any(|used| is_subset(used, &new.used)) {
            return false;
        }
        let before = all.len();
        all.retain(|used| !is_subset(&new.used, used));
        all.push(new.used.clone());
        self.len = self.len + all.len() - before;
        true
    }

    fn into_configurations(self) -> impl Iterator<Item = Configuration> {
        self.used.into_iter().flat_map(|((state, done), all)| {
            all.into_iter().map(move |used| Configuration { state, done, used })
        })
    }
}

fn is_subset(small: &[usize], large: &[usize]) -> bool {
    let mut large = large.iter();
    small.len() <= large.len() && small.iter().all(|item| large.any(|other| other == item))
}

struct Search<'a> {
    operations: &'a [Operation],
    group: &'a Group,
    limit: usize,
    deadline: Option<Instant>,
    steps: u32,
    states: Vec<Store>,
    numbers: HashMap<Store, State>,
    /// Where an operation leads from a state; `None`: its answer is another one there.
    transitions: HashMap<(State, usize), Option<State>>,
    /// The operations of known outcome in flight, by slot.
    slots: [Option<usize>; 128],
    /// The operations of unknown outcome that were called.
    unknown: Vec<usize>,
    /// For an operation of unknown outcome, the first one that has the same effect for all answers.
    alike: HashMap<usize, usize>,
    /// Whether one of them is a transaction, whose effect depends on the state.
    unknown_sees: bool,
    frontier: Vec<Configuration>,
}

impl<'a> Search<'a> {
    fn new(
        operations: &'a [Operation],
        group: &'a Group,
        limit: usize,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            operations,
            group,
            limit,
            deadline,
            steps: 0,
            states: vec![Store::default()],
            numbers: HashMap::from([(Store::default(), 0)]),
            transitions: HashMap::new(),
            slots: [None; 128],
            unknown: Vec::new(),
            alike: HashMap::new(),
            unknown_sees: false,
            frontier: vec![Configuration { state: 0, done: 0, used: Vec::new() }],
        }
    }

    fn run(mut self) -> Result<(), Stop> {
        let (operations, group) = (self.operations, self.group);
        // Of one moment, calls come before returns: such operations are concurrent.
        let mut moments = Vec::new();
        for &index in &group.operations {
            let operation = &operations[index];
            if compares_revision(&operation.request) {
                let operation = self.numbered(index);
                return Err(Stop::NotDecided(NotDecided::ComparesRevision { operation }));
            }
            match operation.outcome {
                Outcome::Done { .. } => {
                    moments.push((operation.start, false, index));
                    moments.push((operation.end, true, index));
                }
                Outcome::Unknown if operation.request.can_write() => {
                    moments.push((operation.start, false, index))
                }
                Outcome::Unknown | Outcome::Failed => {}
            }
        }
        moments.sort_unstable();
        self.alike = self.find_alike(&moments);
        for (_, returns, index) in moments {
            match (returns, &operations[index].outcome) {
                (true, _) => self.returns(index)?,
                (false, Outcome::Done { .. }) => self.call(index)?,
                (false, _) => {
                    self.unknown.push(index);
                    self.unknown_sees |= matches!(operations[index].request, Request::Txn { .. });
                }
            }
        }
        Ok(())
    }

    /// Two unknown puts whose values no answer shows, or two equal requests, cannot be told apart:
    /// only the first that is left has to be tried.
    fn find_alike(&self, moments: &[(u64, bool, usize)]) -> HashMap<usize, usize> {
        let mut observed = HashSet::new();
        for &index in &self.group.operations {
            let operation = &self.operations[index];
            compared_values(&operation.request, &mut observed);
            if let Outcome::Done { response, .. } = &operation.outcome {
                answered_values(response, &mut observed);
            }
        }
        let mut hidden = HashMap::new();
        let mut deletes = HashMap::new();
        let mut alike = HashMap::new();
        for &(_, _, index) in moments {
            let Operation { request, outcome: Outcome::Unknown, .. } = &self.operations[index]
            else {
                continue;
            };
            let first = match request {
                Request::Put { key, value } if !observed.contains(value.as_str()) => {
                    *hidden.entry(key.as_str()).or_insert(index)
                }
                Request::Delete { key } => *deletes.entry(key.as_str()).or_insert(index),
                _ => index,
            };
            alike.insert(index, first);
        }
        alike
    }

    fn numbered(&self, index: usize) -> Box<Numbered> {
        // Only the first epoch is checked.
        Box::new(Numbered { number: index + 1, operation: self.operations[index].clone() })
    }

    fn stop(&self, reason: fn(String, usize) -> NotDecided) -> Stop {
        Stop::NotDecided(reason(self.group.key.clone(), self.group.operations.len()))
    }

    /// Counts a step, and keeps the budget.
    fn step(&mut self, configurations: usize) -> Result<(), Stop> {
        if configurations + self.states.len() + self.transitions.len() / 4 > self.limit {
            // What is remembered can be computed again.
            self.transitions = HashMap::new();
            if configurations + self.states.len() > self.limit {
                return Err(self.stop(|key, operations| NotDecided::Memory { key, operations }));
            }
        }
        self.steps = self.steps.wrapping_add(1);
        // Reading the clock takes longer than a step.
        if self.steps % 256 == 1 && self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(self.stop(|key, operations| NotDecided::Time { key, operations }));
        }
        Ok(())
    }

    fn call(&mut self, index: usize) -> Result<(), Stop> {
        let Some(slot) = self.slots.iter().position(Option::is_none) else {
            return Err(self.stop(|key, operations| NotDecided::InFlight { key, operations }));
        };
        self.slots[slot] = Some(index);
        if !self.changes(index) {
            let mut frontier = std::mem::take(&mut self.frontier);
            for configuration in &mut frontier {
                if self.transition(configuration.state, index).is_some() {
                    configuration.done |= 1 << slot;
                }
            }
            self.frontier = frontier;
        }
        Ok(())
    }

    fn returns(&mut self, index: usize) -> Result<(), Stop> {
        let Some(slot) = self.slots.iter().position(|other| *other == Some(index)) else {
            return Ok(());
        };
        let bit = 1_u128 << slot;
        let before = std::mem::take(&mut self.frontier);
        let mut after = Frontier::default();
        let mut seen = Frontier::default();
        // First in, first out: what used less is seen first, and makes more needless.
        let mut waiting = VecDeque::new();
        for mut configuration in before.iter().cloned() {
            if configuration.done & bit != 0 {
                configuration.done &= !bit;
                after.add(&configuration);
            } else if seen.add(&configuration) {
                waiting.push_back(configuration);
            }
        }
        while let Some(configuration) = waiting.pop_front() {
            self.extend(&configuration, index, bit, &mut seen, &mut after, &mut waiting)?;
        }
        if after.len == 0 {
            return Err(Stop::Violated(self.violation(index, &before)));
        }
        self.slots[slot] = None;
        self.frontier = after.into_configurations().collect();
        if self.states.len() > 1_024 + 4 * self.frontier.len() {
            self.forget();
        }
        Ok(())
    }

    /// Keeps only the states from which the search goes on.
    fn forget(&mut self) {
        let old = std::mem::take(&mut self.states);
        self.numbers.clear();
        self.transitions.clear();
        for configuration in &mut self.frontier {
            let store = &old[configuration.state];
            configuration.state = match self.numbers.get(store) {
                Some(&number) => number,
                None => {
                    let number = self.states.len();
                    self.states.push(store.clone());
                    self.numbers.insert(store.clone(), number);
                    number
                }
            };
        }
    }

    /// Lets each operation take effect that can be the next one.
    fn extend(
        &mut self,
        from: &Configuration,
        index: usize,
        bit: u128,
        seen: &mut Frontier,
        after: &mut Frontier,
        waiting: &mut VecDeque<Configuration>,
    ) -> Result<(), Stop> {
        let pending: Vec<(usize, usize)> = (0..self.slots.len())
            .filter(|slot| from.done & (1 << slot) == 0)
            .filter_map(|slot| self.slots[slot].map(|index| (slot, index)))
            .collect();
        // Where nothing sees the state before the puts, what is not known can as well happen later.
        let sees = |index: usize| !matches!(self.operations[index].request, Request::Put { .. });
        let needless = !self.unknown_sees && !pending.iter().any(|&(_, index)| sees(index));
        let unknown = if needless { 0 } else { self.unknown.len() };
        let known = pending.iter().map(|&(slot, index)| (Some(slot), index));
        let next: Vec<(Option<usize>, usize)> =
            known.chain(self.unknown[..unknown].iter().map(|&index| (None, index))).collect();
        let mut tried = Vec::new();
        for (slot, candidate) in next {
            let mut effect = candidate;
            if slot.is_none() {
                effect = self.alike.get(&candidate).copied().unwrap_or(candidate);
                if tried.contains(&effect) || from.used.binary_search(&candidate).is_ok() {
                    continue;
                }
                tried.push(effect);
            }
            self.step(seen.len + after.len + waiting.len())?;
            let Some(state) = self.transition(from.state, effect) else { continue };
            // It took effect already where it could, or takes none.
            if state == from.state
                && candidate != index
                && (slot.is_none() || !self.changes(candidate))
            {
                continue;
            }
            let mut configuration =
                Configuration { state, done: from.done, used: from.used.clone() };
            match slot {
                Some(slot) => configuration.done |= 1 << slot,
                None => {
                    let place = configuration.used.partition_point(|&other| other < candidate);
                    configuration.used.insert(place, candidate);
                }
            }
            for &(slot, reader) in &pending {
                if !self.changes(reader) && self.transition(state, reader).is_some() {
                    configuration.done |= 1 << slot;
                }
            }
            if configuration.done & bit != 0 {
                configuration.done &= !bit;
                after.add(&configuration);
            } else if seen.add(&configuration) {
                waiting.push_back(configuration);
            }
        }
        Ok(())
    }

    /// Whether an operation of known outcome changed something.
    fn changes(&self, index: usize) -> bool {
        matches!(&self.operations[index].outcome, Outcome::Done { response, .. } if response.changed())
    }

    fn transition(&mut self, state: State, index: usize) -> Option<State> {
        if let Some(&known) = self.transitions.get(&(state, index)) {
            return known;
        }
        let operation = &self.operations[index];
        let mut store = self.states[state].clone();
        let response = store.apply(&operation.request, 0, &mut Vec::new());
        let fits = match &operation.outcome {
            Outcome::Done { response: answer, .. } => *answer == response,
            Outcome::Unknown | Outcome::Failed => true,
        };
        let next = fits.then(|| match self.numbers.get(&store) {
            Some(&number) => number,
            None => {
                let number = self.states.len();
                self.states.push(store.clone());
                self.numbers.insert(store, number);
                number
            }
        });
        self.transitions.insert((state, index), next);
        next
    }

    fn violation(&self, index: usize, before: &[Configuration]) -> Violation {
        let operation = &self.operations[index];
        let states: BTreeSet<State> =
            before.iter().map(|configuration| configuration.state).collect();
        // States have no order of their own.
        let mut possible = BTreeMap::new();
        for state in states {
            let response = self.states[state].clone().apply(&operation.request, 0, &mut Vec::new());
            possible.insert(response.to_string(), response);
        }
        let possible = possible.into_values().take(10).collect();
        let write =
            |&&other: &&usize| self.changes(other) && self.operations[other].end < operation.start;
        let write = self
            .group
            .operations
            .iter()
            .filter(write)
            .max_by_key(|&&other| self.operations[other].end);
        Violation {
            operation: self.numbered(index),
            possible,
            write: write.map(|&other| self.numbered(other)),
        }
    }
}
