//! What is one evaluation?
//!
//! The cold half of a site whose switch says to go on. See *One evaluation* in ARCHITECTURE.md.

use crate::effect::{self, Effect};
use crate::env;
use crate::injected::Injected;
use crate::log;
use crate::plan::{Context, Decision, Fire, Plan};
use crate::point::{Point, Snapshot};
use crate::registry::registry;
use crate::site::Site;
use crate::sync::Arc;
use crate::value::FromTerm;
use crate::wait::{self, After};

/// A value on its way to a site: the content of `return(…)`, or none.
type Returned = Option<Option<String>>;

/// Evaluates a plain statement.
#[cold]
#[inline(never)]
pub fn evaluate(site: &'static Site) {
    evaluate_with(site, &[]);
}

/// Evaluates a statement with context.
#[cold]
#[inline(never)]
pub fn evaluate_with(site: &'static Site, context: Context<'_>) {
    let _cannot_return: Returned = run(site, context);
}

/// Evaluates a site whose closure takes the text.
#[cold]
#[inline(never)]
pub fn evaluate_text(site: &'static Site, context: Context<'_>) -> Returned {
    run(site, context)
}

/// Evaluates a site that takes a `T`.
#[cold]
pub fn evaluate_typed<T: FromTerm>(site: &'static Site, context: Context<'_>) -> Option<T> {
    // The value was read once when it was armed, so it can be read now.
    run(site, context).and_then(|text| T::from_term(text.as_deref()).ok())
}

/// Evaluates a `fail_result!`.
#[cold]
#[inline(never)]
pub fn evaluate_result(site: &'static Site, context: Context<'_>) -> Result<(), Injected> {
    match run(site, context) {
        None => Ok(()),
        Some(value) => Err(Injected::new(site.name(), value)),
    }
}

/// Whether anything is armed at `site`, so that its condition may be asked.
#[cold]
#[inline(never)]
pub fn ready(site: &'static Site) -> bool {
    find(site).is_some()
}

/// What is armed at `site`, which is registered and marked as reached on the way.
fn find(site: &'static Site) -> Option<Arc<Snapshot>> {
    // Our own log line, or a subscriber of it, came by.
    if log::speaking() {
        return None;
    }
    if !site.is_reached() {
        see(site);
    }
    site.owner::<Point>()?.snapshot()
}

/// The first evaluation of a site.
#[cold]
fn see(site: &'static Site) {
    env::ensure();
    let point = registry().register(site);
    site.reach();
    point.refresh(site);
}

fn run(site: &'static Site, context: Context<'_>) -> Returned {
    let snapshot = find(site)?;
    snapshot.observers.iter().for_each(|observation| observation.pass());
    let plan = snapshot.plan.clone()?;
    // Not held through the effect: it would keep observers alive that are gone.
    drop(snapshot);
    match plan.decide(site, context) {
        Decision::Fire(fire) => act(&plan, site, fire),
        Decision::NoHit | Decision::Pass | Decision::Misfit => None,
    }
}

/// Runs the steps of the term that fires, one after the other.
fn act(plan: &Arc<Plan>, site: &'static Site, fire: Fire) -> Returned {
    for step in 0..plan.terms.chain[fire.term].steps.len() {
        match effect::perform(plan, fire, step) {
            Effect::Done => {}
            Effect::Return(value) => return Some(value),
            Effect::Wait(need) => match wait::block(plan, site, need) {
                After::GoOn => {}
                After::Over => return None,
            },
        }
    }
    None
}
