//! Is there an order that explains the answers of one group? The search, and what bounds it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Instant;

use super::groups::Group;
use super::{NotDecided, Violation};
use crate::checks::replay::Store;
use crate::history::{Compare, Numbered, Operation, Outcome, Request, Response};

/// Why a search ended before its end.
pub(super) enum Stop {
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

/// The search for an order of one group.
pub(super) struct Search<'a> {
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
    /// `limit` is that of configurations and states.
    pub(super) fn new(
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

    pub(super) fn run(mut self) -> Result<(), Stop> {
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
