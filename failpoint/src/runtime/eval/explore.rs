//! Makes every point that can fail do so once at each passage.
//!
//! All points that can fail are armed in a scope with callbacks that share one count.

use crate::callback::Action;
use crate::exploration::{Explored, Injection, Run};
use crate::runtime::log::{self, Level};
use crate::runtime::registry::{self, registry};
use crate::runtime::scope::Scope;
use crate::runtime::site::Site;
use crate::runtime::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::value::Written;

pub(crate) fn explore(mut body: impl FnMut(&Run)) -> Explored {
    let mut injections = Vec::new();
    for number in 1.. {
        let attempt = Attempt::new(number);
        let scope = attempt.arm();
        attempt.run(&scope, || body(&Run::new(number)));
        let injected = attempt.injected.lock().take();
        match injected {
            Some(injection) => injections.push(injection),
            None => return Explored { runs: number, injections },
        }
    }
    unreachable!("a run for every number there is")
}

/// One run, which fails at one passage.
#[derive(Clone)]
struct Attempt {
    fails_at: u64,
    passages: Arc<AtomicU64>,
    injected: Arc<Mutex<Option<Injection>>>,
}

impl Attempt {
    fn new(fails_at: u64) -> Self {
        Self {
            fails_at,
            passages: Arc::new(AtomicU64::new(0)),
            injected: Arc::new(Mutex::new(None)),
        }
    }

    /// A scope in which all that can fail counts, and one passage fails.
    fn arm(&self) -> Scope {
        let scope = Scope::new("explore", false);
        for point in registry().declared() {
            let sites = point.sites();
            let Some(failure) = failure(&sites) else { continue };
            let at = sites.first().map(|site| site.at()).unwrap_or_default();
            let attempt = self.clone();
            let armed = scope.arm_with(point.name(), move |hit| {
                let passage = attempt.passages.fetch_add(1, Ordering::SeqCst) + 1;
                if passage != attempt.fails_at {
                    return Action::Pass;
                }
                let point = hit.point().to_owned();
                *attempt.injected.lock() = Some(Injection { point, at: at.clone(), passage });
                failure.clone()
            });
            if let Err(refusal) = armed {
                log::say(Level::Warn, format_args!("explore leaves out a point: {refusal}"));
            }
        }
        scope
    }

    /// Runs the body; if it panics, says what it did not survive.
    fn run(&self, scope: &Scope, body: impl FnOnce()) {
        struct OnPanic<'a>(&'a Attempt);
        impl Drop for OnPanic<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    let injected = self.0.injected.lock().clone();
                    let what = injected.map_or("nothing".to_owned(), |what| what.to_string());
                    log::say(Level::Error, format_args!("explore: this run had injected {what}"));
                }
            }
        }
        let _on_panic = OnPanic(self);
        scope.run(body);
    }
}

/// What makes each of `sites` fail, if there is one thing that does.
fn failure(sites: &[&'static Site]) -> Option<Action> {
    let candidates = [None, Some("EIO")];
    let fits = |text: &Option<&str>| {
        let written = Written::by_code(*text);
        sites.iter().all(|site| registry::misfit_of(site, written).is_none())
    };
    candidates.into_iter().find(fits).map(|text| Action::Return(text.map(str::to_owned)))
}
