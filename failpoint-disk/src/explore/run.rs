//! Runs a workload on a simulated disk and records what it does.

use super::watch::Watch;
use super::{Explore, caught};
use crate::sim::journal::{Entry, Journal, MOST_CALLS};
use crate::sim::{HoldDisk, SimDisk};
use failpoint::Scope;
use std::sync::{Mutex, PoisonError};

/// One run of a workload.
pub struct Run<A> {
    disk: SimDisk,
    scope: Scope,
    acked: Mutex<Vec<A>>,
}

impl<A> Run<A> {
    /// The workload promises `value` to its user: from here on, it survives every crash. What the check
    /// gets has the order of the calls.
    pub fn ack(&self, value: A) {
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        acked.push(value);
        if let Some(journal) = &mut self.disk.state().journal {
            journal.acked();
        }
    }

    /// How many entries were recorded.
    pub(super) fn recorded(&self) -> usize {
        self.disk.state().journal.as_ref().map_or(0, |journal| journal.entries.len())
    }

    /// The scope of this run, for example to arm points of the disk: a write that is short, a sync that
    /// fails. Each run has a new one, so that counts start at zero.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The disk of this run.
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }
}

impl<A> std::fmt::Debug for Run<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("disk", &self.disk).finish_non_exhaustive()
    }
}

/// What a workload did.
pub(super) struct Recording<A> {
    pub(super) journal: Journal,
    pub(super) acked: Vec<A>,
}

impl<A> Recording<A> {
    /// Runs the workload twice.
    ///
    /// # Errors
    /// Why it cannot be explored.
    pub(super) fn of(
        explore: &Explore,
        watch: &Watch,
        workload: &impl Fn(&Run<A>),
    ) -> Result<Self, String> {
        let first = Self::once(explore, watch, workload)?;
        let second = Self::once(explore, watch, workload)?;
        match difference(&first.journal, &second.journal) {
            None => Ok(first),
            Some(difference) => Err(format!(
                "the workload differs between two runs: {difference}; make it deterministic (no threads that \
                 race, no clocks, no random numbers without a seed)"
            )),
        }
    }

    fn once(explore: &Explore, watch: &Watch, workload: &impl Fn(&Run<A>)) -> Result<Self, String> {
        let disk = SimDisk::new();
        disk.state().journal = Some(Journal::new(MOST_CALLS));
        let scope = Scope::new();
        scope.hold(disk.at(&explore.prefix));
        let run = Run { disk, scope, acked: Mutex::default() };
        let journal = {
            let _in = run.scope.enter();
            let ran = watch.during(|| caught::loudly(|| workload(&run)));
            let journal = run.disk.state().journal.take().expect("it is recorded");
            if let Some(why) = journal.too_long() {
                return Err(format!("the workload {why}"));
            }
            ran.map_err(|panic| format!("the workload panicked: {panic}"))?;
            journal
        };
        let acked = run.acked.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { journal, acked })
    }
}

/// The first entry in which two runs differ.
pub(super) fn difference(first: &Journal, second: &Journal) -> Option<String> {
    let same = |one: &Entry, other: &Entry| match (one, other) {
        (Entry::Operation(one), Entry::Operation(other)) => one.is_same(other),
        (Entry::Added(_), Entry::Added(_)) | (Entry::Acked, Entry::Acked) => true,
        _ => false,
    };
    let (one, other) = (&first.entries, &second.entries);
    let shared = one.iter().zip(other).take_while(|(one, other)| same(one, other)).count();
    if shared == one.len() && shared == other.len() {
        return None;
    }
    let tell = |entries: &[Entry]| entries.get(shared).map_or("nothing".into(), Entry::to_string);
    let number = shared + 1;
    Some(format!("step {number} is «{}» in one and «{}» in the other", tell(one), tell(other)))
}
