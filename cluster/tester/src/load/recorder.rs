//! What happened in this round? One place to which everything that is recorded goes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::history::{
    Change, Epoch, Event, History, Operation, Outcome, Request, Response, Revision, Watch,
};

/// Records the history of a round. Its clones record the same one.
///
/// A recorder keeps at most about [`LIMIT`](Self::LIMIT) bytes. After that it is
/// [full](Self::full): it records what is in flight, but the load sends no more requests, so that
/// memory is bounded, and the verdict of the round is `not decided`.
#[derive(Clone, Debug)]
pub struct Recorder {
    clock: Clock,
    limit: usize,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    history: History,
    /// About how many bytes the history takes.
    bytes: usize,
    /// How many operations it has.
    operations: usize,
    /// The highest revision of an answer or of a change in the current epoch.
    latest: Revision,
}

impl Recorder {
    /// How many bytes a round may record: 1 GiB. That is about 4,000,000 small requests.
    pub const LIMIT: usize = 1 << 30;

    /// A recorder whose first epoch starts at `revision`.
    #[must_use]
    pub fn new(clock: Clock, revision: Revision) -> Self {
        Self::with_limit(clock, revision, Self::LIMIT)
    }

    /// A recorder with another limit, in bytes.
    #[must_use]
    pub fn with_limit(clock: Clock, revision: Revision, limit: usize) -> Self {
        let history = History { epochs: vec![begun(revision)] };
        let recorded = Recorded { history, bytes: 0, operations: 0, latest: revision };
        Self { clock, limit, recorded: Arc::new(Mutex::new(recorded)) }
    }

    /// The clock of its times.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// A request, and what came of it.
    pub fn operation(&self, operation: Operation) {
        let mut recorded = self.lock();
        if let Outcome::Done { revision: Some(revision), .. } = operation.outcome {
            recorded.latest = recorded.latest.max(revision);
        }
        recorded.bytes += size_of_operation(&operation);
        recorded.operations += 1;
        recorded.epoch().operations.push(operation);
    }

    /// A key is written with a lease. Say it before the request is sent.
    pub fn leased(&self, key: &str) {
        let mut recorded = self.lock();
        if recorded.epoch().leased.get_or_insert_default().insert(key.to_owned()) {
            recorded.bytes += size_of::<String>() + key.len();
        }
    }

    /// What the watch of the tester saw.
    pub fn change(&self, change: Change) {
        let mut recorded = self.lock();
        recorded.latest = recorded.latest.max(change.revision);
        recorded.bytes += size_of_change(&change);
        recorded.epoch().changes.push(change);
    }

    /// A client opened a watch. Numbers are unique in a round.
    pub fn opened(&self, watcher: u64, watch: Watch) {
        let mut recorded = self.lock();
        recorded.bytes += size_of::<Watch>() + watch.from.len();
        recorded.epoch().watches.insert(watcher, watch);
    }

    /// A watch got a message. A watch that was opened in an earlier epoch is left as it is.
    pub fn delivered(&self, watcher: u64, changes: Vec<Change>) {
        let mut recorded = self.lock();
        let bytes: usize = changes.iter().map(size_of_change).sum();
        let Some(watch) = recorded.epoch().watches.get_mut(&watcher) else { return };
        watch.deliveries.push(changes);
        recorded.bytes += bytes;
    }

    /// Starts an epoch at this revision. An epoch in which nothing was recorded is replaced.
    pub fn epoch(&self, revision: Revision) {
        let mut recorded = self.lock();
        recorded.latest = revision;
        let epoch = recorded.epoch();
        if epoch.operations.is_empty() && epoch.changes.is_empty() && epoch.watches.is_empty() {
            epoch.revision = revision;
        } else {
            recorded.history.epochs.push(begun(revision));
        }
    }

    /// Takes the history. What is recorded from now on belongs to the next round, which starts at
    /// the highest revision that was recorded, unless [`epoch`](Self::epoch) says else.
    #[must_use]
    pub fn take(&self) -> History {
        let mut recorded = self.lock();
        recorded.bytes = 0;
        recorded.operations = 0;
        let next = History { epochs: vec![begun(recorded.latest)] };
        std::mem::replace(&mut recorded.history, next)
    }

    /// Reads the history as it is now. Nothing is recorded until this returns.
    pub fn read<R>(&self, read: impl FnOnce(&History) -> R) -> R {
        read(&self.lock().history)
    }

    /// How many operations were recorded in this round.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().operations
    }

    /// Whether no operation was recorded in this round.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The highest revision that was recorded in this epoch.
    #[must_use]
    pub fn latest(&self) -> Revision {
        self.lock().latest
    }

    /// Why nothing more should be recorded in this round, if it is so.
    #[must_use]
    pub fn full(&self) -> Option<String> {
        let bytes = self.lock().bytes;
        (bytes >= self.limit).then(|| {
            format!(
                "the history of this round takes {} MiB, which is as much as a round may record",
                bytes >> 20
            )
        })
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    fn epoch(&mut self) -> &mut Epoch {
        if self.history.epochs.is_empty() {
            self.history.epochs.push(Epoch::default());
        }
        let last = self.history.epochs.len() - 1;
        &mut self.history.epochs[last]
    }
}

/// An epoch that starts now. Nothing was written with a lease in it.
fn begun(revision: Revision) -> Epoch {
    Epoch { revision, leased: Some(BTreeSet::new()), ..Epoch::default() }
}

fn size_of_operation(operation: &Operation) -> usize {
    let response = match &operation.outcome {
        Outcome::Done { response, .. } => size_of_response(response),
        Outcome::Unknown | Outcome::Failed => 0,
    };
    size_of::<Operation>() + size_of_request(&operation.request) + response
}

fn size_of_request(request: &Request) -> usize {
    match request {
        Request::Put { key, value } => key.len() + value.len(),
        Request::Get { key, .. } | Request::Delete { key } => key.len(),
        Request::Range { from, to, .. } | Request::DeleteRange { from, to } => {
            from.len() + to.len()
        }
        Request::Txn { compare, then, otherwise } => {
            let of = |request: &Request| size_of::<Request>() + size_of_request(request);
            // A comparison is about as large as its key.
            64 * compare.len() + then.iter().chain(otherwise).map(of).sum::<usize>()
        }
    }
}

fn size_of_response(response: &Response) -> usize {
    match response {
        Response::Put | Response::Value(None) | Response::Deleted(_) => 0,
        Response::Value(Some(value)) => value.len(),
        Response::Values(values) => values
            .iter()
            .map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len())
            .sum(),
        Response::Txn { responses, .. } => responses
            .iter()
            .map(|response| size_of::<Response>() + size_of_response(response))
            .sum(),
    }
}

fn size_of_change(change: &Change) -> usize {
    let of = |event: &Event| {
        size_of::<Event>()
            + match event {
                Event::Put { key, value } => key.len() + value.len(),
                Event::Delete { key } => key.len(),
            }
    };
    size_of::<Change>() + change.events.iter().map(of).sum::<usize>()
}
