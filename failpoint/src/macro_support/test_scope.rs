//! The run-time half of `#[failpoint::test]`.

use crate::runtime::panic_hook;
use crate::runtime::scope::Scope;
use crate::stderr;
use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

/// How long a `pause` lasts in a test if its terms do not say.
const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// The scope of one test: armed before its body, checked behind it, and released before a failure
/// unwinds.
#[derive(Debug)]
pub struct TestScope {
    scope: Scope,
    allow_unfired: bool,
}

impl TestScope {
    /// A scope by the name of the test's path, with `points` armed in it.
    ///
    /// # Panics
    /// When `points` is refused.
    #[track_caller]
    pub fn new(name: &'static str, points: Option<&'static str>, allow_unfired: bool) -> Self {
        let scope = Scope::with_pause_limit(name, false, PAUSE_LIMIT);
        if let Some(Err(refusal)) = points.map(|points| scope.arm_all(points)) {
            panic!("#[failpoint::test] cannot arm its points: {refusal}");
        }
        Self { scope, allow_unfired }
    }

    /// A handle for the test's body.
    pub fn scope(&self) -> crate::Scope {
        crate::Scope::from_inner(self.scope.clone())
    }

    /// Runs the body of a test inside the scope; gives the scope back to be finished.
    ///
    /// # Panics
    /// As the body does.
    pub fn run<R>(self, body: impl FnOnce() -> R) -> (Self, R) {
        let testing = Testing::begin(&self.scope);
        let result = self.scope().wrap_fn(body)();
        drop(testing);
        (self, result)
    }

    /// The same for a body that awaits.
    pub async fn run_async<F: Future>(self, body: F) -> (Self, F::Output) {
        let mut body = std::pin::pin!(self.scope.wrap(body));
        let result = std::future::poll_fn(|cx| {
            let _testing = Testing::begin(&self.scope);
            body.as_mut().poll(cx)
        })
        .await;
        (self, result)
    }

    /// Ends the scope, where [`Outcome::is_failure`] says of the body whether it `has_failed`.
    ///
    /// # Panics
    /// When a point that the scope arms never fired, unless that is why the body failed, or beside
    /// it: then the body's own error tells of the failure, and this is printed.
    #[track_caller]
    pub fn finish(self, has_failed: bool) {
        if self.allow_unfired {
            return;
        }
        let unfired: Vec<String> = self
            .scope
            .plans()
            .iter()
            .filter(|plan| plan.fires() == 0)
            .map(|plan| plan.unfired())
            .collect();
        if unfired.is_empty() {
            return;
        }
        let message = format!(
            "armed in this test, and never fired: {}; if that may be, say \
             #[failpoint::test(allow_unfired)]",
            unfired.join("; ")
        );
        if has_failed {
            stderr::line(format_args!("{message}"));
        } else {
            panic!("{message}");
        }
    }
}

/// What a test returned. A `Result` has a method of its own, which the compiler takes before that
/// of
/// [`Succeeded`].
#[derive(Debug)]
pub struct Outcome<'a, R>(pub &'a R);

impl<T, E> Outcome<'_, Result<T, E>> {
    /// Whether it is an error.
    pub fn is_failure(&self) -> bool {
        self.0.is_err()
    }
}

/// What no `Result` is: whatever a test returns else, it has succeeded, or says so without words.
pub trait Succeeded {
    /// It is not.
    fn is_failure(&self) -> bool;
}

impl<R> Succeeded for Outcome<'_, R> {
    fn is_failure(&self) -> bool {
        false
    }
}

thread_local! {
    /// The scopes of the tests that run on this thread, the innermost last.
    static TESTS: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
}

/// Resets the scopes of the tests on this thread: a worker that is paused in one and joined on drop
/// would hang the test as it unwinds.
fn release() {
    let scopes = TESTS.try_with(|tests| tests.try_borrow().map(|tests| tests.clone()));
    if let Ok(Ok(scopes)) = scopes {
        scopes.iter().for_each(Scope::reset);
    }
}

/// Marks `scope` as that of a test on this thread while the guard lives.
struct Testing;

impl Testing {
    fn begin(scope: &Scope) -> Self {
        panic_hook::install_with(release);
        TESTS.with(|tests| tests.borrow_mut().push(scope.clone()));
        Self
    }
}

impl Drop for Testing {
    fn drop(&mut self) {
        let ended = TESTS.try_with(|tests| tests.borrow_mut().pop());
        drop(ended);
    }
}
