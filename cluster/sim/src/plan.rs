//! What a seed draws before a run starts.

use crate::Draws;
use std::fmt;
use std::time::Duration;

/// A fault that happens at some moment. Those of single messages are rates of the [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A member crashes. Its disk keeps what was synced, all, or a part, also of single writes. It starts
    /// again a little later.
    Crash,
    /// All members crash at once, as when the power fails.
    CrashAll,
    /// The members split into two groups that do not reach each other, for a while.
    Partition,
    /// For a while, one member reaches no other but is reached, or the other way around.
    OneWay,
    /// A point is armed on a member: a later hit crashes it there, or delays it.
    Point,
    /// The clock of a member jumps forward.
    ClockJump,
    /// The clock of a member runs at another rate from now on.
    ClockRate,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Crash,
        Self::CrashAll,
        Self::Partition,
        Self::OneWay,
        Self::Point,
        Self::ClockJump,
        Self::ClockRate,
    ];
}

/// A failpoint that nodes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its name.
    pub name: &'static str,
    /// Whether `return` does something there. At other points, a node crashes or sleeps.
    pub returns: bool,
}

/// What a seed draws before a run starts. Each run has some kinds of faults and not others, so that a frequent
/// one does not hide what a rare one leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many members there are.
    pub members: u64,
    /// How many clients ask at the same time.
    pub clients: u64,
    /// How long there are faults, in virtual time.
    pub faults_for: Duration,
    /// The longest time between two faults.
    pub fault_every: Duration,
    /// The faults of this run.
    pub faults: Vec<Fault>,
    /// The points of this run.
    pub points: Vec<Point>,
    /// Of 1,000 messages, how many are lost.
    pub dropped: u32,
    /// Of 1,000 messages, how many arrive twice.
    pub duplicated: u32,
    /// Of 1,000 messages, how many are late by up to [`late`](Plan::late).
    pub delayed: u32,
    /// How late those are at most.
    pub late: Duration,
    /// How long any message takes at most; each takes its own time, so they overtake each other.
    pub latency: Duration,
    /// How long at most a node waits with what is ready, while other inputs arrive.
    pub pace: Duration,
    /// By how many percent at most a clock is too fast or too slow.
    pub skew: u64,
}

impl Plan {
    /// Draws a plan, with some of these points.
    pub fn draw(seed: u64, points: &[Point], draws: &mut Draws) -> Self {
        let rate = |draws: &mut Draws, most| {
            if draws.chance(500) { draws.between(1..=most) as u32 } else { 0 }
        };
        let millis = |draws: &mut Draws, range| Duration::from_millis(draws.between(range));
        let mut faults = draws.some(&Fault::ALL);
        if faults.is_empty() {
            faults.push(*draws.one(&Fault::ALL));
        }
        Self {
            seed,
            members: *draws.one(&[3, 5]),
            clients: draws.between(2..=5),
            faults_for: millis(draws, 3_000..=8_000),
            fault_every: millis(draws, 100..=800),
            faults,
            points: draws.some(points),
            dropped: rate(draws, 100),
            duplicated: rate(draws, 100),
            delayed: rate(draws, 100),
            late: millis(draws, 20..=500),
            latency: millis(draws, 1..=5),
            pace: millis(draws, 0..=5),
            skew: draws.between(0..=20),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, members, clients, faults_for, fault_every, .. } = self;
        writeln!(
            f,
            "seed {seed}: {members} members, {clients} clients, faults for {faults_for:?}"
        )?;
        writeln!(f, "  one of {:?} every {fault_every:?} at most", self.faults)?;
        writeln!(
            f,
            "  of 1,000 messages {} dropped, {} duplicated, {} late by up to {:?}; latency up to {:?}",
            self.dropped, self.duplicated, self.delayed, self.late, self.latency
        )?;
        writeln!(
            f,
            "  nodes wait up to {:?}; clocks are wrong by up to {} %",
            self.pace, self.skew
        )?;
        let points: Vec<_> = self.points.iter().map(|point| point.name).collect();
        write!(f, "  points: {}", points.join(" "))
    }
}
