//! What can be done to points: arm, disarm, list, wait.
//!
//! The free functions, written once for both worlds; `imp` is the world behind them.

use crate::callback::{Action, Hit};
use crate::error::{Error, WaitError};
use crate::exploration::{Explored, Run};
use crate::imp;
use crate::info::{PointInfo, Report};
use crate::subscription::Subscription;
use crate::wait_for::WaitFor;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

/// Arms a point: from now on every evaluation of its sites does what `terms` say.
///
/// Arming again replaces the terms, starts the counts at zero and releases every caller that sleeps
/// or is paused there. The guard disarms when it is dropped.
///
/// # Errors
/// [`Error::UnknownPoint`] with the nearest names, [`Error::Parse`], [`Error::CannotReturn`] or
/// [`Error::BadValue`] where a site of the name cannot take what the terms return,
/// [`Error::UnknownKey`] where no site of the name passes a key that a `when` asks for,
/// [`Error::CompiledOut`] in a build without the feature `failpoints`. What was armed stays as it
/// was.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// fn save() {
///     failpoint::fail_point!("raftAfterSave");
/// }
/// let armed = failpoint::arm("raftAfterSave", "1*sleep(10ms)->off")?;
/// save();
/// save();
/// assert_eq!((armed.hits(), armed.fires()), (2, 2), "`off` acts, by doing nothing");
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[doc(alias = "cfg")]
#[doc(alias = "enable")]
pub fn arm(name: &str, terms: &str) -> Result<Armed, Error> {
    imp::arm(name, terms).map(Armed::new)
}

/// Arms a point with a callback, which sees every hit and says what to do.
///
/// It is called with nothing held: it may disarm its own point. A value that the site cannot take
/// is logged once and passed by.
///
/// # Errors
/// As [`arm`].
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// use failpoint::Action;
/// fn apply(region: u64) -> Option<u64> {
///     failpoint::fail_point!("apply-called-back", region = region, |n: u64| Some(n));
///     None
/// }
/// let armed = failpoint::arm_with("apply-called-back", |hit| {
///     if hit.get("region").as_deref() == Some("7") { Action::value(hit.number()) } else { Action::Pass }
/// })?;
/// assert_eq!([apply(1), apply(7), apply(7)], [None, Some(2), Some(3)]);
/// assert_eq!((armed.hits(), armed.fires()), (3, 2));
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[doc(alias = "cfg_callback")]
pub fn arm_with(
    name: &str,
    callback: impl Fn(&Hit<'_>) -> Action + Send + Sync + 'static,
) -> Result<Armed, Error> {
    imp::arm_with(name, callback).map(Armed::new)
}

/// Arms several points, `a=TERMS;b=TERMS`: all of them or, with every error, none.
///
/// # Errors
/// [`Error::Config`] with one error for each fault; with [`Error::TooLarge`] alone beyond 10,000
/// points, steps and conditions.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// # fn f() { failpoint::fail_point!("walBeforeSync"); failpoint::fail_point!("walAfterSync"); }
/// let armed = failpoint::arm_all("walBeforeSync=sleep(10); walAfterSync=1*panic(\"torn\")")?;
/// assert_eq!(armed.len(), 2);
/// assert!(failpoint::arm_all("walBeforeSync=slep(10); nobody=off").is_err());
/// assert_eq!(armed[0].terms(), "sleep(10)");
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn arm_all(config: &str) -> Result<Vec<Armed>, Error> {
    imp::arm_all(config).map(|all| all.into_iter().map(Armed::new).collect())
}

/// Arms a name that no code is known to declare: for a site that the linker's list lacks, or one in
/// a library that is loaded later. Keys of a `when` are not checked either, since that site may be
/// the one that passes them. When it is disarmed, and no site has come, the name is forgotten.
///
/// # Errors
/// As [`arm`], except for an unknown name and an unknown key; [`Error::BadName`] for a name of more
/// than 255 bytes.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// let armed = failpoint::arm_unlisted("plugin/afterLoad", "panic")?;
/// assert_eq!(armed.hits(), 0);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn arm_unlisted(name: &str, terms: &str) -> Result<Armed, Error> {
    imp::arm_unlisted(name, terms).map(Armed::new)
}

/// Disarms a point, however it was armed, and releases the callers that sleep or are paused there.
/// Returns whether it was armed.
///
/// # Errors
/// [`Error::UnknownPoint`], [`Error::BadName`], [`Error::CompiledOut`].
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// # fn f() { failpoint::fail_point!("beforeDisarm"); }
/// failpoint::arm("beforeDisarm", "panic")?.keep();
/// assert!(failpoint::disarm("beforeDisarm")?);
/// assert!(!failpoint::disarm("beforeDisarm")?);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
#[doc(alias = "remove")]
#[doc(alias = "disable")]
pub fn disarm(name: &str) -> Result<bool, Error> {
    imp::disarm(name)
}

/// Disarms every point and releases all callers; returns what was armed, with its last state. Empty
/// in a build without failpoints.
///
/// ```
/// let were_armed = failpoint::reset();
/// assert!(were_armed.is_empty());
/// ```
pub fn reset() -> Vec<PointInfo> {
    imp::reset()
}

/// Every point that code declares or that was armed, by name: also those that no evaluation has
/// reached. Empty in a build without failpoints.
///
/// ```
/// fn never_called() {
///     failpoint::fail_point!("in-dead-code");
/// }
/// let listed = failpoint::points().iter().any(|point| point.name == "in-dead-code");
/// assert_eq!(listed, failpoint::enabled());
/// ```
#[doc(alias = "list")]
pub fn points() -> Vec<PointInfo> {
    imp::points()
}

/// The state of one point.
///
/// # Errors
/// [`Error::UnknownPoint`] with the nearest names, [`Error::CompiledOut`].
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// # fn f() { failpoint::fail_point!("looked-at"); }
/// let point = failpoint::point("looked-at")?;
/// assert_eq!((point.terms, point.sites.len()), (None, 1));
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn point(name: &str) -> Result<PointInfo, Error> {
    imp::point(name)
}

/// What happens from now on at points that are armed globally: armed, disarmed, fired,
/// paused, resumed. A scope has [its own](crate::Scope::subscribe).
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// use failpoint::EventKind;
/// fn site(region: u64) {
///     failpoint::fail_point!("subscribed", region = region);
/// }
/// let mut events = failpoint::subscribe();
/// let _armed = failpoint::arm("subscribed", "off")?;
/// site(7);
/// assert_eq!(events.try_recv().unwrap().kind, EventKind::Armed);
/// let fired = events.try_recv().unwrap();
/// assert_eq!(fired.kind, EventKind::Fired);
/// assert_eq!(fired.context, [("region".to_owned(), "7".to_owned())]);
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn subscribe() -> Subscription {
    Subscription::new(imp::subscribe())
}

/// Reads the environment now: `GOFAIL_FAILPOINTS` and `FAILPOINTS` (terms; for a name in both the
/// first wins), `FAILPOINT_PANIC` (`unwind`, `abort`, `exit:CODE`), `FAILPOINT_SEED`.
///
/// It is read once, at the latest before the first evaluation. Call this at the start of `main` to
/// get what is wrong with it as an error: a later reading that the program did not ask for prints
/// it and ends the process with status 1. In a build without failpoints a line on stderr says so
/// where one of the first two is set.
///
/// # Errors
/// [`Error::Config`] with everything that is wrong. Then nothing is armed.
///
/// ```
/// failpoint::init_from_env()?;
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn init_from_env() -> Result<(), Error> {
    imp::init_from_env()
}

/// Sets the seed of every chance (`50%…`, `sleep(1ms..9ms)`) drawn from now on, as `FAILPOINT_SEED`
/// does. Without one the process chooses, and prints it at the first chance drawn.
///
/// ```
/// failpoint::seed(42);
/// ```
pub fn seed(seed: u64) {
    imp::seed(seed);
}

/// What this process has not tried: points never reached, points armed that never fired. Empty in a
/// build without failpoints.
///
/// With `FAILPOINT_REPORT=FILE` a process appends what it knows to a file, as one line of JSON,
/// when it ends; `failpoint report FILE` (crate `failpoint-cli`) makes one report of all its lines.
/// A pipe that does not take the line within a second goes without it.
///
/// ```
/// fn never_called() {
///     failpoint::fail_point!("never-reached");
/// }
/// # #[cfg(feature = "failpoints")] {
/// let _armed = failpoint::arm("never-reached", "panic")?;
/// let report = failpoint::report();
/// assert!(report.never_reached.contains(&"never-reached".to_owned()));
/// assert!(report.never_fired.contains(&"never-reached".to_owned()));
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub fn report() -> Report {
    imp::report()
}

/// Runs `body` again and again: the n-th run fails at the n-th passage of a point that can fail,
/// until a run comes to its end with nothing injected. So every error path is walked, once for each
/// time that the body reaches it.
///
/// A point can fail if each of its sites takes a bare `return`, or else `return(EIO)`:
/// `fail_result!`, closures of the text, and values of a type that reads one of these. The body is
/// in a scope of its own, which threads and tasks it starts must be [given](crate::Scope::current).
/// In a build without failpoints it runs once.
///
/// # Panics
/// As the body does; what was injected in that run is logged.
///
/// ```
/// fn save() -> std::io::Result<()> {
///     failpoint::fail_result!("exploreWrite")?;
///     failpoint::fail_result!("exploreSync")?;
///     Ok(())
/// }
/// let mut failures = 0;
/// let explored = failpoint::explore(|_run| {
///     // Whatever fails, nothing must be lost: here is where a test would check.
///     failures += u64::from(save().is_err());
/// });
/// assert_eq!(explored.runs, failures + 1);
/// # assert_eq!(failures, if failpoint::enabled() { 2 } else { 0 });
/// ```
///
/// After SQLite's tests of running out of memory, which fail the n-th allocation for every n.
pub fn explore(body: impl FnMut(&Run)) -> Explored {
    imp::explore(body)
}

/// Whether failpoints are compiled in.
///
/// ```
/// assert_eq!(failpoint::enabled(), failpoint::arm("no-such", "off") != Err(failpoint::Error::CompiledOut));
/// ```
pub const fn enabled() -> bool {
    cfg!(feature = "failpoints")
}

/// Holds the end of the process: an armed `exit`, `abort`, `kill`, or `panic` that ends the process
/// waits until every guard is dropped, at most a second. For servers that write the reply to a
/// request which arms such a point.
///
/// ```
/// let hold = failpoint::hold_exit();
/// // … write the reply …
/// drop(hold);
/// ```
pub fn hold_exit() -> ExitHold {
    ExitHold { _inner: imp::hold_exit() }
}

/// Holds the end of the process while it lives; given by [`hold_exit`].
#[must_use = "dropping the guard lets the process end"]
pub struct ExitHold {
    _inner: imp::ExitHold,
}

impl fmt::Debug for ExitHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExitHold")
    }
}

/// A point that was armed; dropping it disarms.
///
/// It belongs to one arming: if the point has been armed again since, it keeps its own counts,
/// its waits give [`WaitError::Disarmed`], and dropping it changes nothing.
#[must_use = "dropping the guard disarms the point; keep it, or call `.keep()`"]
pub struct Armed {
    inner: imp::Armed,
}

impl Armed {
    fn new(inner: imp::Armed) -> Self {
        Self { inner }
    }

    /// The point.
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// The terms as they were written, trimmed.
    pub fn terms(&self) -> &str {
        self.inner.terms()
    }

    /// The process-wide number of this arming.
    pub fn generation(&self) -> u64 {
        self.inner.generation()
    }

    /// Evaluations that found this arming and that the `when` of at least one term admits.
    pub fn hits(&self) -> u64 {
        self.inner.hits()
    }

    /// Hits in which a term acted; `off` acts too.
    pub fn fires(&self) -> u64 {
        self.inner.fires()
    }

    /// Callers that are paused now.
    pub fn paused(&self) -> u64 {
        self.inner.paused()
    }

    /// Blocks until there were `n` hits since the arming. A hit before this call counts.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] with the counts, [`WaitError::Disarmed`] when the arming is over.
    ///
    /// # Panics
    /// With the feature `tokio`, on the only thread of a current-thread runtime: it would stop the
    /// very tasks it waits for. Await [`Armed::wait_hits_async`] there.
    ///
    /// ```
    /// # #[cfg(feature = "failpoints")] {
    /// use std::time::Duration;
    /// fn work() {
    ///     failpoint::fail_point!("working");
    /// }
    /// let armed = failpoint::arm("working", "pause")?;
    /// let worker = std::thread::spawn(work);
    /// armed.wait_paused(1, Duration::from_secs(10)).unwrap();
    /// assert_eq!(armed.resume(1), 1);
    /// worker.join().unwrap();
    /// armed.wait_hits(1, Duration::ZERO).unwrap();
    /// # }
    /// # Ok::<(), failpoint::Error>(())
    /// ```
    #[track_caller]
    pub fn wait_hits(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait(WaitFor::Hits(n), timeout)
    }

    /// Blocks until there were `n` fires since the arming.
    ///
    /// # Errors
    /// As [`Armed::wait_hits`].
    #[track_caller]
    pub fn wait_fires(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait(WaitFor::Fires(n), timeout)
    }

    /// Blocks until `n` callers are paused at once.
    ///
    /// # Errors
    /// As [`Armed::wait_hits`].
    #[track_caller]
    pub fn wait_paused(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait(WaitFor::Paused(n), timeout)
    }

    /// The same as [`Armed::wait_hits`], awaiting.
    ///
    /// # Errors
    /// As [`Armed::wait_hits`].
    pub async fn wait_hits_async(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait_async(WaitFor::Hits(n), timeout).await
    }

    /// The same as [`Armed::wait_fires`], awaiting.
    ///
    /// # Errors
    /// As [`Armed::wait_hits`].
    pub async fn wait_fires_async(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait_async(WaitFor::Fires(n), timeout).await
    }

    /// The same as [`Armed::wait_paused`], awaiting.
    ///
    /// # Errors
    /// As [`Armed::wait_hits`].
    pub async fn wait_paused_async(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait_async(WaitFor::Paused(n), timeout).await
    }

    /// Asserts that the point has fired since it was armed.
    ///
    /// # Panics
    /// When it has not; says what is known of why.
    #[track_caller]
    pub fn expect_fired(&self) {
        if let Err(why) = self.inner.expect_fired() {
            panic!("{why}");
        }
    }

    /// Frees at most `n` of those paused now, the oldest first; says how many. The point stays
    /// armed, and no credit is kept for callers to come.
    pub fn resume(&self, n: usize) -> usize {
        self.inner.resume(n)
    }

    /// Leaves the point armed until it is disarmed.
    pub fn keep(self) {
        self.inner.keep();
    }
}

// No code of a user's runs while a point is being changed, so none can leave it half changed.
impl UnwindSafe for Armed {}
impl RefUnwindSafe for Armed {}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Armed")
            .field("name", &self.name())
            .field("terms", &self.terms())
            .field("hits", &self.hits())
            .field("fires", &self.fires())
            .finish()
    }
}

impl PartialEq for Armed {
    /// The same arming.
    fn eq(&self, other: &Self) -> bool {
        self.generation() == other.generation()
    }
}
