//! What stands behind `#[failpoint::test]`.

use crate::hook;
use crate::scope::Scope;
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

    /// Runs the body of a test inside the scope.
    ///
    /// # Panics
    /// As the body does, and when a point that the scope arms never fired.
    pub fn run<R>(self, body: impl FnOnce() -> R) -> R {
        let testing = Testing::begin(&self.scope);
        let result = self.scope().wrap_fn(body)();
        drop(testing);
        self.check_fired();
        result
    }

    /// The same for a body that awaits.
    pub async fn run_async<F: Future>(self, body: F) -> F::Output {
        let mut body = std::pin::pin!(self.scope.wrap(body));
        let result = std::future::poll_fn(|cx| {
            let _testing = Testing::begin(&self.scope);
            body.as_mut().poll(cx)
        })
        .await;
        self.check_fired();
        result
    }

    fn check_fired(&self) {
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
        assert!(
            unfired.is_empty(),
            "armed in this test, and never fired: {}; if that may be, say \
             #[failpoint::test(allow_unfired)]",
            unfired.join("; ")
        );
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
        hook::install_with(release);
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
