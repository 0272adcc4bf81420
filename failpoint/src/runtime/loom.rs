//! Models for loom: what threads can do to each other, in every order.
//!
//! Loom runs each model again and again, once for each order of its loads, stores and locks that
//! differs, up to so many preemptions. A wake-up that is lost shows as a deadlock. What is checked
//! is the code that ships, but for `arc_swap`, which `sync` puts an acquire and a release for.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release -p failpoint --features failpoints --lib loom
//! ```

use crate::runtime::eval::step::WaitKind;
use crate::runtime::eval::task::{Awaited, Begun, Evaluation, Returned, awaited, begun};
use crate::runtime::eval::wait::{PendingWait, WaitEnd, watch_async};
use crate::runtime::park::gate::{Entered, Gate, Reason};
use crate::runtime::plan::random::{Draws, Odds, Purpose};
use crate::runtime::plan::rare::RareTally;
use crate::runtime::plan::{Behavior, Origin, Plan, PlanSource};
use crate::runtime::point_name::Name;
use crate::runtime::registry::point::Point;
use crate::runtime::registry::target::Target;
use crate::runtime::registry::{Registry, Request, Unknown};
use crate::runtime::site::{Accepts, Callsite, Place, Registration, Site, Switch};
use crate::runtime::sync::{Arc, AtomicU64, Ordering};
use crate::terms::Terms;
use crate::wait_for::WaitFor;
use loom::future::block_on;
use loom::thread::{self, JoinHandle};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Beyond what the clock can hold: no wait ends by its time.
const NEVER: Duration = Duration::MAX;

const NAME: &str = "models/point";
static TEXT: Accepts = Accepts::TEXT;
static NUMBER: Accepts = Accepts::typed::<u64>("value", "u64");

/// Runs `model` in every order with at most `preemptions` of them.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// A site that is not registered yet.
fn new_callsite(accepts: &'static Accepts) -> Callsite {
    let (file, module) = (file!(), module_path!());
    let place = Place { file, module, package: None, accepts, keys: &[] };
    let site: &'static Site =
        Box::leak(Box::new(Site::new(NAME, Box::leak(Box::new(place)), line!())));
    let callsite = Callsite { switch: Box::leak(Box::new(Switch::UNSEEN)), site };
    // What stands in a static is made for loom when it is touched.
    assert!(callsite.armed() && !site.is_reached() && site.owner::<Point>().is_none());
    callsite
}

fn new_plan(terms: &str) -> Arc<Plan> {
    let source =
        PlanSource { origin: Origin::Code, scope: None, scope_name: "", pause_limit: NEVER };
    let behavior = Behavior::Terms(Arc::new(Terms::parse(terms).unwrap()));
    let mut plan = Plan::new(Name::Static(NAME), behavior, terms.into(), source);
    plan.generation = 1;
    Arc::new(plan)
}

/// A point with one site, which was reached before.
fn new_point() -> (&'static Point, Callsite) {
    let (point, callsite) = new_unseen_point();
    point.mark_reached(callsite);
    assert!(!callsite.armed());
    (point, callsite)
}

/// A point with one site, which was not reached yet.
fn new_unseen_point() -> (&'static Point, Callsite) {
    let point: &'static Point = Box::leak(Box::new(Point::new(Name::Static(NAME))));
    let callsite = new_callsite(&TEXT);
    assert!(callsite.site.register(Box::leak(Box::new(Registration::new(point)))));
    point.add_site(callsite.site);
    (point, callsite)
}

fn armed(terms: &str) -> (&'static Point, Callsite, Arc<Plan>) {
    let (point, callsite) = new_point();
    let plan = new_plan(terms);
    assert!(point.arm(Some(plan.clone()), 1).is_none());
    (point, callsite, plan)
}

fn disarm(point: &Point) {
    if let Some(plan) = point.arm(None, 2) {
        plan.gate.close();
    }
}

/// Goes as far as it can go now.
fn poll_once(evaluation: &mut Evaluation) -> Poll<Awaited> {
    Pin::new(evaluation).poll(&mut Context::from_waker(Waker::noop()))
}

/// Begins what has to wait.
fn begin(callsite: Callsite) -> Evaluation {
    match begun::text(callsite, &[], None) {
        Begun::Waits(evaluation) => evaluation,
        Begun::Done(returned) => panic!("it has ended, with {returned:?}"),
    }
}

/// What a macro does at a site that was reached before.
fn evaluate(callsite: Callsite) -> Returned {
    if !callsite.armed() {
        return None;
    }
    match begun::text(callsite, &[], None) {
        Begun::Done(returned) => returned,
        Begun::Waits(evaluation) => awaited::text(block_on(evaluation)),
    }
}

fn caller(callsite: Callsite) -> JoinHandle<Returned> {
    thread::spawn(move || evaluate(callsite))
}

fn wait_for(plan: &Arc<Plan>, wanted: WaitFor) {
    block_on(watch_async(plan, wanted, NEVER)).unwrap();
}

mod gate {
    use super::*;

    #[test]
    fn a_paused_caller_goes_when_it_is_resumed_or_disarmed() {
        check(3, || {
            let (point, callsite, plan) = armed("pause&return(x)");
            let caller = caller(callsite);
            let resumer = thread::spawn({
                let plan = plan.clone();
                move || plan.gate.resume(1)
            });
            disarm(point);
            let resumed = resumer.join().unwrap();
            // Whom a resume counted goes on. Who came after it stayed: it left no credit.
            assert_eq!(caller.join().unwrap().is_some(), resumed == 1);
            assert_eq!(plan.gate.paused(), 0);
        });
    }

    #[test]
    fn a_resume_frees_who_is_counted_as_paused() {
        check(3, || {
            let (_, callsite, plan) = armed("pause&return(x)");
            let caller = caller(callsite);
            wait_for(&plan, WaitFor::Paused(1));
            assert_eq!(plan.gate.resume(1), 1);
            assert!(caller.join().unwrap().is_some());
        });
    }

    #[test]
    fn one_resume_frees_one_of_two() {
        check(2, || {
            let (point, callsite, plan) = armed("pause&return(x)");
            let callers = [(); 2].map(|()| {
                let mut evaluation = begin(callsite);
                assert!(poll_once(&mut evaluation).is_pending());
                thread::spawn(move || block_on(evaluation))
            });
            assert_eq!(plan.gate.resume(1), 1);
            assert_eq!(plan.gate.paused(), 1);
            disarm(point);
            let went_on = callers.map(|caller| caller.join().unwrap().is_some());
            assert_eq!(went_on, [true, false], "the oldest");
        });
    }

    #[test]
    fn two_resumes_free_two() {
        check(2, || {
            let (_, callsite, plan) = armed("pause&return(x)");
            let mut evaluations = [(); 2].map(|()| begin(callsite));
            evaluations.iter_mut().for_each(|e| assert!(poll_once(e).is_pending()));
            let resumer = thread::spawn({
                let plan = plan.clone();
                move || plan.gate.resume(1)
            });
            assert_eq!(plan.gate.resume(1), 1);
            evaluations.into_iter().for_each(|e| assert!(block_on(e).is_some()));
            assert_eq!(resumer.join().unwrap(), 1);
        });
    }

    #[test]
    fn a_full_barrier_opens() {
        check(3, || {
            let (_, callsite, plan) = armed("barrier(2)&return(x)");
            let other = caller(callsite);
            assert!(evaluate(callsite).is_some());
            assert!(other.join().unwrap().is_some());
            assert_eq!(plan.gate.standing(0).1, 0);
        });
    }

    #[test]
    fn a_barrier_that_closes_lets_both_through_or_none() {
        check(2, || {
            let (point, callsite, _) = armed("barrier(2)&return(x)");
            let callers = [caller(callsite), caller(callsite)];
            disarm(point);
            let [first, second] = callers.map(|caller| caller.join().unwrap().is_some());
            assert_eq!(first, second);
        });
    }

    #[test]
    fn who_leaves_meanwhile_is_gone() {
        check(3, || {
            let (point, callsite, plan) = armed("pause");
            let leaver = thread::spawn(move || {
                // It finds nothing where it is disarmed before.
                if let Begun::Waits(mut evaluation) = begun::text(callsite, &[], None) {
                    let _ = poll_once(&mut evaluation);
                }
            });
            let resumer = thread::spawn({
                let plan = plan.clone();
                move || plan.gate.resume(1)
            });
            disarm(point);
            leaver.join().unwrap();
            assert!(resumer.join().unwrap() <= 1);
            assert_eq!(plan.gate.standing(0).1, 0);
        });
    }
}

/// An `off` counts in its point's fast counter: each hit once, for the arming that it saw.
mod fast_counter {
    use super::*;

    #[test]
    fn a_hit_counts_for_one_of_two_armings() {
        check(2, || counts_for_one_of_two_armings(1));
    }

    #[test]
    fn two_hits_count_for_one_of_two_armings_each() {
        // Two plans that each may have to make their counts: with 2, many minutes.
        check(1, || counts_for_one_of_two_armings(2));
    }

    fn counts_for_one_of_two_armings(hits: u64) {
        let (point, site, first) = armed("off");
        let callers: Vec<_> = (0..hits).map(|_| caller(site)).collect();
        let second = new_plan("off");
        let over = point.arm(Some(second.clone()), 2).unwrap();
        assert!(Arc::ptr_eq(&first, &over));
        // What was counted before the arming satisfies no one who waits after it.
        let before = first.hits();
        for caller in callers {
            assert!(caller.join().unwrap().is_none());
        }
        assert_eq!(first.hits() + second.hits(), hits);
        assert!(first.hits() >= before);
        assert_eq!((first.fires(), second.fires()), (first.hits(), second.hits()));
    }

    #[test]
    fn a_hit_before_the_end_is_kept() {
        check(3, || {
            let (point, site, plan) = armed("off");
            evaluate(site);
            let caller = caller(site);
            disarm(point);
            let counted = plan.hits();
            caller.join().unwrap();
            assert!((1..=2).contains(&counted), "{counted}");
            // One that came the long way found the plan before it was over.
            assert!((counted..=2).contains(&plan.hits()));
            assert!(evaluate(site).is_none() && !site.armed());
        });
    }

    #[test]
    fn a_watcher_sees_a_hit_in_the_fast_counter_or_pauses_it_before() {
        check(3, || {
            let (_, site, plan) = armed("off");
            let caller = caller(site);
            wait_for(&plan, WaitFor::Fires(1));
            assert!(caller.join().unwrap().is_none());
            assert_eq!(plan.hits(), 1);
        });
    }

    #[test]
    fn two_watchers_come_and_go_beside_hits() {
        check(2, || {
            let (_, site, plan) = armed("off");
            let watchers = [1, 2].map(|n| {
                let plan = plan.clone();
                thread::spawn(move || wait_for(&plan, WaitFor::Hits(n)))
            });
            evaluate(site);
            evaluate(site);
            for watcher in watchers {
                watcher.join().unwrap();
            }
            evaluate(site);
            assert_eq!(plan.hits(), 3);
        });
    }

    #[test]
    fn a_stripe_that_is_full_loses_nothing() {
        check(2, || {
            let (_, site, plan) = armed("off");
            let caller = thread::spawn(move || (0..4).for_each(|_| drop(evaluate(site))));
            (0..4).for_each(|_| drop(evaluate(site)));
            caller.join().unwrap();
            assert_eq!(plan.hits(), 8);
        });
    }

    #[test]
    fn an_observer_that_comes_sees_who_passes_after() {
        check(3, || {
            let (point, site, plan) = armed("off");
            let observer = new_plan("wait(models/point)");
            let caller = caller(site);
            point.observe(&[&observer.observed[0].observation]);
            evaluate(site);
            caller.join().unwrap();
            assert!((1..=2).contains(&observer.observed[0].observation.passages()));
            assert_eq!(plan.hits(), 2);
        });
    }

    /// Can these checks fail? Counted without the number of the opening, a hit counts for an arming
    /// that it did not see.
    #[test]
    #[should_panic(expected = "counted for the second")]
    fn a_hit_counted_without_its_opening_is_misplaced() {
        check(3, || {
            let (open, count) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
            let hitter = thread::spawn({
                let (open, count) = (open.clone(), count.clone());
                move || {
                    let saw = open.load(Ordering::Acquire);
                    count.fetch_add(1, Ordering::AcqRel);
                    saw
                }
            });
            open.store(0, Ordering::Release);
            let first = count.swap(0, Ordering::AcqRel);
            open.store(2, Ordering::Release);
            let saw = hitter.join().unwrap();
            let second = count.load(Ordering::Acquire);
            assert!(saw != 1 || first == 1, "{second} counted for the second");
        });
    }
}

/// Hits of several threads that need their numbers.
mod numbers {
    use super::*;

    /// A hit by chance and its fire are counted by one addition, and each number is drawn once.
    #[test]
    fn chances_are_drawn_by_number() {
        check(3, || {
            let (_, site, plan) = armed("50%return(x)");
            let draws = plan.draws(0);
            let allowed = |number: &u64| draws.fraction(Purpose::Chance, *number) < 0.5;
            let alone = (0..2).filter(allowed).count();
            let other = caller(site);
            let mine = evaluate(site);
            // In this order: the other thread may count a hit and its fire between the two.
            let fires = plan.fires();
            let hits = plan.hits();
            assert!(fires <= hits && hits >= 1);
            let fired = [mine, other.join().unwrap()].into_iter().flatten().count();
            assert_eq!((fired, plan.hits(), plan.fires()), (alone, 2, alone as u64));
        });
    }

    /// The same where threads take parts of a run, and take them back.
    #[test]
    fn small_chances_are_drawn_by_number() {
        check(2, || {
            // The draws of a chance that is not small, of which few hits are enough.
            let draw = Odds::new(Draws::new(NAME, "", 0), 0.3).draw();
            let tally = Arc::new(RareTally::default());
            let add = |hits: u64| (0..hits).filter(|_| tally.add(draw)).count() as u64;
            let fires = |hits: u64| (0..hits).filter(|number| draw.allows(*number)).count() as u64;
            let before = add(3);
            assert_eq!((before, tally.sums()), (fires(3), (3, fires(3))));
            let others = [(); 2].map(|()| {
                let tally = tally.clone();
                thread::spawn(move || u64::from(tally.add(draw)))
            });
            let mine = add(1);
            let (hits, fired) = tally.sums();
            assert!((4..=6).contains(&hits) && fired == fires(hits), "{hits}, {fired}");
            let theirs: u64 = others.map(|other| other.join().unwrap()).iter().sum();
            assert_eq!((before + mine + theirs, tally.sums()), (fires(6), (6, fires(6))));
        });
    }

    #[test]
    fn so_many_act_as_may() {
        check(3, || {
            let (_, site, plan) = armed("skip(1):1*return(a)->every(2):return(b)");
            let callers = [caller(site), caller(site)];
            let mut returned: Vec<Returned> = vec![evaluate(site), evaluate(site)];
            returned.extend(callers.map(|caller| caller.join().unwrap()));
            returned.sort();
            let text = |text: &str| Some(Some(text.to_owned()));
            assert_eq!(returned, [None, None, text("a"), text("b")]);
            assert_eq!((plan.hits(), plan.fires()), (4, 2));
        });
    }
}

/// A hit is counted, then rung for; a watcher enters, then looks at the count.
mod watching {
    use super::*;

    fn sees_a_hit(terms: &'static str, wanted: WaitFor) {
        check(3, move || {
            let (_, callsite, plan) = armed(terms);
            let caller = caller(callsite);
            wait_for(&plan, wanted);
            assert!(caller.join().unwrap().is_some());
        });
    }

    #[test]
    fn a_watcher_sees_a_hit_that_one_addition_counts() {
        sees_a_hit("return(x)", WaitFor::Hits(1));
    }

    #[test]
    fn a_watcher_sees_hits_that_a_stripe_was_allowed() {
        check(2, || {
            let (_, callsite, plan) = armed("0%off");
            // The first is counted with the lock held, and gets an allowance for the others.
            let hitter = thread::spawn(move || (0..3).for_each(|_| drop(evaluate(callsite))));
            wait_for(&plan, WaitFor::Hits(3));
            hitter.join().unwrap();
        });
    }

    #[test]
    fn a_watcher_sees_a_hit_that_its_number_counts() {
        sees_a_hit("1*return(x)", WaitFor::Fires(1));
    }

    #[test]
    fn a_watcher_learns_of_the_end() {
        check(3, || {
            let (point, callsite, plan) = armed("return(x)");
            let caller = caller(callsite);
            let watcher = thread::spawn({
                let plan = plan.clone();
                move || block_on(watch_async(&plan, WaitFor::Hits(1), NEVER))
            });
            disarm(point);
            let hit = caller.join().unwrap().is_some();
            let seen = watcher.join().unwrap();
            // The end and the hit may both come first; what was seen was there.
            assert!(hit || seen.is_err());
            assert_eq!(plan.hits(), u64::from(hit));
        });
    }

    #[test]
    fn a_wait_sees_the_passage_of_another_point() {
        check(3, || {
            let plan = new_plan("wait(models/other)");
            let passer = thread::spawn({
                let observation = plan.observed[0].observation.clone();
                move || observation.pass()
            });
            let kind = WaitKind::Passages { observation: 0, count: 1, limit: NEVER };
            let mut pending = PendingWait::new(plan, new_callsite(&TEXT).site, kind);
            let after = block_on(poll_fn(|cx| pending.poll_async(cx)));
            assert!(matches!(after, WaitEnd::Continue));
            passer.join().unwrap();
        });
    }

    /// Can these checks fail? Rung for before it is counted, a hit is missed.
    ///
    /// Without the one order of `Gate::ring` and `WaiterGuard::look`, which loom has from a fence
    /// in each, the checks above say
    /// `deadlock; threads = [(Id(0), Blocked(Location(None))), (Id(1), Terminated)]`.
    #[test]
    #[should_panic(expected = "neither saw the hit nor was woken")]
    fn a_hit_counted_after_the_ring_is_missed() {
        check(3, || {
            let (gate, count) = (Gate::new(), Arc::new(AtomicU64::new(0)));
            let hitter = thread::spawn({
                let (gate, count) = (gate.clone(), count.clone());
                move || {
                    gate.ring_for(|| (1, 0));
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(woken.clone());
            let entered =
                gate.enter(Reason::Watching(WaitFor::Hits(1)), String::new(), waker.clone());
            let Entered::Waiting(place) = entered else { panic!("no thread closes this gate") };
            place.look(&waker);
            let seen = count.load(Ordering::SeqCst) == 1;
            hitter.join().unwrap();
            let woken = woken.0.load(Ordering::SeqCst);
            assert!(seen || woken, "the watcher neither saw the hit nor was woken");
        });
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

/// When all is quiet, a switch says what its point's snapshot says.
mod switch {
    use super::*;

    /// A site's first evaluation, and what it found.
    fn first_evaluation(point: &'static Point, callsite: Callsite) -> bool {
        if !callsite.armed() {
            return false;
        }
        if !callsite.site.is_reached() {
            point.mark_reached(callsite);
        }
        point.is_live()
    }

    fn is_right(point: &Point, callsite: Callsite) {
        assert!(callsite.site.is_reached());
        assert_eq!(callsite.armed(), point.is_live());
    }

    #[test]
    fn the_first_evaluation_races_an_arming_and_a_disarming() {
        check(3, || {
            let (point, callsite) = new_unseen_point();
            let plan = new_plan("return");
            let evaluation = thread::spawn(move || first_evaluation(point, callsite));
            let arming = thread::spawn(move || {
                point.arm(Some(plan), 1);
            });
            disarm(point);
            arming.join().unwrap();
            evaluation.join().unwrap();
            is_right(point, callsite);
        });
    }

    #[test]
    fn two_first_evaluations_race_an_arming() {
        check(3, || {
            let (point, callsite) = new_unseen_point();
            let plan = new_plan("return");
            let evaluations =
                [(); 2].map(|()| thread::spawn(move || first_evaluation(point, callsite)));
            point.arm(Some(plan), 1);
            // Who armed it finds it armed, whoever comes by for the first time meanwhile.
            assert!(first_evaluation(point, callsite));
            for evaluation in evaluations {
                evaluation.join().unwrap();
            }
            is_right(point, callsite);
            disarm(point);
            is_right(point, callsite);
        });
    }

    /// What a thread has kept is not looked at after another thread has armed the point again.
    #[test]
    fn a_snapshot_that_was_kept_is_not_mistaken_for_the_next() {
        check(3, || {
            let (point, site, first) = armed("return(first)");
            let other = thread::spawn(move || {
                let second = new_plan("return(second)");
                point.arm(Some(second.clone()), 2);
                (evaluate(site), second)
            });
            let mine = [evaluate(site), evaluate(site)];
            let (theirs, second) = other.join().unwrap();
            assert_eq!(theirs, Some(Some("second".to_owned())));
            assert_eq!(evaluate(site), theirs);
            let first_ones = mine.iter().filter(|one| **one != theirs).count() as u64;
            assert_eq!((first.fires(), second.fires()), (first_ones, 4 - first_ones));
        });
    }

    #[test]
    fn an_observer_comes_and_goes_beside_an_arming() {
        check(3, || {
            let (point, callsite) = new_point();
            let (plan, observer) = (new_plan("return"), new_plan("wait(models/point)"));
            let observing = thread::spawn(move || {
                point.observe(&[&observer.observed[0].observation]);
                assert!(callsite.armed());
                point.unobserve(&[&observer.observed[0].observation]);
            });
            point.arm(Some(plan), 1);
            assert!(callsite.armed());
            observing.join().unwrap();
            is_right(point, callsite);
            disarm(point);
            is_right(point, callsite);
        });
    }

    /// Can this check fail? Worked out without the point's lock, a switch is left as it was.
    #[test]
    #[should_panic(expected = "left == right")]
    fn a_switch_worked_out_without_the_lock_is_wrong() {
        check(3, || {
            let (point, callsite) = new_unseen_point();
            let plan = new_plan("return");
            let evaluation = thread::spawn(move || {
                callsite.site.mark_reached(callsite.switch);
                callsite.site.set_switch(point.is_live());
            });
            point.arm(Some(plan), 1);
            evaluation.join().unwrap();
            is_right(point, callsite);
        });
    }
}

/// A site that the linker did not list registers at its first hit.
mod late {
    use super::*;

    fn evaluate_late(registry: &Registry, callsite: Callsite) -> Returned {
        if !callsite.armed() {
            return None;
        }
        if !callsite.site.is_reached() {
            registry.register(callsite.site).mark_reached(callsite);
        }
        evaluate(callsite)
    }

    fn arm_unlisted(registry: &Registry, terms: &str) -> Arc<Plan> {
        let request = Request::parse(NAME, terms, Unknown::Armed).unwrap();
        registry.arm(vec![request], Target::Global).unwrap().remove(0).plan
    }

    #[test]
    fn two_threads_register_one_site_beside_an_arming() {
        check(2, || {
            let (registry, callsite) = (Arc::new(Registry::new()), new_callsite(&TEXT));
            let other = thread::spawn({
                let registry = registry.clone();
                move || evaluate_late(&registry, callsite)
            });
            let arming = thread::spawn({
                let registry = registry.clone();
                move || arm_unlisted(&registry, "return(x)")
            });
            let returned = evaluate_late(&registry, callsite);
            let fires = [returned, other.join().unwrap()].into_iter().flatten().count();
            let plan = arming.join().unwrap();
            assert_eq!(plan.fires(), fires as u64);
            let point = registry.find(NAME).unwrap();
            assert_eq!(point.sites().len(), 1);
            assert!(callsite.armed());
        });
    }
    #[test]
    fn a_site_that_disagrees_never_fires() {
        check(2, || {
            let (registry, callsite) = (Arc::new(Registry::new()), new_callsite(&NUMBER));
            let plan = arm_unlisted(&registry, "return(x)");
            let other = thread::spawn({
                let registry = registry.clone();
                move || evaluate_late(&registry, callsite)
            });
            assert_eq!(evaluate_late(&registry, callsite), None);
            assert_eq!(other.join().unwrap(), None);
            assert_eq!((plan.hits(), plan.fires()), (2, 0));
        });
    }
}
