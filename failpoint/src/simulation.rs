//! What an owner that steps code takes over from the points in it.

use std::sync::Arc;
use std::time::Duration;

/// The owner of code that it steps, such as a deterministic simulator or the interpreter of a script.
///
/// [`Scope::simulate`](crate::Scope::simulate) puts it in force, and says what each action does then.
///
/// ```
/// use failpoint::{InjectedPanic, Scope, Simulation};
/// use std::panic::{AssertUnwindSafe, catch_unwind};
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
///
/// /// How far the clock of a node has been moved.
/// #[derive(Default)]
/// struct Clock(Mutex<Duration>);
///
/// impl Simulation for Clock {
///     fn sleep(&self, _point: &str, length: Duration) {
///         *self.0.lock().unwrap() += length;
///     }
/// }
///
/// fn step() {
///     failpoint::fail_point!("beforeSave");
///     failpoint::fail_point!("afterSave");
/// }
///
/// let (node, clock) = (Scope::isolated("node 1"), Arc::new(Clock::default()));
/// node.simulate(clock.clone());
/// # #[cfg(feature = "failpoints")] {
/// node.arm("beforeSave", "sleep(1h)")?;
/// node.arm("afterSave", "nth(2):exit(3)")?;
///
/// let run = || catch_unwind(AssertUnwindSafe(node.wrap_fn(step)));
/// assert!(run().is_ok());
/// let payload = run().unwrap_err();
/// let crash = InjectedPanic::of(&*payload).unwrap();
/// assert_eq!(crash.point(), "afterSave");
/// assert_eq!(crash.ending(), Some(failpoint::Ending::Exit(3)));
/// assert_eq!(*clock.0.lock().unwrap(), Duration::from_secs(2 * 3600));
/// # }
/// # Ok::<(), failpoint::Error>(())
/// ```
pub trait Simulation: Send + Sync + 'static {
    /// Code inside the scope is at `point`, which is armed with a `sleep` or a `delay` of this length.
    ///
    /// It goes on when this returns, so an owner does not wait here. It notes the length, and lets it pass
    /// in its own time before it delivers what the step gave.
    fn sleep(&self, point: &str, length: Duration);
}

impl<S: Simulation + ?Sized> Simulation for Arc<S> {
    fn sleep(&self, point: &str, length: Duration) {
        (**self).sleep(point, length);
    }
}
