//! What does the history of a correct store look like? For tests and for measurements.

use std::collections::{BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::checks::replay::Store;
use crate::history::{
    Change, Compare, Event, History, Operation, Outcome, Request, Response, Revision, Watch,
};

/// What to simulate. The same settings give the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Where the draws start.
    pub seed: u64,
    /// How many operations the history gets.
    pub operations: usize,
    /// How many clients ask at once.
    pub clients: usize,
    /// How many keys there are.
    pub keys: usize,
    /// Of 1,000 operations, how many have an unknown outcome.
    pub unknown: u32,
    /// Whether there are requests that concern several keys, and transactions.
    pub joined: bool,
    /// Whether answers have a revision. Without, the history has no stale reads and no watches.
    pub revisions: bool,
}

impl Default for Simulation {
    /// 1,000 operations of 10 clients on 10 keys, 2 % unknown, of a store with revisions.
    fn default() -> Self {
        Self {
            seed: 1,
            operations: 1_000,
            clients: 10,
            keys: 10,
            unknown: 20,
            joined: true,
            revisions: true,
        }
    }
}

struct Draws(ChaCha8Rng);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.random_range(0..limit.max(1))
    }

    fn chance(&mut self, of_1000: u32) -> bool {
        self.0.random_ratio(of_1000.min(1_000), 1_000)
    }
}

/// What a client does now.
enum Client {
    Idle,
    Sent { start: u64, request: Request, lost: bool },
    Answered { start: u64, request: Request, outcome: Outcome },
}

struct Run {
    settings: Simulation,
    draws: Draws,
    now: u64,
    values: u64,
    revision: Revision,
    store: Store,
    /// A member of the store that lags behind, with the changes that it has still to take.
    follower: (Store, Revision, VecDeque<Change>),
    /// Requests whose client gave up, and which take effect later.
    late: Vec<Request>,
    history: History,
}

impl Simulation {
    /// Simulates a correct store and its clients. With revisions, the empty store has revision 1,
    /// and two clients watch.
    #[must_use]
    pub fn run(self) -> History {
        // No key is written with a lease.
        let mut history = History::new(1);
        history.epochs[0].leased = Some(BTreeSet::new());
        let mut run = Run {
            settings: self,
            draws: Draws(ChaCha8Rng::seed_from_u64(self.seed)),
            now: 0,
            values: 0,
            revision: 1,
            store: Store::default(),
            follower: (Store::default(), 1, VecDeque::new()),
            late: Vec::new(),
            history,
        };
        let mut clients: Vec<Client> = (0..self.clients.max(1)).map(|_| Client::Idle).collect();
        let busy = |clients: &[Client]| {
            clients.iter().filter(|client| !matches!(client, Client::Idle)).count()
        };
        while run.history.epochs[0].operations.len() + busy(&clients) < self.operations {
            let client = run.draws.below(clients.len() as u64);
            run.step(client, &mut clients);
        }
        // What is in flight at the end may have taken effect.
        for (number, client) in (0..).zip(clients) {
            match client {
                Client::Idle => {}
                Client::Sent { start, request, .. } => {
                    run.record(number, start, request, Outcome::Unknown)
                }
                Client::Answered { start, request, outcome } => {
                    run.record(number, start, request, outcome)
                }
            }
        }
        if self.revisions {
            run.watch(0, "".to_owned(), None);
            run.watch(1, "k1".to_owned(), Some("k2".to_owned()));
        } else {
            run.history.epochs[0].changes.clear();
        }
        run.history
    }
}

impl Run {
    fn step(&mut self, number: u64, clients: &mut [Client]) {
        self.now += 1;
        if !self.late.is_empty() && self.draws.chance(50) {
            let place = self.draws.below(self.late.len() as u64) as usize;
            let request = self.late.swap_remove(place);
            self.apply(&request);
        }
        let client = &mut clients[number as usize];
        *client = match std::mem::replace(client, Client::Idle) {
            Client::Idle => {
                let request = self.request();
                Client::Sent {
                    start: self.now,
                    request,
                    lost: self.draws.chance(self.settings.unknown),
                }
            }
            Client::Sent { start, request, lost: true } => {
                // It took effect, it never will, or it will later.
                match self.draws.below(3) {
                    0 => drop(self.apply(&request)),
                    1 => {}
                    _ => self.late.push(request.clone()),
                }
                Client::Answered { start, request, outcome: Outcome::Unknown }
            }
            Client::Sent { start, request, lost: false } => {
                let (response, revision) = self.apply(&request);
                let revision = self.settings.revisions.then_some(revision);
                Client::Answered { start, request, outcome: Outcome::Done { response, revision } }
            }
            Client::Answered { start, request, outcome } => {
                self.record(number, start, request, outcome);
                Client::Idle
            }
        };
    }

    fn record(&mut self, client: u64, start: u64, request: Request, outcome: Outcome) {
        let operation = Operation { client, start, end: self.now, request, outcome };
        self.history.epochs[0].operations.push(operation);
    }

    fn key(&mut self) -> String {
        format!("k{}", self.draws.below(self.settings.keys as u64))
    }

    fn value(&mut self) -> String {
        self.values += 1;
        self.values.to_string()
    }

    fn request(&mut self) -> Request {
        let kinds = if self.settings.joined { 20 } else { 16 };
        let stale = self.settings.revisions && self.draws.chance(200);
        let (key, from) = (self.key(), self.key());
        match self.draws.below(kinds) {
            0..7 => Request::Put { key, value: self.value() },
            7..14 => Request::Get { key, stale },
            14..16 => Request::Delete { key },
            16 => Request::Range { to: format!("{from}~"), from, stale },
            17 => Request::DeleteRange { to: format!("{from}0"), from },
            _ => {
                let equals =
                    self.store.get(&key).map(str::to_owned).filter(|_| self.draws.chance(700));
                Request::Txn {
                    compare: vec![Compare::Value { key: key.clone(), equals }],
                    then: vec![
                        Request::Put { key: key.clone(), value: self.value() },
                        Request::Get { key: from, stale: false },
                    ],
                    otherwise: vec![Request::Delete { key }],
                }
            }
        }
    }

    fn apply(&mut self, request: &Request) -> (Response, Revision) {
        if request.is_stale_read() {
            let (store, revision, waiting) = &mut self.follower;
            for change in waiting.drain(..self.draws.below(waiting.len() as u64 + 1) as usize) {
                store.take(&change);
                *revision = change.revision;
            }
            return (store.apply(request, 0, &mut Vec::new()), *revision);
        }
        let mut events = Vec::new();
        let response = self.store.apply(request, self.revision + 1, &mut events);
        if !events.is_empty() {
            self.revision += 1;
            let change = Change { revision: self.revision, events };
            self.follower.2.push_back(change.clone());
            self.history.epochs[0].changes.push(change);
        }
        (response, self.revision)
    }

    fn watch(&mut self, number: u64, from: String, to: Option<String>) {
        let first = 1 + self.draws.below(10);
        let mut watch = Watch { first, from, to, deliveries: Vec::new() };
        for change in &self.history.epochs[0].changes {
            let covered = |event: &&Event| watch.covers(event.key()) && change.revision >= first;
            let events: Vec<Event> = change.events.iter().filter(covered).cloned().collect();
            if events.is_empty() {
                continue;
            }
            let change = Change { revision: change.revision, events };
            match watch.deliveries.last_mut().filter(|_| self.draws.chance(500)) {
                Some(delivery) => delivery.push(change),
                None => watch.deliveries.push(vec![change]),
            }
        }
        self.history.epochs[0].watches.insert(number, watch);
    }
}
