//! What an exploration found.

use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

/// The outcome of an exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The check passed after every crash that was tried.
    Held,
    /// After some crash, the recovery or the check failed.
    Lost,
    /// There was nothing to crash.
    NotMeasured,
    /// The workload or the check is wrong by itself, so that no crash says anything.
    HarnessBroken,
}

impl Verdict {
    /// As programs read it: `held`, `lost`, `not-measured` or `harness-broken`.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::Lost => "lost",
            Verdict::NotMeasured => "not-measured",
            Verdict::HarnessBroken => "harness-broken",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a torn write may be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Torn {
    /// At sectors of 512 bytes, as disks do.
    #[default]
    Sector,
    /// At every byte, as memory that is written back byte by byte would. More states, and stricter.
    Byte,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Torn::Sector => "sector",
            Torn::Byte => "byte",
        })
    }
}

/// What [`Explore::crashes`](crate::Explore::crashes) found. `Display` is for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The outcome.
    pub verdict: Verdict,
    /// Why the harness is broken, why nothing was measured, or where the budget ran out; empty otherwise.
    pub why: String,
    /// How many distinct disk images the recovery ran on, those of crashed recoveries included. Exact up to
    /// four million; beyond that, an estimate that is off by less than one percent.
    pub states: u64,
    /// How long that took.
    pub elapsed: Duration,
    /// Whether every crash was tried: every subset of the changes that were not durable, and of each the
    /// ways to tear one write.
    pub exhaustive: bool,
    /// Where torn writes were cut.
    pub torn: Torn,
    /// How many operations of the workload there are: calls that change the disk or sync it.
    pub operations: usize,
    /// After how many of them all crashes were tried, at all depths. Fewer than there are, if a budget ran
    /// out.
    pub covered: usize,
    /// After how many of them all crashes were tried, for each depth: first crashes of the workload, then
    /// of the recovery, then of the recovery after that.
    pub covered_at_depth: Vec<usize>,
    /// The seed of what was chosen by chance. The same seed gives the same exploration.
    pub seed: u64,
    /// The shortest schedule that fails, if one does.
    pub failure: Option<Failure>,
}

impl Report {
    /// States a second.
    pub fn states_per_second(&self) -> f64 {
        self.states as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The report itself, if the check passed after every crash.
    ///
    /// # Panics
    /// If it did not, with the report.
    #[track_caller]
    pub fn expect_held(self) -> Self {
        assert!(self.verdict == Verdict::Held, "{self}");
        self
    }
}

impl Report {
    fn write_coverage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((all, deeper)) = self.covered_at_depth.split_first() else { return Ok(()) };
        write!(f, "{all} of {} operations crashed", self.operations)?;
        if deeper.iter().all(|covered| covered == all) {
            return match deeper.len() {
                0 => writeln!(f, "; recoveries not crashed"),
                depth => writeln!(f, ", and their recoveries to depth {depth}"),
            };
        }
        for (depth, covered) in (1..).zip(deeper) {
            write!(f, "; with recoveries to depth {depth}: {covered}")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Held => {
                writeln!(f, "held: the check passed after every crash that was tried")?
            }
            Verdict::Lost => writeln!(f, "lost: the check failed after a crash")?,
            Verdict::NotMeasured => writeln!(f, "not measured: {}", self.why)?,
            Verdict::HarnessBroken => writeln!(f, "harness broken: {}", self.why)?,
        }
        if let Some(failure) = &self.failure {
            write!(f, "{failure}")?;
        }
        writeln!(
            f,
            "{} states in {:.2?}, {:.0} a second; writes torn at every {}; seed {}",
            self.states,
            self.elapsed,
            self.states_per_second(),
            self.torn,
            self.seed,
        )?;
        self.write_coverage(f)?;
        let why_not = match self.verdict {
            _ if self.exhaustive => {
                return f.write_str(
                    "exhaustive: every crash of this workload was tried, with at most one torn write in each",
                );
            }
            Verdict::Lost => "the search ended at the failure",
            Verdict::NotMeasured | Verdict::HarnessBroken => "nothing was explored",
            Verdict::Held if !self.why.is_empty() => &self.why,
            Verdict::Held => {
                "where more than 8 changes, or large writes, were not durable, a part of the crashes was tried"
            }
        };
        write!(f, "not exhaustive: {why_not}")
    }
}

/// A crash after which data was lost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// How many operations ran before the last crash, those of crashed recoveries included.
    pub schedule_length: usize,
    /// What happened, a line each: the operations, the crashes and what they lost.
    pub schedule: Vec<String>,
    /// What the check or the recovery said.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.schedule {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "  then: {}", self.reason)
    }
}

/// What [`Explore::syncs`](crate::Explore::syncs) found. `Display` is for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SyncReport {
    /// The report without a lie. Only if it is [`Verdict::Held`], the others say something.
    pub baseline: Report,
    /// Each call of a sync, in the order in which they were first made.
    pub syncs: Vec<SyncCall>,
}

impl SyncReport {
    /// The calls whose lie no crash showed.
    pub fn unnoticed(&self) -> impl Iterator<Item = &SyncCall> {
        self.syncs.iter().filter(|sync| sync.noticed.is_none())
    }
}

/// One call of a sync in the source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SyncCall {
    /// Where it is. A helper function that syncs for others is marked `#[track_caller]` to be told apart.
    pub location: &'static Location<'static>,
    /// What it synced first.
    pub path: PathBuf,
    /// How often the call was made: by the workload, and by all runs of its recovery.
    pub calls: usize,
    /// The shortest failure if this call makes nothing durable. `None`: the call can be removed, or a
    /// workload is missing.
    pub noticed: Option<Failure>,
}

impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.baseline.verdict != Verdict::Held {
            return write!(
                f,
                "syncs were not explored, because without a lie it is not held\n{}",
                self.baseline
            );
        }
        for sync in &self.syncs {
            let said = match &sync.noticed {
                Some(failure) => format!(
                    "needed: without it, {} operations and a crash lose data",
                    failure.schedule_length
                ),
                None => "NOT NOTICED: remove it, or write the workload that needs it".to_owned(),
            };
            let path = sync.path.display();
            writeln!(f, "{}  ({path}, {} calls)  {said}", sync.location, sync.calls)?;
        }
        let unnoticed = self.unnoticed().count();
        write!(f, "{} of {} syncs are needed", self.syncs.len() - unnoticed, self.syncs.len())
    }
}
