//! A driver that wraps another one, and corrupts one thing on purpose.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use failpoint_tester::agent::{MemberFiles, Program};
use failpoint_tester::driver::{
    Abilities, Answer, Client, Driver, DriverError, Hash, Health, Leases, Point, Start,
    WatchMessage, WatchStream,
};
use failpoint_tester::history::{Outcome, Request, Response, Revision};

/// What is corrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corruption {
    /// Nothing.
    None,
    /// One read is answered from the past.
    PastRead,
    /// One write is acknowledged and never sent.
    LostWrite,
    /// One event of a client's watch comes twice.
    EventTwice,
    /// One member answers another hash.
    OtherHash,
    /// The log of one member gets a panic that no point caused.
    Panic,
}

/// The line that [`Corruption::Panic`] leaves in the log.
pub(crate) const PANIC: &str = "panic: corrupted on purpose";

/// Wraps a driver. The seed chooses when, and on which member.
#[derive(Clone)]
pub(crate) struct Corrupting {
    inner: Arc<dyn Driver>,
    shared: Arc<Shared>,
}

struct Shared {
    corruption: Corruption,
    seed: u64,
    state: Mutex<State>,
}

struct State {
    /// How many opportunities are let pass.
    left: u64,
    done: bool,
    /// How many requests were answered.
    answered: u64,
    /// The answers of reads.
    reads: HashMap<String, Vec<Read>>,
}

#[derive(Clone)]
struct Read {
    response: Response,
    revision: Revision,
    /// How many requests had been answered then.
    place: u64,
}

impl Corrupting {
    pub(crate) fn new(inner: Arc<dyn Driver>, corruption: Corruption, seed: u64) -> Self {
        let state = State { left: seed, done: false, answered: 0, reads: HashMap::new() };
        Self { inner, shared: Arc::new(Shared { corruption, seed, state: Mutex::new(state) }) }
    }

    /// Whether it has corrupted something.
    pub(crate) fn done(&self) -> bool {
        self.shared.state().done
    }

    fn corrupts(&self, corruption: Corruption, member: usize) -> bool {
        let chosen = self.shared.seed as usize % self.abilities().members.max(1);
        self.shared.corruption == corruption && member == chosen
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this opportunity is to be taken.
    fn due(&self, corruption: Corruption) -> bool {
        let mut state = self.state();
        if self.corruption != corruption || state.done {
            return false;
        }
        state.done = state.left == 0;
        state.left = state.left.saturating_sub(1);
        state.done
    }

    /// An answer to the same read that is surely from the past: a later one was given long ago.
    fn past(&self, request: &Request, response: &Response, revision: Revision) -> Option<Read> {
        /// Longer ago than anything that is in flight.
        const LONG_AGO: u64 = 100;
        let mut state = self.state();
        let place = state.answered;
        let reads = state.reads.entry(request.to_string()).or_default();
        let values = |read: &Read| match &read.response {
            Response::Value(value) => value.is_some(),
            Response::Values(entries) => !entries.is_empty(),
            _ => false,
        };
        let past = reads.iter().find(|old| {
            let newer = |new: &&Read| {
                new.revision > old.revision
                    && new.response != old.response
                    && place >= new.place + LONG_AGO
            };
            values(old) && old.response != *response && reads.iter().any(|new| newer(&new))
        });
        let past = past.cloned();
        reads.push(Read { response: response.clone(), revision, place });
        past
    }
}

#[async_trait]
impl Driver for Corrupting {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn files(&self, member: usize) -> MemberFiles {
        self.inner.files(member)
    }

    fn start(&self, member: usize, start: &Start) -> Option<Program> {
        let mut program = self.inner.start(member, start)?;
        if self.corrupts(Corruption::Panic, member) {
            self.shared.state().done = true;
            let script = format!("echo '{PANIC}' >&2; exec \"$0\" \"$@\"");
            program.argv.splice(0..0, ["sh".to_owned(), "-c".to_owned(), script]);
        }
        Some(program)
    }

    fn stop(&self, member: usize) -> Option<Program> {
        self.inner.stop(member)
    }

    fn save_snapshot(&self, member: usize) -> Option<Program> {
        self.inner.save_snapshot(member)
    }

    fn restore_snapshot(&self, member: usize) -> Option<Program> {
        self.inner.restore_snapshot(member)
    }

    fn failpoints(&self, member: usize) -> Option<String> {
        self.inner.failpoints(member)
    }

    fn point(&self, name: &str) -> Point {
        self.inner.point(name)
    }

    fn received_snapshot(&self) -> Option<&'static str> {
        self.inner.received_snapshot()
    }

    async fn health(&self, member: usize) -> Result<Health, DriverError> {
        self.inner.health(member).await
    }

    async fn hash(&self, member: usize, at: Option<Revision>) -> Result<Hash, DriverError> {
        let mut hash = self.inner.hash(member, at).await?;
        if self.corrupts(Corruption::OtherHash, member) {
            self.shared.state().done = true;
            hash.hash ^= 1;
        }
        Ok(hash)
    }

    async fn compact(&self, member: usize, revision: Revision) -> Result<(), DriverError> {
        self.inner.compact(member, revision).await
    }

    async fn remove_member(&self, via: usize, member: usize) -> Result<(), DriverError> {
        self.inner.remove_member(via, member).await
    }

    async fn add_member(&self, via: usize, member: usize) -> Result<(), DriverError> {
        self.inner.add_member(via, member).await
    }

    fn client(&self, member: usize) -> Box<dyn Client> {
        let (inner, shared) = (self.inner.client(member), Arc::clone(&self.shared));
        Box::new(CorruptingClient { inner, shared })
    }
}

/// Whether a request is about the keys of the load. Others may not be recorded.
fn of_the_load(request: &Request) -> bool {
    let (Request::Put { key, .. } | Request::Get { key, .. } | Request::Range { from: key, .. }) =
        request
    else {
        return false;
    };
    key.contains("/k0")
}

struct CorruptingClient {
    inner: Box<dyn Client>,
    shared: Arc<Shared>,
}

#[async_trait]
impl Client for CorruptingClient {
    async fn execute(&self, request: &Request, limit: Duration) -> Answer {
        if let Request::Put { value, .. } = request
            && of_the_load(request)
            && self.shared.due(Corruption::LostWrite)
        {
            // The answer has a revision of its own, as that of a store that mixed up two writes.
            let key = "of-no-request".to_owned();
            let other = Request::Put { key, value: value.clone() };
            let answer = self.inner.execute(&other, limit).await;
            if !matches!(answer.outcome, Outcome::Done { .. }) {
                // No one would have been told.
                self.shared.state().done = false;
            }
            return answer;
        }
        let mut answer = self.inner.execute(request, limit).await;
        if let Outcome::Done { response, revision: Some(revision) } = &mut answer.outcome
            && !request.is_stale_read()
            && !request.can_write()
            && of_the_load(request)
            && let Some(past) = self.shared.past(request, response, *revision)
            && self.shared.due(Corruption::PastRead)
        {
            (*response, *revision) = (past.response, past.revision);
        }
        self.shared.state().answered += 1;
        answer
    }

    fn leases(&self) -> Option<&dyn Leases> {
        self.inner.leases()
    }

    async fn watch(
        &self,
        from: &str,
        to: Option<&str>,
        first: Revision,
    ) -> Result<Box<dyn WatchStream>, DriverError> {
        let inner = self.inner.watch(from, to, first).await?;
        // The watch of all keys is that of the tester.
        if from.is_empty() && to.is_none() {
            return Ok(inner);
        }
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(CorruptingStream { inner, shared, again: None }))
    }
}

struct CorruptingStream {
    inner: Box<dyn WatchStream>,
    shared: Arc<Shared>,
    again: Option<WatchMessage>,
}

#[async_trait]
impl WatchStream for CorruptingStream {
    async fn next(&mut self) -> Result<WatchMessage, DriverError> {
        if let Some(again) = self.again.take() {
            return Ok(again);
        }
        let message = self.inner.next().await?;
        if let Some(last) = message.changes.last()
            && self.shared.due(Corruption::EventTwice)
        {
            let changes = vec![last.clone()];
            self.again = Some(WatchMessage { changes, revision: message.revision });
        }
        Ok(message)
    }
}
