//! The search itself: every crash at every place of a recording, and of the recoveries.

use super::Explore;
use super::fates;
use super::progress::Progress;
use super::run::{Recording, text_of};
use crate::report::{Failure, Report, SyncCall, Verdict};
use crate::sim::image::{Change, Image};
use crate::sim::journal::{Entry, Journal, Kind, Operation};
use crate::sim::medium::{Effect, Fate, Medium};
use crate::sim::mount::Mounts;
use crate::sim::{Mount, SimDisk, describe};
use failpoint::Scope;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many recovered images are remembered. Forgetting one costs another run of the recovery.
const REMEMBERED: usize = 1 << 20;
/// With how many states a new one is compared, to hold equal ones once.
const SHARED: usize = 4;

type Check<'a, A, S> = &'a dyn Fn(&S, &[A]) -> Result<(), String>;

pub(super) struct Search<'a, A, S> {
    settings: &'a Explore,
    recover: &'a dyn Fn() -> S,
    check: Check<'a, A, S>,
    scope: Scope,
    mount: Mount,
    /// The call whose syncs make nothing durable.
    lying: Option<&'static Location<'static>>,
    /// Every image that the recovery ran on.
    images: HashSet<u128, HashedAlready>,
    /// Images that were checked, with how much was acknowledged then.
    checked: HashSet<(u128, usize), HashedAlready>,
    recovered: HashMap<u128, Recovered<S>, HashedAlready>,
    /// The states that were found last, the last one first.
    shared: Vec<Rc<S>>,
    calls: Vec<SyncCall>,
    operations: usize,
    covered: usize,
    exhaustive: bool,
    out_of_budget: bool,
    broken: String,
    found: Option<Found>,
    begun: Instant,
    progress: Progress,
    /// Scratch space for hashes.
    buffer: Vec<u8>,
}

type HashedAlready = BuildHasherDefault<Folded>;

/// For keys that are hashes themselves.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.rotate_left(5) ^ word;
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64((word >> 64) as u64);
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64((word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

/// What the recovery made of an image.
struct Recovered<S> {
    state: Rc<S>,
    /// How deep the crashes of this recovery were explored.
    depth: usize,
}

/// The failure with the shortest schedule so far.
struct Found {
    /// Its length, then how many changes the crashes lost or tore.
    cost: (usize, usize),
    failure: Failure,
}

/// A crash, and how it was reached.
struct Crash<'t> {
    /// The crash before it, if this one hit a recovery.
    before: Option<&'t Crash<'t>>,
    /// What ran before the crash, from the start or from the crash before it.
    ran: &'t [Entry],
    kind: CrashKind<'t>,
}

#[derive(Clone, Copy)]
enum CrashKind<'t> {
    /// With what happened to each change that was not durable.
    Power(&'t [Change], &'t [Fate]),
    ProcessDeath,
}

impl<'a, A, S: PartialEq> Search<'a, A, S> {
    pub(super) fn new(
        settings: &'a Explore,
        recover: &'a dyn Fn() -> S,
        check: Check<'a, A, S>,
    ) -> Self {
        Self {
            settings,
            recover,
            check,
            scope: Scope::new(),
            mount: SimDisk::new().at(&settings.prefix),
            lying: None,
            images: HashSet::default(),
            checked: HashSet::default(),
            recovered: HashMap::default(),
            shared: Vec::new(),
            calls: Vec::new(),
            operations: 0,
            covered: 0,
            exhaustive: true,
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

    /// Whether nothing more will be found.
    pub(super) fn is_over(&self) -> bool {
        self.out_of_budget || !self.broken.is_empty() || self.found.is_some()
    }

    pub(super) fn sync_calls(&self) -> Vec<SyncCall> {
        self.calls.clone()
    }

    pub(super) fn broken(mut self, why: String) -> Report {
        self.broken = why;
        self.report()
    }

    pub(super) fn report(self) -> Report {
        self.report_of("")
    }

    /// With a first line of the schedule, if there is something to say.
    pub(super) fn report_of(self, first: &str) -> Report {
        let mut failure = self.found.map(|found| found.failure);
        if let Some(failure) = failure.as_mut().filter(|_| !first.is_empty()) {
            failure.schedule.insert(0, first.to_owned());
        }
        let (verdict, why) = if !self.broken.is_empty() {
            (Verdict::HarnessBroken, self.broken)
        } else if failure.is_some() {
            (Verdict::Lost, String::new())
        } else if self.operations == 0 {
            let prefix = self.settings.prefix.display();
            (
                Verdict::NotMeasured,
                format!(
                    "the workload changed nothing below {prefix}; does it use failpoint_disk::fs there?"
                ),
            )
        } else if self.images.is_empty() {
            (Verdict::NotMeasured, "the budget ran out before the first crash".to_owned())
        } else {
            (Verdict::Held, String::new())
        };
        Report {
            exhaustive: self.exhaustive && verdict == Verdict::Held && !self.out_of_budget,
            verdict,
            why,
            states: self.images.len() as u64,
            elapsed: self.begun.elapsed(),
            torn: self.settings.torn,
            operations: self.operations,
            covered: self.covered,
            seed: self.settings.seed,
            failure,
        }
    }

    /// Crashes a recorded workload everywhere.
    pub(super) fn explore(&mut self, recording: &Recording<A>) {
        self.explore_from(0, recording);
    }

    /// Crashes a recorded workload after its first `known` entries, which were crashed before.
    pub(super) fn explore_from(&mut self, known: usize, recording: &Recording<A>) {
        let entries = &recording.journal.entries;
        self.operations += recording.journal.operations().count();
        // What was acknowledged is another sequence now.
        self.checked.clear();
        if self.lying.is_none() && self.control(recording).is_break() {
            return;
        }
        let mut medium = Medium::new(Image::new());
        let (mut ran, mut acked) = (0, 0);
        // A crash is new where the disk changed, or where more was acknowledged.
        let mut is_new = true;
        for place in 0..=entries.len() {
            if is_new && (place > known || known == 0) {
                let kind = CrashKind::ProcessDeath;
                let here = Crash { before: None, ran: &entries[..place], kind };
                let acks = &recording.acked[..acked];
                let depth = self.settings.depth;
                let crashed = self.power(&medium, acks, &here, None, depth);
                if crashed.is_break() || self.process_death(&medium, acks, &here).is_break() {
                    return;
                }
            }
            is_new = match entries.get(place) {
                Some(Entry::Operation(operation)) => {
                    ran += 1;
                    self.covered += 1;
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
            // Longer schedules than the one that failed are of no interest.
            if self.found.as_ref().is_some_and(|found| found.cost.0 < ran) {
                return;
            }
        }
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
        let checked = self
            .recover_on(&SimDisk::of(image))
            .and_then(|(state, _)| self.check(&state, &recording.acked));
        match checked {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                self.broken = format!("even without a crash, {why}");
                ControlFlow::Break(())
            }
        }
    }

    /// Returns whether a crash may leave something now that it could not leave before. After a sync, less is
    /// possible.
    fn perform(&mut self, medium: &mut Medium, operation: &Operation) -> bool {
        let is_sync = matches!(operation.kind, Kind::Sync | Kind::SyncDir);
        if is_sync {
            self.note_sync(operation);
        }
        let lies = is_sync && self.lying == Some(operation.caller);
        if let Some(effect) = operation.effect.as_ref().filter(|_| !lies) {
            medium.perform(effect);
        }
        let last = medium.pending.len().checked_sub(1);
        !is_sync && last.is_some_and(|last| !medium.is_without_effect(last))
    }

    fn note_sync(&mut self, operation: &Operation) {
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
    fn process_death(&mut self, medium: &Medium, acked: &[A], here: &Crash<'_>) -> ControlFlow<()> {
        if !self.settings.process_deaths || medium.pending.is_empty() {
            return ControlFlow::Continue(());
        }
        self.spend()?;
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
        let (state, depth) = (Rc::new(state), self.settings.depth);
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
        if expected.is_none() && !self.checked.insert((hash, acked.len())) {
            return ControlFlow::Continue(());
        }
        let known = self.recovered.get(&hash);
        if let Some(known) = known.filter(|known| known.depth >= depth) {
            let state = known.state.clone();
            self.judge(&state, acked, crash, expected);
            return ControlFlow::Continue(());
        }
        self.spend()?;
        self.images.insert(hash);
        let disk = SimDisk::of(image.clone());
        let (state, journal) = match self.recover_on(&disk) {
            Ok((state, journal)) => (self.share(state), journal),
            Err(why) => {
                self.fail(crash, why);
                return ControlFlow::Continue(());
            }
        };
        if self.recovered.len() == REMEMBERED {
            self.recovered.clear();
        }
        self.recovered.insert(hash, Recovered { state: state.clone(), depth });
        if self.judge(&state, acked, crash, expected) && depth > 0 {
            let medium = Medium::new(image);
            let end = Some(&state);
            self.crash_recovery(medium, &journal, acked, crash, end, end, depth - 1)?;
        }
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
        for (place, entry) in entries.iter().enumerate() {
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

    /// Whether the state is right.
    fn judge(
        &mut self,
        state: &Rc<S>,
        acked: &[A],
        crash: &Crash<'_>,
        expected: Option<&Rc<S>>,
    ) -> bool {
        let checked = self.check(state, acked).and_then(|()| match expected {
            Some(expected) if **expected != **state => Err("the recovery ended in another state than the one \
                                                            before it, which this crash interrupted or followed"
                .to_owned()),
            _ => Ok(()),
        });
        match checked {
            Ok(()) => true,
            Err(why) => {
                self.fail(crash, why);
                false
            }
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

    fn recover_on(&self, disk: &SimDisk) -> Result<(S, Journal), String> {
        disk.state().journal = Some(Journal::default());
        self.scope.insert(Mounts(vec![self.mount.with(disk.clone())]));
        let _in = self.scope.enter();
        let state = catch_unwind(AssertUnwindSafe(|| (self.recover)()))
            .map_err(|panic| format!("the recovery panicked: {}", text_of(&*panic)))?;
        let journal = disk.state().journal.take().unwrap_or_default();
        Ok((state, journal))
    }

    fn check(&self, state: &S, acked: &[A]) -> Result<(), String> {
        match catch_unwind(AssertUnwindSafe(|| (self.check)(state, acked))) {
            Ok(checked) => checked.map_err(|why| format!("the check says: {why}")),
            Err(panic) => Err(format!("the check panicked: {}", text_of(&*panic))),
        }
    }

    /// One more run of the recovery, if the budget has it.
    fn spend(&mut self) -> ControlFlow<()> {
        let now = Instant::now();
        let states = self.images.len() as u64;
        self.progress.show(now, states, self.covered, self.operations);
        let time_is_up =
            self.settings.time != Duration::MAX && now - self.begun >= self.settings.time;
        if states >= self.settings.states || time_is_up {
            self.out_of_budget = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Remembers the failure if it is the simplest one so far.
    fn fail(&mut self, crash: &Crash<'_>, reason: String) {
        let cost = crash.cost();
        if self.found.as_ref().is_none_or(|found| cost < found.cost) {
            let mut schedule = Vec::new();
            crash.tell(&mut schedule);
            let failure = Failure { schedule_length: cost.0, schedule, reason };
            self.found = Some(Found { cost, failure });
        }
    }
}

impl Crash<'_> {
    fn cost(&self) -> (usize, usize) {
        let (length, losses) = self.before.map_or((0, 0), Crash::cost);
        let ran = self.ran.iter().filter(|entry| matches!(entry, Entry::Operation(_))).count();
        let lost = match self.kind {
            CrashKind::Power(_, fates) => fates.iter().filter(|fate| **fate != Fate::Kept).count(),
            CrashKind::ProcessDeath => 0,
        };
        (length + ran, losses + lost + 1)
    }

    /// The operation that made a change.
    fn made(&self, change: &Change) -> Option<&Operation> {
        let made = |operation: &&Operation| matches!(&operation.effect, Some(Effect::Change(made) | Effect::Torn(made)) if made == change);
        let mut ran = self.ran.iter().rev().filter_map(|entry| match entry {
            Entry::Operation(operation) => Some(operation),
            _ => None,
        });
        ran.find(made).or_else(|| self.before.and_then(|before| before.made(change)))
    }

    fn tell(&self, schedule: &mut Vec<String>) {
        if let Some(before) = self.before {
            before.tell(schedule);
            schedule.push("the recovery runs:".to_owned());
        }
        let mut number = 0;
        for entry in self.ran {
            match entry {
                Entry::Operation(operation) => {
                    number += 1;
                    schedule.push(format!("{number:>3}. {operation}  ({})", operation.caller));
                }
                Entry::Acked => schedule.push("     acknowledged".to_owned()),
                Entry::Added(_) => {}
            }
        }
        match self.kind {
            CrashKind::ProcessDeath => {
                schedule.push("the process dies, the machine goes on".to_owned())
            }
            CrashKind::Power(pending, fates) => {
                schedule.push("the power fails".to_owned());
                for (change, fate) in pending.iter().zip(fates) {
                    let what =
                        self.made(change).map_or_else(|| describe(change), Operation::to_string);
                    schedule.push(format!("     {}: {what}", tell_fate(fate)));
                }
            }
        }
    }
}

fn tell_fate(fate: &Fate) -> String {
    match fate {
        Fate::Lost => "lost".to_owned(),
        Fate::Kept => "reached the disk".to_owned(),
        Fate::Prefix(bytes) => format!("torn, only the first {bytes} bytes reached the disk"),
        Fate::Sectors(kept) => format!("torn, only the sectors {kept:#b} reached the disk"),
        Fate::Zeros => "lost, and the file has its new length".to_owned(),
    }
}
