//! What a busy control plane costs the program.
//!
//! One thread of the program evaluates while clients send requests as fast as they can. Two figures
//! are measured: the share of a core that is left for that thread, and the CPU time of an
//! evaluation.

use crate::declared::name;
use crate::load::{LONGEST, Load, Loaded};
use crate::usage;
use failpoint::{arm, fail_point, point};
use failpoint_bench_support::{Bound, median, times};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 11;
/// In each round, of each work in turn.
const SLICES: usize = 10;
const FOR: Duration = Duration::from_millis(10);
/// So much is done between two looks at the clock.
const AT_ONCE: u64 = 1_000;

/// What clients do during the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Nothing,
    PutElsewhere,
    PutHere,
    List,
    Events,
}

/// What the thread does over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A loop with nothing in it, which suffers from the machine alone.
    Bare,
    Idle,
    Off,
}

impl Asked {
    pub(crate) const ALL: [Asked; 5] =
        [Asked::Nothing, Asked::PutElsewhere, Asked::PutHere, Asked::List, Asked::Events];
}

impl Work {
    pub(crate) const ALL: [Work; 3] = [Work::Bare, Work::Idle, Work::Off];
}

/// One round of one kind of asking.
pub(crate) struct Round {
    pub(crate) asked: Asked,
    /// `None` if there were no requests.
    pub(crate) loaded: Option<Loaded>,
    /// In the order of `Work::ALL`.
    pub(crate) worked: [Worked; 3],
}

/// What was done in one round, and what that took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Worked {
    done: u64,
    passed: Duration,
    core: Duration,
}

pub(crate) fn measure() -> Vec<Round> {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    for name in ["application/off", "load/last"] {
        arm(name, "off").expect("it is declared").keep();
    }
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        rounds.extend(Asked::ALL.map(|asked| round(&address, asked)));
        println!("application: round {number} of {ROUNDS}");
    }
    rounds
}

/// What an operator may rely on.
pub(crate) fn bound(rounds: &[Round]) -> Bound {
    let slowest = slowest(rounds);
    Bound {
        what:
            "an evaluation takes at most 1.1 times of a core while others arm or list, beside the bare loop"
                .to_owned(),
        is: times(slowest),
        holds: slowest <= 1.1,
    }
}

/// The most that an evaluation ever takes of a core while others ask for what has nothing to do
/// with it, to what it takes undisturbed; less what befalls a loop over nothing in the same round.
fn slowest(rounds: &[Round]) -> f64 {
    let core = |round: &Round, work: Work| round.worked[work as usize].core();
    let beside = |round: &Round, work| core(round, work) / core(round, Work::Bare);
    let ratio = |asked, work| {
        let pairs = of(rounds, asked).zip(of(rounds, Asked::Nothing));
        median(pairs.map(|(busy, quiet)| beside(busy, work) / beside(quiet, work)).collect())
    };
    let unrelated = [Asked::PutElsewhere, Asked::List];
    let of_each = |asked| [Work::Idle, Work::Off].map(|work| ratio(asked, work));
    unrelated.into_iter().flat_map(of_each).fold(0.0, f64::max)
}

/// How many times as much an evaluation took as in the same round without requests.
pub(crate) fn to_undisturbed(
    rounds: &[Round],
    asked: Asked,
    work: Work,
    of_it: fn(Worked) -> f64,
) -> f64 {
    let one = |round: &Round| of_it(round.worked[work as usize]);
    let disturbed = of(rounds, asked).zip(of(rounds, Asked::Nothing));
    median(disturbed.map(|(disturbed, undisturbed)| one(disturbed) / one(undisturbed)).collect())
}

pub(crate) fn of(rounds: &[Round], asked: Asked) -> impl Iterator<Item = &Round> {
    rounds.iter().filter(move |round| round.asked == asked)
}

fn round(address: &str, asked: Asked) -> Round {
    let load = begin(address, asked);
    let hits = || point("application/off").expect("it is declared").hits;
    let mut worked = [Worked::default(); 3];
    for _ in 0..SLICES {
        for (work, sum) in Work::ALL.into_iter().zip(&mut worked) {
            let (before, done) = (hits(), sum.done);
            work.repeat(sum);
            // An arming that others replace counts no further.
            if work == Work::Off && asked != Asked::PutHere {
                assert_eq!(hits() - before, sum.done - done, "each is counted");
            }
        }
    }
    let loaded = load.map(|load| {
        if asked == Asked::Events {
            fail_point!("load/last");
            return load.wait();
        }
        load.stop()
    });
    Round { asked, loaded, worked }
}

fn begin(address: &str, asked: Asked) -> Option<Load> {
    let elsewhere = format!("PUT /{} off", name(0));
    let requests = match asked {
        Asked::Nothing => return None,
        Asked::PutElsewhere => elsewhere,
        Asked::PutHere => "PUT /application/off off".to_owned(),
        Asked::List => "GET /v1/points".to_owned(),
        Asked::Events => {
            let path = "/v1/events?kinds=fired";
            return Some(Load::begin(["events", address, "1", path, "load/last"]));
        }
    };
    Some(Load::requests(address, LONGEST, &[requests]))
}

impl Work {
    fn repeat(self, sum: &mut Worked) {
        match self {
            Work::Bare => repeat(sum, || ()),
            Work::Idle => repeat(sum, || fail_point!("application/idle")),
            Work::Off => repeat(sum, || fail_point!("application/off")),
        }
    }
}

impl Worked {
    /// With the waiting for a core, what one took, in nanoseconds.
    pub(crate) fn passed(self) -> f64 {
        self.passed.as_nanos() as f64 / self.done as f64
    }

    /// The same of a core.
    pub(crate) fn core(self) -> f64 {
        self.core.as_nanos() as f64 / self.done as f64
    }
}

fn repeat(sum: &mut Worked, what: impl Fn()) {
    let (begun, core) = (Instant::now(), usage::own_time());
    while begun.elapsed() < FOR {
        for _ in 0..AT_ONCE {
            what();
            black_box(());
        }
        sum.done += AT_ONCE;
    }
    sum.passed += begun.elapsed();
    sum.core += usage::own_time() - core;
}
