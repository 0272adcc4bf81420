//! The search itself: every crash at every place of a recording, and of the recoveries.

use super::crash::{Crash, CrashKind};
use super::distinct::{Distinct, HashedAlready};
use super::progress::Progress;
use super::run::{Recording, difference};
use super::watch::Watch;
use super::{Explore, caught, fates};
use crate::report::{Failure, Report, SyncCall, Verdict};
use crate::sim::image::Image;
use crate::sim::journal::{Entry, Journal, MOST_CALLS, Operation};
use crate::sim::medium::{Fate, Medium};
use crate::sim::mount::Mounts;
use crate::sim::{Mount, SimDisk};
use failpoint::Scope;
use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, RangeInclusive};
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many recovered images are remembered. Forgetting one costs another run of the recovery.
const REMEMBERED: usize = 1 << 20;
/// How many bytes of what recoveries did are held for the next depth. What does not fit costs another run.
const HELD: usize = 64 << 20;
/// With how many states a new one is compared, to hold equal ones once.
const SHARED: usize = 4;

type Check<'a, A, S> = &'a dyn Fn(&S, &[A]) -> Result<(), String>;

pub(super) struct Search<'a, A, S> {
    settings: &'a Explore,
    watch: &'a Watch,
    recover: &'a dyn Fn() -> S,
    check: Check<'a, A, S>,
    scope: Scope,
    mount: Mount,
    /// The call whose syncs make nothing durable.
    lying: Option<&'static Location<'static>>,
    /// The images that the recovery ran on.
    images: Distinct,
    /// Images that were checked, with how much was acknowledged then.
    checked: HashSet<(u128, usize), HashedAlready>,
    recovered: HashMap<u128, Recovered<S>, HashedAlready>,
    /// How many bytes their journals take.
    held: usize,
    /// The states that were found last, the last one first.
    shared: Vec<Rc<S>>,
    calls: Vec<SyncCall>,
    /// How deep recoveries are crashed in this pass, and the depths that were explored with it.
    depths: RangeInclusive<usize>,
    /// Whether there is something to crash below that.
    goes_deeper: bool,
    /// The number of the workload that is explored.
    workload: usize,
    operations: usize,
    /// After how many of them all crashes were tried, for each depth.
    covered: Vec<usize>,
    exhaustive: bool,
    /// With more operations than this, a recovery does not end.
    most_calls: u64,
    /// How many there are without a crash.
    usual_calls: u64,
    /// It looked at nothing on the disk.
    recovery_is_blind: bool,
    out_of_budget: bool,
    broken: String,
    found: Option<Found>,
    begun: Instant,
    progress: Progress,
    /// Scratch space for hashes.
    buffer: Vec<u8>,
}

/// What the recovery made of an image.
struct Recovered<S> {
    state: Rc<S>,
    /// How deep the crashes of this recovery were explored.
    depth: usize,
    /// What it did, if that is held for the next depth.
    journal: Option<Rc<Journal>>,
}

/// A recovery that changes nothing has no crashes: they were explored to any depth.
const ANY_DEPTH: usize = usize::MAX;

/// The failure with the shortest schedule so far.
struct Found {
    /// Its length, then how many changes the crashes lost or tore.
    cost: (usize, usize),
    workload: usize,
    failure: Failure,
}

impl<'a, A, S: PartialEq> Search<'a, A, S> {
    pub(super) fn new(
        settings: &'a Explore,
        watch: &'a Watch,
        recover: &'a dyn Fn() -> S,
        check: Check<'a, A, S>,
    ) -> Self {
        Self {
            settings,
            watch,
            recover,
            check,
            scope: Scope::new(),
            mount: SimDisk::new().at(&settings.prefix),
            lying: None,
            images: Distinct::default(),
            checked: HashSet::default(),
            recovered: HashMap::default(),
            held: 0,
            shared: Vec::new(),
            calls: Vec::new(),
            depths: 0..=settings.depth,
            goes_deeper: false,
            workload: 0,
            operations: 0,
            covered: vec![0; settings.depth + 1],
            exhaustive: true,
            most_calls: MOST_CALLS,
            usual_calls: 0,
            recovery_is_blind: false,
            out_of_budget: false,
            broken: String::new(),
            found: None,
            begun: Instant::now(),
            progress: Progress::new(settings.progress),
            buffer: Vec::new(),
        }
    }

    pub(super) fn lying(mut self, call: &'static Location<'static>) -> Self {
        self.lying = Some(call);
        self
    }

    /// Which depths are explored together.
    ///
    /// Under a budget, each depth is explored over all workloads before the next one, so that what the
    /// budget does not reach is what is least likely. Without one, everything is tried in the end, and one
    /// pass over all depths is the fastest.
    pub(super) fn passes(&self) -> impl Iterator<Item = RangeInclusive<usize>> + use<A, S> {
        let deepest = self.settings.depth;
        let more = if self.settings.has_budget() { 0 } else { deepest };
        (more..=deepest).map(move |depth| depth - more..=depth)
    }

    /// Begins a pass. False if there is nothing left for it.
    pub(super) fn begin(&mut self, depths: RangeInclusive<usize>) -> bool {
        if self.is_stopped() {
            return false;
        }
        if *depths.start() > 0 && !self.goes_deeper {
            // Nothing is there to be crashed.
            let above = self.covered[depths.start() - 1];
            self.covered[*depths.start()..].fill(above);
            return false;
        }
        self.depths = depths;
        self.goes_deeper = false;
        true
    }

    /// Whether the search cannot go on.
    pub(super) fn is_stopped(&self) -> bool {
        self.out_of_budget || !self.broken.is_empty()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.found.is_some()
    }

    pub(super) fn sync_calls(&self) -> Vec<SyncCall> {
        self.calls.clone()
    }

    pub(super) fn broken(mut self, why: String) -> Report {
        self.broken = why;
        self.report()
    }

    pub(super) fn report(self) -> Report {
        self.report_of(|_| None)
    }

    /// `name` says which workload it is that has this number, where there are several.
    pub(super) fn report_of(self, name: impl Fn(usize) -> Option<String>) -> Report {
        let is_lost = self.found.is_some();
        let depth = self.depths.end();
        let (verdict, why) = if !self.broken.is_empty() {
            (Verdict::HarnessBroken, self.broken)
        } else if is_lost {
            (Verdict::Lost, String::new())
        } else if self.operations == 0 || self.recovery_is_blind {
            let prefix = self.settings.prefix.display();
            let which = match self.operations {
                0 => "workload changed",
                _ => "recovery looked at",
            };
            let why = format!(
                "the {which} nothing below {prefix}; does it use failpoint_disk::fs there?"
            );
            (Verdict::NotMeasured, why)
        } else if self.images.count() == 0 {
            (Verdict::NotMeasured, "the budget ran out before the first crash".to_owned())
        } else if self.out_of_budget {
            let which = name(self.workload).map(|name| format!(", in the workload {name}"));
            let which = which.unwrap_or_default();
            (Verdict::Held, format!("the budget ran out at depth {depth}{which}"))
        } else {
            (Verdict::Held, String::new())
        };
        let failure = self.found.map(|mut found| {
            if let Some(name) = name(found.workload) {
                found.failure.schedule.insert(0, format!("the workload is {name}"));
            }
            found.failure
        });
        Report {
            exhaustive: self.exhaustive && verdict == Verdict::Held && !self.out_of_budget,
            verdict,
            why,
            states: self.images.count(),
            elapsed: self.begun.elapsed(),
            torn: self.settings.torn,
            operations: self.operations,
            covered: self.covered.iter().copied().min().unwrap_or_default(),
            covered_at_depth: self.covered,
            seed: self.settings.seed,
            failure,
        }
    }

    /// Crashes a recorded workload everywhere.
    pub(super) fn explore(&mut self, recording: &Recording<A>) {
        for depths in self.passes() {
            if !self.begin(depths) {
                break;
            }
            self.explore_from(0, recording, 0);
        }
    }

    /// Crashes the recorded workload with this number after its first `known` entries, which were crashed
    /// before, as deep as this pass goes.
    pub(super) fn explore_from(&mut self, workload: usize, recording: &Recording<A>, known: usize) {
        self.workload = workload;
        let entries = &recording.journal.entries;
        let depth = *self.depths.end();
        // What was acknowledged is another sequence now.
        self.checked.clear();
        if *self.depths.start() == 0 {
            self.operations += recording.journal.operations().count();
            self.note_syncs(&recording.journal);
            if self.lying.is_none() && self.control(recording).is_break() {
                return;
            }
        }
        let mut medium = Medium::new(Image::new());
        let (mut ran, mut acked) = (0, 0);
        // A crash is new where the disk changed, or where more was acknowledged.
        let mut is_new = true;
        for place in 0..=entries.len() {
            // Longer schedules than the one that failed are of no interest.
            if self.is_too_long(ran) {
                return;
            }
            if is_new && (place > known || known == 0) {
                let kind = CrashKind::ProcessDeath;
                let here = Crash { before: None, ran: &entries[..place], kind };
                let acks = &recording.acked[..acked];
                let crashed = self.power(&medium, acks, &here, None, depth);
                if crashed.is_break() || self.process_death(&medium, acks, &here, depth).is_break()
                {
                    return;
                }
            }
            if let Some(Entry::Operation(_)) = place.checked_sub(1).map(|last| &entries[last]) {
                self.covered[self.depths.clone()].iter_mut().for_each(|covered| *covered += 1);
            }
            is_new = match entries.get(place) {
                Some(Entry::Operation(operation)) => {
                    ran += 1;
                    self.perform(&mut medium, operation)
                }
                Some(Entry::Added(content)) => {
                    medium.add(content.clone());
                    false
                }
                Some(Entry::Acked) => {
                    acked += 1;
                    true
                }
                None => false,
            };
        }
    }

    /// Whether a failure with fewer operations is known.
    fn is_too_long(&self, operations: usize) -> bool {
        self.found.as_ref().is_some_and(|found| found.cost.0 < operations)
    }

    /// Without a crash, the check must pass.
    fn control(&mut self, recording: &Recording<A>) -> ControlFlow<()> {
        let mut medium = Medium::new(Image::new());
        for entry in &recording.journal.entries {
            match entry {
                Entry::Operation(operation) => drop(self.perform(&mut medium, operation)),
                Entry::Added(content) => medium.add(content.clone()),
                Entry::Acked => {}
            }
        }
        let image = medium.after(&vec![Fate::Kept; medium.pending.len()]);
        match self.recover_twice(image, &recording.acked) {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                self.broken = why;
                ControlFlow::Break(())
            }
        }
    }

    /// The recovery and the check on what the workload left: what they say must be right, and come again.
    fn recover_twice(&mut self, image: Image, acked: &[A]) -> Result<(), String> {
        let even_so = |why| format!("even without a crash, {why}");
        self.most_calls = MOST_CALLS;
        let (state, journal) = self.recover_on(&SimDisk::of(image.clone())).map_err(even_so)?;
        self.check(&state, acked).map_err(even_so)?;
        let (again, second) = self.recover_on(&SimDisk::of(image)).map_err(even_so)?;
        let difference = difference(&journal, &second)
            .or_else(|| (state != again).then(|| "what it returned is not equal".to_owned()));
        self.recovery_is_blind |= journal.calls() == 0;
        self.usual_calls = self.usual_calls.max(journal.calls());
        // A crash may leave more to do, but not that much more.
        self.most_calls = MOST_CALLS.min(MOST_CALLS / 10 + 100 * self.usual_calls);
        match difference {
            None => Ok(()),
            Some(difference) => Err(format!(
                "the recovery differs between two runs on the same disk: {difference}; make it deterministic"
            )),
        }
    }

    /// Returns whether a crash may leave something now that it could not leave before. After a sync, less is
    /// possible.
    fn perform(&self, medium: &mut Medium, operation: &Operation) -> bool {
        let is_sync = operation.is_sync();
        let lies = is_sync && self.lying == Some(operation.caller);
        if let Some(effect) = operation.effect.as_ref().filter(|_| !lies) {
            medium.perform(effect);
        }
        let last = medium.pending.len().checked_sub(1);
        !is_sync && last.is_some_and(|last| !medium.is_without_effect(last))
    }

    fn note_syncs(&mut self, journal: &Journal) {
        for operation in journal.operations().filter(|operation| operation.is_sync()) {
            match self.calls.iter_mut().find(|call| call.location == operation.caller) {
                Some(call) => call.calls += 1,
                None => self.calls.push(SyncCall {
                    location: operation.caller,
                    path: operation.path.to_path_buf(),
                    calls: 1,
                    noticed: None,
                }),
            }
        }
    }

    /// The power fails here, in every way.
    fn power(
        &mut self,
        medium: &Medium,
        acked: &[A],
        here: &Crash<'_>,
        expected: Option<&Rc<S>>,
        depth: usize,
    ) -> ControlFlow<()> {
        let (torn, seed) = (self.settings.torn, self.settings.seed);
        let mut visit = |fates: &[Fate]| {
            if self.is_late() {
                self.out_of_budget = true;
                return ControlFlow::Break(());
            }
            let kind = CrashKind::Power(&medium.pending, fates);
            let crash = Crash { kind, ..*here };
            self.restart(medium.after(fates), acked, &crash, expected, depth)
        };
        let exhaustive = fates::each(medium, torn, seed, &mut visit)?;
        self.exhaustive &= exhaustive;
        ControlFlow::Continue(())
    }

    /// Only the process dies: nothing is lost, and nothing more is durable. The power fails while it
    /// recovers, or after that.
    fn process_death(
        &mut self,
        medium: &Medium,
        acked: &[A],
        here: &Crash<'_>,
        depth: usize,
    ) -> ControlFlow<()> {
        if !self.settings.process_deaths || medium.pending.is_empty() {
            return ControlFlow::Continue(());
        }
        self.spend(None)?;
        let disk = SimDisk::restarted(medium.clone());
        let (state, journal) = match self.recover_on(&disk) {
            Ok(recovered) => recovered,
            Err(why) => {
                self.fail(here, why);
                return ControlFlow::Continue(());
            }
        };
        if let Err(why) = self.check(&state, acked) {
            self.fail(here, why);
            return ControlFlow::Continue(());
        }
        let state = Rc::new(state);
        self.crash_recovery(medium.clone(), &journal, acked, here, None, Some(&state), depth)
    }

    /// A restart finds this image. It must recover, to the `expected` state if there is one.
    fn restart(
        &mut self,
        image: Image,
        acked: &[A],
        crash: &Crash<'_>,
        expected: Option<&Rc<S>>,
        depth: usize,
    ) -> ControlFlow<()> {
        let hash = image.hash(&mut self.buffer);
        if self.checked.len() == REMEMBERED {
            self.checked.clear();
        }
        if expected.is_none() && !self.checked.insert((hash, acked.len())) {
            return ControlFlow::Continue(());
        }
        let known = self.recovered.get(&hash);
        if let Some(known) = known.filter(|known| known.depth >= depth) {
            let state = known.state.clone();
            return match self.judge(&state, acked, expected) {
                Ok(()) => ControlFlow::Continue(()),
                Err(why) => self.fail_on(image, acked, crash, expected, why),
            };
        }
        let held = known.and_then(|known| Some((known.state.clone(), known.journal.clone()?)));
        let (state, journal) = match held {
            Some(recovered) => recovered,
            None => {
                self.spend(Some(hash))?;
                self.images.add(hash);
                match self.recover_on(&SimDisk::of(image.clone())) {
                    Ok((state, journal)) => (self.share(state), Rc::new(journal)),
                    Err(why) => return self.fail_on(image, acked, crash, expected, why),
                }
            }
        };
        let explored = if journal.changes_something() { depth } else { ANY_DEPTH };
        self.remember(hash, &state, explored, &journal);
        if let Err(why) = self.judge(&state, acked, expected) {
            return self.fail_on(image, acked, crash, expected, why);
        }
        if explored == ANY_DEPTH {
            return ControlFlow::Continue(());
        }
        if depth == 0 {
            self.goes_deeper = true;
            return ControlFlow::Continue(());
        }
        let medium = Medium::new(image);
        let end = Some(&state);
        self.crash_recovery(medium, &journal, acked, crash, end, end, depth - 1)
    }

    fn remember(&mut self, hash: u128, state: &Rc<S>, depth: usize, journal: &Rc<Journal>) {
        if self.recovered.len() == REMEMBERED {
            self.recovered.clear();
            self.held = 0;
        }
        // Without a budget, none is held.
        let before = (self.held > 0).then(|| self.recovered.remove(&hash)).flatten();
        self.held -= before.and_then(|before| before.journal).map_or(0, |journal| journal.size());
        let is_needed = self.settings.has_budget() && depth < self.settings.depth;
        let journal = Some(journal).filter(|it| is_needed && self.held + it.size() <= HELD);
        self.held += journal.map_or(0, |journal| journal.size());
        let recovered = Recovered { state: state.clone(), depth, journal: journal.cloned() };
        self.recovered.insert(hash, recovered);
    }

    /// Remembers a failure on this image, if it comes again.
    fn fail_on(
        &mut self,
        image: Image,
        acked: &[A],
        crash: &Crash<'_>,
        expected: Option<&Rc<S>>,
        why: String,
    ) -> ControlFlow<()> {
        if !self.is_simplest(crash.cost()) {
            return ControlFlow::Continue(());
        }
        let again = self
            .recover_on(&SimDisk::of(image))
            .and_then(|(state, _)| self.judge(&state, acked, expected));
        if again.is_ok() {
            self.broken = format!(
                "a failure does not come again on the same disk: {why}; make recovery and check deterministic"
            );
            return ControlFlow::Break(());
        }
        self.fail(crash, why);
        ControlFlow::Continue(())
    }

    /// Crashes a recovery everywhere: before its end, and at its end.
    #[expect(clippy::too_many_arguments, reason = "what is crashed, and what must be found then")]
    fn crash_recovery(
        &mut self,
        mut medium: Medium,
        journal: &Journal,
        acked: &[A],
        before: &Crash<'_>,
        expected: Option<&Rc<S>>,
        expected_at_end: Option<&Rc<S>>,
        depth: usize,
    ) -> ControlFlow<()> {
        let entries = &journal.entries;
        let (mut ran, _) = before.cost();
        for (place, entry) in entries.iter().enumerate() {
            ran += usize::from(matches!(entry, Entry::Operation(_)));
            if self.is_too_long(ran) {
                return ControlFlow::Continue(());
            }
            let is_new = match entry {
                Entry::Operation(operation) => self.perform(&mut medium, operation),
                Entry::Added(content) => {
                    medium.add(content.clone());
                    false
                }
                Entry::Acked => false,
            };
            if is_new {
                let here =
                    Crash { before: Some(before), ran: &entries[..=place], kind: before.kind };
                self.power(&medium, acked, &here, expected, depth)?;
            }
        }
        if expected.is_some() {
            // What is possible at the end was possible before it.
            return ControlFlow::Continue(());
        }
        let here = Crash { before: Some(before), ran: entries, kind: before.kind };
        self.power(&medium, acked, &here, expected_at_end, depth)
    }

    /// What is wrong with the state.
    fn judge(&self, state: &S, acked: &[A], expected: Option<&Rc<S>>) -> Result<(), String> {
        self.check(state, acked)?;
        match expected {
            Some(expected) if **expected != *state => Err("the recovery ended in another state than the one \
                                                          before it, which this crash interrupted or followed"
                .to_owned()),
            _ => Ok(()),
        }
    }

    /// Most crashes lead to one of a few states.
    fn share(&mut self, state: S) -> Rc<S> {
        let shared = match self.shared.iter().position(|shared| **shared == state) {
            Some(place) => self.shared.remove(place),
            None => {
                self.shared.truncate(SHARED - 1);
                Rc::new(state)
            }
        };
        self.shared.insert(0, shared.clone());
        shared
    }

    fn recover_on(&mut self, disk: &SimDisk) -> Result<(S, Journal), String> {
        disk.state().journal = Some(Journal::new(self.most_calls));
        self.scope.insert(Mounts(vec![self.mount.with(disk.clone())]));
        let state = {
            let _in = self.scope.enter();
            self.watch.during(|| caught::silently(self.recover))
        };
        let journal = disk.state().journal.take().expect("it is recorded");
        if let Some(why) = journal.too_long() {
            return Err(format!("the recovery {why}"));
        }
        let state = state.map_err(|panic| format!("the recovery panicked: {panic}"))?;
        self.note_syncs(&journal);
        Ok((state, journal))
    }

    fn check(&self, state: &S, acked: &[A]) -> Result<(), String> {
        match self.watch.during(|| caught::silently(|| (self.check)(state, acked))) {
            Ok(checked) => checked.map_err(|why| format!("the check says: {why}")),
            Err(panic) => Err(format!("the check panicked: {panic}")),
        }
    }

    fn is_late(&self) -> bool {
        self.settings.time != Duration::MAX && self.begun.elapsed() >= self.settings.time
    }

    /// One more run of the recovery, if the budget has it. Only an image that is new is a state.
    fn spend(&mut self, image: Option<u128>) -> ControlFlow<()> {
        let states = self.images.count();
        self.progress.show(states, &self.covered, self.operations);
        let is_full = states >= self.settings.states;
        if is_full && image.is_some_and(|hash| !self.images.has(hash)) {
            self.out_of_budget = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn is_simplest(&self, cost: (usize, usize)) -> bool {
        self.found.as_ref().is_none_or(|found| cost < found.cost)
    }

    /// Remembers the failure if it is the simplest one so far.
    fn fail(&mut self, crash: &Crash<'_>, reason: String) {
        let cost = crash.cost();
        if self.is_simplest(cost) {
            let mut schedule = Vec::new();
            crash.tell(&mut schedule);
            let failure = Failure { schedule_length: cost.0, schedule, reason };
            self.found = Some(Found { cost, workload: self.workload, failure });
        }
    }
}
