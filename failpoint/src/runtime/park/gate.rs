//! Where callers wait until something releases them.
//!
//! Every plan has one gate. Who sleeps, pauses, waits or watches enters it and leaves a waker; a
//! thread's waker wakes it, a task's schedules it. A caller goes when it is freed (`resume`, a
//! full barrier), when the gate closes (the plan is over), or when its own time is up.
//!
//! Wakers are the user's code: they are called after the lock is released.

use crate::runtime::sync::{Arc, AtomicUsize, Mutex, Ordering, fence_for_models};
use crate::wait_for::WaitFor;
use std::collections::BTreeMap;
use std::task::Waker;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// How many follow what is counted elsewhere. Read on the armed path instead of taking the
    /// lock.
    followers: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    next_ticket: u64,
    /// In the order of arrival, so that the oldest is freed first.
    standing: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    reason: Reason,
    who: String,
    waker: Waker,
    freed: bool,
}

/// Why a caller waits at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// In `sleep` or `delay`.
    Sleeping,
    /// In `pause`.
    Paused,
    /// In the `barrier` at this place of the terms, until so many wait there.
    Barrier { term: usize, step: usize, size: u64 },
    /// In `wait`, for passages of another point.
    Passages,
    /// A test that waits for hits, fires or paused callers.
    Watching(WaitFor),
    /// A caller that waits for the next arming.
    Armings,
}

impl Reason {
    /// Whether the terms ask for it.
    fn is_of_the_terms(self) -> bool {
        !matches!(self, Reason::Watching(_) | Reason::Armings)
    }

    /// Whether something may end it that is not counted here.
    fn follows(self) -> bool {
        matches!(self, Reason::Passages | Reason::Watching(_) | Reason::Armings)
    }
}

/// What came of entering a gate.
pub(crate) enum Entered {
    Waiting(WaiterGuard),
    /// The barrier was full with this caller.
    Through,
    /// The plan is over.
    Closed,
}

/// The state of a caller that entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaiterState {
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
        if let Reason::Barrier { size, .. } = reason {
            let same = |waiter: &&mut Waiter| waiter.reason == reason && !waiter.freed;
            let waiting = state.standing.values_mut().filter(same).count() as u64;
            if waiting + 1 >= size {
                let mut freed = Vec::new();
                for waiter in state.standing.values_mut().filter(same) {
                    waiter.freed = true;
                    freed.push(waiter.waker.clone());
                }
                drop(state);
                freed.into_iter().for_each(Waker::wake);
                return Entered::Through;
            }
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.standing.insert(ticket, Waiter { reason, who, waker, freed: false });
        if reason.follows() {
            self.followers.fetch_add(1, Ordering::SeqCst);
        }
        // One more is paused, and who waited for so many is told. Else none is counted: they may be
        // many.
        let told = if reason == Reason::Paused && self.has_followers() {
            let paused = state.paused();
            state.wakers(
                |reason| matches!(reason, Reason::Watching(WaitFor::Paused(n)) if n <= paused),
            )
        } else {
            Vec::new()
        };
        drop(state);
        let place = WaiterGuard { gate: Arc::clone(self), ticket, reason };
        told.into_iter().for_each(Waker::wake);
        Entered::Waiting(place)
    }

    /// Tells those who wait for passages or for an arming to look again. Call it after there was
    /// one; one load if no one waits for counts.
    ///
    /// The change that was made before, this load, the addition that a follower made to `followers`
    /// when it entered, and its loads of what it waits for are all `SeqCst`, so they have one
    /// order. Either the change comes before the follower's loads, and the follower sees it; or the
    /// follower's addition comes before our load, and we see the follower.
    #[inline]
    pub(crate) fn ring(&self) {
        if self.has_followers() {
            self.wake(|reason| matches!(reason, Reason::Passages | Reason::Armings));
        }
    }

    /// Tells those who wait for so many hits or fires that there are as many. Call it after one was
    /// counted; `counts`, hits and fires, is called if someone waits for counts.
    ///
    /// The counts are read after the addition of the thread that calls. Of the first n to add, the last
    /// in the one order reads n at least, and wakes who waits for n.
    #[inline]
    pub(crate) fn ring_for(&self, counts: impl FnOnce() -> (u64, u64)) {
        if self.has_followers() {
            self.wake_watchers(counts());
        }
    }

    #[cold]
    fn wake_watchers(&self, (hits, fires): (u64, u64)) {
        self.wake(|reason| match reason {
            Reason::Watching(WaitFor::Hits(n)) => n <= hits,
            Reason::Watching(WaitFor::Fires(n)) => n <= fires,
            _ => false,
        });
    }

    #[inline]
    fn has_followers(&self) -> bool {
        fence_for_models();
        self.followers.load(Ordering::SeqCst) > 0
    }

    /// Frees at most `n` of those paused now, the oldest first; says how many.
    pub(crate) fn resume(&self, n: usize) -> usize {
        let mut state = self.state.lock();
        // A waiter that is still here was released already, and does not go on.
        if state.closed {
            return 0;
        }
        let mut wakers = Vec::new();
        let paused = |waiter: &&mut Waiter| waiter.reason == Reason::Paused && !waiter.freed;
        for waiter in state.standing.values_mut().filter(paused).take(n) {
            waiter.freed = true;
            wakers.push(waiter.waker.clone());
        }
        drop(state);
        let resumed = wakers.len();
        wakers.into_iter().for_each(Waker::wake);
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
        if state.closed { 0 } else { state.paused() }
    }

    /// The callers that wait here because of the terms, for messages: the first of them, and how
    /// many there are.
    pub(crate) fn standing(&self, first: usize) -> (Vec<(Reason, String)>, usize) {
        let state = self.state.lock();
        let of_the_terms = |waiter: &&Waiter| waiter.reason.is_of_the_terms() && !waiter.freed;
        let described = |waiter: &Waiter| (waiter.reason, waiter.who.clone());
        let standing = state.standing.values().filter(of_the_terms);
        (standing.clone().take(first).map(described).collect(), standing.count())
    }

    fn wake(&self, which: impl Fn(Reason) -> bool) {
        let wakers = self.state.lock().wakers(which);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// The callers in `pause` that were not freed.
    fn paused(&self) -> u64 {
        let paused = |waiter: &&Waiter| waiter.reason == Reason::Paused && !waiter.freed;
        self.standing.values().filter(paused).count() as u64
    }

    fn wakers(&self, which: impl Fn(Reason) -> bool) -> Vec<Waker> {
        let standing = self.standing.values().filter(|waiter| which(waiter.reason));
        standing.map(|waiter| waiter.waker.clone()).collect()
    }
}

/// A place at a gate; dropping it leaves.
#[derive(Debug)]
pub(crate) struct WaiterGuard {
    gate: Arc<Gate>,
    ticket: u64,
    reason: Reason,
}

impl WaiterGuard {
    /// The state of the caller; leaves `waker` for the next change.
    pub(crate) fn look(&self, waker: &Waker) -> WaiterState {
        let mut state = self.gate.state.lock();
        let closed = state.closed;
        let standing = match state.standing.get_mut(&self.ticket) {
            Some(waiter) if waiter.freed => WaiterState::Freed,
            _ if closed => WaiterState::Closed,
            Some(waiter) => {
                if !waiter.waker.will_wake(waker) {
                    waiter.waker.clone_from(waker);
                }
                WaiterState::Still
            }
            None => unreachable!("a place keeps its waiter until it is dropped"),
        };
        drop(state);
        // Pairs with the one in `ring`: the caller looks at the counts after this.
        fence_for_models();
        standing
    }
}

impl WaiterGuard {
    /// Leaves the gate, and returns the state of the caller at that moment: a caller that was freed
    /// before must not believe that its time ran out.
    pub(crate) fn leave(&self) -> WaiterState {
        let mut state = self.gate.state.lock();
        let closed = state.closed;
        let left = state.standing.remove(&self.ticket);
        drop(state);
        match left {
            Some(waiter) if waiter.freed => WaiterState::Freed,
            _ if closed => WaiterState::Closed,
            _ => WaiterState::Still,
        }
    }
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        let left = self.gate.state.lock().standing.remove(&self.ticket);
        if self.reason.follows() {
            self.gate.followers.fetch_sub(1, Ordering::SeqCst);
        }
        drop(left);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::task::Wake;

    /// How often a waiter was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Enters, and gives what counts.
    fn enter(gate: &Arc<Gate>, reason: Reason) -> (WaiterGuard, Arc<Woken>) {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        match gate.enter(reason, String::new(), waker) {
            Entered::Waiting(place) => (place, woken),
            _ => panic!("nobody closed it, and there is no barrier"),
        }
    }

    #[test]
    fn the_first_of_many_are_described() {
        let gate = Gate::new();
        let reasons = [Reason::Paused, Reason::Sleeping, Reason::Armings, Reason::Paused];
        let _standing = reasons.map(|reason| enter(&gate, reason));
        let (first, all) = gate.standing(2);
        let reasons: Vec<Reason> = first.iter().map(|(reason, _)| *reason).collect();
        assert_eq!((&*reasons, all), (&[Reason::Paused, Reason::Sleeping][..], 3));
    }

    #[test]
    fn only_who_may_go_is_woken() {
        let gate = Gate::new();
        let reasons = [
            Reason::Watching(WaitFor::Hits(2)),
            Reason::Watching(WaitFor::Fires(2)),
            Reason::Watching(WaitFor::Paused(2)),
            Reason::Passages,
            Reason::Armings,
            Reason::Sleeping,
        ];
        let standing = reasons.map(|reason| enter(&gate, reason));
        let woken = || standing.each_ref().map(|(_, woken)| woken.0.swap(0, Ordering::SeqCst));
        gate.ring_for(|| (1, 1));
        assert_eq!(woken(), [0; 6]);
        gate.ring_for(|| (2, 1));
        assert_eq!(woken(), [1, 0, 0, 0, 0, 0]);
        gate.ring_for(|| (3, 2));
        assert_eq!(woken(), [1, 1, 0, 0, 0, 0]);
        gate.ring();
        assert_eq!(woken(), [0, 0, 0, 1, 1, 0]);
        let first = enter(&gate, Reason::Paused);
        assert_eq!(woken(), [0; 6]);
        let _second = enter(&gate, Reason::Paused);
        assert_eq!(woken(), [0, 0, 1, 0, 0, 0]);
        drop(first);
        assert_eq!((gate.resume(2), woken()), (1, [0; 6]));
        gate.close();
        assert_eq!(woken(), [1; 6]);
    }
}
