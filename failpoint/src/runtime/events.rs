//! The queues of those who subscribe to events.
//!
//! Subscribers, each with a queue of its own that holds so much and no more: who reads slowly loses
//! the oldest, and the reader learns how many. Without a subscriber an event costs one load.

use crate::event::{Event, EventKind};
use crate::runtime::count::fast_counter::SlowPathGuard;
use crate::runtime::plan::filter::{Facts, ThisThread, fact};
use crate::runtime::plan::{Plan, ScopeId};
use crate::runtime::sync::lasting::{self, AtomicUsize};
use crate::runtime::sync::{Arc, Mutex, Ordering};
use std::collections::VecDeque;
use std::sync::Weak;
use std::task::{Poll, Waker};
use std::time::SystemTime;

/// How many events wait for a reader at most.
const CAPACITY: usize = 1024;
/// How much text they hold at most, where it is more than one event's: terms may be long.
const TEXT_CAPACITY: usize = 4 << 20;

static SUBSCRIBERS: lasting::Mutex<Vec<Weak<Queue>>> = lasting::Mutex::new(Vec::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What waits for one reader.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Events of this scope, or the global ones.
    scope: Option<ScopeId>,
    state: Mutex<State>,
    /// Every fire is an event.
    _slow_path: SlowPathGuard,
}

#[derive(Debug, Default)]
struct State {
    /// Shared with the other queues: a fire copies nothing for a reader.
    events: VecDeque<Arc<Event>>,
    text: usize,
    lost: u64,
    reader: Option<Waker>,
}

/// A queue for the events of `scope`, from now on.
pub(crate) fn subscribe(scope: Option<ScopeId>) -> Arc<Queue> {
    let state = Mutex::new(State::default());
    let queue = Arc::new(Queue { scope, state, _slow_path: SlowPathGuard::begin() });
    SUBSCRIBERS.lock().push(Arc::downgrade(&queue));
    COUNT.fetch_add(1, Ordering::Relaxed);
    queue
}

impl Drop for Queue {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        // Its own entry is dead by now, as may be others.
        SUBSCRIBERS.lock().retain(|queue| queue.strong_count() > 0);
    }
}

impl Queue {
    /// The oldest event and how many were lost before it; leaves `waker` where there is none yet.
    pub(crate) fn poll(&self, waker: &Waker) -> Poll<(Event, u64)> {
        let mut state = self.state.lock();
        match state.pop() {
            Some(event) => {
                let lost = std::mem::take(&mut state.lost);
                drop(state);
                Poll::Ready((Arc::unwrap_or_clone(event), lost))
            }
            None => {
                let old = state.reader.replace(waker.clone());
                drop(state);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// How many were lost since the last event that [`poll`](Queue::poll) gave.
    pub(crate) fn lost(&self) -> u64 {
        self.state.lock().lost
    }

    fn push(&self, event: Arc<Event>) {
        let mut state = self.state.lock();
        let text = text_of(&event);
        let mut lost = Vec::new();
        while state.events.len() == CAPACITY || state.text + text > TEXT_CAPACITY {
            let Some(oldest) = state.pop() else { break };
            lost.push(oldest);
        }
        state.lost += lost.len() as u64;
        state.text += text;
        state.events.push_back(event);
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        self.text -= text_of(&event);
        Some(event)
    }
}

fn text_of(event: &Event) -> usize {
    let context = event.context.iter().map(|(key, value)| key.len() + value.len());
    event.point.len() + event.terms.len() + event.thread.len() + context.sum::<usize>()
}

/// Whether anyone subscribed to anything.
#[inline]
pub(crate) fn has_subscribers() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Tells those who subscribed. `facts` gives the context by the `keys` that the site passes.
#[inline]
pub(crate) fn publish<'k>(
    plan: &Plan,
    kind: EventKind,
    mut keys: impl Iterator<Item = &'k str>,
    facts: Facts<'_>,
) {
    if has_subscribers() {
        publish_to_all(plan, kind, &mut keys, facts);
    }
}

#[cold]
#[inline(never)]
fn publish_to_all(
    plan: &Plan,
    kind: EventKind,
    keys: &mut dyn Iterator<Item = &str>,
    facts: Facts<'_>,
) {
    // The lock is gone before any handle is: the last one takes it to strike its queue off.
    let all: Vec<Arc<Queue>> = SUBSCRIBERS.lock().iter().filter_map(Weak::upgrade).collect();
    let queues: Vec<Arc<Queue>> =
        all.into_iter().filter(|queue| queue.scope == plan.scope).collect();
    if queues.is_empty() {
        return;
    }
    let context = keys.filter_map(|key| Some((key.to_owned(), fact(facts, key)?))).collect();
    let event = Arc::new(Event {
        kind,
        point: str::to_owned(&plan.point),
        terms: str::to_owned(&plan.text),
        generation: plan.generation,
        thread: ThisThread::get().to_string(),
        context,
        at: SystemTime::now(),
    });
    queues.iter().for_each(|queue| queue.push(event.clone()));
}

/// The same for what no site's context belongs to.
pub(crate) fn publish_plain(plan: &Plan, kind: EventKind) {
    publish(plan, kind, std::iter::empty(), &|_, _| {});
}
