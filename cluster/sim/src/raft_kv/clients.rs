//! What clients of the store ask, and what they are told.

use crate::Draws;
use raft_kv::{Command, KeyRange, Put, Range, Read, Request, RequestError, Response, Write};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many keys there are. Few, so that clients meet.
const KEYS: u64 = 5;

/// What a client has asked, and what it knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The client.
    pub client: u64,
    /// When it asked, in virtual time.
    pub start: Duration,
    /// When it had its answer, or lost its connection.
    pub end: Duration,
    /// What it asked.
    pub request: Request,
    /// What it knows.
    pub outcome: Outcome,
}

/// What a client knows of what it asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This is the answer.
    Done(Response),
    /// It may have happened, or may still happen.
    Unknown,
    /// It has not happened, and never will.
    Failed,
}

#[derive(Clone, Debug)]
struct Open {
    client: u64,
    member: u64,
    start: Duration,
    request: Request,
}

/// All clients.
#[derive(Debug)]
pub(super) struct Clients {
    /// Whether each waits for an answer.
    is_waiting: Vec<bool>,
    open: BTreeMap<u64, Open>,
    operations: Vec<Operation>,
    last_number: u64,
    last_value: u64,
}

impl Clients {
    pub(super) fn new(clients: u64) -> Self {
        Self {
            is_waiting: vec![false; clients as usize],
            open: BTreeMap::new(),
            operations: Vec::new(),
            last_number: 0,
            last_value: 0,
        }
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub(super) fn are_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// A number for a request.
    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A client asks a member. Gives the number of the request.
    pub(super) fn open(
        &mut self,
        client: u64,
        member: u64,
        request: Request,
        start: Duration,
    ) -> u64 {
        let number = self.number();
        self.set_waiting(client, true);
        self.open.insert(number, Open { client, member, start, request });
        number
    }

    fn set_waiting(&mut self, client: u64, is_waiting: bool) {
        if let Some(waits) = self.is_waiting.get_mut(client as usize) {
            *waits = is_waiting;
        }
    }

    pub(super) fn ask(
        &mut self,
        client: u64,
        up: &[u64],
        now: Duration,
        draws: &mut Draws,
    ) -> Option<(u64, Command)> {
        if self.is_waiting.get(client as usize) != Some(&false) {
            return None;
        }
        let member = *draws.one(up);
        let request = self.draw(draws);
        let id = self.open(client, member, request.clone(), now);
        Some((member, Command::Request { id, request }))
    }

    fn draw(&mut self, draws: &mut Draws) -> Request {
        let key = format!("k{}", draws.between(1..=KEYS));
        let read = |keys, stale| {
            let read = Read::Range(Range { keys, ..Range::default() });
            Request::Read { read, stale }
        };
        match draws.between(1..=10) {
            1..=5 => {
                self.last_value += 1;
                let value = self.last_value.to_string();
                Request::Write(Write::Put(Put { key, value, lease: 0 }))
            }
            6 => Request::Write(Write::Delete(KeyRange::key(&key))),
            7..=8 => read(KeyRange::key(&key), false),
            9 => read(KeyRange { from: "k".to_owned(), to: Some("l".to_owned()) }, false),
            _ => read(KeyRange::key(&key), true),
        }
    }

    pub(super) fn answered(
        &mut self,
        number: u64,
        result: Result<Response, RequestError>,
        now: Duration,
    ) {
        if let Some(open) = self.open.remove(&number) {
            let outcome = match result {
                Ok(response) => Outcome::Done(response),
                Err(RequestError::Unknown) => Outcome::Unknown,
                Err(_) => Outcome::Failed,
            };
            self.end(open, outcome, now);
        }
    }

    /// The connections to a member are lost.
    pub(super) fn lost(&mut self, member: u64, now: Duration) {
        let open = std::mem::take(&mut self.open).into_iter();
        let (kept, lost): (_, BTreeMap<u64, Open>) =
            open.partition(|(_, open)| open.member != member);
        self.open = kept;
        for open in lost.into_values() {
            self.end(open, Outcome::Unknown, now);
        }
    }

    fn end(&mut self, open: Open, outcome: Outcome, end: Duration) {
        let Open { client, start, request, .. } = open;
        self.set_waiting(client, false);
        // A read has no effect.
        let outcome = match (&request, outcome) {
            (Request::Read { .. }, Outcome::Unknown) => Outcome::Failed,
            (_, outcome) => outcome,
        };
        self.operations.push(Operation { client, start, end, request, outcome });
    }
}
