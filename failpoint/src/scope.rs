//! Scopes: arming for one test or one part of a program only.

use crate::callback::{Action, Hit};
use crate::error::{Error, WaitError};
use crate::imp;
use crate::simulation::Simulation;
use crate::subscription::Subscription;
use crate::wait_for::WaitFor;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// Who sees an arming: what is armed in a scope is in force only inside it.
///
/// Inside are the thread that [entered](Scope::enter) it, the futures and closures it
/// [wraps](Scope::wrap), and the threads of pools it was [given to](Scope::on_thread_start). An
/// evaluation looks at the innermost scope in force that arms the name, then at those outside it,
/// then at what is armed globally. A thread that was merely spawned is outside: its
/// evaluations are counted, and a wait that fails for it says where they came from. It also says
/// when the scope was never entered at all.
///
/// A scope is a handle: clones refer to the same scope, and dropping the last one disarms all that
/// it armed and releases who sleeps or is paused there. A wrapped task that is paused holds its
/// scope, so [`reset`](Scope::reset) lets it go.
///
/// ```
/// # #[cfg(feature = "failpoints")] {
/// fn save() -> Option<String> {
///     failpoint::fail_point!("save", |text| text);
///     None
/// }
/// let scope = failpoint::Scope::new();
/// scope.arm("save", "return(mine)")?;
/// assert_eq!(save(), None, "not entered yet");
/// {
///     let _in = scope.enter();
///     assert_eq!(save().as_deref(), Some("mine"));
/// }
/// assert_eq!(std::thread::spawn(scope.wrap_fn(save)).join().unwrap().as_deref(), Some("mine"));
/// assert_eq!((scope.hits("save")?, scope.fires("save")?), (2, 2));
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
///
/// The shape of it follows what `tracing` and `foundations` do for their contexts.
#[doc(alias = "FailScenario")]
#[doc(alias = "FailPointRegistry")]
#[derive(Clone)]
pub struct Scope {
    inner: imp::Scope,
}

impl Scope {
    /// A scope without a name. Made inside another, it falls back to that one.
    #[allow(clippy::new_without_default)] // two defaults would be two scopes: that must be seen
    pub fn new() -> Self {
        Self { inner: imp::Scope::new("", false) }
    }

    /// A scope whose name decides its chances beside the seed, so that two scopes of one point draw
    /// apart; `when(scope=…)` sees it.
    ///
    /// ```
    /// let scope = failpoint::Scope::named("leader");
    /// ```
    pub fn named(name: &str) -> Self {
        Self { inner: imp::Scope::new(name, false) }
    }

    /// A scope that does not fall back: what it does not arm is not armed inside it, also where
    /// it is armed globally.
    ///
    /// ```
    /// # #[cfg(feature = "failpoints")] {
    /// fn site() -> bool {
    ///     failpoint::fail_value!("for-everybody").is_some()
    /// }
    /// let _armed = failpoint::arm("for-everybody", "return")?;
    /// assert!(site());
    /// assert!(!failpoint::Scope::isolated("alone").wrap_fn(site)());
    /// # }
    /// # Ok::<(), failpoint::Error>(())
    /// ```
    pub fn isolated(name: &str) -> Self {
        Self { inner: imp::Scope::new(name, true) }
    }

    /// The innermost scope in force here, if any.
    pub fn current() -> Option<Self> {
        imp::Scope::current().map(|inner| Self { inner })
    }

    /// The name; empty without one.
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// Puts the scope in force on this thread while the guard lives.
    ///
    /// The guard stays on its thread: held across an `await` it would put whatever task comes next
    /// into the scope, so the compiler refuses that in a `Send` future. Use [`Scope::wrap`] there.
    pub fn enter(&self) -> DontHoldScopeGuardsAcrossAwaitPoints<'_> {
        self.inner.enter();
        DontHoldScopeGuardsAcrossAwaitPoints { _scope: self, _stays: PhantomData }
    }

    /// A future that is inside the scope whenever it is polled, on whatever thread. It holds the
    /// scope.
    pub fn wrap<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.inner.wrap(future)
    }

    /// A closure that runs inside the scope, for `std::thread::spawn` and the like. It holds the
    /// scope.
    pub fn wrap_fn<B: FnOnce() -> R, R>(&self, body: B) -> impl FnOnce() -> R + use<B, R> {
        let scope = self.clone();
        move || {
            let _in = scope.enter();
            body()
        }
    }

    /// A hook for pools: every thread that calls it is inside the scope from then on. It does not
    /// hold the scope.
    ///
    /// For tokio, `Builder::new_multi_thread().on_thread_start(scope.on_thread_start())`; for
    /// rayon, `ThreadPoolBuilder::new().start_handler(move |_| hook())`.
    pub fn on_thread_start(&self) -> impl Fn() + Clone + Send + Sync + 'static + use<> {
        self.inner.on_thread_start()
    }

    /// Puts a value into the scope, in the place of the one of the same type, which is returned.
    ///
    /// Code inside the scope gets the value with [`Scope::find`], and so does code inside a scope
    /// that was made in this one. This is how a library learns which instance of something a test
    /// uses, without an argument in every function: a simulated disk, a clock, a recorder of calls.
    /// Wrap what you insert in a type of your own, so that no other library inserts the same type.
    ///
    /// The scope holds the value until it is replaced, or until the last handle to the scope is
    /// dropped. Then it is dropped, with no lock held; an [`Arc`] from [`Scope::get`] or
    /// [`Scope::find`] keeps it for longer. A value that holds a handle to its own scope, or to a
    /// scope made in it, keeps both alive forever. [`Scope::reset`] leaves values as they are.
    ///
    /// In a build without failpoints the value is dropped and `None` returned.
    ///
    /// ```
    /// use failpoint::Scope;
    /// struct Disk(&'static str);
    ///
    /// let scope = Scope::new();
    /// assert!(scope.insert(Disk("first")).is_none());
    /// let replaced = scope.insert(Disk("second"));
    /// # #[cfg(feature = "failpoints")]
    /// assert_eq!(replaced.map(|disk| disk.0), Some("first"));
    /// ```
    pub fn insert<T: Any + Send + Sync>(&self, value: T) -> Option<Arc<T>> {
        self.inner.insert(value)
    }

    /// The value of type `T` that the scope holds, else the one that the scope inherits.
    ///
    /// A scope inherits from the scope that it was made in, which may inherit as well. An
    /// [isolated](Scope::isolated) scope inherits nothing. `None` in a build without failpoints.
    ///
    /// ```
    /// # #[cfg(feature = "failpoints")] {
    /// use failpoint::Scope;
    /// struct Disk(u32);
    ///
    /// let outer = Scope::new();
    /// outer.insert(Disk(1));
    /// let inner = outer.wrap_fn(Scope::new)();
    /// let disk = inner.get::<Disk>().expect("inherited");
    /// assert_eq!(disk.0, 1);
    /// inner.insert(Disk(2));
    /// assert_eq!(outer.get::<Disk>().unwrap().0, 1, "only the inner scope has another one");
    /// # }
    /// ```
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.inner.get()
    }

    /// The value of type `T` that is in force on this thread.
    ///
    /// The search is that of an evaluation: it asks the innermost scope in force and what that one
    /// inherits, then the next scope in force, and so on; an [isolated](Scope::isolated) scope ends
    /// it. Where no scope is in force it costs little more than reading a thread-local variable. It
    /// does not allocate. `None` in a build without failpoints.
    ///
    /// ```
    /// # #[cfg(feature = "failpoints")] {
    /// use failpoint::Scope;
    /// struct Disk(u32);
    ///
    /// fn disk() -> Option<u32> {
    ///     Scope::find::<Disk>().map(|disk| disk.0)
    /// }
    /// let scope = Scope::new();
    /// scope.insert(Disk(1));
    /// assert_eq!(disk(), None, "not entered yet");
    /// {
    ///     let _in = scope.enter();
    ///     assert_eq!(disk(), Some(1));
    /// }
    /// assert_eq!(std::thread::spawn(scope.wrap_fn(disk)).join().unwrap(), Some(1));
    /// # }
    /// ```
    pub fn find<T: Any + Send + Sync>() -> Option<Arc<T>> {
        imp::Scope::find()
    }

    /// Hands what armed points do inside the scope to an owner that steps the code: a deterministic
    /// simulator, or the interpreter of a script.
    ///
    /// | action | inside the scope |
    /// |---|---|
    /// | `sleep`, `delay` | [`Simulation::sleep`] is called, and the code goes on at once, async code too |
    /// | `panic`, `exit`, `abort`, `kill` | the step ends: it unwinds with a payload that [`InjectedPanic::of`](crate::InjectedPanic::of) recognizes. Nothing else ends and nothing is printed: no panic hook is called, and `FAILPOINT_PANIC` does not count. A thread that already unwinds only logs it |
    /// | `pause`, `wait`, `barrier`, and the modifiers `for`, `after` | the scope refuses to arm them with [`Error::CannotSimulate`]. Armed elsewhere, or before this call, they are logged once for each arming and do nothing: a step is passed by, a term with such a modifier does not act |
    /// | everything else | the same as in any scope |
    ///
    /// The owner catches the end of a step with [`catch_unwind`](std::panic::catch_unwind), so the program
    /// must be built with `panic = "unwind"`.
    ///
    /// A scope made in this one is simulated as well, an [isolated](Scope::isolated) one is not; the simulation
    /// in force is found as a value is by [`Scope::find`]. A second call replaces the simulation. For runs that
    /// repeat to the byte, use an isolated scope, which does not see what is armed globally, and set
    /// [`seed`](crate::seed): the draws of a chance follow from the seed, the point and the name of the scope.
    ///
    /// In a build without failpoints the simulation is dropped. [`Simulation`] has an example.
    pub fn simulate(&self, simulation: impl Simulation) {
        self.inner.simulate(simulation);
    }

    /// Arms a point inside the scope, until it is disarmed, reset or dropped: the scope is the
    /// guard.
    ///
    /// # Errors
    /// As [`arm`](crate::arm); [`Error::CannotSimulate`] in a scope that [is simulated](Scope::simulate).
    pub fn arm(&self, name: &str, terms: &str) -> Result<(), Error> {
        self.inner.arm(name, terms)
    }

    /// Arms a point inside the scope with a callback.
    ///
    /// # Errors
    /// As [`arm_with`](crate::arm_with).
    pub fn arm_with(
        &self,
        name: &str,
        callback: impl Fn(&Hit<'_>) -> Action + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.inner.arm_with(name, callback)
    }

    /// Arms several points, all or none.
    ///
    /// # Errors
    /// As [`arm_all`](crate::arm_all); [`Error::CannotSimulate`] in a scope that
    /// [is simulated](Scope::simulate).
    pub fn arm_all(&self, config: &str) -> Result<(), Error> {
        self.inner.arm_all(config)
    }

    /// Disarms what the scope arms at `name`; says whether it did.
    ///
    /// # Errors
    /// As [`disarm`](crate::disarm).
    pub fn disarm(&self, name: &str) -> Result<bool, Error> {
        self.inner.disarm(name)
    }

    /// Disarms all that the scope arms and releases all callers.
    pub fn reset(&self) {
        self.inner.reset();
    }

    /// Hits since the scope armed `name`; 0 when it does not.
    ///
    /// # Errors
    /// [`Error::UnknownPoint`], [`Error::CompiledOut`].
    pub fn hits(&self, name: &str) -> Result<u64, Error> {
        self.inner.hits(name)
    }

    /// Fires since the scope armed `name`; 0 when it does not.
    ///
    /// # Errors
    /// As [`Scope::hits`].
    pub fn fires(&self, name: &str) -> Result<u64, Error> {
        self.inner.fires(name)
    }

    /// Callers that are paused at `name` inside the scope now.
    ///
    /// # Errors
    /// As [`Scope::hits`].
    pub fn paused(&self, name: &str) -> Result<u64, Error> {
        self.inner.paused(name)
    }

    /// Blocks until there were `n` hits since the scope armed `name`; where it does not yet, waits
    /// for that first.
    ///
    /// # Errors
    /// As [`Armed::wait_hits`](crate::Armed::wait_hits); [`WaitError::Idle`] where the scope armed
    /// nothing there in time, [`WaitError::Refused`] for an unknown name.
    #[track_caller]
    pub fn wait_hits(&self, name: &str, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait(name, WaitFor::Hits(n), timeout)
    }

    /// Blocks until there were `n` fires since the scope armed `name`.
    ///
    /// # Errors
    /// As [`Scope::wait_hits`].
    #[track_caller]
    pub fn wait_fires(&self, name: &str, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait(name, WaitFor::Fires(n), timeout)
    }

    /// Blocks until `n` callers are paused at `name` inside the scope at once.
    ///
    /// # Errors
    /// As [`Scope::wait_hits`].
    #[track_caller]
    pub fn wait_paused(&self, name: &str, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.inner.wait(name, WaitFor::Paused(n), timeout)
    }

    /// The same as [`Scope::wait_hits`], awaiting.
    ///
    /// # Errors
    /// As [`Scope::wait_hits`].
    pub async fn wait_hits_async(
        &self,
        name: &str,
        n: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.inner.wait_async(name, WaitFor::Hits(n), timeout).await
    }

    /// The same as [`Scope::wait_fires`], awaiting.
    ///
    /// # Errors
    /// As [`Scope::wait_hits`].
    pub async fn wait_fires_async(
        &self,
        name: &str,
        n: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.inner.wait_async(name, WaitFor::Fires(n), timeout).await
    }

    /// The same as [`Scope::wait_paused`], awaiting.
    ///
    /// # Errors
    /// As [`Scope::wait_hits`].
    pub async fn wait_paused_async(
        &self,
        name: &str,
        n: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.inner.wait_async(name, WaitFor::Paused(n), timeout).await
    }

    /// Asserts that what the scope arms at `name` has fired.
    ///
    /// # Panics
    /// When it has not, or the scope does not arm the name; says what is known of why.
    #[track_caller]
    pub fn expect_fired(&self, name: &str) {
        if let Err(why) = self.inner.expect_fired(name) {
            panic!("{why}");
        }
    }

    /// What happens from now on at points that the scope arms.
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(self.inner.subscribe())
    }

    /// Frees at most `n` of those paused at `name` inside the scope now; says how many.
    ///
    /// # Errors
    /// As [`Scope::hits`].
    pub fn resume(&self, name: &str, n: usize) -> Result<usize, Error> {
        self.inner.resume(name, n)
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn from_inner(inner: imp::Scope) -> Self {
        Self { inner }
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn inner(&self) -> &imp::Scope {
        &self.inner
    }
}

// No code of a user's runs while a scope is being changed, so none can leave it half changed.
impl UnwindSafe for Scope {}
impl RefUnwindSafe for Scope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("name", &self.name()).finish()
    }
}

/// A scope in force on this thread; dropping it ends that. Given by [`Scope::enter`].
///
/// If the compiler names this type because a future is not `Send`: do not hold the guard across an
/// `await`, wrap the future with [`Scope::wrap`] instead.
#[must_use = "dropping the guard leaves the scope at once"]
pub struct DontHoldScopeGuardsAcrossAwaitPoints<'a> {
    _scope: &'a Scope,
    /// Neither `Send` nor `Sync`.
    _stays: PhantomData<*const ()>,
}

impl Drop for DontHoldScopeGuardsAcrossAwaitPoints<'_> {
    fn drop(&mut self) {
        imp::Scope::leave();
    }
}

impl fmt::Debug for DontHoldScopeGuardsAcrossAwaitPoints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DontHoldScopeGuardsAcrossAwaitPoints")
    }
}
