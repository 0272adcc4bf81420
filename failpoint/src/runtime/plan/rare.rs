//! Counts the hits that reach a term which acts by a small chance, and its fires, without a line that all
//! threads write.
//!
//! The number of a hit decides whether the term acts, so the numbers that do nothing are known in advance.
//! Between two numbers that act lies a *run*. The hits of a run need no number each: it is enough that
//! they are as many. So each stripe gets a part of the run as its *allowance*, and a hit takes one from it
//! by a subtraction on a line that few threads share.
//!
//! A hit that finds no allowance takes a lock, and gets more of the run. Where all of it was given out, the
//! hit takes back what other stripes have left. Where nothing is left, as many hits were counted as the
//! next number says, and that number decides. So the first n hits decide the same, in whatever order the threads run.

use super::random::Draw;
use crate::runtime::count::striped::{CachePadded, STRIPES, own_stripe};
use crate::runtime::sync::{AtomicU64, Mutex, Ordering};

/// The longest run that is looked for at once. Short in unit tests, so that runs end before a number acts.
const LONGEST: u64 = if cfg!(test) { 3 } else { 512 };

#[derive(Debug, Default)]
pub(crate) struct RareTally {
    /// How many more hits each may count, in two's complement: below one, none. A hit that was not
    /// allowed has subtracted as well.
    allowances: [CachePadded<AtomicU64>; STRIPES],
    /// The draws by which the run was found; another seed has others.
    base: CachePadded<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// As in the tally; none before the first hit.
    base: Option<u64>,
    /// The number after the run.
    next: u64,
    /// How much of the run no stripe has been given.
    free: u64,
    fires: u64,
}

impl RareTally {
    /// Counts a hit, and a fire if `draw` allows its number.
    #[inline]
    pub(crate) fn add(&self, draw: Draw) -> bool {
        if self.base.0.load(Ordering::Relaxed) == draw.base() {
            // Why this order: see `Gate::ring`.
            let allowance = self.allowances[own_stripe()].0.fetch_sub(1, Ordering::SeqCst);
            if allowed(allowance) > 0 {
                return false;
            }
        }
        self.add_in_order(draw)
    }

    #[cold]
    #[inline(never)]
    fn add_in_order(&self, draw: Draw) -> bool {
        let mut state = self.state.lock();
        if state.base != Some(draw.base()) {
            state.free += self.take_back();
            state.next -= state.free;
            state.free = 0;
            state.base = Some(draw.base());
            self.base.0.store(draw.base(), Ordering::Relaxed);
        }
        if state.free == 0 {
            state.free = self.take_back();
        }
        if state.free > 0 {
            state.free -= 1;
            self.allow(&mut state);
            return false;
        }
        let is_fire = draw.allows(state.next);
        state.next += 1;
        state.fires += u64::from(is_fire);
        let run = (state.next..).take(LONGEST as usize).take_while(|number| !draw.allows(*number));
        state.free = run.count() as u64;
        state.next += state.free;
        self.allow(&mut state);
        is_fire
    }

    /// Gives half of the run to the stripe of this thread. The rest is for others.
    fn allow(&self, state: &mut State) {
        let part = state.free.div_ceil(2);
        // Another thread of the stripe may have got some in between.
        let left = self.allowances[own_stripe()].0.swap(part, Ordering::SeqCst);
        state.free = state.free - part + allowed(left);
    }

    /// Takes what the stripes have left; only with the lock held.
    fn take_back(&self) -> u64 {
        let mut taken = 0;
        for CachePadded(allowance) in &self.allowances {
            if allowed(allowance.load(Ordering::SeqCst)) > 0 {
                taken += allowed(allowance.swap(0, Ordering::SeqCst));
            }
        }
        taken
    }

    /// The hits and the fires.
    pub(crate) fn sums(&self) -> (u64, u64) {
        let state = self.state.lock();
        // While the lock is held, allowances are only spent: what is read was so at one moment.
        let left: u64 =
            self.allowances.iter().map(|left| allowed(left.0.load(Ordering::SeqCst))).sum();
        (state.next - state.free - left, state.fires)
    }
}

/// How many hits an allowance still allows.
#[inline]
fn allowed(allowance: u64) -> u64 {
    u64::try_from(allowance as i64).unwrap_or(0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::runtime::plan::random::{Draws, Odds};
    use std::thread;

    fn draw(point: &str, probability: f64) -> Draw {
        Odds::new(Draws::new(point, "", 0), probability).draw()
    }

    fn fires(draw: Draw, numbers: std::ops::Range<u64>) -> u64 {
        numbers.filter(|number| draw.allows(*number)).count() as u64
    }

    #[test]
    fn the_first_hits_decide_alike_whatever_the_threads_do() {
        for probability in [0.0, 0.01, 0.2, 1.0] {
            let (tally, draw) = (RareTally::default(), draw("rare/threads", probability));
            let add = |hits| (0..hits).filter(|_| tally.add(draw)).count() as u64;
            for round in 1..=20 {
                // One comes and goes, and leaves what it has not spent.
                let found: u64 = thread::scope(|all| {
                    let threads = [1_000, 1_000, 999, 1].map(|hits| all.spawn(move || add(hits)));
                    threads.into_iter().map(|thread| thread.join().unwrap()).sum()
                });
                let (before, after) = (3_000 * (round - 1), 3_000 * round);
                assert_eq!(tally.sums(), (after, fires(draw, 0..after)), "{probability}");
                assert_eq!(found, fires(draw, before..after), "{probability}");
            }
        }
    }

    #[test]
    fn each_number_is_drawn_once_and_in_order_on_one_thread() {
        let (tally, draw) = (RareTally::default(), draw("rare/alone", 0.1));
        for number in 0..10_000 {
            assert_eq!(tally.add(draw), draw.allows(number), "{number}");
            assert_eq!(tally.sums(), (number + 1, fires(draw, 0..number + 1)));
        }
    }

    #[test]
    fn another_seed_decides_from_the_next_hit_on() {
        let tally = RareTally::default();
        let draws = [draw("rare/one", 0.2), draw("rare/other", 0.2)];
        let mut fired = 0;
        for number in 0..1_000 {
            let draw = draws[number as usize / 7 % 2];
            assert_eq!(tally.add(draw), draw.allows(number), "{number}");
            fired += u64::from(draw.allows(number));
            assert_eq!(tally.sums(), (number + 1, fired));
        }
    }
}
