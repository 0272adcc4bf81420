//! The queues of those who subscribe to events.
//!
//! Subscribers, each with a queue of its own that holds so much and no more: who reads slowly loses
//! the oldest, and the reader learns how many. Without a subscriber an event costs one load.

use crate::event::{Event, EventKind};
use crate::runtime::count::fast_counter::SlowPathGuard;
use crate::runtime::own_code::OwnCode;
use crate::runtime::plan::filter::{Facts, fact, with_thread_name};
use crate::runtime::plan::{Plan, ScopeId};
use crate::runtime::point_name::Name;
use crate::runtime::sync::lasting::{self, ArcSwapOption, AtomicUsize};
use crate::runtime::sync::{Arc, Mutex, Ordering};
use std::collections::VecDeque;
use std::task::{Poll, Waker};
use std::time::SystemTime;

/// How many events wait for a reader at most.
const CAPACITY: usize = 1024;
/// How much text they hold at most, where it is more than one event's: terms may be long.
const TEXT_CAPACITY: usize = 4 << 20;

/// Replaced as a whole, so that a fire reads it without a lock.
static SUBSCRIBERS: ArcSwapOption<Vec<Arc<Queue>>> = ArcSwapOption::const_empty();
static CHANGING: lasting::Mutex<()> = lasting::Mutex::new(());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The reader's side of a queue. Dropping it unsubscribes.
#[derive(Debug)]
pub(crate) struct Reader {
    queue: Arc<Queue>,
    /// Every fire is an event.
    _slow_path: SlowPathGuard,
}

/// What waits for one reader.
#[derive(Debug)]
struct Queue {
    /// Events of this scope, or the global ones.
    scope: Option<ScopeId>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<Record>,
    /// Of the record that was taken out last, and of the one that was put in last.
    first: Option<Subject>,
    last: Option<Subject>,
    text: usize,
    lost: u64,
    reader: Option<Waker>,
}

/// An event on its way. Fires of one point on one thread follow each other, so a record has a subject
/// only where it differs from that of the record before: then a fire copies no text and counts no `Arc`.
#[derive(Debug)]
struct Record {
    subject: Option<Subject>,
    kind: EventKind,
    context: Vec<(String, String)>,
    at: SystemTime,
    /// How much text the event has.
    text: usize,
}

/// What many events have in common.
#[derive(Clone, Debug)]
struct Subject {
    point: Name,
    terms: Arc<str>,
    generation: u64,
    thread: Arc<str>,
}

/// A queue for the events of `scope`, from now on.
pub(crate) fn subscribe(scope: Option<ScopeId>) -> Reader {
    let _own = OwnCode::enter();
    let queue = Arc::new(Queue { scope, state: Mutex::new(State::default()) });
    let reader = Reader { queue: queue.clone(), _slow_path: SlowPathGuard::begin() };
    change_subscribers(|all| all.push(queue));
    reader
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _own = OwnCode::enter();
        change_subscribers(|all| all.retain(|queue| !Arc::ptr_eq(queue, &self.queue)));
        // A waker is the user's.
        let reader = self.queue.state.lock().reader.take();
        drop(reader);
    }
}

fn change_subscribers(change: impl FnOnce(&mut Vec<Arc<Queue>>)) {
    let _changing = CHANGING.lock();
    let mut all = SUBSCRIBERS.load().as_deref().cloned().unwrap_or_default();
    change(&mut all);
    COUNT.store(all.len(), Ordering::Relaxed);
    SUBSCRIBERS.store(Some(Arc::new(all)));
}

impl Reader {
    /// The oldest event and how many were lost before it; leaves `waker` where there is none yet.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<(Event, u64)> {
        let mut state = self.queue.state.lock();
        match state.pop() {
            Some(record) => {
                let lost = std::mem::take(&mut state.lost);
                let subject = state.first.clone();
                drop(state);
                let Some(subject) = subject else { unreachable!("the first record has a subject") };
                Poll::Ready((subject.event(record), lost))
            }
            None => {
                let old = state.reader.replace(waker.clone());
                drop(state);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// How many were lost since the last event that [`poll`](Reader::poll) gave.
    pub(crate) fn lost(&self) -> u64 {
        self.queue.state.lock().lost
    }
}

impl Queue {
    fn push(&self, plan: &Plan, thread: &Arc<str>, mut record: Record) {
        let mut state = self.state.lock();
        while state.records.len() == CAPACITY || state.text + record.text > TEXT_CAPACITY {
            if state.pop().is_none() {
                break;
            }
            state.lost += 1;
        }
        if !state.last.as_ref().is_some_and(|last| last.is(plan, thread)) {
            let subject = Subject::new(plan, thread);
            record.subject = Some(subject.clone());
            state.last = Some(subject);
        }
        state.text += record.text;
        state.records.push_back(record);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl State {
    fn pop(&mut self) -> Option<Record> {
        let mut record = self.records.pop_front()?;
        self.text -= record.text;
        if let Some(subject) = record.subject.take() {
            self.first = Some(subject);
        }
        Some(record)
    }
}

impl Subject {
    fn new(plan: &Plan, thread: &Arc<str>) -> Self {
        let (point, terms) = (plan.point.clone(), plan.text.clone());
        Self { point, terms, generation: plan.generation, thread: thread.clone() }
    }

    fn is(&self, plan: &Plan, thread: &Arc<str>) -> bool {
        // Plans of one change share the rest.
        self.generation == plan.generation
            && Arc::ptr_eq(&self.thread, thread)
            && Arc::ptr_eq(&self.terms, &plan.text)
            && self.point == plan.point
    }

    fn event(&self, record: Record) -> Event {
        Event {
            kind: record.kind,
            point: str::to_owned(&self.point),
            terms: str::to_owned(&self.terms),
            generation: self.generation,
            thread: str::to_owned(&self.thread),
            context: record.context,
            at: record.at,
        }
    }
}

/// Whether anyone subscribed to anything.
#[inline]
pub(crate) fn has_subscribers() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Tells those who subscribed. `facts` gives the context by the `keys` that the site passes.
#[inline(never)]
pub(crate) fn publish(plan: &Plan, kind: EventKind, keys: &[&str], facts: Facts<'_>) {
    let subscribers = SUBSCRIBERS.load();
    let Some(all) = subscribers.as_ref() else { return };
    let mut queues = all.iter().filter(|queue| queue.scope == plan.scope).peekable();
    if queues.peek().is_none() {
        return;
    }
    // Rendered while no lock is held: it is the user's code.
    let mut context: Vec<(String, String)> =
        keys.iter().filter_map(|key| Some(((*key).to_owned(), fact(facts, key)?))).collect();
    let at = SystemTime::now();
    with_thread_name(|thread| {
        let texts = context.iter().map(|(key, value)| key.len() + value.len());
        let text = plan.point.len() + plan.text.len() + thread.len() + texts.sum::<usize>();
        while let Some(queue) = queues.next() {
            // The last one takes it.
            let context = if queues.peek().is_some() {
                context.clone()
            } else {
                std::mem::take(&mut context)
            };
            queue.push(plan, thread, Record { subject: None, kind, context, at, text });
        }
    });
}

/// The same for what no site's context belongs to.
pub(crate) fn publish_plain(plan: &Plan, kind: EventKind) {
    if has_subscribers() {
        publish(plan, kind, &[], &|_, _| {});
    }
}
