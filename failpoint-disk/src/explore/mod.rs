//! Tries every crash of a workload: what does a restart find, and is everything there that was promised?

#[cfg(feature = "failpoints")]
mod caught;
#[cfg(feature = "failpoints")]
mod crash;
#[cfg(feature = "failpoints")]
mod distinct;
#[cfg(feature = "failpoints")]
mod fates;
#[cfg(not(feature = "failpoints"))]
mod off;
#[cfg(feature = "failpoints")]
mod on;
#[cfg(feature = "failpoints")]
mod progress;
#[cfg(feature = "failpoints")]
mod run;
#[cfg(feature = "failpoints")]
mod search;
#[cfg(feature = "failpoints")]
mod watch;

#[cfg(not(feature = "failpoints"))]
pub use self::off::Run;
#[cfg(feature = "failpoints")]
pub use self::run::Run;

#[cfg(not(feature = "failpoints"))]
use self::off as imp;
#[cfg(feature = "failpoints")]
use self::on as imp;

use crate::report::{Report, SyncReport, Torn};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Explores with the settings of [`Explore::new`].
///
/// ```
/// use failpoint_disk::{explore_crashes, fs};
/// use std::io::Write;
///
/// let report = explore_crashes(
///     |run| {
///         let mut log = fs::File::create("/sim/log").unwrap();
///         fs::File::open("/sim").unwrap().sync_all().unwrap();
///         log.write_all(b"x").unwrap();
///         log.sync_all().unwrap();
///         run.ack('x');
///     },
///     || fs::read_to_string("/sim/log").unwrap_or_default(),
///     |found, acked| match acked.iter().all(|letter| found.contains(*letter)) {
///         true => Ok(()),
///         false => Err(format!("acknowledged {acked:?}, found {found:?}")),
///     },
/// );
/// # #[cfg(feature = "failpoints")]
/// report.expect_held();
/// ```
///
/// See [`Explore::crashes`].
pub fn explore_crashes<A, S: PartialEq>(
    workload: impl Fn(&Run<A>),
    recover: impl Fn() -> S,
    check: impl Fn(&S, &[A]) -> Result<(), String>,
) -> Report {
    Explore::new().crashes(workload, recover, check)
}

/// Lets each sync lie in turn, with the settings of [`Explore::new`]. See [`Explore::syncs`].
///
/// ```
/// use failpoint_disk::{explore_syncs, fs};
///
/// let report = explore_syncs(
///     |run| {
///         fs::write("/sim/a", "x").unwrap();
///         fs::File::open("/sim/a").unwrap().sync_all().unwrap();
///         fs::File::open("/sim").unwrap().sync_all().unwrap();
///         fs::File::open("/sim").unwrap().sync_all().unwrap(); // twice
///         run.ack("x");
///     },
///     || fs::read_to_string("/sim/a").unwrap_or_default(),
///     |found, acked| match acked.last() {
///         Some(last) if found != last => Err(format!("{last} is lost")),
///         _ => Ok(()),
///     },
/// );
/// println!("{report}");
/// # #[cfg(feature = "failpoints")]
/// assert_eq!(report.unnoticed().count(), 2); // either of the two alone can be removed
/// ```
pub fn explore_syncs<A, S: PartialEq>(
    workload: impl Fn(&Run<A>),
    recover: impl Fn() -> S,
    check: impl Fn(&S, &[A]) -> Result<(), String>,
) -> SyncReport {
    Explore::new().syncs(workload, recover, check)
}

/// Crashes every sequence of up to three operations, with the settings of [`Explore::new`]. See
/// [`Explore::workloads`].
///
/// ```
/// use failpoint_disk::{explore_workloads, fs};
/// use std::io::Write;
///
/// let report = explore_workloads(
///     &["x", "yy"], // an operation appends one of these
///     |_| {
///         let log = fs::File::create("/sim/log").unwrap();
///         fs::File::open("/sim").unwrap().sync_all().unwrap();
///         log
///     },
///     |log, run, text| {
///         log.write_all(text.as_bytes()).unwrap();
///         log.sync_all().unwrap();
///         run.ack(*text);
///     },
///     || fs::read_to_string("/sim/log").unwrap_or_default(),
///     |found, acked| match found.starts_with(&acked.concat()) {
///         true => Ok(()),
///         false => Err(format!("{acked:?} was acknowledged, {found:?} is there")),
///     },
/// );
/// # #[cfg(feature = "failpoints")]
/// report.expect_held();
/// ```
pub fn explore_workloads<O: fmt::Debug, W, A, S: PartialEq>(
    alphabet: &[O],
    start: impl Fn(&Run<A>) -> W,
    apply: impl Fn(&mut W, &Run<A>, &O),
    recover: impl Fn() -> S,
    check: impl Fn(&S, &[A]) -> Result<(), String>,
) -> Report {
    Explore::new().workloads(alphabet, 3, start, apply, recover, check)
}

/// A recovery that goes on writing could be crashed forever.
const DEEPEST: usize = 16;

/// How crashes are explored.
///
/// A *workload* uses [`fs`](crate::fs) below a prefix (`/sim`), and [acknowledges](Run::ack) what it
/// promises. It is recorded once. At every operation, for every subset of the changes that are not durable
/// there, the explorer makes the disk that a restart would find, runs *recover* on it, and asks *check*
/// whether all that was acknowledged before the crash is there.
///
/// What is crashed:
/// - The power fails: each change that is not durable is lost or kept, and each write that is kept may be
///   torn. With more than 8 such changes: all prefixes, all but one, each alone, and 256 by chance.
/// - On request, [only the process](Self::process_deaths).
/// - The recovery itself crashes, to a [depth](Self::depth) of two. A recovery that was crashed must end in
///   the same state as one that was not.
///
/// Workload, recovery and check must be deterministic and end; if they do not, the report says so: workload
/// and recovery run twice without a crash, and a failure counts if it comes again. A run is ended after
/// 100,000 changes, a million operations, or 256 MiB of data. Threads of the workload run inside the scope if they
/// are started through [`Scope::wrap_fn`](failpoint::Scope::wrap_fn), and must not race.
///
/// After CrashMonkey and ACE (Mohan and others, OSDI 2018), ALICE (Pillai and others, OSDI 2014), and
/// RocksDB's `FaultInjectionTestFS`.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "failpoints"), allow(dead_code))] // nothing is explored
#[must_use = "it does nothing until `crashes`, `syncs` or `workloads` is called"]
pub struct Explore {
    prefix: PathBuf,
    torn: Torn,
    depth: usize,
    states: u64,
    time: Duration,
    seed: u64,
    progress: bool,
    process_deaths: bool,
}

impl Explore {
    /// At `/sim`, writes torn at sectors, recoveries crashed to depth 2, without a budget, with seed 0.
    /// Progress is shown if stderr is a terminal.
    #[allow(clippy::new_without_default)] // its methods say what the defaults are
    pub fn new() -> Self {
        Self {
            prefix: PathBuf::from("/sim"),
            torn: Torn::default(),
            depth: 2,
            states: u64::MAX,
            time: Duration::MAX,
            seed: 0,
            progress: true,
            process_deaths: false,
        }
    }

    /// Where the simulated disk is mounted.
    ///
    /// With failpoints compiled in, the exploration panics if that is not an absolute path below the root.
    pub fn at(mut self, prefix: impl AsRef<Path>) -> Self {
        self.prefix = prefix.as_ref().to_owned();
        self
    }

    /// Where writes are torn.
    pub fn torn(mut self, torn: Torn) -> Self {
        self.torn = torn;
        self
    }

    /// How often in a row a recovery is crashed; 0 is never, and more than 16 is 16.
    pub fn depth(mut self, depth: usize) -> Self {
        self.depth = depth.min(DEEPEST);
        self
    }

    /// Ends after so many states, with what was covered until then.
    ///
    /// A budget goes to crashes of the whole workload first, then to crashes of its recoveries, then to
    /// crashes of the recoveries after these.
    pub fn max_states(mut self, states: u64) -> Self {
        self.states = states;
        self
    }

    /// Ends after this time, with what was covered until then, as with [`max_states`](Self::max_states). It
    /// does not interrupt a run of the workload or of the recovery.
    pub fn max_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// The seed of what is chosen by chance.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the process also dies alone: everything is there after it, and not durable. Then the power
    /// fails while it recovers, or after that.
    ///
    /// What a recovery returned must be there after that. So it has to sync what it found before it
    /// promises it. Many programs do not, hence this is off by default.
    pub fn process_deaths(mut self, die: bool) -> Self {
        self.process_deaths = die;
        self
    }

    /// Whether progress is shown on stderr, if that is a terminal.
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    #[cfg(feature = "failpoints")]
    fn has_budget(&self) -> bool {
        self.states != u64::MAX || self.time != Duration::MAX
    }

    /// Crashes `workload` everywhere.
    ///
    /// `check` gets what `recover` returned, and what was acknowledged before the crash. It says what is
    /// wrong. A panic of `recover` or `check` after a crash counts as a failure. It is not printed: the report
    /// has its message and place.
    ///
    /// The first failure that is found is made shorter: the report has the one with the fewest operations,
    /// and of those the one whose crash lost the least.
    pub fn crashes<A, S: PartialEq>(
        &self,
        workload: impl Fn(&Run<A>),
        recover: impl Fn() -> S,
        check: impl Fn(&S, &[A]) -> Result<(), String>,
    ) -> Report {
        imp::crashes(self, workload, recover, check)
    }

    /// Lets each call of a sync lie in turn: it says that it is done, and makes nothing durable. Names those
    /// calls whose lie no crash shows.
    ///
    /// Calls are told apart by their place in the source. The syncs of the recovery are among them.
    pub fn syncs<A, S: PartialEq>(
        &self,
        workload: impl Fn(&Run<A>),
        recover: impl Fn() -> S,
        check: impl Fn(&S, &[A]) -> Result<(), String>,
    ) -> SyncReport {
        imp::syncs(self, workload, recover, check)
    }

    /// Crashes every sequence of one to `length` operations of `alphabet` everywhere, the shorter ones
    /// first. `start` begins each of them, for example opens a log, and `apply` runs one operation. The
    /// report says which sequence failed.
    ///
    /// What a sequence begins with was crashed as a shorter one, and is not crashed again.
    pub fn workloads<O: fmt::Debug, W, A, S: PartialEq>(
        &self,
        alphabet: &[O],
        length: usize,
        start: impl Fn(&Run<A>) -> W,
        apply: impl Fn(&mut W, &Run<A>, &O),
        recover: impl Fn() -> S,
        check: impl Fn(&S, &[A]) -> Result<(), String>,
    ) -> Report {
        imp::workloads(self, alphabet, length, start, apply, recover, check)
    }
}
