//! Where do callers stand until something lets them go?
//!
//! Every plan has one gate. Who sleeps, pauses, waits or watches enters it and leaves a waker; a
//! thread's waker unparks it, a task's schedules it. A caller goes when it is freed (`resume`, a
//! full barrier), when the gate closes (the plan is over), or when its own time is up.
//!
//! Wakers are somebody's code: they are called after the lock is gone.

use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, fence_for_models};
use std::collections::BTreeMap;
use std::task::Waker;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// How many watch the counts. Read on the armed path instead of taking the lock.
    watchers: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    next_ticket: u64,
    /// In the order of arrival, so that the oldest is freed first.
    standing: BTreeMap<u64, Stander>,
}

#[derive(Debug)]
struct Stander {
    reason: Reason,
    who: String,
    waker: Waker,
    freed: bool,
}

/// Why somebody stands at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// In `sleep` or `delay`.
    Sleeping,
    /// In `pause`.
    Paused,
    /// In the `barrier` at this place of the terms, until so many stand there.
    Barrier { term: usize, step: usize, size: u64 },
    /// In `wait`, for passages of another point.
    Passages,
    /// A test that waits for hits, fires or paused callers.
    Watching,
}

impl Reason {
    /// Whether a change of the counts may end it.
    fn follows_counts(self) -> bool {
        matches!(self, Reason::Passages | Reason::Watching)
    }
}

/// What came of entering a gate.
pub(crate) enum Entered {
    Standing(Place),
    /// The barrier was full with this caller.
    Through,
    /// The plan is over.
    Closed,
}

/// How somebody who entered stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Still,
    Freed,
    Closed,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Takes a place; `who` is what a message says of the caller.
    pub(crate) fn enter(self: &Arc<Self>, reason: Reason, who: String, waker: Waker) -> Entered {
        let mut state = self.state.lock();
        if state.closed {
            return Entered::Closed;
        }
        let mut freed = Vec::new();
        if let Reason::Barrier { size, .. } = reason {
            let same = |stander: &&mut Stander| stander.reason == reason && !stander.freed;
            let waiting = state.standing.values_mut().filter(same).count() as u64;
            if waiting + 1 >= size {
                for stander in state.standing.values_mut().filter(same) {
                    stander.freed = true;
                    freed.push(stander.waker.clone());
                }
                drop(state);
                freed.into_iter().for_each(Waker::wake);
                return Entered::Through;
            }
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.standing.insert(ticket, Stander { reason, who, waker, freed: false });
        if reason.follows_counts() {
            self.watchers.fetch_add(1, Ordering::SeqCst);
        }
        drop(state);
        let place = Place { gate: Arc::clone(self), ticket, reason };
        if reason == Reason::Paused {
            self.ring();
        }
        Entered::Standing(place)
    }

    /// Tells those who follow the counts to look again. Call it after a count has changed; one load
    /// where nobody follows.
    ///
    /// The addition that changed the count, this load, the addition that a watcher made to
    /// `watchers` when it entered, and its loads of the counts are all `SeqCst`, so they have one
    /// order. Either our addition stands before the watcher's loads, and it sees the new count; or
    /// the watcher's addition stands before our load, and we see the watcher.
    #[inline]
    pub(crate) fn ring(&self) {
        fence_for_models();
        if self.watchers.load(Ordering::SeqCst) > 0 {
            self.wake_followers();
        }
    }

    #[cold]
    fn wake_followers(&self) {
        self.wake(|stander| stander.reason.follows_counts());
    }

    /// Frees at most `n` of those paused now, the oldest first; says how many.
    pub(crate) fn resume(&self, n: usize) -> usize {
        let mut state = self.state.lock();
        // Whoever still stands here was let go already, and does not go on.
        if state.closed {
            return 0;
        }
        let mut wakers = Vec::new();
        let paused = |stander: &&mut Stander| stander.reason == Reason::Paused && !stander.freed;
        for stander in state.standing.values_mut().filter(paused).take(n) {
            stander.freed = true;
            wakers.push(stander.waker.clone());
        }
        drop(state);
        let resumed = wakers.len();
        wakers.into_iter().for_each(Waker::wake);
        self.ring();
        resumed
    }

    /// Ends every stay, now and later.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.wake(|_| true);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// How many are paused: who was freed, or whose gate closed, no longer is.
    pub(crate) fn paused(&self) -> u64 {
        let state = self.state.lock();
        if state.closed {
            return 0;
        }
        let paused = |stander: &&Stander| stander.reason == Reason::Paused && !stander.freed;
        state.standing.values().filter(paused).count() as u64
    }

    /// Those who stand here for a reason of the terms, for messages.
    pub(crate) fn standing(&self) -> Vec<(Reason, String)> {
        let state = self.state.lock();
        let of_the_terms =
            |stander: &&Stander| stander.reason != Reason::Watching && !stander.freed;
        let described = |stander: &Stander| (stander.reason, stander.who.clone());
        state.standing.values().filter(of_the_terms).map(described).collect()
    }

    fn wake(&self, which: impl Fn(&Stander) -> bool) {
        let state = self.state.lock();
        let wakers: Vec<Waker> =
            state.standing.values().filter(|s| which(s)).map(|s| s.waker.clone()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A place at a gate; dropping it leaves.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    ticket: u64,
    reason: Reason,
}

impl Place {
    /// How the caller stands; leaves `waker` for the next change.
    pub(crate) fn look(&self, waker: &Waker) -> Standing {
        let mut state = self.gate.state.lock();
        let closed = state.closed;
        let standing = match state.standing.get_mut(&self.ticket) {
            Some(stander) if stander.freed => Standing::Freed,
            _ if closed => Standing::Closed,
            Some(stander) => {
                if !stander.waker.will_wake(waker) {
                    stander.waker.clone_from(waker);
                }
                Standing::Still
            }
            None => unreachable!("a place keeps its stander until it is dropped"),
        };
        drop(state);
        // Pairs with the one in `ring`: the caller looks at the counts after this.
        fence_for_models();
        standing
    }
}

impl Place {
    /// Gives the place up, and says how the caller stood at that very moment: who was freed before
    /// must not believe that its time ran out.
    pub(crate) fn leave(&self) -> Standing {
        let mut state = self.gate.state.lock();
        let closed = state.closed;
        let left = state.standing.remove(&self.ticket);
        drop(state);
        match left {
            Some(stander) if stander.freed => Standing::Freed,
            _ if closed => Standing::Closed,
            _ => Standing::Still,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let left = self.gate.state.lock().standing.remove(&self.ticket);
        if self.reason.follows_counts() {
            self.gate.watchers.fetch_sub(1, Ordering::SeqCst);
        }
        if self.reason == Reason::Paused {
            self.gate.ring();
        }
        drop(left);
    }
}
